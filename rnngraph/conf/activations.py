"""The activations' names, for layers and gates; what they compute stands in ``rnngraph.ir.activations``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rnngraph.conf.names import spell

ACTIVATIONS = ("elu", "hardsigmoid", "identity", "rationaltanh", "relu", "sigmoid", "softmax", "softsign", "tanh")

FOREIGN = (
    "cube", "gelu", "hardtanh", "leakyrelu", "mish", "rectifiedtanh", "relu6", "rrelu", "selu", "softplus", "swish", "thresholdedrelu",
)  # fmt: skip
"""DL4J's that are not there yet: the nearest of those above would be another function."""

PROBABILITIES = ("hardsigmoid", "sigmoid", "softmax")
"""Those whose values lie in [0, 1]."""

ActivationName = Annotated[
    str, BeforeValidator(lambda v: spell(v, ACTIVATIONS, foreign=FOREIGN)), WithJsonSchema({"type": "string", "enum": list(ACTIVATIONS)})
]
