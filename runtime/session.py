"""StreamingSession: an exported file that keeps its state from one call to the next."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.errors import StateError, StreamingError
from rnngraph.runtime.cuda_stepper import CudaStepper
from rnngraph.runtime.device import Device
from rnngraph.runtime.engine import Array, Engine, Opened
from rnngraph.runtime.held import fitting, stream_state, without_stand_ins
from rnngraph.runtime.inputs import Fed, Inputs
from rnngraph.runtime.outputs import check_out, fill
from rnngraph.runtime.snapshot import StateSnapshot
from rnngraph.runtime.stepper import Stepper
from rnngraph.spelling import spelled
from rnngraph.state import Rows, StreamState

Given = npt.ArrayLike | Sequence[npt.ArrayLike] | Mapping[str, npt.ArrayLike]
"""An array; for a graph one for each of its inputs, in their order or by name."""
Masks = Sequence[npt.ArrayLike | None] | Mapping[str, npt.ArrayLike | None] | Array
"""A mask, or None for all ones, for each input of a graph, in their order or by name; of the only input the mask itself will do."""
Outputs = Any
"""An array [N, n_out, T] or [N, n_out]; of a graph a list of them. Which of both depends on the file, so that no type can tell."""


class StreamingSession(Opened):
    """The file ``path`` in onnxruntime, with the verbs of MultiLayerNetwork and ComputationGraph.

    Features go in as [N, F, T], or one step as [N, F]; each row is a stream of its own. On the CPU a sequence gives the same bits fed
    whole, in chunks, step by step, or with each row alone. What a call returns is the caller's own array. Every call checks what it is
    given, and one that fails leaves the state as it was. Threads may share a session: their steps follow each other in some order. Arrays
    are converted to the file's data type and come back in it: float32, or float64 where the network was built so (``manifest.data_type``).

    The file of a graph takes a list of arrays in the order of its inputs, or a mapping by name, and gives a list in the order of its
    outputs; masks are then given by ``features_masks``. Where it has one input, the array itself will do.

    device: "cpu", "cuda", or "auto", which is CUDA where that works. threads: of onnxruntime, inside one operation; the bits do not
    depend on it. Under CUDA the state stays on the GPU from call to call, and no operation runs on the CPU. tf32: let CUDA multiply with
    10 bits of the mantissa, which is faster, and off by 1e-3. cuda_graph: record a step as a CUDA graph and replay it, for files with
    steps=1 and a fixed batch.

    ``manifest`` tells what the file takes and gives, ``device`` where it runs ("cpu" or "cuda").

    ModelFileError: the file is missing, truncated, altered, not of rnngraph or of a newer format, or CUDA cannot run it as asked.
    MissingDependencyError: CUDA was asked for and does not work here. InputError: an argument that is none of these.
    """

    @spelled
    def __init__(
        self, path: str | os.PathLike[str], device: Device = "cpu", threads: int = 1, tf32: bool = False, cuda_graph: bool = False
    ) -> None:
        self._engine = Engine(path, device, threads, tf32, cuda_graph)
        self._inputs = Inputs(self.manifest, self.path)
        self._outputs = self.manifest.ports("output")
        self._names = [s.input for s in self.manifest.states]
        self._begin()

    def _begin(self) -> None:
        """All that one session has for itself."""
        # Held by every verb of the state, and by none inside another. output needs no lock, and so runs beside a step.
        self._lock = Lock()
        self._state: StreamState = stream_state(self.manifest)
        self._stepper: Stepper | None = None
        # The stepper while its buffers hold the state; None while _state does.
        self._live: Stepper | None = None
        # How many of its steps _state knows of.
        self._counted = 0

    def clone(self) -> StreamingSession:
        """A session on the same file, whose weights both share, with a state of its own that begins anew.

        What this one holds it gets by ``restore(session.snapshot())``.
        """
        made = copy.copy(self)
        made._begin()
        return made

    def __repr__(self) -> str:
        sides = (self.manifest.ports(role) for role in ("input", "output"))
        shapes = " -> ".join(", ".join(f"{p.name} [{', '.join(map(str, p.shape))}]" for p in ports) for ports in sides)
        return f"StreamingSession({self.path!r}, {shapes}, device={self.device!r})"

    # Computing

    @spelled
    def output(self, x: Given, features_mask: npt.ArrayLike | None = None, features_masks: Masks | None = None) -> Outputs:
        """The output for whole sequences, begun at the initial state; the streaming state is neither read nor changed.

        x [N, F, T] -> [N, n_out, T], or [N, n_out] where the output has no time axis. features_mask [N, T]: 1 where a step exists, 0
        where it does not (x may be NaN there); all ones where it is left out. Of a graph [x0, x1] and features_masks=[m0, None] give
        [y0, ...].
        InputError: an array does not fit the file. StreamingError: onnxruntime failed.
        """
        fed = self._inputs.checked(x, features_mask, features_masks, step=False)
        return self._as_given(self._run(fed, self._state.initial(fed.rows, self._names))[0])

    def rnn_time_step(
        self, x: Given, features_mask: npt.ArrayLike | None = None, features_masks: Masks | None = None, out: Any = None
    ) -> Outputs:
        """Feed the next step or steps of every row's stream, and keep the state for the next call.

        x [N, F] -> [N, n_out]; x [N, F, T] -> [N, n_out, T]; where the output has no time axis both give [N, n_out]. Ids: [N] and [N, 1]
        are one step, [N, 1, T] (any T) and [N, T] (T > 1) give [N, n_out, T]. features_mask [N, T], or [N] for one step: a row with 0 has
        no step there, and keeps its state.
        Of a graph [x0, x1] and features_masks=[m0, None] give [y0, ...]: one step of every series without a time axis, or each with one;
        inputs that are no series are given at every call. ``out``, an array of the output's shape and type (of a graph a list of them),
        takes the output and is returned; one step then allocates no array.
        InputError: an array does not fit the file. StateError: another N than the state's. StreamingError: the file cannot stream, or
        onnxruntime failed. What is computed is not looked at: a state that overflows shows in the output, and can be read and cleared.
        """
        self._lock.acquire()  # "with" would take twice as long, which shows in a step
        try:
            live = self._live
            if live is not None and features_mask is None and features_masks is None and (y := live.take(x)) is not None:
                if out is None:
                    live.step()
                    return y.copy()
                check_out(out, y)
                live.step()
                return fill(out, y)
            return self._step(x, features_mask, features_masks, out)
        finally:
            self._lock.release()

    def _step(self, x: Given, features_mask: npt.ArrayLike | None, features_masks: Masks | None, out: Any) -> Outputs:
        """:meth:`rnn_time_step` where something is to be checked or prepared."""
        if not self.manifest.streams:
            raise StreamingError(f"{self.path} cannot be fed step by step: {self.manifest.why_not}; output(x) computes whole sequences")
        fed = self._inputs.checked(x, features_mask, features_masks, step=True)
        stepper = self._stepper_for(fed)
        if stepper is not None and fed.steps == 1:
            y = stepper.put(fed)
            if out is not None:
                check_out(out, y)
            stepper.step()
            self._live = stepper
            return y.copy() if out is None else fill(out, y)
        if isinstance(stepper, CudaStepper):
            results = stepper.run(self._pieces(fed) or [fed.arrays])
            y = self._shaped(self._joined(results) if len(results) > 1 else results[0], fed, out)
            self._live = stepper
            stepper.keep(fed.steps or 0)
            if fed.steps is None:
                self._state.steps = None
        else:
            outputs, states = self._run(fed, self._held().start(fed.rows, self._names))
            y = self._shaped(outputs, fed, out)
            self._state.keep(states, fed.steps)
            self._live = None
        return y if out is None else fill(out, y)

    def _shaped(self, outputs: list[Array], fed: Fed, out: Any) -> Outputs:
        """What the caller gets for ``fed``, which ``out`` has to fit."""
        axes = [p.time_axis if fed.single else None for p in self._outputs]
        y = self._as_given([y if axis is None else y.squeeze(axis) for axis, y in zip(axes, outputs, strict=True)])
        if out is not None:
            check_out(out, y)
        return y

    def _as_given(self, outputs: list[Array]) -> Outputs:
        """A list of a graph's outputs, or the only one."""
        return outputs if self.manifest.is_graph else outputs[0]

    def _stepper_for(self, fed: Fed) -> Stepper | None:
        """The stepper for ``fed``, with the state in its buffers; None on the CPU where this is not one step."""
        on_cuda = self.device == "cuda"
        if fed.steps != 1 and not on_cuda:
            return None
        if self._live is not None and self._live.rows == fed.rows:
            return self._live
        states = self._held().start(fed.rows, self._names)
        if self._stepper is None or self._stepper.rows != fed.rows:
            self._stepper = (CudaStepper if on_cuda else Stepper)(self._engine, fed.rows)
        self._stepper.load(states)
        self._counted = self._stepper.count
        return self._stepper

    def _run(self, fed: Fed, states: Mapping[str, Array]) -> tuple[list[Array], dict[str, Array]]:
        """Outputs and next states from ``states``."""
        pieces = self._pieces(fed)
        if pieces is None:
            return self._run_once(fed.arrays, states)
        results: list[list[Array]] = []
        for arrays in pieces:
            ys, states = self._run_once(arrays, states)
            results.append(ys)
        return self._joined(results), dict(states)

    def _pieces(self, fed: Fed) -> list[dict[str, Array]] | None:
        """What a file of single steps is fed one after the other; None where the file takes what is fed as it is."""
        if self.manifest.steps is None or fed.steps in (None, self.manifest.steps):
            return None
        axes = self._inputs.axes
        return [
            {name: a if (axis := axes[name]) is None else a.take([t], axis) for name, a in fed.arrays.items()}
            for t in range(fed.steps or 0)
        ]

    def _joined(self, results: list[list[Array]]) -> list[Array]:
        """The outputs of pieces as of the whole."""
        return [
            ys[-1] if port.time_axis is None else np.concatenate(ys, port.time_axis)
            for port, ys in zip(self._outputs, zip(*results, strict=True), strict=True)
        ]

    def _run_once(self, arrays: Mapping[str, Array], states: Mapping[str, Array]) -> tuple[list[Array], dict[str, Array]]:
        results = self._engine.run({**arrays, **states})
        return [results[p.name] for p in self._outputs], {s.input: results[s.output] for s in self.manifest.states}

    # The state

    def rnn_clear_previous_state(self, rows: Rows = None) -> None:
        """Begin anew: forget the state of all rows, or set that of some to the initial one. StateError for rows that are not there."""
        with self._lock:
            (self._state if rows is None else self._held()).clear(rows)
            self._live = None

    def rnn_get_previous_state(self, layer: int | str) -> dict[str, Array]:
        """Copies of a layer's state by key, ``{"h": [N, H], "c": [N, H]}``; {} before the first step. A graph's layers have names too.

        StateError: there is no such layer, or it has no state.
        """
        with self._lock:
            return self._held().get(layer)

    def rnn_set_previous_state(self, layer: int | str, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace a layer's state by finite values; DL4J's keys prevAct and prevMem are accepted. A graph's layers have names too.

        StateError: a layer without state, a key, shape or value that does not fit, or other rows than other layers hold.
        """
        index = self._state.index_of(layer)
        keys = [s.key for s in self.manifest.states if s.layer == index]
        if keys:
            self._check_batch(self._state.label(index), state)
        if isinstance(state, Mapping):
            state = without_stand_ins(state, keys)
        with self._lock:
            self._held().set(layer, state)
            self._live = None

    def snapshot(self) -> StateSnapshot:
        """The state of all rows now, as copies; ``to_bytes`` makes it travel."""
        with self._lock:
            return self._held().snapshot(self.manifest.parameters_sha256)

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go on from ``snapshot``, of this or another session or of the network; it stays as it is.

        StateError: it is none, it was taken of another network, or of another batch where the file has a fixed one.
        """
        checked = fitting(snapshot, self.manifest, self.path, "restore it into a session of the file that it came from")
        self._check_batch("the snapshot", checked.states)
        with self._lock:
            self._held().restore(checked)
            self._live = None

    def _held(self) -> StreamState:
        """The state, brought up to date from the stepper's buffers."""
        if self._live is not None:
            self._state.keep(self._live.states(), self._live.count - self._counted)
            self._counted = self._live.count
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
