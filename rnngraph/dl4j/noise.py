"""Noise in training: dropout (``org.deeplearning4j.nn.conf.dropout``) and weight noise (``org.deeplearning4j.nn.conf.weightnoise``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.initializers import distribution
from rnngraph.dl4j.support import accepted, has_field
from rnngraph.dl4j.updaters import schedule

Names = tuple[str, ...]

DROPOUT: Mapping[str, tuple[str, Names, Names]] = {
    "AlphaDropout": ("retain", ("p",), ("pschedule", "pSchedule")),
    "Dropout": ("retain", ("p",), ("pschedule", "pSchedule")),
    "GaussianDropout": ("rate", ("rate",), ("rateSchedule",)),
    "GaussianNoise": ("std", ("stddev",), ("stddevSchedule",)),
    "SpatialDropout": ("retain", ("p",), ("pschedule", "pSchedule")),
}
"""By class: our field, and DL4J's names of it and of its schedule. DL4J's p is the probability with which a unit is kept."""

DROP_CONNECT = ("retain", ("weightRetainProb", "weightRetainProbability"), ("weightRetainProbSchedule",))

ALPHA = {"alpha": 1.6732632423543772, "lambda": 1.0507009873554804}
"""The constants of SELU, which DL4J lets a user of AlphaDropout change."""

UNDISTURBED = frozenset({"Convolution1DLayer", "EmbeddingLayer", "EmbeddingSequenceLayer", "GravesBidirectionalLSTM"})
"""Layers of DL4J that hold the network's dropout and weight noise and do not apply them."""


def dropout(layer: Node) -> Any:
    """The dropout of a layer's input, as our layers hold it; None where there is none, or DL4J's layer of that class applies none.

    UnsupportedError for a kind that rnngraph lacks.
    """
    if not layer.has("idropout") or layer.kind in UNDISTURBED or not has_field(layer.kind, "dropout"):
        return None
    node = layer.node("idropout")
    element = f"dropout {node.kind}"
    if node.kind not in DROPOUT:
        raise UnsupportedError(layer.where, element)
    for key, usual in ALPHA.items():
        if node.number(key, usual) != usual:
            raise UnsupportedError(layer.where, f"{element} with {key} {node.values[key]}")
    holder = "DropoutLayer" if layer.kind == "DropoutLayer" else "DenseLayer"
    return _accepted("dropout", {"type": node.kind}, node, DROPOUT[node.kind], element, layer.where, holder)


def weight_noise(layer: Node) -> Any:
    """The noise on a layer's weights, as our layers hold it; None where there is none, or DL4J's layer of that class applies none.

    UnsupportedError for a kind that rnngraph lacks.
    """
    if not layer.has("weightNoise") or layer.kind in UNDISTURBED or not has_field(layer.kind, "weight_noise"):
        return None
    node = layer.node("weightNoise")
    element = f"weight noise {node.kind}"
    if node.kind == "DropConnect":
        value: dict[str, Any] = {"type": node.kind, "apply_to_biases": node.flag("applyToBiases")}
        return _accepted("weight_noise", value, node, DROP_CONNECT, element, layer.where)
    if node.kind != "WeightNoise":
        raise UnsupportedError(layer.where, element)
    return accepted(
        "weight_noise",
        {
            "type": node.kind,
            "distribution": distribution(node.node("distribution"), layer.where),
            "apply_to_biases": node.flag("applyToBias"),
            "additive": node.flag("additive", True),
        },
        element,
        layer.where,
    )


def _accepted(
    field: str, value: dict[str, Any], node: Node, rate: tuple[str, Names, Names], element: str, where: str, holder: str = "DenseLayer"
) -> Any:
    """``value`` with its rate, or the schedule in its place, as our layers hold it in ``field``."""
    ours, numbers, schedules = rate
    scheduled = next((key for key in schedules if node.has(key)), None)
    if scheduled is None:
        key = next((key for key in numbers if node.has(key)), numbers[0])
        value[ours] = node.needed_number(key, "and no schedule stands in its place")
    else:
        value[ours] = schedule(node.node(scheduled))
        element += f" with {value[ours]['type']}"
    return accepted(field, value, element, where, holder)
