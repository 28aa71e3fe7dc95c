"""OutputLayer, RnnOutputLayer, LossLayer and RnnLossLayer: the activation, and in a training graph the loss."""

from __future__ import annotations

from rnngraph.conf import LossLayer, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.dense import dense_parameters, preactivation
from rnngraph.lowering.losses import loss_per_row
from rnngraph.lowering.registry import register


@register(OutputLayer, RnnOutputLayer, parameters=dense_parameters)
def lower_output(layer: OutputLayer | RnnOutputLayer, context: Context, x: Value) -> Value:
    """x [T, N, I] or [N, I] -> y [T, N, n_out] or [N, n_out]."""
    return _activate(layer, context, preactivation(context, context.cleaned(x, layer.mask_mode)))


@register(LossLayer, RnnLossLayer, parameters=lambda layer: ())
def lower_loss_layer(layer: LossLayer | RnnLossLayer, context: Context, x: Value) -> Value:
    """x [T, N, C] or [N, C] -> y of that shape; no parameters."""
    return _activate(layer, context, context.cleaned(x, layer.mask_mode))


def _activate(layer: OutputLayer | RnnOutputLayer | LossLayer | RnnLossLayer, context: Context, z: Value) -> Value:
    """y = act(z); with labels at hand also the loss, summed over rows and steps.

    Labels and losses at masked steps are replaced by 0, not multiplied: whatever stands there leaves no trace, in the gradient neither.
    """
    graph = context.graph
    y = graph.add("activation", [z], "y", name=layer.activation)
    if context.labels is None:
        return y
    mask, labels = context.loss_mask, context.labels
    if mask is not None:
        labels = graph.add("where", [mask, labels, 0.0], "labels")
    losses = loss_per_row(layer.loss, layer.activation, z, y, labels)
    if mask is not None:
        losses = graph.add("where", [graph.add("squeeze", [mask], axis=-1), losses, 0.0], "losses")
    context.loss = graph.add("sum_all", [losses], "loss")
    return y
