"""Activations: ``org.nd4j.linalg.activations.impl``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.support import accepted

NAMES: Mapping[str, str] = {
    "ActivationCube": "cube",
    "ActivationELU": "elu",
    "ActivationGELU": "gelu",
    "ActivationHardSigmoid": "hardsigmoid",
    "ActivationHardTanH": "hardtanh",
    "ActivationIdentity": "identity",
    "ActivationLReLU": "leakyrelu",
    "ActivationMish": "mish",
    "ActivationRReLU": "rrelu",
    "ActivationRationalTanh": "rationaltanh",
    "ActivationReLU": "relu",
    "ActivationReLU6": "relu6",
    "ActivationRectifiedTanh": "rectifiedtanh",
    "ActivationSELU": "selu",
    "ActivationSigmoid": "sigmoid",
    "ActivationSoftPlus": "softplus",
    "ActivationSoftSign": "softsign",
    "ActivationSoftmax": "softmax",
    "ActivationSwish": "swish",
    "ActivationTanH": "tanh",
    "ActivationThresholdedReLU": "thresholdedrelu",
}
"""DL4J's classes and our names."""

PARAMETERS: Mapping[str, Mapping[str, tuple[str, float | None]]] = {
    "elu": {"alpha": ("alpha", 1.0)},
    "leakyrelu": {"alpha": ("alpha", 0.01)},
    "relu": {"max": ("max", None), "threshold": ("threshold", 0.0), "negativeSlope": ("negative_slope", 0.0)},
    "rrelu": {"l": ("lower", 1 / 8), "u": ("upper", 1 / 3)},
    "thresholdedrelu": {"theta": ("theta", 1.0)},
}
"""Parameters by DL4J's name: ours, and the value that goes without saying."""


def activation(layer: Node, key: str) -> Any:
    """The activation that field ``key`` of a layer holds, as our layers hold it. UnsupportedError for one that rnngraph lacks."""
    node = layer.node(key)
    name = NAMES.get(node.kind)
    if name is None:
        raise UnsupportedError(layer.where, f"activation {node.kind}")
    given: dict[str, Any] = {}
    for theirs, (ours, usual) in PARAMETERS.get(name, {}).items():
        if node.has(theirs) and node.number(theirs, 0.0) != usual:
            given[ours] = node.number(theirs, 0.0)
    if name == "gelu" and node.flag("precise"):
        given["precise"] = True
    element = f"activation {name}" + (f" with {', '.join(given)}" if given else "")
    return accepted("activation", {"type": name, **given} if given else name, element, layer.where)
