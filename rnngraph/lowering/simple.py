"""ActivationLayer and DropoutLayer."""

from __future__ import annotations

from rnngraph.conf import ActivationLayer, Dropout, DropoutLayer
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import register


@register(ActivationLayer, parameters=lambda layer: ())
def lower_activation(layer: ActivationLayer, context: Context, x: Value) -> Value:
    """x [..., F] -> [..., F]."""
    x = context.cleaned(x, layer.mask_mode)
    context.clean = context.mask is None
    return context.graph.add("activation", [x], "y", name=str(layer.activation))


@register(DropoutLayer, parameters=lambda layer: ())
def lower_dropout(layer: DropoutLayer, context: Context, x: Value) -> Value:
    """x [..., F] -> [..., F]: x / retain where the noise is below retain, else 0; in inference x."""
    if not context.training:
        return x
    if not isinstance(layer.dropout, Dropout):
        raise ConfigurationError(f"layers[{context.index}]: dropout={layer.dropout!r} has no lowering; use Dropout(retain=...)")
    retain = layer.dropout.retain
    kept = context.graph.add("greater", [retain, context.noise("drop", x.shape)], "kept")
    return where(kept, x * (1.0 / retain), 0.0)
