"""Dropout: noise on what comes into a layer, in the training graph only."""

from __future__ import annotations

from rnngraph.conf import Dropout, Layer
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import family


def lower_layer(layer: Layer, context: Context, x: Value) -> Value:
    """What ``layer`` gives for x [..., F], which its dropout has acted on first where the graph is for training."""
    noise = vars(layer).get("dropout")  # wrappers have none of their own
    if noise is not None and context.training:
        x = _drop(context, x, noise)
    return family(layer).lower(layer, context, x)


def _drop(context: Context, x: Value, noise: object) -> Value:
    """x / retain where the noise is below retain, else 0."""
    if not isinstance(noise, Dropout) or not isinstance(noise.retain, float):
        raise ConfigurationError(f"layers[{context.index}]: dropout={noise!r} has no lowering; use Dropout(retain=...)")
    kept = context.graph.add("greater", [noise.retain, context.noise("drop", x.shape)], "kept")
    return where(kept, x * (1.0 / noise.retain), 0.0)
