"""Where the layers of a network stand, as DL4J sees it: names, what comes in, and the preprocessors that it has in front of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnngraph.conf import ComputationGraphConfiguration, Layer, MultiLayerConfiguration
from rnngraph.conf.input_types import InputType, RecurrentInput
from rnngraph.conf.layers import WrapperLayer
from rnngraph.conf.layers.base import to_series
from rnngraph.conf.preprocessors import FeedForwardToRnnPreProcessor, PreProcessor, RnnToFeedForwardPreProcessor
from rnngraph.dl4j.writing.text import Json, object_

TIMED = frozenset({"CnnToRnnPreProcessor", "FeedForwardToRnnPreProcessor", "RnnToCnnPreProcessor", "RnnToFeedForwardPreProcessor"})
"""Those that note the layout of time series."""
OF_VECTORS = ("DenseLayer", "LossLayer", "OutputLayer")
LEAVE_AS_IS = ("ActivationLayer", "BatchNormalization", "DropoutLayer")
Configuration = MultiLayerConfiguration | ComputationGraphConfiguration


@dataclass(frozen=True)
class Spot:
    """A layer: what it is called in DL4J and in messages, what it takes in our words, and DL4J's preprocessor."""

    name: str
    label: str
    layer: Layer
    takes: InputType
    preprocessor: PreProcessor | None


@dataclass(frozen=True)
class _Step:
    """A layer or vertex and what flows around it."""

    index: int
    content: Any
    sources: tuple[str, ...]
    given: InputType
    own: PreProcessor | None
    takes: InputType
    gives: InputType


def spots(config: Configuration) -> list[Spot]:
    """All layers in order, a graph's vertices left out.

    Preprocessors are ours, but where DL4J takes for a time series what ours are vectors: behind TimeDistributed, which itself takes time
    series and none of their steps as rows, and in a row of layers behind a pooling over time.
    """
    found, series = [], dict[str, bool]()
    for step in _steps(config):
        name, kind = config.layer_names[step.index], reached(step.content).tag()
        in_series = any(series.get(source, False) for source in step.sources)
        if isinstance(step.content, Layer):
            called = name if isinstance(config, ComputationGraphConfiguration) else step.content.name or f"layer{name}"
            preprocessor = _preprocessor(kind, step, in_series)
            found.append(Spot(called, config.layer_label(step.index), step.content, step.takes, preprocessor))
        pools = kind == "GlobalPoolingLayer" and isinstance(step.takes, RecurrentInput) and isinstance(config, MultiLayerConfiguration)
        held = in_series and (kind in LEAVE_AS_IS or not isinstance(step.content, Layer))
        series[name] = (kind == "TimeDistributed" and step.gives.has_time) or pools or held
    return found


def _steps(config: Configuration) -> Iterator[_Step]:
    if isinstance(config, ComputationGraphConfiguration):
        for stage in config.stages:
            yield _Step(stage.index, stage.layer, stage.inputs, stage.given[0], stage.preprocessor, stage.takes[0], stage.gives)
    else:
        for index, one in enumerate(config.stages):
            yield _Step(index, one.layer, (str(index - 1),), one.given, one.preprocessor, one.takes, one.gives)


def _preprocessor(kind: str, step: _Step, series: bool) -> PreProcessor | None:
    """DL4J's; ``series``: it holds as time series what ours has as vectors."""
    if kind == "TimeDistributed":
        return None if series else to_series(step.given)
    if series and kind in OF_VECTORS:
        return RnnToFeedForwardPreProcessor()
    return None if series and isinstance(step.own, FeedForwardToRnnPreProcessor) else step.own


def reached(layer: Any) -> Any:
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


def first_of(layers: Iterable[Any], kind: type) -> Any:
    """The first of ``layers`` of that class, None where there is none."""
    return next((layer for layer in layers if isinstance(layer, kind)), None)
