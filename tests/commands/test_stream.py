"""``rnngraph stream``: lines in, lines out, and a state that goes on where it was."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.commands.stream import _Feed
from rnngraph.runtime import StateSnapshot, StreamingSession
from rnngraph.runtime.lines import Lines
from tests.commands.networks import exported, network
from tests.commands.running import Run

X = np.random.default_rng(3).normal(size=(1, 3, 12)).astype(np.float32)
LINES = [",".join(map(str, X[0, :, t])) for t in range(12)]
TEXT = "\n".join(LINES) + "\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("stream") / "net.onnx", class_labels=["low", "hi,gh"])


def expected(model: Path) -> np.ndarray:
    """The outputs [12, 2] of the sequence fed whole."""
    y: np.ndarray = StreamingSession(model).output(X)[0].T
    return y


def test_each_line_is_answered_by_the_bits_of_the_whole(model: Path, run: Run) -> None:
    shown = run("stream", model, stdin=TEXT)
    assert (shown.code, shown.err) == (0, "")
    rows = [[np.float32(field) for field in line.split(",")] for line in shown.out.splitlines()]
    np.testing.assert_array_equal(np.array(rows), expected(model))


@pytest.mark.parametrize("cut", [0, 1, 5, 12])
def test_a_stream_that_was_cut_goes_on_as_if_it_had_not_been(cut: int, model: Path, tmp_path: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out
    state = tmp_path / "net.state"
    parts = [run("stream", model, "--state", state, stdin="".join(f"{line}\n" for line in part)) for part in (LINES[:cut], LINES[cut:])]
    assert [part.code for part in parts] == [0, 0]
    assert parts[0].out + parts[1].out == whole
    assert [one.name for one in tmp_path.iterdir()] == ["net.state"]


def test_the_last_line_may_lack_its_end_and_others_may_have_one_of_windows(model: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out
    assert run("stream", model, stdin="\ufeff" + "\r\n".join(LINES)).out == whole


def test_lines_that_are_no_steps(model: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out.splitlines()
    shown = run("stream", model, "--skip-lines", 2, stdin="\n".join(["time,a,b", "s,V,A", *LINES[:2], "", *LINES[2:]]))
    assert shown.out.splitlines() == [*whole[:2], "", *whole[2:]]  # no header, and nothing where nothing was


def test_other_delimiters(model: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out
    assert run("stream", model, "--delimiter", ";", stdin=TEXT.replace(",", ";")).out == whole.replace(",", ";")
    assert run("stream", model, "--delimiter", "tab", stdin=TEXT.replace(",", "\t")).out == whole.replace(",", "\t")


def test_classes_headers_and_digits(model: Path, run: Run) -> None:
    y = expected(model)
    names = [["low", '"hi,gh"'][k] for k in y.argmax(axis=1)]
    assert run("stream", model, "--class", stdin=TEXT).out.splitlines() == names
    shown = run("stream", model, "--with-class", "--precision", 3, "--header", stdin=TEXT).out.splitlines()
    assert shown == ['low,"hi,gh",y_class', *(f"{a:.3g},{b:.3g},{name}" for (a, b), name in zip(y, names, strict=True))]


BAD = [
    ("1,2", "2 columns where x takes 3, split at ',': the line is '1,2'"),
    ("1;2;3", "1 column where x takes 3, split at ','; split at ';' it would have 3: the line is '1;2;3'"),
    ("1,x,3", "column 2 is 'x'; expected a finite number of float32"),
    ("1,2,nan", "column 3 is 'nan'; expected a finite number of float32"),
    ("1e39,2,3", "column 1 is '1e39'; expected a finite number of float32"),
    ("1_0,2,3", "column 1 is '1_0'"),
]


def test_a_header_can_be_left_out(model: Path, run: Run) -> None:
    refused = run("stream", model, stdin="a,b,c\n1,2,3\n")
    assert "line 1: column 1 is 'a'; expected a finite number of float32; --skip-lines 1 leaves a header out" in refused.err
    assert run("stream", model, "--skip-lines", 1, stdin="a,b,c\n1,2,3\n").out == run("stream", model, stdin="1,2,3\n").out


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_bad_line_is_told_and_costs_nothing(line: str, message: str, model: Path, tmp_path: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out.splitlines()
    state = tmp_path / "net.state"
    ended = run("stream", model, "--state", state, stdin="\n".join([*LINES[:4], line, *LINES[4:]]))
    assert ended.code == 2
    assert ended.out.splitlines() == whole[:4]
    told, kept = ended.err.splitlines()
    assert told.startswith(f"rnngraph: line 5: {message}")
    assert kept == f"rnngraph: {state} has the state after line 4"
    assert run("stream", model, "--state", state, stdin="\n".join(LINES[4:])).out.splitlines() == whole[4:]


def test_bad_lines_can_be_left_out(model: Path, run: Run) -> None:
    whole = run("stream", model, stdin=TEXT).out.splitlines()
    shown = run("stream", model, "--skip-bad", stdin="\n".join([*LINES[:4], "1,x,3", *LINES[4:]]))
    assert shown.code == 0
    assert shown.out.splitlines() == [*whole[:4], "", *whole[4:]]
    assert shown.err == "rnngraph: line 5: column 2 is 'x'; expected a finite number of float32; it is left out\n"


class Source(io.BytesIO):
    """Lines, after the first ``good`` of which a signal comes."""

    def __init__(self, good: int, number: int) -> None:
        super().__init__(TEXT.encode())
        self._good, self._signal = good, number

    def readline(self, size: int | None = -1) -> bytes:
        if not self._good:
            signal.raise_signal(self._signal)
        self._good -= 1
        return super().readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_between_two_lines(number: int, code: int, model: Path) -> None:
    session = StreamingSession(model)
    feed, sink = _Feed(session, Lines(session), 0, skip_bad=False, keeps=True), io.StringIO()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert feed.run(Source(7, number), sink, header=False) == code
    assert feed.answered == len(sink.getvalue().splitlines()) == 7
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    after = StreamingSession(model)
    after.rnn_time_step(X[:, :, :7])
    np.testing.assert_equal(feed.state().states, after.snapshot().states)


def test_a_signal_during_a_line_waits_for_its_answer(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = StreamingSession(model)
    lines = Lines(session)
    answer = lines.answer

    def answered(text: str) -> str:
        signal.raise_signal(signal.SIGTERM)
        return answer(text)

    monkeypatch.setattr(lines, "answer", answered)
    feed, sink = _Feed(session, lines, 0, skip_bad=False, keeps=True), io.StringIO()
    assert feed.run(io.BytesIO(TEXT.encode()), sink, header=False) == 143
    assert feed.answered == len(sink.getvalue().splitlines()) == 1


class Closing(io.StringIO):
    """Takes ``lines`` lines, then fails with ``error``."""

    def __init__(self, lines: int, error: OSError) -> None:
        super().__init__()
        self._lines, self._error = lines, error

    def write(self, text: str) -> int:
        if not self._lines:
            raise self._error
        self._lines -= 1
        return super().write(text)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (BrokenPipeError(32, "Broken pipe"), 0, "rnngraph: nobody reads on after line 5\n"),
        (OSError(28, "No space left on device"), 2, "rnngraph: line 6: the answer cannot be written (No space left on device)\n"),
    ],
)
def test_the_state_is_that_of_the_last_answer_that_was_taken(
    error: OSError, code: int, message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = StreamingSession(model)
    feed = _Feed(session, Lines(session), 0, skip_bad=False, keeps=True)
    assert feed.run(io.BytesIO(TEXT.encode()), Closing(5, error), header=False) == code
    assert capsys.readouterr().err == message
    after = StreamingSession(model)
    after.rnn_time_step(X[:, :, :5])
    np.testing.assert_equal(feed.state().states, after.snapshot().states)


def test_a_process_without_torch_answers_at_once_and_saves_when_it_is_ended(model: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; from rnngraph.cli import main; main()"
    state = tmp_path / "net.state"
    command = [sys.executable, "-c", code, "stream", str(model), "--state", str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, y in zip(LINES[:3], expected(model), strict=False):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{y[0]!s},{y[1]!s}\n"  # while stdin stays open
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 143
    assert err == f"rnngraph: {state} has the state after line 3\n"
    after = StreamingSession(model)
    after.rnn_time_step(X[:, :, :3])
    np.testing.assert_equal(dict(StateSnapshot.from_bytes(state.read_bytes()).states), after.snapshot().states)


def test_ids_and_graphs(tmp_path: Path, run: Run) -> None:
    layers = [rg.EmbeddingSequenceLayer(n_in=5, n_out=3), rg.LSTM(n_out=4), rg.RnnOutputLayer(n_out=1, activation="sigmoid", loss="xent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers))
    model = exported(tmp_path / "ids.onnx", net)
    ids = np.array([[4, 0, 3]])
    y: np.ndarray = StreamingSession(model).output(ids)[0, 0]
    shown = run("stream", model, "--with-class", stdin="4\n0\n3\n").out.splitlines()
    assert shown == [f"{value!s},{int(value > 0.5)}" for value in y]
    refused = run("stream", model, stdin="5\n")
    assert "line 1: column 1 is '5'; x takes ids, whole numbers from 0 to 4" in refused.err
    vertices = {"both": (rg.MergeVertex(), "a", "b"), "rnn": (rg.SimpleRnn(n_out=4), "both"), "out": (rg.RnnOutputLayer(n_out=2), "rnn")}
    types = {"a": rg.InputType.recurrent(2), "b": rg.InputType.recurrent(1)}
    config = rg.ComputationGraphConfiguration(seed=1, inputs=["a", "b"], vertices=vertices, outputs="out", input_types=types)
    model = exported(tmp_path / "graph.onnx", rg.ComputationGraph(config))
    (whole,) = StreamingSession(model).output([X[:, :2], X[:, 2:]])
    rows = [[np.float32(v) for v in line.split(",")] for line in run("stream", model, stdin=TEXT).out.splitlines()]
    np.testing.assert_array_equal(np.array(rows), whole[0].T)
    assert "2 columns where a takes 2 and b takes 1" in run("stream", model, stdin="1,2\n").err


def test_files_and_states_that_cannot_be_streamed(model: Path, tmp_path: Path, run: Run) -> None:
    both = rg.Bidirectional("concat", rg.LSTM(n_in=3, n_out=4))
    whole = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=[both, rg.RnnOutputLayer(n_out=2)]))
    (tmp_path / "other.state").write_bytes(StreamingSession(exported(tmp_path / "n.onnx", network(4))).snapshot().to_bytes())
    (tmp_path / "torn.state").write_bytes(b"\x10")
    for arguments, message in (
        ([exported(tmp_path / "b.onnx", whole)], "b.onnx cannot be fed step by step: "),
        ([exported(tmp_path / "f.onnx", batch=2)], "f.onnx was exported for batch=2; lines are one stream: export with batch=1 or without"),
        ([model, "--state", tmp_path / "other.state"], "other.state: the snapshot was taken of a network whose parameters have"),
        ([model, "--state", tmp_path / "torn.state"], "torn.state: from_bytes: these 1 bytes are no snapshot"),
        ([model, "--state", tmp_path / "no" / "net.state"], "there is no folder"),
        ([model, "--state", "/dev/zero"], "--state /dev/zero is not a regular file, but a device"),
        ([model, "--delimiter", ",,"], "delimiter is ',,'; expected one character that stands in no number"),
    ):
        refused = run("stream", *arguments, stdin=TEXT)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.err
    assert (tmp_path / "torn.state").read_bytes() == b"\x10"


def test_frames_are_not_for_lines(tmp_path: Path, run: Run) -> None:
    layers = [rg.ConvolutionLayer(2, 2, n_out=2), rg.LSTM(n_out=3), rg.RnnOutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(seed=1, layers=layers, input_type=rg.InputType.convolutional(4, 4, 1))
    refused = run("stream", exported(tmp_path / "video.onnx", rg.MultiLayerNetwork(config)))
    assert refused.code == 2
    assert "x takes frames [1, 4, 4], which no line of numbers holds; feed them with rnngraph.runtime.StreamingSession" in refused.err


def test_a_state_that_cannot_be_saved_is_told(model: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rnngraph.files.os.fsync", full)
    state = tmp_path / "net.state"
    refused = run("stream", model, "--state", state, stdin=TEXT)
    assert refused.code == 2
    assert len(refused.out.splitlines()) == 12
    assert refused.err == f"rnngraph: --state {state}: cannot be written (No space left on device); what stood there is as it was\n"
    assert list(tmp_path.iterdir()) == []
