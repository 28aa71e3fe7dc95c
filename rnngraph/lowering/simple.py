"""ActivationLayer and DropoutLayer."""

from __future__ import annotations

from rnngraph.conf import ActivationLayer, DropoutLayer
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, activate
from rnngraph.lowering.registry import register


@register(ActivationLayer, parameters=lambda layer: ())
def lower_activation(layer: ActivationLayer, context: Context, x: Value) -> Value:
    """x [..., F] -> [..., F]."""
    x = context.cleaned(x, layer.mask_mode)
    context.clean = context.mask is None
    return activate(context, x, layer.activation)


@register(DropoutLayer, parameters=lambda layer: ())
def lower_dropout(layer: DropoutLayer, context: Context, x: Value) -> Value:
    """x [..., F] -> [..., F]: as any layer's dropout, :func:`~rnngraph.lowering.dropout.lower_layer` has acted on x already."""
    return x
