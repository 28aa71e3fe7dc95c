"""The progress bar: what it says, when it draws, and that the terminal comes back."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from rnngraph.position import Position
from rnngraph.training.progress import ProgressBar

if TYPE_CHECKING:
    from rnngraph.network import MultiLayerNetwork

NETWORK = cast("MultiLayerNetwork", None)
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def made(terminal: bool, width: int = 80, per_epoch: int | None = None) -> tuple[ProgressBar, Clock, io.StringIO]:
    """A bar, its clock, and what it writes."""
    clock, out = Clock(), io.StringIO()
    console = Console(file=out, force_terminal=terminal, color_system=None, width=width, height=10, _environ={"TERM": "xterm"})
    return ProgressBar(console, clock, per_epoch), clock, out


def epoch(bar: ProgressBar, clock: Clock, number: int, iterations: int = 4, seconds: float = 1.0, validation: float | None = None) -> None:
    """The calls of one epoch; the score of its k-th iteration is number + k / 10."""
    bar.on_epoch_start(NETWORK, number)
    for k in range(iterations):
        clock.now += seconds
        bar.iteration_done(NETWORK, number * iterations + k, number, number + k / 10)
    bar.on_epoch_end(NETWORK, number, number + (iterations - 1) / 10, validation)


def frames(out: io.StringIO) -> list[str]:
    """What stood on the line after each redraw."""
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).strip("\r\n") for frame in out.getvalue().split("\r\x1b[2K")]


def test_tells_epoch_score_and_time_left() -> None:
    bar, clock, out = made(terminal=True)
    bar.on_fit_start(NETWORK, 3)
    epoch(bar, clock, 0)
    assert bar.text() == "epoch 1/3  score 0.3  0:00:08 left"
    epoch(bar, clock, 1, seconds=2.0, validation=0.25)
    # 12 seconds for 8 iterations, 4 to go
    assert bar.text() == "epoch 2/3  score 1.3  validation 0.25  0:00:06 left"
    epoch(bar, clock, 2, seconds=1000.0, validation=0.125)
    bar.on_fit_end(NETWORK)
    assert bar.text() == "epoch 3/3  score 2.3  validation 0.125  took 1:06:52"
    drawn = frames(out)
    assert drawn[0].endswith("  epoch 1/3")
    assert drawn[2].endswith("  epoch 1/3  score 0.1")  # how long an epoch is shows at its end
    assert drawn[-1] == f"{'━' * 24}  epoch 3/3  score 2.3  validation 0.125  took 1:06:52"


def test_tells_examples_a_second_where_the_fit_tells_how_many_there_are() -> None:
    bar, clock, out = made(terminal=True)
    fit = SimpleNamespace(_current=SimpleNamespace(examples=0.0), _position=None, stopped_by=None)
    net = cast("MultiLayerNetwork", fit)
    bar.on_fit_start(net, 2)
    bar.on_epoch_start(net, 0)
    for k, (examples, rate) in enumerate(((4096.0, "4,096"), (4100.0, "2,050"), (4101.0, "1,367"), (4104.0, "1,026"))):
        fit._current.examples = examples
        clock.now += 1.0
        bar.iteration_done(net, k, 0, 0.5)
        assert bar.text() == f"epoch 1/2  score 0.5  {rate} examples/s"
    clock.now += 1000.0
    bar.on_epoch_end(net, 0, 0.5, 0.25)
    assert bar.text() == "epoch 1/2  score 0.5  validation 0.25  4.1 examples/s  0:16:44 left"
    fit.stopped_by = "EarlyStopping: the 1 minutes are over"
    bar.on_fit_end(net)
    assert frames(out)[-1].splitlines()[1:] == ["EarlyStopping: the 1 minutes are over"]
    assert "4.1 examples/s  took 0:16:44" in frames(out)[-1]


def test_time_left_is_told_from_the_start_where_the_length_of_an_epoch_is_known() -> None:
    bar, clock, out = made(terminal=True, per_epoch=4)
    for _ in range(2):  # in each fit
        bar.on_fit_start(NETWORK, 3)
        bar.on_epoch_start(NETWORK, 0)
        assert bar.text() == "epoch 1/3"
        clock.now += 2
        bar.iteration_done(NETWORK, 0, 0, 0.5)
        assert bar.text() == "epoch 1/3  score 0.5  0:00:22 left"
        bar.on_fit_end(NETWORK)
    assert frames(out)[-1] == f"{'━' * 2:24}  epoch 1/3  score 0.5  took 0:00:02"


@pytest.mark.parametrize(("epochs", "bar"), [(1, "━" * 24), (2, "━" * 12), (4, "━" * 6), (16, "━╸")])
def test_bar_is_as_long_as_what_is_done(epochs: int, bar: str) -> None:
    progress, clock, _ = made(terminal=True)
    progress.on_fit_start(NETWORK, epochs)
    epoch(progress, clock, 0)
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=80).print(progress)
    progress.stop()
    parts = re.findall(r"\x1b\[([0-9;]*)m([━╸╺]+)", out.getvalue())
    assert "".join(text for style, text in parts if style != parts[-1][0] or epochs == 1) == bar
    assert sum(len(text) for _, text in parts) == 24


@pytest.mark.parametrize(("width", "bar"), [(80, "━" * 8), (44, "━━╸"), (37, ""), (36, None)])
def test_numbers_come_before_the_bar_where_it_is_narrow(width: int, bar: str | None) -> None:
    progress, clock, out = made(terminal=True, width=width)
    progress.on_fit_start(NETWORK, 3)
    epoch(progress, clock, 0)
    line = frames(out)[-1]
    progress.stop()
    before = min(24, width - 36) + 2 if bar is not None else 0
    assert line == f"{bar or '':{before}}epoch 1/3  score 0.3  0:00:08 left"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (53, "epoch 1/3  score 0.3  validation 0.25  0:00:08 left"),
        (45, "epoch 1/3  score 0.3  0:00:08 left"),
        (30, "epoch 1/3  0:00:08 left"),
        (20, "epoch 1/3  score 0.3"),
        (6, "epoch…"),
    ],
)
def test_what_does_not_fit_is_left_out_the_least_first(width: int, line: str) -> None:
    progress, clock, out = made(terminal=True, width=width)
    progress.on_fit_start(NETWORK, 3)
    epoch(progress, clock, 0, validation=0.25)
    drawn = frames(out)[-1]
    progress.stop()
    assert drawn.strip(" ━╸") == line


def test_draws_ten_times_a_second_at_most() -> None:
    bar, clock, out = made(terminal=True)
    bar.on_fit_start(NETWORK, 1)
    epoch(bar, clock, 0, iterations=1000, seconds=0.001)
    bar.on_fit_end(NETWORK)
    assert 10 <= len(frames(out)) <= 14


def test_epochs_may_differ_in_length() -> None:
    bar, clock, _ = made(terminal=False)
    bar.on_fit_start(NETWORK, 3)
    epoch(bar, clock, 0, iterations=2)
    assert bar.seconds_left() == 4
    epoch(bar, clock, 1, iterations=5)
    assert bar.seconds_left() == pytest.approx(5)  # 4 an epoch, rounded up, less the 7 done
    epoch(bar, clock, 2, iterations=9)
    assert bar.seconds_left() == pytest.approx(2)
    bar.stop()


def test_a_file_gets_plain_lines_every_ten_seconds() -> None:
    bar, clock, out = made(terminal=False)
    bar.on_fit_start(NETWORK, 9)
    for number in range(9):
        epoch(bar, clock, number)
    bar.on_fit_end(NETWORK)
    assert out.getvalue().splitlines() == [
        "epoch 3/9  score 2.3  0:00:24 left",
        "epoch 6/9  score 5.3  0:00:12 left",
        "epoch 9/9  score 8.3  took 0:00:36",
    ]


def test_nothing_is_said_of_a_fit_that_never_began() -> None:
    for terminal in (False, True):
        bar, _, out = made(terminal)
        with bar:
            bar.on_fit_start(NETWORK, 9)
        assert not any(frames(out))
        assert out.getvalue().count(HIDE) == out.getvalue().count(SHOW)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_context_manager_gives_the_terminal_back(error: type[BaseException]) -> None:
    bar, clock, out = made(terminal=True)
    with pytest.raises(error), bar:  # noqa: PT012 (the interruption comes amid a fit)
        bar.on_fit_start(NETWORK, 2)
        epoch(bar, clock, 0)
        raise error
    assert out.getvalue().endswith(SHOW)
    assert frames(out)[-1].endswith("took 0:00:04")
    length = out.tell()
    bar.stop()
    bar.on_fit_end(NETWORK)
    assert out.tell() == length


def test_one_bar_serves_several_fits() -> None:
    bar, clock, out = made(terminal=False)
    for _ in range(2):
        bar.on_fit_start(NETWORK, 1)
        epoch(bar, clock, 0)
        bar.on_fit_end(NETWORK)
    assert out.getvalue() == "epoch 1/1  score 0.3  took 0:00:04\n" * 2


FIT = """
import sys
from rnngraph.position import Position
from rnngraph.training.progress import ProgressBar
bar = ProgressBar()
bar.on_fit_start(None, 2)
bar.on_epoch_start(None, 0)
bar.iteration_done(None, 0, 0, 0.5)
print("hello")
{}
"""


def in_terminal(code: str) -> str:
    """What a program writes to a terminal of 80 columns."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    main, other = pty.openpty()
    termios.tcsetwinsize(other, (24, 80))
    environment = {**os.environ, "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([sys.executable, "-c", code], stdin=other, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        written = b""
        try:
            while chunk := os.read(main, 4096):
                written += chunk
        except OSError:  # Linux ends a pseudo terminal that nobody holds with EIO
            pass
        process.wait(60)
    os.close(main)
    return written.decode()


@pytest.mark.parametrize("end", ["bar.on_fit_end(None)", "raise KeyboardInterrupt", "sys.exit(3)"])
def test_a_real_terminal_comes_back(end: str) -> None:
    written = in_terminal(FIT.format(end))
    assert written.count(HIDE) == written.count(SHOW) == 1
    assert "hello\r\n" in written  # above the bar, not into it
    assert "epoch 1/2  score 0.5  took 0:00:00" in written


def test_a_pipe_gets_no_control_codes_whatever_the_environment_says() -> None:
    environment = {**os.environ, "FORCE_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", FIT.format("bar.stop()")], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "hello\nepoch 1/2  score 0.5  took 0:00:00\n"


def test_an_epoch_that_goes_on_where_a_run_was_stopped_does_not_tell_how_long_epochs_are() -> None:
    bar, clock, _ = made(terminal=True)
    bar.on_fit_start(NETWORK, 3)
    half = cast("MultiLayerNetwork", SimpleNamespace(_position=Position(batches=3)))
    bar.on_epoch_start(half, 4)
    bar.iteration_done(half, 15, 4, 0.5)
    clock.now += 1.0
    bar.on_epoch_end(half, 4, 0.5, None)
    assert bar.text() == "epoch 1/3  score 0.5"
    epoch(bar, clock, 1)
    assert bar.text() == "epoch 2/3  score 1.3  0:00:07 left"  # 5 seconds for 5 iterations, 7 of 3 · 4 to go


def test_the_time_left_leaves_out_what_was_done_before_a_fit_goes_on() -> None:
    """Two epochs of nine updates, of which eight are done: ten are left."""
    clock = Clock()
    bar = ProgressBar(Console(file=io.StringIO(), width=100), clock, per_epoch=9, begun=8)
    half = cast("MultiLayerNetwork", SimpleNamespace(_position=Position(batches=8)))
    bar.on_fit_start(NETWORK, 2)
    bar.on_epoch_start(half, 0)
    clock.now += 1.0
    bar.iteration_done(half, 8, 0, 0.5)
    assert bar.seconds_left() == pytest.approx(9)
    bar.stop()
