"""Weight initialisers: the distributions that DL4J's names stand for (``org.deeplearning4j.nn.weights.WeightInit``).

Which fans a weight has is its layer's matter; both matrices of an LSTM have fan_in = n_out and fan_out = n_in + n_out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

Array = NDArray[np.float64]
Shape = tuple[int, ...]
Draw = Callable[[Shape, float, float, np.random.Generator], Array]
"""(shape, fan_in, fan_out, generator) -> weights."""


def _normal(deviation: Callable[[float, float], float]) -> Draw:
    """Normal with mean 0."""
    return lambda shape, i, o, generator: generator.normal(0.0, deviation(i, o), shape)


def _uniform(bound: Callable[[float, float], float]) -> Draw:
    """Uniform between -bound and bound."""
    return lambda shape, i, o, generator: generator.uniform(-bound(i, o), bound(i, o), shape)


INITIALIZERS: Mapping[str, Draw] = {
    "xavier": _normal(lambda i, o: sqrt(2 / (i + o))),
    "xavier_uniform": _uniform(lambda i, o: sqrt(6 / (i + o))),
    "xavier_fan_in": _normal(lambda i, o: 1 / sqrt(i)),
    "lecun_normal": _normal(lambda i, o: 1 / sqrt(i)),
    "lecun_uniform": _uniform(lambda i, o: 3 / sqrt(i)),  # DL4J's: LeCun's own bound is sqrt(3 / fan_in)
    "normal": _normal(lambda i, o: 1 / sqrt(i)),
    "uniform": _uniform(lambda i, o: 1 / sqrt(i)),
    "relu": _normal(lambda i, o: sqrt(2 / i)),
    "relu_uniform": _uniform(lambda i, o: sqrt(6 / i)),
    "sigmoid_uniform": _uniform(lambda i, o: 4 * sqrt(6 / (i + o))),
    "var_scaling_uniform_fan_in": _uniform(lambda i, o: 3 / sqrt(i)),
    "var_scaling_uniform_fan_out": _uniform(lambda i, o: 3 / sqrt(o)),
    "var_scaling_uniform_fan_avg": _uniform(lambda i, o: 3 / sqrt((i + o) / 2)),
    "zero": lambda shape, i, o, generator: np.zeros(shape),
    "ones": lambda shape, i, o, generator: np.ones(shape),
}

FOREIGN = (
    "distribution", "identity", "var_scaling_normal_fan_avg", "var_scaling_normal_fan_in", "var_scaling_normal_fan_out", "xavier_legacy",
)  # fmt: skip
"""DL4J's that are not there yet: the nearest of those above would be another distribution."""

InitializerName = Annotated[
    str, BeforeValidator(lambda v: spell(v, INITIALIZERS, foreign=FOREIGN)), WithJsonSchema({"type": "string", "enum": list(INITIALIZERS)})
]


def draw(name: str, shape: Shape, fan_in: int, fan_out: int, generator: np.random.Generator) -> Array:
    """Weights of ``shape`` in float64 as initialiser ``name`` draws them. Raises ConfigurationError for a name that does not exist."""
    try:
        return INITIALIZERS[spell(name, INITIALIZERS, foreign=FOREIGN)](shape, fan_in, fan_out, generator)
    except ValueError as error:
        raise ConfigurationError(f"initialiser {name!r}: {error}") from None
