"""Preprocessors, from ours to DL4J's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.conf import Layer, MultiLayerConfiguration
from rnngraph.conf.input_types import RecurrentInput
from rnngraph.conf.layers import WrapperLayer
from rnngraph.conf.layers.base import to_series
from rnngraph.conf.preprocessors import FeedForwardToRnnPreProcessor, PreProcessor, RnnToFeedForwardPreProcessor
from rnngraph.dl4j.writing.text import Json, object_

TIMED = frozenset({"CnnToRnnPreProcessor", "FeedForwardToRnnPreProcessor", "RnnToCnnPreProcessor", "RnnToFeedForwardPreProcessor"})
"""Those that note the layout of time series."""
OF_VECTORS = ("DenseLayer", "LossLayer", "OutputLayer")
LEAVE_AS_IS = ("ActivationLayer", "BatchNormalization", "DropoutLayer")


def preprocessors(config: MultiLayerConfiguration) -> dict[int, PreProcessor]:
    """Those that DL4J has in front of the layers: ours, but where it takes for a time series what ours are vectors.

    That is behind a pooling over time and behind TimeDistributed, which itself takes time series and none of their steps as rows.
    """
    found: dict[int, PreProcessor | None] = {}
    series = False
    for index, stage in enumerate(config.stages):
        kind = reached(stage.layer).tag()
        found[index] = stage.preprocessor
        if kind == "TimeDistributed":
            found[index] = None if series else to_series(stage.given)
        elif series and kind in OF_VECTORS:
            found[index] = RnnToFeedForwardPreProcessor()
        elif series and isinstance(stage.preprocessor, FeedForwardToRnnPreProcessor):
            found[index] = None
        pools = kind == "GlobalPoolingLayer" and isinstance(stage.takes, RecurrentInput)
        series = (kind == "TimeDistributed" and stage.gives.has_time) or pools or (series and kind in LEAVE_AS_IS)
    return {index: one for index, one in found.items() if one is not None}


def reached(layer: Layer) -> Layer:
    """The layer whose preprocessor a wrapper has in DL4J."""
    while isinstance(layer, WrapperLayer) and layer.tag() != "TimeDistributed":
        layer = layer.layer
    return layer


def preprocessor_json(preprocessor: PreProcessor) -> Json:
    """A preprocessor."""
    held: Any = preprocessor
    fields: Json = {"rnnDataFormat": "NCW"} if preprocessor.tag() in TIMED else {}
    if hasattr(preprocessor, "frame"):
        fields.update(inputHeight=held.height, inputWidth=held.width, numChannels=held.channels)
    return object_("org.deeplearning4j.nn.conf.preprocessor", preprocessor.tag(), fields)


def with_format(layer: Mapping[str, Any], preprocessor: PreProcessor | None) -> Json:
    """A layer's JSON behind ``preprocessor``: one for vectors notes the layout of the time series that they are steps of."""
    timed = isinstance(preprocessor, RnnToFeedForwardPreProcessor)
    return {key: "NCW" if timed and key == "timeDistributedFormat" else value for key, value in layer.items()}
