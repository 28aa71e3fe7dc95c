"""The activations' names, for layers and gates; what they compute stands in ``rnngraph.ir.activations``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rnngraph.conf.names import spell

ACTIVATIONS = ("elu", "hardsigmoid", "identity", "rationaltanh", "relu", "sigmoid", "softmax", "softsign", "tanh")

PROBABILITIES = ("hardsigmoid", "sigmoid", "softmax")
"""Those whose values lie in [0, 1]."""

ActivationName = Annotated[
    str, BeforeValidator(lambda v: spell(v, ACTIVATIONS)), WithJsonSchema({"type": "string", "enum": list(ACTIVATIONS)})
]
