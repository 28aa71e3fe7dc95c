"""StreamingSession: an exported file that keeps its state from one call to the next."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.checks import as_features, as_mask, check_finite
from rnngraph.errors import InputError, ModelFileError, StateError, StreamingError
from rnngraph.runtime.device import Device
from rnngraph.runtime.engine import Array, Engine, Stepper
from rnngraph.runtime.manifest import Manifest
from rnngraph.runtime.snapshot import StateSnapshot, checked_snapshot
from rnngraph.spelling import Spelled, spelled
from rnngraph.state import Rows, StateSpec, StreamState


class StreamingSession(Spelled):
    """The file ``path`` in onnxruntime, with the verbs of MultiLayerNetwork.

    Features go in as [N, F, T], or one step as [N, F]; each row is a stream of its own. On the CPU a sequence gives the same bits fed
    whole, in chunks, step by step, or with each row alone. What a call returns is the caller's own array. Every call checks what it is
    given, and one that fails leaves the state as it was. One thread at a time may use a session. Arrays are converted to the file's data
    type and come back in it: float32, or float64 where the network was built so (``manifest.data_type``).

    device: "cpu", "cuda", or "auto", which is CUDA where that works. threads: of onnxruntime, inside one operation; the bits do not
    depend on it.

    ``manifest`` tells what the file takes and gives, ``device`` where it runs ("cpu" or "cuda").

    ModelFileError: the file is missing, truncated, altered, not of rnngraph or of a newer format. MissingDependencyError: CUDA was
    asked for and does not work here.
    """

    @spelled
    def __init__(self, path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1) -> None:
        self._engine = Engine(path, device, threads)
        self._state = StreamState(_specs(self._engine), [str(layer.get("type")) for layer in self.manifest.layers], self.manifest.data_type)
        self._names = [s.input for s in self.manifest.states]
        self._stepper: Stepper | None = None
        # The stepper while its buffers hold the state; None while _state does.
        self._live: Stepper | None = None

    @property
    def path(self) -> str:
        """The file, as it was given."""
        return self._engine.path

    @property
    def manifest(self) -> Manifest:
        """What the file takes, gives and holds."""
        return self._engine.manifest

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""
        return self._engine.device

    def __repr__(self) -> str:
        x, y = self.manifest.port("input"), self.manifest.port("output")
        shapes = " -> ".join(f"{p.name} [{', '.join(map(str, p.shape))}]" for p in (x, y))
        return f"StreamingSession({self.path!r}, {shapes}, device={self.device!r})"

    # Computing

    @spelled
    def output(self, x: npt.ArrayLike, features_mask: npt.ArrayLike | None = None) -> Array:
        """The output for whole sequences, begun at the initial state; the streaming state is neither read nor changed.

        x [N, F, T] -> [N, n_out, T], or [N, n_out] where the output has no time axis. features_mask [N, T]: 1 where a step exists, 0
        where it does not (x may be NaN there); all ones where it is left out.
        InputError: an array does not fit the file. StreamingError: onnxruntime failed.
        """
        array, mask = self._checked(x, features_mask, step=False)
        initial = {s.input: np.full((len(array), *s.shape), s.initial, s.data_type) for s in self.manifest.states}
        return self._run(array, mask, initial)[0]

    def rnn_time_step(self, x: npt.ArrayLike, features_mask: npt.ArrayLike | None = None) -> Array:
        """Feed the next step or steps of every row's stream, and keep the state for the next call.

        x [N, F] -> [N, n_out]; x [N, F, T] -> [N, n_out, T]; where the output has no time axis both give [N, n_out]. features_mask
        [N, T], or [N] for one step: a row with 0 has no step there, and keeps its state.
        InputError: an array does not fit the file. StateError: another N than the state's. StreamingError: the file cannot stream, or
        onnxruntime failed. What is computed is not looked at: a state that overflows shows in the output, and can be read and cleared.
        """
        live = self._live
        if live is not None and features_mask is None and (y := live.take(x)) is not None:
            live.step()
            return y.copy()
        return self._step(x, features_mask)

    def _step(self, x: npt.ArrayLike, features_mask: npt.ArrayLike | None) -> Array:
        """:meth:`rnn_time_step` where something is to be checked or prepared."""
        if not self.manifest.streams:
            raise StreamingError(f"{self.path} cannot be fed step by step: {self.manifest.why_not}; output(x) computes whole sequences")
        array, mask = self._checked(x, features_mask, step=True)
        single = np.ndim(x) == 2
        stepper = self._stepper_for(array)
        if stepper is not None:
            y = stepper.put(array, mask, time=not single)
            stepper.step()
            self._live = stepper
            return y.copy()
        states = self._held().start(len(array), self._names)
        y, states = self._run(array, mask, states)
        self._state.keep(states)
        self._live = None
        axis = self.manifest.time.output_axis
        return y.squeeze(axis) if single and axis is not None else y

    def _stepper_for(self, array: Array) -> Stepper | None:
        """The stepper for ``array``, with the state in its buffers; None where this is not one step on the CPU."""
        axis, rows = self.manifest.time.input_axis, len(array)
        if self.device != "cpu" or axis is None or array.shape[axis] != 1:
            return None
        if self._live is not None and self._live.rows == rows:
            return self._live
        states = self._held().start(rows, self._names)
        if self._stepper is None or self._stepper.rows != rows:
            self._stepper = Stepper(self._engine, rows)
        self._stepper.load(states)
        return self._stepper

    def _run(self, x: Array, mask: Array | None, states: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Output and next states of x [N, F, T] from ``states``; a file of single steps is run once for each."""
        manifest = self.manifest
        axis = manifest.time.input_axis
        if manifest.steps is None or axis is None or x.shape[axis] == manifest.steps:
            return self._run_once(x, mask, states)
        outputs = []
        for t in range(x.shape[axis]):
            y, states = self._run_once(x.take([t], axis), None if mask is None else mask[:, t : t + 1], states)
            outputs.append(y)
        time = manifest.time.output_axis
        return (outputs[-1] if time is None else np.concatenate(outputs, time)), dict(states)

    def _run_once(self, x: Array, mask: Array | None, states: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        manifest = self.manifest
        feeds = {manifest.port("input").name: x, **states}
        if manifest.mask.input is not None:
            feeds[manifest.mask.input] = _ones(manifest, x) if mask is None else mask
        results = self._engine.run(feeds)
        return results[manifest.port("output").name], {s.input: results[s.output] for s in manifest.states}

    def _checked(self, x: npt.ArrayLike, features_mask: npt.ArrayLike | None, *, step: bool) -> tuple[Array, Array | None]:
        """x as [N, F, T] and the mask as [N, T]; InputError for what does not fit the file."""
        manifest = self.manifest
        port, timed = manifest.port("input"), manifest.time.input_axis is not None
        array = as_features(x, _size(port.shape[1]), port.data_type, step_allowed=step, time=timed)
        if manifest.batch not in (None, len(array)):
            raise InputError(
                f"x has {len(array)} rows, but {self.path} was exported for batch={manifest.batch}; "
                f"give {manifest.batch} rows, or export with batch=None"
            )
        mask = None
        if features_mask is not None:
            if manifest.mask.input is None:
                raise InputError(
                    f"features_mask was given, but {self.path} has no mask input; export it with export_onnx(net, path, features_mask=True)"
                )
            mask = as_mask(features_mask, len(array), array.shape[2], data_type=_mask_type(manifest))
        check_finite(array, mask, reads_padding=manifest.mask.padding_is_read)
        return array, mask

    # The state

    def rnn_clear_previous_state(self, rows: Rows = None) -> None:
        """Begin anew: forget the state of all rows, or set that of some to the initial one. StateError for rows that are not there."""
        self._held().clear(rows)
        self._live = None

    def rnn_get_previous_state(self, layer: int) -> dict[str, Array]:
        """Copies of a layer's state by key, ``{"h": [N, H], "c": [N, H]}``; {} before the first step.

        StateError: there is no such layer, or it has no state.
        """
        return self._held().get(layer)

    def rnn_set_previous_state(self, layer: int, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace a layer's state by finite values; DL4J's keys prevAct and prevMem are accepted.

        StateError: a layer without state, a key, shape or value that does not fit, or other rows than other layers hold.
        """
        self._check_batch(f"layers[{layer}]", state)
        if isinstance(state, Mapping):
            state = _without_stand_ins(state, [s.key for s in self.manifest.states if s.layer == layer])
        self._held().set(layer, state)
        self._live = None

    def snapshot(self) -> StateSnapshot:
        """The state of all rows now, as copies; ``to_bytes`` makes it travel."""
        return self._held().snapshot(self.manifest.parameters_sha256)

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go on from ``snapshot``, of this or another session or of a MultiLayerNetwork; it stays as it is.

        StateError: it is none, it was taken of another network, or of another batch where the file has a fixed one.
        """
        remedy = "restore it into a session of the file that it came from"
        states = checked_snapshot(snapshot, self.manifest.parameters_sha256, self.path, remedy).states
        self._check_batch("the snapshot", states)
        self._held().restore(StateSnapshot(_without_stand_ins(states, self._names)))
        self._live = None

    def _held(self) -> StreamState:
        """The state, brought up to date from the stepper's buffers."""
        if self._live is not None:
            self._state.keep(self._live.states())
        return self._state

    def _check_batch(self, what: str, arrays: object) -> None:
        """StateError where the file has a fixed batch and an array has other rows; what else is wrong is StreamState's to tell."""
        batch = self.manifest.batch
        if batch is None or not isinstance(arrays, Mapping):
            return
        others = [_rows(a) for a in arrays.values() if _rows(a) not in (None, batch)]
        if others:
            raise StateError(
                f"{what} has {others[0]} rows, but {self.path} was exported for batch={batch}; give {batch} rows, or export with batch=None"
            )


def _rows(value: object) -> int | None:
    """How many rows ``value`` has; None for what cannot be a state."""
    return len(value) if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim) else None


def _specs(engine: Engine) -> list[StateSpec]:
    """The states as StreamState knows them."""
    for s in engine.manifest.states:
        if s.initial != 0 or len(s.shape) != 1:
            raise ModelFileError(
                f"{engine.path}: state {s.input} has the shape {list(s.shape)} and begins at {s.initial}; this version of rnngraph steps "
                "states [N, H] that begin at 0; run: pip install --upgrade rnngraph"
            )
    return [StateSpec(s.input, s.layer, s.key, s.shape[0], _STAND_IN.get(s.key)) for s in engine.manifest.states]


_STAND_IN = {"last": "h"}
"""States that only a file with a mask has; without a mask each equals the other one of its layer."""


def _without_stand_ins(states: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
    """The states, by name or by key, that the file has or that are not known: those that only a mask brings are left out without one."""
    return {name: array for name, array in states.items() if name in names or str(name).rpartition("_")[2] not in _STAND_IN}


def _ones(manifest: Manifest, x: Array) -> Array:
    return np.ones((x.shape[0], x.shape[2]), _mask_type(manifest))


def _mask_type(manifest: Manifest) -> str:
    return manifest.port("mask").data_type


def _size(size: int | str) -> int:
    """A feature count, which is always fixed."""
    assert isinstance(size, int)
    return size
