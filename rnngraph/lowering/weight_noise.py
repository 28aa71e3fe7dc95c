"""Noise on weights, in the training graph only: what the layers compute with in the place of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf.initializers import Distribution
from rnngraph.conf.layers.base import BIASES
from rnngraph.conf.weight_noise import DropConnect, ParameterNoise, WeightNoise
from rnngraph.errors import ConfigurationError
from rnngraph.ir.graph import Value

if TYPE_CHECKING:
    from rnngraph.lowering.context import Context


@dataclass(frozen=True)
class Drawn:
    """The law of a distribution that the user has chosen."""

    distribution: Distribution

    def __str__(self) -> str:
        return repr(self.distribution)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator, data_type: str) -> NDArray[Any]:
        """Numbers of this shape."""
        return self.distribution.draw(shape, generator).astype(data_type)


def disturbed(context: Context, noise: ParameterNoise, key: str, w: Value) -> Value:
    """Parameter ``key`` of the layer at hand, w, as ``noise`` leaves it. ConfigurationError for a kind without a lowering."""
    kind = _KINDS.get(type(noise))
    if kind is None:
        known = ", ".join(cls.__name__ for cls in _KINDS)
        raise ConfigurationError(f"layers[{context.index}]: weight_noise={noise!r} has no lowering; kinds that have one: {known}")
    return w if key in BIASES and not noise.apply_to_biases else kind(context, noise, key, w)


def _drop_connect(context: Context, noise: DropConnect, key: str, w: Value) -> Value:
    """w where it is kept, else 0."""
    share = context.rate(noise, "retain", "weights.retain")
    return w if share == 1.0 else w.block.add("where", [context.kept(share, f"weights.{key}", w.shape), w, 0.0], f"{key}_kept")


def _weight_noise(context: Context, noise: WeightNoise, key: str, w: Value) -> Value:
    """w + n, or w n."""
    drawn = context.noise(f"weights.{key}", w.shape, Drawn(noise.distribution))
    return w.block.add("add" if noise.additive else "mul", [w, drawn], f"{key}_noisy")


_KINDS: Mapping[type[ParameterNoise], Callable[[Context, Any, str, Value], Value]] = {
    DropConnect: _drop_connect,
    WeightNoise: _weight_noise,
}
