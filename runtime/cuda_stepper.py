"""Steps under CUDA: the state stays on the GPU from one call to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnngraph.errors import StreamingError
from rnngraph.runtime.device import device_value
from rnngraph.runtime.engine import Array, Engine, failed
from rnngraph.runtime.inputs import Fed
from rnngraph.runtime.stepper import Stepper, bind, buffer

MEMORY = "cuda"
"""Where the values stand; tests, which have no GPU, put them into the CPU's."""


class CudaStepper(Stepper):
    """Steps of ``rows`` streams on the GPU, one at a time or several; what crosses are the inputs, and the outputs back.

    As on the CPU two sets of states are used in turn, and a call that fails leaves the one that holds the state untouched. Where CUDA
    graphs are recorded, a single step is: onnxruntime replays one without a look at what it is given, so each of the two bindings has a
    graph of its own, and their memory never changes. (Each thread that steps records them anew.) Chunks are run as they are.
    """

    def _bind(self, engine: Engine, arrays: dict[str, Array]) -> None:
        manifest = engine.manifest
        self._engine = engine
        ports = [p for p in manifest.inputs if p.role == "state"]
        with _told(self._engine):
            values = {name: device_value(array, MEMORY) for name, array in arrays.items()}
            self._states = tuple({p.name: device_value(buffer(p, self.rows), MEMORY) for p in ports} for _ in range(2))
        self._turn = 0
        """Which set holds the states."""
        self._inputs, self._masks, self._outputs = (
            [(values[p.name], arrays[p.name]) for p in manifest.ports(role)] for role in ("input", "mask", "output")
        )
        self._masks_differ = True
        """Whether the masks on the GPU may be others than those here."""
        self._handles = [
            bind(engine, {**values, **read, **{s.output: write[s.input] for s in manifest.states}})
            for read, write in (self._states, self._states[::-1])
        ]
        self._options = [engine.recorded() for _ in self._handles]

    def states(self) -> dict[str, Array]:
        """Copies of the states now."""
        with _told(self._engine):
            return {name: value.numpy() for name, value in self._states[self._turn].items()}

    def load(self, states: Mapping[str, Array]) -> None:
        """Go on from ``states``."""
        with _told(self._engine):
            for name, value in self._states[self._turn].items():
                value.update_inplace(np.ascontiguousarray(states[name]))

    def put(self, fed: Fed) -> Any:
        """Take what was checked; its mask crosses as well where it is another than the last."""
        before = [array.copy() for _, array in self._masks]
        given = super().put(fed)
        self._masks_differ |= any((was != array).any() for was, (_, array) in zip(before, self._masks, strict=True))
        return given

    def step(self) -> None:
        """Run what was taken."""
        with _told(self._engine):
            for value, array in (*self._inputs, *(self._masks if self._masks_differ else ())):
                value.update_inplace(array)
            self._masks_differ = False
            self._run(self._handles[self._turn], self._options[self._turn])
            for value, array in self._outputs:
                array[...] = value.numpy()
        self.keep(1)

    def run(self, pieces: Sequence[Mapping[str, Array]]) -> list[list[Array]]:
        """The outputs of pieces with any number of steps, fed one after the other; the state stays as it was until :meth:`keep`."""
        states, following = self._states[self._turn], self._states[1 - self._turn]
        results = []
        with _told(self._engine):
            for k, arrays in enumerate(pieces, 1):
                outputs, states = self._run_piece(arrays, states, following if k == len(pieces) else {})
                results.append(outputs)
        return results

    def keep(self, steps: int) -> None:
        """Go on with the states after what was run last, which was ``steps`` steps."""
        self._turn = 1 - self._turn
        self.count += steps

    def _run_piece(self, arrays: Mapping[str, Array], states: Mapping[str, Any], following: Mapping[str, Any]) -> tuple[Any, Any]:
        """Outputs, and next states in the memory ``following``, or in new memory on the GPU."""
        session, manifest = self._engine.session, self._engine.manifest
        binding = session.io_binding()
        values = {**{name: device_value(np.ascontiguousarray(array), MEMORY) for name, array in arrays.items()}, **states}
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        for state in manifest.states:
            if state.input in following:
                binding.bind_ortvalue_output(state.output, following[state.input])
            else:
                binding.bind_output(state.output, MEMORY)
        for port in manifest.ports("output"):
            binding.bind_output(port.name, "cpu")
        session.run_with_iobinding(binding, self._engine.unrecorded)
        made = binding.get_outputs()
        count = len(manifest.states)
        return [value.numpy() for value in made[count:]], {s.input: value for s, value in zip(manifest.states, made[:count], strict=True)}


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What goes wrong in onnxruntime is told as of a run; where graphs are recorded, nothing else runs meanwhile."""
    try:
        with engine.alone:
            yield
    except StreamingError:
        raise
    except Exception as error:
        raise failed(error) from error
