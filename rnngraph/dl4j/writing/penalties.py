"""Penalties, gradient normalisation and constraints, from ours to DL4J's JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rnngraph.conf import Constraint, FixedSchedule, Layer
from rnngraph.conf.layers import innermost
from rnngraph.dl4j.layouts import BIAS_KEYS
from rnngraph.dl4j.penalties import _EPSILON, _KINDS, _NUMBERS
from rnngraph.dl4j.writing.problems import require
from rnngraph.dl4j.writing.text import Json, object_
from rnngraph.dl4j.writing.updaters import schedule_json


def regularization_json(layer: Layer, suffix: str = "") -> list[Json]:
    """The penalties of a layer's weights, or with ``_bias`` behind their names of its biases; none of what is 0."""
    found = []
    for kind, (name, field) in _KINDS.items():
        amount = getattr(layer, name + suffix, 0.0)
        if amount:
            fields: Json = {field: schedule_json(FixedSchedule(amount), "")}
            if name == "weight_decay":
                fields["applyLR"] = getattr(layer, f"{name}{suffix}_apply_lr")
            found.append(object_("org.nd4j.linalg.learning.regularization", kind, fields))
    return found


def gradient_normalization_json(layer: Layer) -> Json:
    """Mode and threshold; those of the layer inside for a wrapper."""
    held: Any = innermost(layer)
    words = getattr(held, "gradient_normalization", "none").split("_")
    return {
        "gradientNormalization": "".join(map(str.capitalize, words)),
        "gradientNormalizationThreshold": getattr(held, "gradient_normalization_threshold", 1.0),
    }


def constraints_json(constraints: Iterable[Constraint] | None, keys: Sequence[str], where: str) -> list[Json] | None:
    """The constraints of a layer whose parameters have DL4J's ``keys``. NotInDL4JError for one that DL4J lacks."""
    return [_constraint(one, [k for k in keys if _acts_on(one.on, k)], where) for one in constraints or ()] or None


def _acts_on(on: str, key: str) -> bool:
    is_bias, undirected = key in BIAS_KEYS, re.sub("[FB]$", "", key)
    return {
        "all": True,
        "biases": is_bias,
        "weights": not is_bias,
        "input_weights": undirected == "W",
        "recurrent_weights": undirected == "RW",
    }[on]


def _constraint(constraint: Constraint, params: list[str], where: str) -> Json:
    kind, dimensions = constraint.tag(), getattr(constraint, "dimensions", None)
    require(kind, _NUMBERS, where, "constraint")
    fields = {theirs: getattr(constraint, ours) for theirs, ours in _NUMBERS[kind].items()}
    given = {"dimensions": None if dimensions is None else list(dimensions), "epsilon": _EPSILON, "params": sorted(params, key=_bucket)}
    return object_("org.deeplearning4j.nn.conf.constraint", kind, {**fields, **given})


def _bucket(text: str) -> int:
    """Where Java's HashSet of a few texts keeps this one, which is the order of its list."""
    code = 0
    for letter in text:
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    return (code ^ code >> 16) & 15
