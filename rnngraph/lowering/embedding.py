"""EmbeddingLayer and EmbeddingSequenceLayer: rows of a table."""

from __future__ import annotations

import numpy as np

from rnngraph.conf import EmbeddingLayer, EmbeddingSequenceLayer
from rnngraph.conf.initializers import draw
from rnngraph.ir.cell import where
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context, activate
from rnngraph.lowering.registry import Parameter, register


def _parameters(layer: EmbeddingLayer | EmbeddingSequenceLayer) -> tuple[Parameter, ...]:
    """W [n_in, n_out], and with ``has_bias`` b [n_out]; fans (n_in, n_out)."""
    shape = (layer.n_in, layer.n_out)
    weight = Parameter("W", shape, lambda generator: draw(layer.weight_init, shape, layer.n_in, layer.n_out, generator))
    bias = Parameter("b", (layer.n_out,), lambda generator: np.full(layer.n_out, layer.bias_init, dtype=np.float64))
    return (weight, bias) if layer.has_bias else (weight,)


@register(EmbeddingLayer, EmbeddingSequenceLayer, parameters=_parameters)
def lower_embedding(layer: EmbeddingLayer | EmbeddingSequenceLayer, context: Context, ids: Value) -> Value:
    """ids [T, N] or [N] -> [T, N, n_out] or [N, n_out]. Ids at masked steps are not read."""
    graph = context.graph
    if context.mask is not None and layer.mask_mode != "ignore":
        ids = where(graph.add("squeeze", [context.mask], axis=-1), ids, graph.add("zeros", [ids]))
    z = graph.add("embed", [context.parameter("W"), ids], "vectors")
    if context.has("b"):
        z = z + context.parameter("b")
    context.clean = context.mask is None
    return activate(context, z, layer.activation)
