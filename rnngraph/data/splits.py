"""Which files are read, in which order: by number, from a folder, from a list, by a pattern."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rnngraph.checks import is_count
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled

AnyPath = str | os.PathLike[str]


class InputSplit(Spelled):
    """Base of the splits: iterating gives the paths of the files, in the order in which they are read."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Path]:
        raise NotImplementedError

    def names(self) -> list[str]:
        """The paths as text."""
        return [os.fspath(path) for path in self]

    def check(self) -> None:
        """InputError where a file is missing; nothing is opened."""
        missing = [name for name in self.names() if not os.path.isfile(name)]
        if missing:
            raise InputError(f"{missing[0]} is not there ({len(missing)} of {len(self)} files missing); {self._told()}{Path.cwd()}")

    def _told(self) -> str:
        """Where the names come from, up to what they are relative to."""
        return "names are relative to "


class NumberedFileInputSplit(InputSplit):
    """Files whose names differ by a number: ``NumberedFileInputSplit("f_%d.csv", 0, 99)`` is f_0.csv to f_99.csv, both ends included.

    ``%d`` stands for the number, ``%03d`` for the number with zeros in front. Raises InputError for a pattern without exactly one of them
    and for last < first.
    """

    @spelled
    def __init__(self, pattern: AnyPath, first: int, last: int) -> None:
        if not isinstance(pattern, (str, os.PathLike)):
            raise InputError(f'pattern is {shown(pattern)}; expected text such as "f_%d.csv"')
        self.pattern, self.first, self.last = os.fspath(pattern), first, last
        if len(re.findall(r"%(?:0\d+)?d", self.pattern)) != 1 or self.pattern.count("%") != 1:
            raise InputError(
                f'pattern {self.pattern!r} does not have exactly one %d or %0Nd, which stands for the number: "f_%d.csv", "f_%03d.csv"'
            )
        if not (is_count(first, 0) and is_count(last, first)):
            raise InputError(f"numbers {shown(first)} to {shown(last)}: expected 0 <= first <= last; both ends are included")

    def __repr__(self) -> str:
        return f"NumberedFileInputSplit({self.pattern!r}, {self.first}, {self.last})"

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[Path]:
        return map(Path, self.names())

    def names(self) -> list[str]:
        """The paths as text, made of the pattern alone: a Path of each takes longer than all else before the files are read."""
        before, width, after = re.split(r"%(0\d+)?d", os.fspath(Path(self.pattern)))
        return [f"{before}{number:{width or ''}}{after}" for number in range(self.first, self.last + 1)]

    def _told(self) -> str:
        return f"{self.pattern!r} is read for the numbers {self.first} to {self.last}, both included, relative to "


class CollectionInputSplit(InputSplit):
    """The files of a list, in its order. Raises InputError for an empty list and for what are no paths."""

    @spelled
    def __init__(self, paths: Iterable[AnyPath]) -> None:
        if isinstance(paths, (str, os.PathLike)) or not isinstance(paths, Iterable):
            raise InputError(f"paths is {shown(paths)}; expected a list of paths: a folder is FileSplit, a pattern GlobInputSplit")
        given = list(paths)
        for k, path in enumerate(given):
            if not isinstance(path, (str, os.PathLike)):
                raise InputError(f"paths[{k}] is {shown(path)}; expected the path of a file")
        if not given:
            raise InputError("paths is an empty list; expected the path of one file at least")
        self.paths = [Path(path) for path in given]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} files>"

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)


class FileSplit(CollectionInputSplit):
    """The files of ``folder`` and, with ``recursive``, of the folders in it, in natural order: f_2.csv comes before f_10.csv.

    ``extensions`` are those that are read, as ["csv", "txt"], in any case; None reads all. Names that begin with a dot are left out. The
    path of a file is that file. Raises InputError for a folder that is not there or has no such files.
    """

    @spelled
    def __init__(self, folder: AnyPath, extensions: Sequence[str] | str | None = None, recursive: bool = True) -> None:
        if not isinstance(folder, (str, os.PathLike)):
            raise InputError(f"folder is {shown(folder)}; expected the path of a folder")
        root, wanted = Path(folder), _extensions(extensions)
        if not root.exists():
            raise InputError(f"{root} is not there; expected a folder with the files to read, relative to {Path.cwd()}")
        there = [root] if root.is_file() else [p for p in _files(root, recursive) if not p.name.startswith(".")]
        found = [path for path in there if not wanted or path.suffix.lower() in wanted]
        if not found:
            said = f"{len(there)} files with other extensions ({', '.join(sorted({p.suffix or p.name for p in there})[:5])})"
            raise InputError(f"{root} has no files to read{f' of {wanted}, but {said}' if there else ''}; name their folder and extensions")
        super().__init__(natural(found))


class GlobInputSplit(CollectionInputSplit):
    """The files that a pattern such as ``"data/*/features_*.csv"`` fits, in natural order; ``**`` goes through folders.

    Raises InputError where it fits none.
    """

    @spelled
    def __init__(self, pattern: AnyPath) -> None:
        if not isinstance(pattern, (str, os.PathLike)):
            raise InputError(f'pattern is {shown(pattern)}; expected text such as "data/features_*.csv"')
        self.pattern = os.fspath(pattern)
        found = [Path(name) for name in glob.glob(self.pattern, recursive=True) if os.path.isfile(name)]
        if not found:
            raise InputError(f"pattern {self.pattern!r} fits no file; expected names relative to {Path.cwd()}, with * for any characters")
        super().__init__(natural(found))


def natural(paths: Iterable[Path]) -> list[Path]:
    """Paths in the order in which people count: numbers in names by their value, f_2 before f_10."""

    def key(path: Path) -> list[tuple[list[str | int], str]]:
        return [([int(p) if k % 2 else p for k, p in enumerate(re.split(r"(\d+)", part))], part) for part in path.parts]

    return sorted(paths, key=key)


def _files(root: Path, recursive: bool) -> Iterator[Path]:
    """The files in a folder, in any order."""
    return (path for path in (root.rglob("*") if recursive else root.iterdir()) if path.is_file())


def _extensions(extensions: Sequence[str] | str | None) -> list[str]:
    """In lower case, with their dot."""
    given = [extensions] if isinstance(extensions, str) else [] if extensions is None else extensions
    if not isinstance(given, (list, tuple, set, frozenset)) or not all(isinstance(one, str) and one.strip(".") for one in given):
        raise InputError(f'extensions is {shown(extensions)}; expected a list such as ["csv", "txt"], or None for all files')
    return [f".{one.lower().removeprefix('.')}" for one in given]
