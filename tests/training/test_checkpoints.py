"""Checkpoints: when they are written, which stay, what is found again, and that nothing is lost where writing fails."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.training.listeners import TrainingListener
from tests.graph_networks import multi, two_heads
from tests.training.small import batch, network

DATA = [batch(k) for k in range(3)]
FULL = OSError(errno.ENOSPC, "No space left on device")


def names(folder: Path) -> list[str]:
    """What lies there, with hidden files."""
    return sorted(os.listdir(folder))


def places(folder: Path) -> list[tuple[int, int]]:
    """Iterations and epochs of the checkpoints, the oldest first."""
    found = [re.findall(r"\d+", path.name) for path in rg.CheckpointListener.checkpoints(folder)]
    assert [int(number) for number, _, _ in found] == sorted(int(number) for number, _, _ in found)
    return [(int(iteration), int(epoch)) for _, iteration, epoch in found]


def fit(folder: Path, epochs: int = 4, net: Any = None, **settings: Any) -> Any:
    """Three iterations an epoch, checkpointed."""
    net = network() if net is None else net
    resume = settings.pop("resume", False)
    net.fit(DATA, epochs=epochs, listeners=[rg.CheckpointListener(folder, **settings)], progress=False, resume=resume)
    return net


class Ending(TrainingListener):
    """Does something after the iteration ``at``."""

    def __init__(self, at: int, error: BaseException | None = None) -> None:
        self.at, self.error = at, error

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        if iteration == self.at and self.error is not None:
            raise self.error
        if iteration == self.at:
            network.stop_fit("enough")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [(3, 1), (6, 2), (9, 3), (12, 4)]),
        ({"every_n_epochs": 3}, [(9, 3), (12, 4)]),
        ({"every_n_iterations": 5}, [(5, 1), (10, 3), (12, 4)]),
        ({"every_n_iterations": 6, "every_n_epochs": 2}, [(6, 1), (6, 2), (12, 3), (12, 4)]),
        ({"keep_last": 2}, [(9, 3), (12, 4)]),
        ({"keep_last": 1, "keep_every": 2}, [(6, 2), (12, 4)]),
    ],
)
def test_they_are_written_when_it_is_time_and_at_the_end(settings: dict[str, Any], expected: list[tuple[int, int]], tmp_path: Path) -> None:
    fit(tmp_path / "new" / "folder", **settings)
    assert places(tmp_path / "new" / "folder") == expected


def test_they_are_written_after_so_many_minutes(tmp_path: Path) -> None:
    clock = iter(range(0, 10**6, 20))  # a look at it takes 20 seconds; one a checkpoint, one an iteration
    fit(tmp_path, every_minutes=1, clock=lambda: float(next(clock)))
    assert places(tmp_path) == [(3, 0), (6, 1), (9, 2), (12, 3), (12, 4)]


def test_names_sort_as_they_were_written(tmp_path: Path) -> None:
    fit(tmp_path, every_n_iterations=1)
    assert [path.name for path in rg.CheckpointListener.checkpoints(tmp_path)] == names(tmp_path)
    assert names(tmp_path)[9:11] == ["checkpoint_000010_iteration_10_epoch_3.rnng", "checkpoint_000011_iteration_11_epoch_3.rnng"]


@pytest.mark.parametrize(
    ("ending", "expected"),
    [(Ending(4), [(3, 1), (5, 1)]), (Ending(4, KeyboardInterrupt()), [(3, 1), (5, 1)]), (Ending(4, RuntimeError("mine")), [(3, 1)])],
    ids=["a listener", "Ctrl-C", "an error"],
)
def test_what_was_trained_before_an_end_is_saved_but_not_behind_an_error(
    ending: Ending, expected: list[tuple[int, int]], tmp_path: Path
) -> None:
    net = network()
    with pytest.raises(RuntimeError, match="mine") if isinstance(ending.error, RuntimeError) else nullcontext():
        net.fit(DATA, epochs=4, listeners=[rg.CheckpointListener(tmp_path), ending], progress=False)
    assert net.iteration == 5
    assert places(tmp_path) == expected


def test_a_fit_with_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    net = fit(tmp_path)
    before = names(tmp_path)
    fit(tmp_path, net=net, resume=True)
    assert names(tmp_path) == before


# What stays


def test_what_it_did_not_write_stays(tmp_path: Path) -> None:
    other = fit(tmp_path, epochs=2)
    mine = ["checkpoint_000001.rnng", "checkpoint_1_iteration_1_epoch_1.rnng", "notes.txt", ".notes.txt.abcdefgh.tmp", "net.rnng.tmp"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    theirs = names(tmp_path)
    fit(tmp_path, keep_last=1)
    assert names(tmp_path) == sorted([*theirs, "checkpoint_000006_iteration_12_epoch_4.rnng"])
    assert other.iteration == 6


def test_a_run_that_goes_on_deletes_what_it_wrote_before(tmp_path: Path) -> None:
    fit(tmp_path / "a", keep_last=2)
    (tmp_path / "a" / "checkpoint_000002_iteration_7_epoch_2.rnng").write_text("another's")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for folder, expected in (("a", [2, 5, 6]), ("b", [2, 3, 4, 5, 6])):  # in b it wrote none of the old ones
        fit(tmp_path / folder, 6, rg.CheckpointListener.resume(tmp_path / folder), keep_last=2, resume=True)
        assert [int(name.split("_")[1]) for name in names(tmp_path / folder)] == expected


def test_leftovers_of_a_killed_write_are_neither_taken_nor_kept(tmp_path: Path) -> None:
    fit(tmp_path, epochs=2)
    newest = rg.CheckpointListener.last_checkpoint(tmp_path)
    left = tmp_path / ".checkpoint_000003_iteration_9_epoch_3.rnng.abcdefg_.tmp"
    left.write_bytes(b"PK\x03\x04 half")
    assert newest is not None
    assert rg.CheckpointListener.last_checkpoint(tmp_path) == newest
    fit(tmp_path, 3, rg.CheckpointListener.resume(tmp_path), resume=True)
    assert names(tmp_path) == [f"checkpoint_00000{k}_iteration_{3 * k}_epoch_{k}.rnng" for k in (1, 2, 3)]


def test_the_newest_that_can_be_read_is_taken(tmp_path: Path) -> None:
    net = fit(tmp_path)
    _, two, three, four = rg.CheckpointListener.checkpoints(tmp_path)
    four.write_bytes(four.read_bytes()[:-100])
    three.write_bytes(b"")
    with pytest.warns(rg.TrainingWarning) as told:
        found = rg.CheckpointListener.last_checkpoint(tmp_path)
    assert found == two
    first, second = (str(one.message) for one in told)
    assert re.match(rf"^{re.escape(str(four))}: truncated, .*\. The checkpoint before it is looked at$", first)
    assert re.match(rf"^{re.escape(str(three))}: not a \.rnng file .*\. The checkpoint before it is looked at$", second)
    assert told[0].filename == __file__
    with pytest.warns(rg.TrainingWarning, match="The checkpoint before it is looked at"):
        resumed = fit(tmp_path, net=rg.CheckpointListener.resume(tmp_path), resume=True)
    np.testing.assert_equal(resumed.parameters(), net.parameters())
    assert places(tmp_path) == [(3, 1), (6, 2), (9, 3), (12, 4), (9, 3), (12, 4)]  # numbers go on behind what cannot be read
    for path in rg.CheckpointListener.checkpoints(tmp_path):
        path.write_bytes(b"")
    message = rf"^{re.escape(str(tmp_path))}: none of its 6 checkpoints can be read; move them away to begin anew$"
    with pytest.warns(rg.TrainingWarning), pytest.raises(rg.ModelFileError, match=message):
        rg.CheckpointListener.resume(tmp_path)


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        assert rg.CheckpointListener.resume(folder) is None
        assert rg.CheckpointListener.last_checkpoint(folder) is None
        assert rg.CheckpointListener.checkpoints(folder) == []


# What goes on


def test_both_kinds_of_network_go_on_from_each_checkpoint(tmp_path: Path) -> None:
    for name, net, data in (("row", network(), DATA), ("graph", two_heads(), [multi(0), multi(1)])):
        folder = tmp_path / name
        net.fit(data, epochs=2, listeners=rg.CheckpointListener(folder, every_n_iterations=1), progress=False)
        for path in reversed(rg.CheckpointListener.checkpoints(folder)):
            found: Any = rg.CheckpointListener.resume(folder)
            assert type(found) is type(net)
            found.fit(data, epochs=2, progress=False, resume=True)
            np.testing.assert_equal(found.parameters(), net.parameters())
            path.unlink()


class Remembering(TrainingListener):
    """Remembers scores."""

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.array = np.zeros(0)

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        self.scores.append(score)
        self.array = np.asarray(self.scores)

    def memory(self) -> Mapping[str, Any]:
        return {"scores": self.scores, "array": self.array, "nested": {"count": len(self.scores), "none": None}}

    def recall(self, memory: Mapping[str, Any]) -> None:
        assert memory["nested"] == {"count": len(memory["scores"]), "none": None}
        self.scores, self.array = memory["scores"], memory["array"]


class Late(Remembering):
    """Remembers them from the fifth on."""

    def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
        if iteration > 4:
            super().iteration_done(network, iteration, epoch, score)


def test_listeners_remember(tmp_path: Path) -> None:
    """Each what one of its class and place knew, at the moment of the checkpoint, wherever the CheckpointListener stands."""

    def listeners() -> list[Any]:
        return [Late(), rg.CheckpointListener(tmp_path), Remembering(), Late()]

    one, _, two, three = unbroken = listeners()
    network().fit(DATA, epochs=4, listeners=unbroken, progress=False)
    assert len(two.scores) == 12
    for path in rg.CheckpointListener.checkpoints(tmp_path)[2:]:
        path.unlink()
    net: Any = rg.CheckpointListener.resume(tmp_path)
    again = listeners()
    net.fit(DATA, epochs=4, listeners=again, progress=False, resume=True)
    for before, now in zip((one, two, three), (again[0], again[2], again[3]), strict=True):
        assert now.scores == before.scores
        np.testing.assert_array_equal(now.array, before.array)
    fresh: Any = rg.CheckpointListener.resume(tmp_path)
    new = Remembering()
    fresh.fit(DATA, listeners=new, progress=False)  # another run
    assert len(new.scores) == 3


def test_only_checkpoints_of_listeners_with_a_memory_have_the_new_format(tmp_path: Path) -> None:
    net = fit(tmp_path, epochs=1)
    (path,) = rg.CheckpointListener.checkpoints(tmp_path)
    assert b'"format": 5' in path.read_bytes()
    assert b'"network": "MultiLayerNetwork"' in path.read_bytes()
    rg.MultiLayerNetwork.load(path).save(tmp_path / "again.rnng")
    net.save(tmp_path / "net.rnng")
    assert (tmp_path / "again.rnng").read_bytes() == (tmp_path / "net.rnng").read_bytes()
    assert b'"format": 1' in (tmp_path / "net.rnng").read_bytes()


def test_a_memory_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    class Wrong(TrainingListener):
        def memory(self) -> Mapping[str, Any]:
            return {"what": object()}

    message = (
        r"^the memory of a listener \(Wrong:0, CheckpointListener:0\) cannot be kept in a checkpoint: Object of type object is not JSON "
        "serializable; let its method memory give numbers, text, lists, dicts and, at the top, numpy arrays$"
    )
    with pytest.raises(rg.ConfigurationError, match=message):
        network().fit(DATA, listeners=[rg.CheckpointListener(tmp_path), Wrong()], progress=False)
    assert names(tmp_path) == []


# Writing that fails


def test_on_a_full_disk_the_old_checkpoints_survive_and_the_network_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unbroken, net = network(), network()
    unbroken.fit(DATA, epochs=4, progress=False)
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if net.epoch == 3:
            raise FULL
        sync(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    path = tmp_path / "checkpoint_000003_iteration_9_epoch_3.rnng"
    message = (
        f"CheckpointListener: {path}: cannot be written (No space left on device); what stood there is as it was. The checkpoints before "
        f"it are as they were, and the network is as after 9 iterations: see to that (on a full disk make room), and go on with "
        "fit(..., resume=True)"
    )
    with pytest.raises(rg.TrainingError, match=f"^{re.escape(message)}$"):
        fit(tmp_path, net=net, keep_last=1)
    monkeypatch.undo()
    assert (net.iteration, net.epoch) == (9, 3)
    assert names(tmp_path) == ["checkpoint_000002_iteration_6_epoch_2.rnng"]
    for goes_on in (rg.CheckpointListener.resume(tmp_path), net):
        fit(tmp_path, net=goes_on, resume=True, keep_last=1)
        np.testing.assert_equal(goes_on.parameters(), unbroken.parameters())  # type: ignore[union-attr]


def test_a_file_that_the_system_cuts_off_is_no_checkpoint(tmp_path: Path) -> None:
    """A limit of the process on the size of files: the write fails amid the file, as on a file system that is full."""
    fit(tmp_path, epochs=2)
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    net = rg.CheckpointListener.resume(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        with pytest.raises(rg.TrainingError, match=r"checkpoint_000003_iteration_9_epoch_3\.rnng: cannot be written \(File too large\)"):
            fit(tmp_path, net=net, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert places(tmp_path) == [(3, 1), (6, 2)]
    assert len(names(tmp_path)) == 2
    assert fit(tmp_path, net=rg.CheckpointListener.resume(tmp_path), resume=True).epoch == 4


def test_ctrl_c_amid_a_write_leaves_nothing_and_the_end_of_the_fit_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, calls = os.fsync, []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise KeyboardInterrupt
        sync(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    net = fit(tmp_path)
    assert (net.interrupted, net.epoch) == (True, 2)
    assert names(tmp_path) == [f"checkpoint_00000{k}_iteration_{3 * k}_epoch_{k}.rnng" for k in (1, 2)]


def test_a_checkpoint_that_cannot_be_deleted_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.warns(rg.TrainingWarning, match=r"checkpoint_000001_.*: cannot be deleted \(Operation not permitted\); it stays$"):
        fit(tmp_path, epochs=2, keep_last=1)
    assert places(tmp_path) == [(3, 1), (6, 2)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folder": None}, 'folder is None; expected the name of a folder, such as "checkpoints"'),
        ({"folder": __file__}, f"{__file__} is a file; expected the name of a folder"),
        ({"every_n_iterations": 0}, "every_n_iterations is 0; expected a number of iterations of at least 1"),
        ({"every_n_epochs": 1.5}, "every_n_epochs is 1.5; expected a number of epochs of at least 1"),
        ({"every_minutes": 0}, "every_minutes is 0; expected a number of minutes above 0"),
        ({"keep_last": 0}, "keep_last is 0; expected a number of checkpoints of at least 1"),
        ({"keep_every": 0}, "keep_every is 0; expected a number of checkpoints of at least 1"),
        ({"keep_every": 2}, "keep_every is 2, but all are kept; give keep_last too"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^CheckpointListener: {re.escape(message)}$"):
        rg.CheckpointListener(**{"folder": "checkpoints", **settings})


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    listener = rg.CheckpointListener(tmp_path / "file" / "checkpoints")
    (tmp_path / "file").touch()
    message = (
        rf"^CheckpointListener: {re.escape(str(tmp_path))}/file/checkpoints: the folder cannot be made ready \(Not a directory\); give an"
    )
    with pytest.raises(rg.ModelFileError, match=message):
        network().fit(DATA, listeners=listener, progress=False)
