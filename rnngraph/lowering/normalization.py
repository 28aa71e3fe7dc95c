"""BatchNormalization: by the minibatch's statistics in training, by running ones otherwise."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import BatchNormalization
from rnngraph.ir.cell import greater, sqrt, where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import Buffer, Parameter, register


def _parameters(layer: BatchNormalization) -> tuple[Parameter, ...]:
    """gamma and beta [F], unless they are locked."""
    if layer.lock_gamma_beta:
        return ()
    shape = (layer.n_in,)
    return (
        Parameter("gamma", shape, lambda generator: np.full(shape, layer.gamma)),
        Parameter("beta", shape, lambda generator: np.full(shape, layer.beta)),
    )


def _buffers(layer: BatchNormalization) -> tuple[Buffer, ...]:
    """The running mean and variance [F]."""
    return Buffer("mean", (layer.n_in,), 0.0), Buffer("var", (layer.n_in,), 1.0)


@register(BatchNormalization, parameters=_parameters, buffers=_buffers)
def lower_batch_normalization(layer: BatchNormalization, context: Context, x: Value) -> Value:
    """x [..., F] -> [..., F]."""
    x = context.cleaned(x, layer.mask_mode)
    mean, variance = _minibatch(layer, context, x) if context.training else (context.buffer("mean"), context.buffer("var"))
    gamma: Value | float = layer.gamma if layer.lock_gamma_beta else context.parameter("gamma")
    beta: Value | float = layer.beta if layer.lock_gamma_beta else context.parameter("beta")
    context.clean = context.mask is None
    return (x - mean) * (gamma / sqrt(variance + layer.epsilon)) + beta


def _minibatch(layer: BatchNormalization, context: Context, x: Value) -> tuple[Value, Value]:
    """Mean and variance of the minibatch over all that is real; the running ones move towards them, where anything is."""
    graph = context.graph
    mask = None if context.mask is None or layer.mask_mode == "ignore" else context.mask_for(x)
    mean, variance = graph.add_many("batch_statistics", [x] if mask is None else [x, mask], "batch")
    for key, new in (("mean", mean), ("var", variance)):
        old = context.buffer(key)
        moved = layer.decay * old + (1.0 - layer.decay) * new
        if mask is not None:
            moved = where(greater(graph.add("sum_all", [graph.add("cast", [mask], to="float")]), 0.0), moved, old)
        context.update_buffer(key, moved)
    return mean, variance
