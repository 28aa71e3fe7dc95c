"""Preprocessors: the flattening of images, and a name in the graph where nothing changes.

Inside, images are channels-last, [T, N, H, W, C] or [N, H, W, C]; a flat image has its values in the order channel, row, column. What a
preprocessor emits is named after it; :mod:`rnngraph.ir.passes.layout` takes out what undoes itself.
"""

from __future__ import annotations

from rnngraph.conf.preprocessors import (
    CnnToFeedForwardPreProcessor,
    CnnToRnnPreProcessor,
    FeedForwardToCnnPreProcessor,
    FeedForwardToRnnPreProcessor,
    PreProcessor,
    RnnToCnnPreProcessor,
    RnnToFeedForwardPreProcessor,
)
from rnngraph.errors import ConfigurationError
from rnngraph.ir.graph import Graph, Value


def lower_preprocessor(preprocessor: PreProcessor, graph: Graph, x: Value) -> Value:
    """``x`` as the layer behind the preprocessor takes it."""
    name = preprocessor.tag().removesuffix("PreProcessor")
    if isinstance(preprocessor, (CnnToRnnPreProcessor, CnnToFeedForwardPreProcessor)):
        return graph.add("reshape", [channels_first(x, f"{name}.channels_first")], name, axes=3, shape=(preprocessor.size,))
    if isinstance(preprocessor, (RnnToCnnPreProcessor, FeedForwardToCnnPreProcessor)):
        height, width, channels = preprocessor.frame
        return channels_last(graph.add("reshape", [x], f"{name}.channels_first", axes=1, shape=(channels, height, width)), name)
    if isinstance(preprocessor, (RnnToFeedForwardPreProcessor, FeedForwardToRnnPreProcessor)):
        return graph.add("identity", [x], name)
    raise ConfigurationError(f"preprocessor {preprocessor.tag()} has no lowering")


def channels_first(x: Value, name: str) -> Value:
    """[..., H, W, C] -> [..., C, H, W]."""
    lead = x.type.rank - 3
    return x.block.add("transpose", [x], name, order=(*range(lead), lead + 2, lead, lead + 1))


def channels_last(x: Value, name: str) -> Value:
    """[..., C, H, W] -> [..., H, W, C]."""
    lead = x.type.rank - 3
    return x.block.add("transpose", [x], name, order=(*range(lead), lead + 1, lead + 2, lead))
