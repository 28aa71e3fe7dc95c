"""Writing files so that a failure never leaves half of one, and telling files from what only looks like them."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rnngraph.errors import ModelFileError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on success it replaces ``path``, on any error it is removed and ``path`` stays as it was.

    Through a link the file that it points to is replaced, and the link stays. ModelFileError where a device, a pipe or a socket is.
    """
    if is_special(path):
        raise ModelFileError(f"{os.fspath(path)}: {SPECIAL}, which is not replaced; give the name of a file, as net.rnng")
    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


SPECIAL = "is not a regular file, but a device, a pipe or a socket"
"""What messages say of such a path."""


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether something is at ``path``, or where it links to, that is neither a file nor a folder. It is not opened: that could wait
    for ever, or do something to a device."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # nothing that could be opened
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _umask() -> int:
    """The process's file mode mask (mkstemp ignores it and makes files private)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def clear_leftovers(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove the temporary files of writes that were killed; ``is_ours`` tells by the name of the file that was written."""
    for path in folder.glob(".*.tmp"):
        left = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}\.tmp", path.name)
        if left is not None and is_ours(left[1]) and path.is_file():
            path.unlink(missing_ok=True)
