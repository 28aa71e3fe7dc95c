"""``rnngraph stream``: lines of numbers in on stdin, predictions out on stdout, with a state that outlives the process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import typer

from rnngraph.commands.common import FAILED, Model, told
from rnngraph.ending import asked_to_end
from rnngraph.errors import InputError, RnnGraphError, StateError

if TYPE_CHECKING:
    from rnngraph.runtime.lines import Lines
    from rnngraph.runtime.session import StreamingSession
    from rnngraph.runtime.snapshot import StateSnapshot


def stream(
    model: Model,
    state: Annotated[
        Path | None, typer.Option(help="Go on from the state in this file where it is there; it is saved there at the end.")
    ] = None,
    delimiter: Annotated[str, typer.Option(help="What separates columns, one character, or tab; in and out.")] = ",",
    skip_lines: Annotated[int, typer.Option(help="Lines at the beginning that are no steps, such as a header.", min=0)] = 0,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Go on after a line that cannot be read; it is no step.")] = False,
    only_class: Annotated[bool, typer.Option("--class", help="Print the name of the likeliest class instead of numbers.")] = False,
    with_class: Annotated[bool, typer.Option("--with-class", help="Print the name of the likeliest class behind the numbers.")] = False,
    header: Annotated[bool, typer.Option("--header", help="Print a line with the names of the columns first.")] = False,
    precision: Annotated[int | None, typer.Option(help="Significant digits; left out, as many as tell each number.", min=1, max=17)] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
) -> None:
    """Answer each line of numbers on stdin, which is one step, by a line on stdout, at once.

    An empty line is no step, and is answered by an empty line; so is a bad line with --skip-bad. Without, a bad line ends the stream with
    exit code 2. The state is saved at every end, also by Ctrl-C, SIGTERM or where nobody reads on, as after the last line that was
    answered: a stream that goes on with --state gives the same lines as one that was never cut.

    Example: rnngraph stream net.onnx --state net.state \\
        < steps.csv > predictions.csv
    """
    from rnngraph.runs.given import separator
    from rnngraph.runtime.lines import Lines
    from rnngraph.runtime.session import StreamingSession

    session = StreamingSession(model, device=device)  # type: ignore[arg-type]  # it checks the name and says which there are
    lines = Lines(session, separator(delimiter) or delimiter, precision, "only" if only_class else "beside" if with_class else "no")
    if state is not None:
        _restore(session, state)
    feed = _Feed(session, lines, skip_lines, skip_bad, keeps=state is not None)
    code = feed.run(sys.stdin.buffer, sys.stdout, header)
    if state is not None:
        _save(feed.state(), state)
        if code:
            typer.echo(f"rnngraph: {state} has the state after line {feed.answered}", err=True)
    if code:
        raise typer.Exit(code)


def _restore(session: StreamingSession, path: Path) -> None:
    """Go on from the state in ``path``, if it is there. StateError for a file that is no state of this network."""
    from rnngraph.files import SPECIAL, is_special
    from rnngraph.paths import file_path
    from rnngraph.runtime.snapshot import StateSnapshot

    if is_special(path):
        raise StateError(f"--state {path} {SPECIAL}; give the name of a file, as net.state")
    file_path(path, "--state", example="net.state", written=True)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    try:
        session.restore(StateSnapshot.from_bytes(content))
    except StateError as error:
        raise StateError(f"--state {path}: {error}; or name a file that is not there, to begin anew") from error


def _save(snapshot: StateSnapshot, path: Path) -> None:
    """StateError where the disk is full; what stood there is then as it was."""
    from rnngraph.files import atomic_write

    try:
        with atomic_write(path) as file:
            file.write(snapshot.to_bytes())
    except OSError as error:  # which names the temporary file
        raise StateError(f"--state {path}: cannot be written ({error.strerror or error}); what stood there is as it was") from error


class _Stop(Exception):
    """A signal came while nothing was being done."""


class _Feed:
    """Lines from a source through ``lines`` to a sink, one after the other, until one of them ends or a signal comes."""

    def __init__(self, session: StreamingSession, lines: Lines, skip_lines: int, skip_bad: bool, keeps: bool) -> None:
        self._session, self._lines, self._skip_lines, self._skip_bad = session, lines, skip_lines, skip_bad
        self._keeps = keeps
        self._unsent: StateSnapshot | None = None
        """The state before a line whose answer is being written."""
        self.answered = 0
        """The number of the last line whose answer was written."""
        self._number = 0
        self._waits, self._signal = False, 0

    def state(self) -> StateSnapshot:
        """The state after the last line whose answer was written."""
        return self._session.snapshot() if self._unsent is None else self._unsent

    def run(self, source: BinaryIO, sink: TextIO, header: bool) -> int:
        """Answer all lines; gives the exit code."""
        try:
            with asked_to_end(self._stop):
                if header:
                    self._write(sink, self._lines.header())
                while not self._signal and (line := self._next(source)):
                    self._one(line, sink)
        except _Stop:
            pass
        except BrokenPipeError:  # nobody reads on, which is no error, as in `rnngraph stream ... | head`
            _forget(sink)
            if self._keeps:
                typer.echo(f"rnngraph: nobody reads on after line {self.answered}", err=True)
        except RnnGraphError as error:
            header_line = "; --skip-lines 1 leaves a header out" * (self._number == 1 and "column 1 is" in str(error))
            typer.echo(f"rnngraph: line {self._number}: {told(error)}{header_line}", err=True)
            return FAILED
        except OSError as error:
            _forget(sink)
            typer.echo(f"rnngraph: line {self._number}: the answer cannot be written ({error.strerror or error})", err=True)
            return FAILED
        return 128 + self._signal if self._signal else 0

    def _next(self, source: BinaryIO) -> bytes:
        """The next line, b"" at the end. What a signal interrupts here was not answered yet."""
        self._waits = True
        try:
            if self._signal:
                raise _Stop
            return source.readline()
        finally:
            self._waits = False

    def _one(self, line: bytes, sink: TextIO) -> None:
        """Answer one line."""
        self._number += 1
        text = line.decode("utf-8-sig" if self._number == 1 else "utf-8", "replace").rstrip("\r\n")
        if self._number <= self._skip_lines:
            self.answered = self._number
            return
        before = self._session.snapshot() if self._keeps else None
        answer = ""
        if text.strip():
            try:
                answer = self._lines.answer(text)
            except InputError as error:
                if not self._skip_bad:
                    raise
                typer.echo(f"rnngraph: line {self._number}: {told(error)}; it is left out", err=True)
        self._unsent = before
        self._write(sink, answer)
        self._unsent, self.answered = None, self._number

    @staticmethod
    def _write(sink: TextIO, answer: str) -> None:
        sink.write(f"{answer}\n")
        sink.flush()

    def _stop(self, number: int) -> None:
        """End between two lines."""
        self._signal = number
        if self._waits:
            raise _Stop


def _forget(sink: TextIO) -> None:
    """Nothing more is written, also not by Python when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
