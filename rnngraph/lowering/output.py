"""OutputLayer, RnnOutputLayer, LossLayer and RnnLossLayer: the activation, and in a training graph the loss."""

from __future__ import annotations

from rnngraph.conf import LossLayer, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.errors import GraphError
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, activate
from rnngraph.lowering.dense import dense_parameters, preactivation
from rnngraph.lowering.losses import NEUTRAL, couples_outputs, loss_values, per_output_misfit
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

    Outputs, labels and losses that do not count are replaced, not multiplied: whatever stands there leaves no trace, in the gradient
    neither.
    """
    graph = context.graph
    y = activate(context, z, layer.activation)
    if context.labels is None:
        return y
    mask, labels, activation = context.loss_mask, context.labels, str(layer.activation)
    coupled = couples_outputs(layer.loss, activation)
    if mask is None:
        losses = loss_values(layer.loss, activation, z, y, labels)
    else:
        if coupled and mask.shape == labels.shape and labels.shape[-1] != 1:
            raise GraphError(f"labels_mask='outputs': {per_output_misfit(layer.loss, activation)}")
        labels = graph.add("where", [mask, labels, 0.0 if coupled else NEUTRAL], "labels")
        seen = y if coupled else graph.add("where", [mask, y, NEUTRAL], "seen")
        losses = loss_values(layer.loss, activation, z, seen, labels)
        kept = mask if losses.type.rank == mask.type.rank else graph.add("squeeze", [mask], axis=-1)
        losses = graph.add("where", [kept, losses, 0.0], "losses")
    context.losses.append(graph.add("sum_all", [losses], "loss"))
    return y
