"""Vertices of graphs, from ours to DL4J's JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnngraph.conf.vertices import GraphVertex
from rnngraph.dl4j.writing.problems import require
from rnngraph.dl4j.writing.spots import preprocessor_json
from rnngraph.dl4j.writing.text import Json, object_

PACKAGE = "org.deeplearning4j.nn.conf.graph"
VERTICES: Mapping[str, tuple[str, Callable[[Any], Json]]] = {
    "DuplicateToTimeSeriesVertex": (f"{PACKAGE}.rnn", lambda v: {"inputName": v.input}),
    "ElementWiseVertex": (PACKAGE, lambda v: {"op": v.op.capitalize()}),
    "L2NormalizeVertex": (PACKAGE, lambda v: {"dimension": None, "eps": v.epsilon}),
    "LastTimeStepVertex": (f"{PACKAGE}.rnn", lambda v: {"maskArrayInputName": v.input}),
    "MergeVertex": (PACKAGE, lambda v: {"mergeAxis": 1, "modified": False}),
    "PreprocessorVertex": (PACKAGE, lambda v: {"preProcessor": preprocessor_json(v.preprocessor)}),
    "ReverseTimeSeriesVertex": (f"{PACKAGE}.rnn", lambda v: {"maskArrayInputName": v.input}),
    "ScaleVertex": (PACKAGE, lambda v: {"scaleFactor": v.factor}),
    "ShiftVertex": (PACKAGE, lambda v: {"shiftFactor": v.shift}),
    "StackVertex": (PACKAGE, lambda v: {}),
    "SubsetVertex": (PACKAGE, lambda v: {"from": v.first, "to": v.last}),
    "UnstackVertex": (PACKAGE, lambda v: {"from": v.index, "stackSize": v.count}),
}
"""By class: its package, and what it says."""


def vertex_json(vertex: GraphVertex, where: str) -> Json:
    """A vertex. NotInDL4JError for one that DL4J lacks."""
    kind = vertex.tag()
    require(kind, VERTICES, where, "vertex")
    package, fields = VERTICES[kind]
    return object_(package, kind, fields(vertex))
