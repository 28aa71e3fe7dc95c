"""Files are replaced whole, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rnngraph.errors import ModelFileError
from rnngraph.files import atomic_write


def write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, b"one")
    with pytest.raises(RuntimeError, match="in between"), atomic_write(path) as file:  # noqa: PT012 (it fails amid the writing)
        file.write(b"tw")
        raise RuntimeError("in between")
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_replaced(there: bool, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target, link, hop = tmp_path / "data" / "file", tmp_path / "link", tmp_path / "hop"
    if there:
        target.write_bytes(b"old")
    hop.symlink_to(target)
    link.symlink_to("hop")
    write(link, b"new")
    assert target.read_bytes() == b"new"
    assert not target.is_symlink()
    assert link.is_symlink()
    assert hop.is_symlink()
    assert os.listdir(tmp_path / "data") == ["file"]


def test_what_is_neither_a_file_nor_a_folder_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        message = rf"/{name}: is not a regular file, but a device, a pipe or a socket, which is not replaced; give the name of a file, as"
        with pytest.raises(ModelFileError, match=message):
            write(tmp_path / name, b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]
