"""The zip of a DL4J model, read with bounds: nothing in it is unpickled, executed or unpacked to a file."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from rnngraph.errors import ModelFileError
from rnngraph.files import SPECIAL, is_special
from rnngraph.names import shown

LARGEST_JSON = 8 * 2**20
"""Of the configuration: a layer takes about 3 KB."""
LARGEST_RATIO = 100
"""Of an entry to the whole file. Trained numbers hardly compress; what updaters keep may be zeros, but they are few times as many."""
SMALL = 16 * 2**20
"""An entry of so many bytes is read whatever its ratio."""
LARGEST_INDEX = 2**20
"""Of the zip's list of entries, of which a model has about five."""
HEADERS = 1024
"""More than both headers of an array take."""
_TAIL = 2**16 + 22 + 20 + 56
"""The longest comment of a zip, and the records before it that say how long its list of entries is."""
_ZIP = int.from_bytes(b"PK", "little")
_ENCRYPTED = 1
"""The bit of an entry's flags."""
_FLAT_TABLE = 256
"""More than the list of fields of a FlatBuffers table takes."""


class Archive:
    """The entries of one file, by name. Every reader raises ModelFileError that names file and entry."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if is_special(self.path):
            raise ModelFileError(f"{self.path}: {SPECIAL}; expected a model file of DL4J's")
        try:
            with self.path.open("rb") as file:
                self._check_kind(file)
                self._size = file.seek(0, os.SEEK_END)
            self._zip = zipfile.ZipFile(self.path)
        except ModelFileError:  # which is a ValueError too
            raise
        except (OSError, ValueError, NotImplementedError, struct.error) as error:
            reason = error.strerror or error if isinstance(error, OSError) else error
            raise ModelFileError(f"{self.path}: cannot be read ({reason}); expected a model file of DL4J's") from error
        except zipfile.BadZipFile as error:
            raise ModelFileError(
                f"{self.path}: not a zip archive ({error}); expected a model file as DL4J's ModelSerializer writes it"
            ) from error
        self._entries = {info.filename: info for info in self._zip.infolist()}
        try:
            self._check_names()
        except ModelFileError:
            self._zip.close()
            raise

    def _check_kind(self, file: IO[bytes]) -> None:
        """Refuses what is known to be something else, and a zip whose list of entries alone would take long to read."""
        if _is_flat_buffer(file):
            raise ModelFileError(
                f"{self.path}: a FlatBuffers file, as SameDiff saves its graphs; expected a MultiLayerNetwork or ComputationGraph as "
                "DL4J's ModelSerializer writes it: a SameDiff graph has no layers to read"
            )
        size = _size_of_index(file)
        if size > LARGEST_INDEX:
            raise ModelFileError(f"{self.path}: {size} bytes of names of entries; expected the few entries of a model of DL4J's")

    def _check_names(self) -> None:
        names = [info.filename for info in self._zip.infolist()]
        for name, count in Counter(names).items():
            if count > 1:
                raise ModelFileError(f"{self.path}: {count} entries are called {shown(name)}; expected one: the file is altered")
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
                raise ModelFileError(f"{self.path}: the entry {shown(name)} points out of the file; expected a model file of DL4J's")
        flat = next((name for name in names if name.endswith(".fb")), None)
        if flat is not None:
            raise ModelFileError(
                f"{self.path}: the entry {shown(flat)} is a graph of SameDiff; expected a MultiLayerNetwork or ComputationGraph as DL4J's "
                "ModelSerializer writes it: a SameDiff graph has no layers to read"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> tuple[str, ...]:
        """The entries in their order."""
        return tuple(self._entries)

    def where(self, name: str) -> str:
        """The entry in messages."""
        return f"{self.path}, {name}"

    def size(self, name: str) -> int:
        """How many bytes the entry says that it has."""
        if name not in self._entries:
            found = ", ".join(shown(name)[1:-1] for name in sorted(self._entries)[:5]) or "none"
            raise ModelFileError(f"{self.path}: {name} is missing (there are {found}); expected a model file of DL4J's")
        return self._entries[name].file_size

    def read(self, name: str, largest: int) -> bytes:
        """The entry, which may have ``largest`` bytes."""
        size = self.size(name)
        info = self._entries[name]
        if size > largest:
            raise ModelFileError(
                f"{self.where(name)}: {size} bytes out of {info.compress_size}, where at most {largest} are expected; it is not read"
            )
        if size > max(SMALL, LARGEST_RATIO * self._size):
            raise ModelFileError(
                f"{self.where(name)}: {size} bytes out of a file of {self._size}, which is more than {LARGEST_RATIO} times as many and no "
                "trained numbers are; it is not read: save the model again"
            )
        data = self._read(name, largest + 1)
        if len(data) != size:
            raise ModelFileError(f"{self.where(name)}: {len(data)} bytes instead of {size}; the file is damaged: copy it again")
        return data

    def head(self, name: str) -> bytes:
        """The beginning of the entry, of the length that the headers of an array have at most."""
        self.size(name)
        return self._read(name, HEADERS)

    def _read(self, name: str, largest: int) -> bytes:
        if self._entries[name].flag_bits & _ENCRYPTED:
            raise ModelFileError(f"{self.where(name)}: encrypted; save it without a password")
        try:
            with self._zip.open(self._entries[name]) as file:
                return file.read(largest)
        except (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, struct.error, zipfile.BadZipFile, zlib.error) as error:
            raise ModelFileError(f"{self.where(name)}: damaged ({error}); copy the file again") from error

    def text(self, name: str) -> str:
        """The entry as text."""
        try:
            return self.read(name, LARGEST_JSON).decode()
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{self.where(name)}: not UTF-8 ({error}); expected the JSON that DL4J writes") from error


def _is_flat_buffer(file: IO[bytes]) -> bool:
    """Whether ``file`` begins with the place of a table, whose list of fields is where the table says."""
    start, end = struct.calcsize("<I"), file.seek(0, os.SEEK_END)

    def number(code: str, at: int) -> int:
        file.seek(at)
        return int(struct.unpack(code, file.read(struct.calcsize(code)))[0])

    if end < 4 * start or number("<H", 0) == _ZIP or (table := number("<I", 0)) % 2 or not start <= table <= end - start:
        return False
    fields = table - number("<i", table)
    if not start <= fields <= end - start or fields % 2:
        return False
    length, extent = number("<H", fields), number("<H", fields + 2)
    return 4 <= length <= _FLAT_TABLE and length % 2 == 0 and 4 <= extent <= end and fields + length <= end


def _size_of_index(file: IO[bytes]) -> int:
    """How many bytes the zip says that its list of entries has, by the last records of a small or large file; 0: no zip."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        return 0
    size = int(struct.unpack_from("<I", tail, at + 12)[0])
    large = tail.rfind(b"PK\x06\x06", 0, at)
    return size if large < 0 or len(tail) < large + 48 else max(size % 0xFFFFFFFF, int(struct.unpack_from("<Q", tail, large + 40)[0]))
