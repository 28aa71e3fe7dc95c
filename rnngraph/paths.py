"""Paths that callers give."""

from __future__ import annotations

import os
from pathlib import Path

from rnngraph.errors import ModelFileError
from rnngraph.names import shown


def file_path(path: str | os.PathLike[str], verb: str, example: str = "net.rnng", written: bool = False) -> Path:
    """``path``, where it can be a file's; ``verb`` begins the message, ``example`` is a name in it.

    ModelFileError for what is no path, and where it is to be ``written`` for a folder, or a file in one that is not there.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ModelFileError(f'{verb}: the path is {shown(path)}; expected the name of a file, such as "{example}"')
    where = Path(path)
    if written and where.is_dir():
        raise ModelFileError(f"{where}: is a folder; give the name of a file in it, such as {where / example}")
    if written and not where.parent.is_dir():
        raise ModelFileError(f"{where}: there is no folder {where.parent}; create it first")
    return where
