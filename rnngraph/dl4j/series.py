"""Which values of a network are time series, where DL4J's JSON tells it by the layers and preprocessors behind them alone.

DL4J writes no type of what comes in. A dense layer takes vectors and, behind a preprocessor, the steps of a series as rows; so what comes
into a network that begins with one is known from what stands behind: a series, where any of that needs one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnngraph.conf import InputType, Layer
from rnngraph.conf.graph_inputs import ends_time
from rnngraph.conf.input_types import FeedForwardInput
from rnngraph.conf.layers import EmbeddingLayer, EmbeddingSequenceLayer
from rnngraph.conf.layers.base import SameWidth, SingleLayer
from rnngraph.conf.vertices import DuplicateToTimeSeriesVertex, GraphVertex, LastTimeStepVertex, PreprocessorVertex, ReverseTimeSeriesVertex
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.preprocessors import OF_TIME
from rnngraph.errors import ConfigurationError

OF_STEPS: Mapping[str, str] = {"LossLayer": "RnnLossLayer", "OutputLayer": "RnnOutputLayer"}
"""Output layers of vectors, and those that compute the same at each step of a series."""


@dataclass(frozen=True)
class Step:
    """A layer or vertex: its name, what comes in, DL4J's class of the preprocessor in front ("" for none), and its place for messages."""

    name: str
    sources: tuple[str, ...]
    content: Layer | GraphVertex
    between: str
    where: str


def series(steps: Sequence[Step]) -> set[str]:
    """The names of values, those that come in among them, that are time series since something behind them needs one."""
    found: set[str] = set()
    for step in reversed(steps):
        if step.between in OF_TIME or _needs_series(step.content) or (step.name in found and _passes(step.content)):
            found.update(step.sources)
        refers = None if isinstance(step.content, Layer) else step.content.refers_to
        found.update(() if refers is None else (refers,))
    return found


def check_outputs(steps: Sequence[Step], timed: Collection[str]) -> None:
    """UnsupportedError for an output layer that takes the steps of a series as rows; ``timed``: which of what comes in are series."""
    found = set(timed)
    for step in steps:
        comes = any(source in found for source in step.sources)
        if comes and step.content.tag() in OF_STEPS:
            other = OF_STEPS[step.content.tag()]
            raise UnsupportedError(
                step.where,
                f"{step.content.tag()} behind a time series",
                f"its outputs and labels are [N·T, C] in DL4J, each step a row. {other} computes the same at each step: in DL4J put one in "
                "its place, with no preprocessor in front, set the trained parameters by net.setParams(old.params()), and save that",
            )
        if isinstance(step.content, DuplicateToTimeSeriesVertex) or (comes and not _ends(step.content)):
            found.add(step.name)


def as_series(flow: InputType | None, is_series: bool) -> InputType | None:
    """``flow``, vectors as a time series where they are steps of one."""
    return InputType.recurrent(flow.size) if is_series and isinstance(flow, FeedForwardInput) and not flow.has_time else flow


def of_ids(layer: Layer, is_series: bool) -> Layer:
    """``layer``, an embedding of one id as that of a series of them, whose parameters are the same."""
    if not is_series or not isinstance(layer, EmbeddingLayer):
        return layer
    fields: dict[str, Any] = {name: getattr(layer, name) for name in type(layer).model_fields if name != "type"}
    return EmbeddingSequenceLayer(**fields)


def start_of_row(layers: Sequence[Any]) -> InputType | None:
    """What the first layer that tells it takes, behind layers that change no width; they are not filled yet."""
    for layer in layers:
        if layer.n_in is not None:
            return _start(layer)
        if not isinstance(layer, SameWidth):
            return None
    return None


def _start(layer: Any) -> InputType | None:
    """What the layer takes; None where it does not tell, as of images, which the configuration tells then."""
    try:
        start: InputType | None = layer.starting_type()
    except ConfigurationError:
        return None
    return start


def _needs_series(content: Layer | GraphVertex) -> bool:
    return content.needs_time if isinstance(content, Layer) else isinstance(content, (LastTimeStepVertex, ReverseTimeSeriesVertex))


def _passes(content: Layer | GraphVertex) -> bool:
    """Whether what comes in is a series where what goes out is one."""
    if isinstance(content, Layer):
        return isinstance(content, EmbeddingLayer) or (isinstance(content, SingleLayer) and content.takes_time is None)
    if isinstance(content, PreprocessorVertex):
        return content.preprocessor.tag() in OF_TIME
    return not isinstance(content, (DuplicateToTimeSeriesVertex, LastTimeStepVertex))


def _ends(content: Layer | GraphVertex) -> bool:
    return ends_time(content) if isinstance(content, Layer) else isinstance(content, LastTimeStepVertex)
