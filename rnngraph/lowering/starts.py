"""What the states of recurrent layers begin with: parameters where it is learned, buffers where it was given."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import RecurrentLayer
from rnngraph.conf.layers.recurrent import start_key
from rnngraph.conf.starts import LEARNED
from rnngraph.lowering.registry import Buffer, Parameter


def learned(layer: RecurrentLayer) -> tuple[Parameter, ...]:
    """``h0`` [H] of each state that begins with a parameter, zero before training."""
    starts = layer.starts
    return tuple(_zeros(start_key(key), size) for key, size in layer.state_sizes.items() if starts.get(key) == LEARNED)


def given(layer: RecurrentLayer) -> tuple[Buffer, ...]:
    """``h0`` [H] of each state that begins with numbers of the user's."""
    starts, sizes = layer.starts, layer.state_sizes
    numbers = {key: start for key in sizes if (start := starts.get(key)) is not None and not isinstance(start, str)}
    return tuple(Buffer(start_key(key), (sizes[key],), start, fixed=True) for key, start in numbers.items())


def _zeros(key: str, size: int) -> Parameter:
    return Parameter(key, (size,), lambda generator: np.zeros(size))
