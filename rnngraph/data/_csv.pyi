from collections.abc import Sequence

def tables(
    paths: Sequence[str], skip_lines: int, delimiter: int, /
) -> tuple[bytearray, list[tuple[int, int]], list[tuple[int, bytes, int]]]:
    """Files of lines of numbers: all values as float32, those of a file column by column, and each file's lines and columns.

    0 and 0, and no values, for a file that is left to the caller: it cannot be read, is empty, or its lines differ in length. Last, the
    fields that are not plain, whose value is 0: the number of the file, what stands in it, and the place of its value among all.
    """
