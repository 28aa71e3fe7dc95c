"""Activations, losses and initialisers, from ours to DL4J's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.conf import Activation, Loss
from rnngraph.conf.initializers import ConstantDistribution, Distribution
from rnngraph.conf.losses import CLIP_EPS, with_options
from rnngraph.dl4j import activations, initializers, losses
from rnngraph.dl4j.writing.problems import require
from rnngraph.dl4j.writing.text import Json, object_

ACTIVATIONS = {ours: theirs for theirs, ours in activations.NAMES.items()}
LOSSES = {ours: theirs for theirs, ours in losses.NAMES.items()}
INITIALIZERS = {ours: theirs for theirs, ours in initializers.NAMES.items()}
SAME_AS_NORMAL = ("lecun_normal", "xavier_fan_in")
CONSTANTS = {"zero": 0.0, "ones": 1.0}
DISTRIBUTIONS: Mapping[str, Mapping[str, str]] = {
    ours: {field: theirs for theirs, field in fields.items()} for ours, fields in initializers.DISTRIBUTIONS.values()
}
"""By our type: DL4J's names of its fields by ours."""
OTHERWISE_NULL = frozenset({"relu"})
"""Activations whose parameters DL4J leaves open where nobody gave them."""


def activation_json(activation: str | Activation, where: str) -> Json:
    """An activation. NotInDL4JError for one that DL4J lacks, as a user's own."""
    name = activation if isinstance(activation, str) else activation.tag().lower()
    given = None if isinstance(activation, str) else activation
    require(name, ACTIVATIONS, where, "activation")
    fields: Json = {}
    for theirs, (ours, usual) in activations.PARAMETERS.get(name, {}).items():
        value: Any = getattr(given, ours, usual)
        fields[theirs] = None if name in OTHERWISE_NULL and value in (usual, None) else float(value)
    if name == "gelu":
        fields["precise"] = bool(getattr(given, "precise", False))
    return object_("org.nd4j.linalg.activations.impl", ACTIVATIONS[name], fields)


def loss_json(loss: str | Loss, data_type: str) -> Json:
    """A loss; ``data_type`` is ND4J's name for that of its weights."""
    chosen, fields = with_options(loss), dict[str, Any]()
    if chosen.name in CLIP_EPS:
        key = "clipEps" if chosen.name == "xent" else "softmaxClipEps"
        fields[key] = CLIP_EPS[chosen.name] if chosen.clip_eps is None else chosen.clip_eps
    if chosen.weights is not None:
        fields["weights"] = {"dataType": data_type, "shape": [1, len(chosen.weights)], "data": list(chosen.weights)}
    return object_("org.nd4j.linalg.lossfunctions.impl", LOSSES[chosen.name], fields)


def initializer_json(initializer: str | Distribution, where: str) -> Json:
    """An initialiser of weights. NotInDL4JError for a distribution that DL4J lacks."""
    package = "org.deeplearning4j.nn.weights"
    if isinstance(initializer, ConstantDistribution):
        return object_(package, "WeightInitConstant", {"value": initializer.value})
    if isinstance(initializer, Distribution):
        return object_(package, "WeightInitDistribution", {"distribution": distribution_json(initializer, where)})
    if initializer in CONSTANTS:
        return object_(package, "WeightInitConstant", {"value": CONSTANTS[initializer]})
    return object_(package, INITIALIZERS["normal" if initializer in SAME_AS_NORMAL else initializer], {})


def distribution_json(distribution: Distribution, where: str) -> Json:
    """A distribution, whose class stands under ``type``. NotInDL4JError for one that DL4J lacks."""
    kind = distribution.tag()
    require(kind, DISTRIBUTIONS, where, "distribution")
    fields = {theirs: getattr(distribution, ours) for ours, theirs in sorted(DISTRIBUTIONS[kind].items(), key=lambda f: f[1])}
    return {"type": f"org.deeplearning4j.nn.conf.distribution.{kind}", **fields}
