"""The way of CUDA, with real numbers: tests have no GPU, and a stand-in for its memory, where values are apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from rnngraph.errors import InputError, StateError, StreamingError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, cuda_stepper
from rnngraph.runtime.cuda_stepper import CudaStepper
from tests.exporters.graphs import one_time, two_times, words
from tests.exporters.networks import classifier, tagger
from tests.runtime.files import Array, File, Spec, feed, in_numpy, inputs
from tests.runtime.memory import apart, memory_apart

AsOnCuda = Callable[[str | Path], StreamingSession]
CREATE: Any = ort.InferenceSession
SPECS = [Spec(), Spec(masked=True), Spec(steps=1), Spec(steps=1, masked=True), Spec(batch=3), Spec(last=True, masked=True)]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@pytest.mark.parametrize("lengths", [[1], [4, 1, 3], [100]], ids=str)
def test_the_numbers_are_those_of_the_cpu(spec: Spec, lengths: list[int], file: File, as_on_cuda: AsOnCuda) -> None:
    given = inputs(spec, 3, 11)
    x, mask = given["x"], given.get("features_mask")
    session = as_on_cuda(file(spec))
    y, states = feed(session, x, mask, lengths)
    wanted, after = feed(StreamingSession(file(spec)), x, mask, lengths)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_equal(states, after)
    assert session.snapshot().steps == 11
    real = np.ones_like(y, bool) if mask is None or spec.last else np.broadcast_to(mask[:, None] == 1, y.shape)
    np.testing.assert_allclose(y[real], in_numpy(spec, x, mask)[0][real], atol=1e-6)


@pytest.mark.parametrize("build", [two_times, one_time, words, classifier, tagger])
@pytest.mark.parametrize("steps", [None, 1])
def test_files_of_every_kind(build: Callable[[], Any], steps: Any, tmp_path: Path, as_on_cuda: AsOnCuda) -> None:
    path = tmp_path / "net.onnx"
    export_onnx(build(), path, features_mask=True, steps=steps)
    sessions = [as_on_cuda(path), StreamingSession(path)]
    draw = np.random.default_rng(0)
    for k, t in enumerate((1, 1, 1, 3, 1, 2)):
        xs = [_drawn(draw, port, t) for port in sessions[0].manifest.ports("input")]
        masks = {p.name: draw.integers(0, 2, (2, t)) for p in sessions[0].manifest.ports("input") if p.mask is not None}
        ys = [_fed(s, xs, masks if k else {}) for s in sessions]
        np.testing.assert_equal(*ys)
        np.testing.assert_equal(dict(sessions[0].snapshot().states), dict(sessions[1].snapshot().states))
        assert sessions[0].snapshot().steps == sessions[1].snapshot().steps


def _fed(session: StreamingSession, xs: list[Array], masks: dict[str, Array]) -> Any:
    """The output of a step of every input, with masks for those that have one."""
    if session.manifest.is_graph:
        return session.rnn_time_step(xs, features_masks=masks)
    return session.rnn_time_step(xs[0], next(iter(masks.values()), None))


def _drawn(draw: np.random.Generator, port: Any, t: int) -> Array:
    shape = [2 if k == 0 else t if k == port.time_axis else d for k, d in enumerate(port.shape)]
    return draw.integers(0, port.ids, (2, 1, t)) if port.ids else draw.standard_normal(shape).astype(np.float32)


def test_series_of_different_lengths(tmp_path: Path, as_on_cuda: AsOnCuda) -> None:
    export_onnx(two_times(), tmp_path / "net.onnx")
    sessions = [as_on_cuda(tmp_path / "net.onnx"), StreamingSession(tmp_path / "net.onnx")]
    draw = np.random.default_rng(0)
    for first, second in ((3, 2), (1, 1), (2, 5)):
        xs = [draw.standard_normal((2, 5, first)).astype(np.float32), draw.standard_normal((2, 3, second)).astype(np.float32)]
        np.testing.assert_equal(*(s.rnn_time_step(xs) for s in sessions))
        np.testing.assert_equal(dict(sessions[0].snapshot().states), dict(sessions[1].snapshot().states))
    assert sessions[0].snapshot().steps is sessions[1].snapshot().steps is None


def _noted(name: str, calls: list[str]) -> Callable[..., Any]:
    """A method of the stepper that enters its calls in a list."""
    method = getattr(CudaStepper, name)

    def noted(*given: Any) -> Any:
        calls.append(name)
        return method(*given)

    return noted


def test_the_state_stays_on_the_device(file: File, as_on_cuda: AsOnCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """From step to step, step to chunk, and past what fails; it is read where somebody asks for it, and written where it was changed."""
    moved: list[str] = []
    for name in ("states", "load"):
        monkeypatch.setattr(CudaStepper, name, _noted(name, moved))
    session = as_on_cuda(file(Spec(fragile=True)))
    x = inputs(Spec(), 2, 4)["x"]
    for piece in (x[:, :, 0], x, x[:, :, 1], x[:, :, 2:], x[:, :, :1]):
        session.rnn_time_step(piece)
    with pytest.raises(StreamingError):
        session.rnn_time_step(x + 3)
    with pytest.raises(InputError):
        session.rnn_time_step(x[:, :2])
    session.rnn_time_step(x)
    assert moved == ["load"]
    session.snapshot()
    session.rnn_get_previous_state(0)
    session.rnn_time_step(x)
    assert moved == ["load", "states", "states"]
    session.rnn_clear_previous_state(rows=[1])
    session.rnn_time_step(x)
    assert moved[3:] == ["states", "load"]
    session.rnn_clear_previous_state()
    session.rnn_time_step(x)
    assert moved[5:] == ["load"]


@pytest.mark.parametrize("steps", [None, 1])
def test_a_failed_call_can_be_made_again(steps: int | None, file: File, as_on_cuda: AsOnCuda) -> None:
    session, other = as_on_cuda(file(Spec(fragile=True, steps=steps))), StreamingSession(file(Spec(steps=steps)))
    x = inputs(Spec(), 2, 6)["x"]
    bad = x.copy()
    bad[1, 0, -1] = 3  # at the last step of the chunk: the steps before have been run
    for piece, broken in ((x[:, :, 0], bad[:, :, -1]), (x, bad), (x[:, :, :1], bad[:, :, -1:])):
        with pytest.raises(StreamingError, match="the state is as it was before the call"):
            session.rnn_time_step(broken)
        with pytest.raises(InputError, match="out is an array of float32 of shape"):
            session.rnn_time_step(piece, out=np.empty((2, 5), np.float32))
        np.testing.assert_array_equal(session.rnn_time_step(piece), other.rnn_time_step(piece))
        np.testing.assert_equal(session.rnn_get_previous_state(0), other.rnn_get_previous_state(0))


def test_memory_that_there_is_not(file: File, as_on_cuda: AsOnCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    session = as_on_cuda(file(Spec()))
    x = inputs(Spec(), 2, 6)["x"]

    def none_left(*_: object) -> None:
        raise RuntimeError("CUDA failure 2: out of memory")

    with monkeypatch.context() as without:
        without.setattr("rnngraph.runtime.cuda_stepper.device_value", none_left)
        for piece in (x, x[:, :, 0]):
            with pytest.raises(StreamingError, match="onnxruntime failed, the state is as it was before the call: CUDA failure 2"):
                session.rnn_time_step(piece)
    np.testing.assert_array_equal(session.rnn_time_step(x), StreamingSession(file(Spec())).rnn_time_step(x))


def test_rows_have_to_stay(file: File, as_on_cuda: AsOnCuda) -> None:
    session = as_on_cuda(file(Spec()))
    session.rnn_time_step(np.zeros((2, 3)))
    with pytest.raises(StateError, match="x has 3 rows, but the state that is held has 2"):
        session.rnn_time_step(np.zeros((3, 3, 2)))
    session.rnn_clear_previous_state()
    assert session.rnn_time_step(np.zeros((3, 3, 2))).shape == (3, 4, 2)


MASKS = [None, [0, 1], [0, 1], None, None, [1, 0], [0, 1], [0, 0], [1, 1], [1, 0], [1, 0], [1, 1], None]


@pytest.mark.parametrize("refused", [False, True])
def test_a_mask_counts_for_its_step_alone(refused: bool, file: File, as_on_cuda: AsOnCuda) -> None:
    """Masks that change, stay, and are all ones again; also where each is taken first by a call that is refused before it runs."""
    spec = Spec(masked=True)
    session = as_on_cuda(file(spec))
    x = inputs(spec, 2, len(MASKS))["x"]
    states = None
    for k, mask in enumerate(MASKS):
        if refused:
            with pytest.raises(InputError, match="out is an array"):
                session.rnn_time_step(x[:, :, k], mask, out=np.empty((2, 5), np.float32))
        y = session.rnn_time_step(x[:, :, k], mask)
        real = np.ones(2) if mask is None else np.array(mask)
        wanted, states = in_numpy(spec, x[:, :, k : k + 1], real[:, None], states)
        np.testing.assert_allclose(y[real == 1], wanted[real == 1, :, 0], atol=1e-6)
        np.testing.assert_allclose(session.rnn_get_previous_state(0)["h"], states["h"], atol=1e-6)


class Alone:
    """A lock that cannot be taken twice."""

    taken = 0
    inside = False

    def __enter__(self) -> None:
        assert not self.inside
        self.inside = True
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.inside = False


def test_where_graphs_are_recorded_nothing_else_runs(file: File, as_on_cuda: AsOnCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    session = as_on_cuda(file(Spec(steps=1, batch=2)))
    session._engine.alone = alone = Alone()

    def checked(array: Array, memory: str) -> Any:
        assert alone.inside
        return apart(array, memory)

    monkeypatch.setattr(cuda_stepper, "device_value", checked)
    x = inputs(Spec(), 2, 3)["x"]
    calls: list[tuple[Callable[..., Any], Any]] = [
        (session.rnn_time_step, x[:, :, 0]),
        (session.rnn_time_step, x),
        (session.rnn_get_previous_state, 0),
        (session.output, x),
    ]
    for verb, given in calls:
        before = alone.taken
        verb(given)
        assert alone.taken > before


class Noting:
    """A session of onnxruntime that notes each run: the binding, if there is one, and the number of its CUDA graph."""

    def __init__(self, session: Any) -> None:
        self._session, self._sess = session, self
        self.runs: list[tuple[Any, str | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: Any, feeds: Any, options: Any = None) -> Any:
        self._note(None, options)
        return self._session.run(outputs, feeds, options)

    def run_with_iobinding(self, binding: Any, options: Any = None) -> None:
        self._note(binding, options)
        wrapped = isinstance(binding, ort.IOBinding)
        (self._session if wrapped else self._session._sess).run_with_iobinding(binding, options)

    def _note(self, binding: Any, options: Any) -> None:
        self.runs.append((binding, options and options.get_run_config_entry("gpu_graph_id")))


@pytest.fixture
def recorded(file: File, monkeypatch: pytest.MonkeyPatch) -> StreamingSession:
    """A session with CUDA graphs, which onnxruntime does not record on the CPU, over :class:`Noting`."""
    memory_apart(monkeypatch)
    monkeypatch.setattr("rnngraph.runtime.engine.device_of", lambda session: "cuda")

    def create(path: Path, *_: Any, **__: Any) -> Any:
        return Noting(CREATE(str(path), providers=["CPUExecutionProvider"]))

    monkeypatch.setattr("rnngraph.runtime.manifest.create_session", create)
    return StreamingSession(file(Spec(steps=1, batch=2)), "cuda", cuda_graph=True)


def _numbers(session: StreamingSession, verb: Callable[[Array], Any], x: Array) -> list[str | None]:
    """The numbers of the runs of a call."""
    runs = session._engine.session.runs
    before = len(runs)
    verb(x)
    return [number for _, number in runs[before:]]


def test_each_recorded_binding_is_run_with_a_number_of_its_own(recorded: StreamingSession) -> None:
    """Where two of a file shared one, a replay would go on with the state of another session."""
    clone = recorded.clone()
    x = inputs(Spec(), 2, 3)["x"]
    numbers = [_numbers(recorded, one.rnn_time_step, x[:, :, 0]) for one in (recorded, recorded, clone, recorded, clone, clone, recorded)]
    assert numbers == [["1"], ["2"], ["3"], ["1"], ["4"], ["3"], ["2"]]
    bindings = recorded._engine.session.runs
    assert len({id(binding) for binding, _ in bindings}) == len({(id(binding), number) for binding, number in bindings}) == 4


def test_only_a_single_step_is_recorded(recorded: StreamingSession, file: File) -> None:
    """Chunks and ``output`` have memory of their own, of which a recorded graph knows nothing."""
    x = inputs(Spec(), 2, 3)["x"]
    one = x[:, :, :1]
    calls = [(recorded.rnn_time_step, one), (recorded.rnn_time_step, x), (recorded.output, one), (recorded.output, x)]
    assert [_numbers(recorded, *call) for call in calls] == [["1"], 3 * ["-1"], ["-1"], 3 * ["-1"]]
    other = StreamingSession(file(Spec(steps=1, batch=2)))
    for verb in (other.rnn_time_step, other.output):
        assert set(_numbers(other, verb, one)) == {None}  # where nothing was asked for


def test_clones_have_states_of_their_own(file: File, as_on_cuda: AsOnCuda) -> None:
    session = as_on_cuda(file(Spec()))
    x = inputs(Spec(), 2, 6)["x"]
    session.rnn_time_step(x)
    clone = session.clone()
    np.testing.assert_array_equal(clone.rnn_time_step(x), session.output(x))
    clone.restore(session.snapshot())
    np.testing.assert_array_equal(clone.rnn_time_step(x[:, :, 0]), session.rnn_time_step(x[:, :, 0]))
