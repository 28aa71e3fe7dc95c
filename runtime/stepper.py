"""Steps without an allocation but the results': the path of every call that feeds one step on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy import isfinite, less, ndarray  # not looked up in np at each step

from rnngraph.runtime.device import shared_value
from rnngraph.runtime.engine import Array, Engine, failed
from rnngraph.runtime.inputs import Fed
from rnngraph.runtime.manifest import FullPort, Port


class Buffers(list[Array]):
    """The memory of a graph's outputs; its copy is the caller's own."""

    def copy(self) -> list[Array]:
        """A copy of each output."""
        return [y.copy() for y in self]


class Slot:
    """One input of a step: the memory that onnxruntime reads, its mask's beside it.

    :meth:`take` gives ``step`` for an array without a time axis, ``series`` for one with, and ``either`` for one that may be both.
    """

    def __init__(self, port: FullPort, arrays: Mapping[str, Array], step: Any, series: Any, either: Any) -> None:
        timed = port.time_axis is not None
        self._whole = arrays[port.name]
        self._x = without(self._whole, port.time_axis)
        self._shape, self._whole_shape, self._dtype = self._x.shape, self._whole.shape, self._x.dtype
        self._ids = port.ids
        self._step, self._series = (step if timed else either), (series if port.ids is None else either)
        self._unsigned = self._whole if self._ids is None else self._whole.view(np.uint64)
        """Ids as numbers among which negative ones are the largest."""
        self._flags = bytearray(self._whole.size)
        self._finite = np.frombuffer(self._flags, dtype=np.bool_).reshape(self._whole.shape)
        self._mask = None if port.mask is None else arrays[port.mask]
        self._all_real = True
        if self._mask is not None:
            self._mask[...] = 1

    def take(self, x: object) -> Any:
        """Take x [N, F] or [N, F, 1] for the next step, ids [N] or [N, 1], all steps real.

        None, and nothing is taken, where x has to be looked at more closely.
        """
        if type(x) is not ndarray or x.dtype is not self._dtype or not self._all_real:
            return None
        if x.shape == self._shape:
            self._x[...] = x
            given = self._step
        elif x.shape == self._whole_shape:
            self._whole[...] = x
            given = self._series
        else:
            return None
        if self._ids is None:
            isfinite(self._whole, self._finite)
        else:
            less(self._unsigned, self._ids, self._finite)
        return None if 0 in self._flags else given

    def put(self, x: Array, mask: Array | None) -> None:
        """Take x [N, F, 1] (ids [N, 1]) and a mask [N, 1], both checked."""
        self._whole[...] = x
        if self._mask is not None:
            self._mask[...] = mask
            self._all_real = bool(self._mask.all())


_EITHER = Buffers()
"""What a slot of a graph gives for an array that may be a step or a series."""


class Stepper:
    """Steps of ``rows`` streams on the CPU without an allocation but the results'.

    Two bindings are used in turn, each reading the states that the other wrote: a state is never written while it is read, and a step
    that fails leaves it as it was. Inputs and outputs are numpy arrays whose memory onnxruntime uses directly. (Under CUDA it would copy
    the inputs when they are bound, and never see what is written later.)
    """

    take: Callable[[Any], Any]
    """Take what :meth:`Slot.take` takes, of a graph one for each input, for the next step.

    Gives the buffer that will hold the output (of a graph :class:`Buffers`), with a time axis if what was given has one. None, and nothing
    is taken, where it has to be looked at more closely.
    """

    def __init__(self, engine: Engine, rows: int) -> None:
        manifest = engine.manifest
        arrays = {p.name: buffer(p, rows) for p in (*manifest.inputs, *manifest.outputs) if p.role not in ("state", "next_state")}
        self.rows = rows
        self.count = 0
        """How many steps were run."""
        self._ports = manifest.ports("input")
        self._names = [p.name for p in self._ports]
        given = manifest.ports("output")
        series, step = Buffers(arrays[p.name] for p in given), Buffers(without(arrays[p.name], p.time_axis) for p in given)
        self._series: Any = series if manifest.is_graph else series[0]
        self._step: Any = step if manifest.is_graph else step[0]
        either = _EITHER if manifest.is_graph else self._step
        self._slots = [Slot(p, arrays, self._step, self._series, either) for p in self._ports]
        self.take = self._take_all if manifest.is_graph else self._slots[0].take
        # Without its public wrapper, which takes half a microsecond to check that the binding is of this session.
        self._run = engine.session._sess.run_with_iobinding
        self._bind(engine, arrays)

    def _bind(self, engine: Engine, arrays: dict[str, Array]) -> None:
        """Prepare the two bindings, over ``arrays`` and states of their own; the lowest bit of ``count`` tells which is next."""
        states, ports = engine.manifest.states, [p for p in engine.manifest.inputs if p.role == "state"]
        self._states: Any = tuple({p.name: buffer(p, self.rows) for p in ports} for _ in range(2))
        shared, *sets = ({name: shared_value(array) for name, array in some.items()} for some in (arrays, *self._states))
        self._handles = [
            bind(engine, {**shared, **read, **{s.output: write[s.input] for s in states}}) for read, write in (sets, sets[::-1])
        ]

    def states(self) -> dict[str, Array]:
        """Copies of the states now, by the names of the inputs."""
        return {name: array.copy() for name, array in self._states[self.count & 1].items()}

    def load(self, states: Mapping[str, Array]) -> None:
        """Go on from ``states``."""
        for name, array in self._states[self.count & 1].items():
            array[...] = states[name]

    def _take_all(self, xs: Any) -> Any:
        """:attr:`take` of a graph."""
        form: Any = _EITHER
        for slot, x in zip(self._slots, self._in_order(xs), strict=False):
            given = slot.take(x)
            if given is None or (given is not form and given is not _EITHER and form is not _EITHER):
                return None
            form = form if given is _EITHER else given
        return self._step if form is _EITHER else form

    def _in_order(self, xs: Any) -> Sequence[Any]:
        """One array for each input; a None where that has to be looked at more closely."""
        count = len(self._names)
        if isinstance(xs, (list, tuple)):
            return xs if len(xs) == count else [None]
        if isinstance(xs, Mapping):
            return [xs.get(name) for name in self._names] if len(xs) == count else [None]
        return [xs] if count == 1 else [None]

    def put(self, fed: Fed) -> Any:
        """Take what was checked, one step of each input that has a time axis; gives as :attr:`take`."""
        for port, slot in zip(self._ports, self._slots, strict=True):
            slot.put(fed.arrays[port.name], None if port.mask is None else fed.arrays[port.mask])
        return self._step if fed.single else self._series

    def step(self) -> None:
        """Run what was taken."""
        try:
            self._run(self._handles[self.count & 1], None)
        except Exception as error:
            raise failed(error) from error
        self.count += 1


def buffer(port: Port, rows: int) -> Array:
    """An array for one step of ``rows`` rows."""
    return np.zeros([d if isinstance(d, int) else rows if d == "N" else 1 for d in port.shape], port.data_type)


def without(array: Array, axis: int | None) -> Array:
    """A view of ``array``, which holds one step, without its time axis."""
    return array if axis is None else array.squeeze(axis)


def bind(engine: Engine, values: Mapping[str, Any]) -> Any:
    """A binding of all inputs and outputs of the file to OrtValues by name, whose memory has to outlive it, without its public wrapper."""
    binding = engine.session.io_binding()
    try:
        for port in engine.manifest.inputs:
            binding.bind_ortvalue_input(port.name, values[port.name])
        for port in engine.manifest.outputs:
            binding.bind_ortvalue_output(port.name, values[port.name])
    except Exception as error:
        raise failed(error) from error
    return binding._iobinding
