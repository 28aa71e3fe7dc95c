"""Dropout and its relatives: noise on what comes into a layer, in the training graph only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rnngraph.conf import AlphaDropout, Dropout, GaussianDropout, GaussianNoise, Layer, Noise, SpatialDropout
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import sqrt, where
from rnngraph.ir.graph import Value
from rnngraph.ir.noise import NORMAL
from rnngraph.ir.types import Dim
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import family

SELU_AT_MINUS_INFINITY = -1.0507009873554804 * 1.6732632423543772
"""-λ α, the value that AlphaDropout gives what it drops."""


def lower_layer(layer: Layer, context: Context, x: Value) -> Value:
    """What ``layer`` gives for x [..., F], which its dropout has acted on first where the graph is for training."""
    context.turn_to(layer)
    noise = vars(layer).get("dropout")  # wrappers have none of their own
    if noise is not None and context.training:
        x = _disturbed(context, noise, x)
    return family(layer).lower(layer, context, x)


def _disturbed(context: Context, noise: Noise, x: Value) -> Value:
    """x as ``noise`` leaves it. ConfigurationError for a kind without a lowering."""
    kind = _KINDS.get(type(noise))
    if kind is None:
        known = ", ".join(cls.__name__ for cls in _KINDS)
        raise ConfigurationError(f"layers[{context.index}]: dropout={noise!r} has no lowering; kinds that have one: {known}")
    y = kind(context, noise, x)
    if y is not x and isinstance(noise, (GaussianNoise, AlphaDropout)) and context.mask is not None:
        context.clean = False  # they make something of the 0 at masked steps
    return y


def _dropout(context: Context, noise: Dropout, x: Value) -> Value:
    """x / p where it is kept, else 0."""
    return _dropped(context, noise, x, x.shape)


def _spatial_dropout(context: Context, noise: SpatialDropout, x: Value) -> Value:
    """As dropout, with one draw for each feature of [T, N, F], and for each channel of each image [..., H, W, C]."""
    images = {4: (x.shape[0], 1, 1, x.shape[-1]), 5: (*x.shape[:2], 1, 1, x.shape[-1])}
    return _dropped(context, noise, x, images.get(x.type.rank, x.shape[-2:]))


def _dropped(context: Context, noise: Dropout | SpatialDropout, x: Value, drawn: tuple[Dim, ...]) -> Value:
    p = context.rate(noise, "retain", "retain")
    return x if p == 1.0 else where(context.kept(p, "drop", drawn), x * (1.0 / p), 0.0)


def _gaussian_dropout(context: Context, noise: GaussianDropout, x: Value) -> Value:
    """x (1 + sqrt(rate / (1 - rate)) n), n standard normal."""
    rate = context.rate(noise, "rate", "rate")
    return x if rate == 0.0 else x * (context.noise("drop", x.shape, NORMAL) * _root(rate / (1.0 - rate)) + 1.0)


def _gaussian_noise(context: Context, noise: GaussianNoise, x: Value) -> Value:
    """x + std n, n standard normal."""
    std = context.rate(noise, "std", "std")
    return x if std == 0.0 else x + context.noise("drop", x.shape, NORMAL) * std


def _alpha_dropout(context: Context, noise: AlphaDropout, x: Value) -> Value:
    """a x + b where it is kept, else a α' + b, with a = (p + α'² p (1 - p))^(-1/2) and b = -a (1 - p) α' (Klambauer et al. 2017)."""
    p, dropped = context.rate(noise, "retain", "retain"), SELU_AT_MINUS_INFINITY
    if p == 1.0:
        return x
    a = 1.0 / _root(p + p * (1.0 - p) * dropped**2)
    b = a * (1.0 - p) * -dropped
    return where(context.kept(p, "drop", x.shape), x * a + b, a * dropped + b)


def _root(x: float | Value) -> float | Value:
    return sqrt(x) if isinstance(x, Value) else math.sqrt(x)


_KINDS: Mapping[type[Noise], Callable[[Context, Any, Value], Value]] = {
    Dropout: _dropout,
    SpatialDropout: _spatial_dropout,
    GaussianDropout: _gaussian_dropout,
    GaussianNoise: _gaussian_noise,
    AlphaDropout: _alpha_dropout,
}
