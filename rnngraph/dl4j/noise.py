"""Noise in training: dropout (``org.deeplearning4j.nn.conf.dropout``) and weight noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.support import accepted

FIELDS: Mapping[str, Mapping[str, str]] = {
    "AlphaDropout": {"p": "retain"},
    "Dropout": {"p": "retain"},
    "GaussianDropout": {"rate": "rate"},
    "GaussianNoise": {"stddev": "std"},
    "SpatialDropout": {"p": "retain"},
}
"""Fields by class and DL4J's name. DL4J's p is the probability with which a unit is kept."""


def dropout(layer: Node) -> Any:
    """The dropout of a layer's input, as our layers hold it; None where there is none. UnsupportedError for one that rnngraph lacks."""
    if not layer.has("idropout"):
        return None
    node = layer.node("idropout")
    if node.kind not in FIELDS or any(key.endswith("chedule") and value is not None for key, value in node.values.items()):
        raise UnsupportedError(layer.where, f"dropout {node.kind} with a schedule" if node.kind in FIELDS else f"dropout {node.kind}")
    value = {"type": node.kind, **{ours: node.number(theirs, 0.0) for theirs, ours in FIELDS[node.kind].items()}}
    holder = "DropoutLayer" if layer.kind == "DropoutLayer" else "DenseLayer"
    return accepted("dropout", value, f"dropout {node.kind}", layer.where, holder)


def refuse_weight_noise(layer: Node) -> None:
    """UnsupportedError for noise on weights."""
    if layer.has("weightNoise"):
        raise UnsupportedError(layer.where, f"weight noise {layer.node('weightNoise').kind}")
