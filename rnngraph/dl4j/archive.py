"""The zip of a DL4J model, read with bounds: nothing in it is unpickled, executed or unpacked to a file."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from rnngraph.errors import ModelFileError

LARGEST_JSON = 16 * 2**20
LARGEST_RATIO = 1100
"""Deflate makes bytes at most 1032 times fewer; an entry that claims more is made to fill the memory."""
HEADERS = 1024
"""More than both headers of an array take."""


class Archive:
    """The entries of one file, by name. Every reader raises ModelFileError that names file and entry."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (OSError, ValueError, NotImplementedError) as error:
            reason = error.strerror or error if isinstance(error, OSError) else error
            raise ModelFileError(f"{self.path}: cannot be read ({reason}); expected a model file of DL4J's") from error
        except zipfile.BadZipFile as error:
            raise ModelFileError(
                f"{self.path}: not a zip archive ({error}); expected a model file as DL4J's ModelSerializer writes it"
            ) from error
        self._entries = {info.filename: info for info in self._zip.infolist()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def where(self, name: str) -> str:
        """The entry in messages."""
        return f"{self.path}, {name}"

    def size(self, name: str) -> int:
        """How many bytes the entry says that it has."""
        if name not in self._entries:
            found = ", ".join(sorted(self._entries)[:5]) or "none"
            raise ModelFileError(f"{self.path}: {name} is missing (there are {found}); expected a model file of DL4J's")
        return self._entries[name].file_size

    def read(self, name: str, largest: int) -> bytes:
        """The entry, which may have ``largest`` bytes."""
        size = self.size(name)
        info = self._entries[name]
        if size > largest or size > LARGEST_RATIO * max(info.compress_size, 1):
            raise ModelFileError(
                f"{self.where(name)}: {size} bytes out of {info.compress_size}, where at most {largest} are expected; it is not read"
            )
        try:
            with self._zip.open(info) as file:
                data = file.read(largest + 1)
        except (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelFileError(f"{self.where(name)}: damaged ({error}); copy the file again") from error
        if len(data) != size:
            raise ModelFileError(f"{self.where(name)}: {len(data)} bytes instead of {size}; the file is damaged: copy it again")
        return data

    def text(self, name: str) -> str:
        """The entry as text."""
        try:
            return self.read(name, LARGEST_JSON).decode()
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{self.where(name)}: not UTF-8 ({error}); expected the JSON that DL4J writes") from error
