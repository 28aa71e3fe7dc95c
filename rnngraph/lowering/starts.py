"""What the states of recurrent layers begin with: parameters where it is learned, buffers where it was given."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import RecurrentLayer
from rnngraph.conf.layers.recurrent import start_key
from rnngraph.conf.starts import LEARNED
from rnngraph.lowering.registry import Buffer, Parameter


def learned(layer: RecurrentLayer) -> tuple[Parameter, ...]:
    """``h0`` [H] of each state that begins with a parameter, zero before training."""
    sizes = layer.state_sizes
    return tuple(_zeros(start_key(key), sizes[key]) for key, start in layer.starts.items() if start == LEARNED)


def given(layer: RecurrentLayer) -> tuple[Buffer, ...]:
    """``h0`` [H] of each state that begins with numbers of the user's."""
    sizes = layer.state_sizes
    return tuple(
        Buffer(start_key(key), (sizes[key],), start, fixed=True) for key, start in layer.starts.items() if not isinstance(start, str)
    )


def _zeros(key: str, size: int) -> Parameter:
    return Parameter(key, (size,), lambda generator: np.zeros(size))
