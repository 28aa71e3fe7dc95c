"""Weight initialisers: DL4J's names (``org.deeplearning4j.nn.weights.WeightInit``), or a distribution as an object.

Which fans a weight has is its layer's matter; both matrices of an LSTM have fan_in = n_out and fan_out = n_in + n_out. All numbers come
from numpy's generator and arithmetic whose order is fixed, no linear algebra library: a seed gives the same network on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rnngraph.conf.family import PLACE, Family, choices, member
from rnngraph.conf.fields import Count, NonNegative, Positive, Probability, Real
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError
from rnngraph.names import shown

Array = NDArray[np.float64]
Shape = tuple[int, ...]
Draw = Callable[[Shape, float, float, np.random.Generator], Array]
"""(shape, fan_in, fan_out, generator) -> weights."""


def truncated_normal(shape: Shape, generator: np.random.Generator) -> Array:
    """Standard normal numbers within two standard deviations; those outside are drawn anew."""
    drawn = generator.normal(0.0, 1.0, shape)
    outside = np.abs(drawn) > 2.0
    while outside.any():
        drawn[outside] = generator.normal(0.0, 1.0, int(outside.sum()))
        outside = np.abs(drawn) > 2.0
    return drawn


def orthogonal(shape: Shape, generator: np.random.Generator) -> Array:
    """A matrix [rows, everything else] whose rows, or where there are more rows than columns whose columns, are orthonormal.

    The modified Gram-Schmidt process over normal numbers, in elementwise operations whose order is fixed: a matrix product or a
    decomposition would give other last bits on other machines.
    """
    rows, columns = shape[0], prod(shape[1:])
    few, many = sorted((rows, columns))
    vectors = generator.normal(0.0, 1.0, (few, many))
    for k in range(few):
        vectors[k] /= np.sqrt(_sums(vectors[k : k + 1] * vectors[k : k + 1]))[0]
        rest = vectors[k + 1 :]
        rest -= _sums(rest * vectors[k])[:, None] * vectors[k]
    return (vectors if rows <= columns else vectors.T).reshape(shape)


def _sums(terms: Array) -> Array:
    """The sum of each row, by halves: an order that no library chooses."""
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        odd = terms[:, 2 * half :]
        terms = terms[:, :half] + terms[:, half : 2 * half]
        terms = np.concatenate([terms, odd], axis=1) if odd.shape[1] else terms
    return terms[:, 0]


def _identity(shape: Shape, fan_in: float, fan_out: float, generator: np.random.Generator) -> Array:
    """A matrix's diagonal of ones; in a convolution's kernel [O, I, ...] the identity in its middle."""
    if len(shape) < 2 or shape[0] != shape[1] or any(k % 2 == 0 for k in shape[2:]):
        needs = "a square matrix" if len(shape) < 3 else "as many outputs as inputs and a kernel of odd size"
        remedy = "use 'xavier', or OrthogonalDistribution()"
        raise ConfigurationError(f"'identity' cannot fill a weight of shape {list(shape)}, it needs {needs}; {remedy}")
    out = np.zeros(shape)
    middle = tuple(k // 2 for k in shape[2:])
    for k in range(shape[0]):
        out[(k, k, *middle)] = 1.0
    return out


def _normal(deviation: Callable[[float, float], float]) -> Draw:
    """Normal with mean 0."""
    return lambda shape, i, o, generator: generator.normal(0.0, deviation(i, o), shape)


def _truncated(deviation: Callable[[float, float], float]) -> Draw:
    """Normal with mean 0, cut off at two standard deviations (which makes its own smaller by the factor 0.88)."""
    return lambda shape, i, o, generator: deviation(i, o) * truncated_normal(shape, generator)


def _uniform(bound: Callable[[float, float], float]) -> Draw:
    """Uniform between -bound and bound."""
    return lambda shape, i, o, generator: generator.uniform(-bound(i, o), bound(i, o), shape)


INITIALIZERS: Mapping[str, Draw] = {
    "xavier": _normal(lambda i, o: sqrt(2 / (i + o))),
    "xavier_uniform": _uniform(lambda i, o: sqrt(6 / (i + o))),
    "xavier_fan_in": _normal(lambda i, o: 1 / sqrt(i)),
    "xavier_legacy": lambda shape, i, o, generator: generator.normal(0.0, 1 / sqrt(sum(shape[:2])), shape),
    "lecun_normal": _normal(lambda i, o: 1 / sqrt(i)),
    "lecun_uniform": _uniform(lambda i, o: 3 / sqrt(i)),  # DL4J's: LeCun's own bound is sqrt(3 / fan_in)
    "normal": _normal(lambda i, o: 1 / sqrt(i)),
    "uniform": _uniform(lambda i, o: 1 / sqrt(i)),
    "relu": _normal(lambda i, o: sqrt(2 / i)),
    "relu_uniform": _uniform(lambda i, o: sqrt(6 / i)),
    "sigmoid_uniform": _uniform(lambda i, o: 4 * sqrt(6 / (i + o))),
    "var_scaling_normal_fan_in": _truncated(lambda i, o: 1 / sqrt(i)),
    "var_scaling_normal_fan_out": _truncated(lambda i, o: 1 / sqrt(o)),
    "var_scaling_normal_fan_avg": _truncated(lambda i, o: sqrt(2 / (i + o))),
    "var_scaling_uniform_fan_in": _uniform(lambda i, o: 3 / sqrt(i)),
    "var_scaling_uniform_fan_out": _uniform(lambda i, o: 3 / sqrt(o)),
    "var_scaling_uniform_fan_avg": _uniform(lambda i, o: 3 / sqrt((i + o) / 2)),
    "identity": _identity,
    "zero": lambda shape, i, o, generator: np.zeros(shape),
    "ones": lambda shape, i, o, generator: np.ones(shape),
}


class Distribution(Family):
    """Base of the distributions from which weights may be drawn, whatever their fans: ``weight_init=NormalDistribution(0.0, 0.01)``."""

    noun: ClassVar[str] = "a distribution"

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Weights of ``shape`` in float64."""
        raise NotImplementedError


class NormalDistribution(Distribution):
    """Normal (Gaussian)."""

    positional: ClassVar[tuple[str, ...]] = ("mean", "std")

    type: Literal["NormalDistribution"] = "NormalDistribution"
    mean: Real = Field(default=0.0, kw_only=False, description="mean")
    std: NonNegative = Field(default=1.0, kw_only=False, description="standard deviation")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Normal numbers."""
        return generator.normal(self.mean, self.std, shape)


class TruncatedNormalDistribution(Distribution):
    """Normal, cut off at two standard deviations from the mean; ``std`` is that of the normal distribution before the cut."""

    positional: ClassVar[tuple[str, ...]] = ("mean", "std")

    type: Literal["TruncatedNormalDistribution"] = "TruncatedNormalDistribution"
    mean: Real = Field(default=0.0, kw_only=False, description="mean")
    std: NonNegative = Field(default=1.0, kw_only=False, description="standard deviation before the cut")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Normal numbers, those outside drawn anew."""
        return self.mean + self.std * truncated_normal(shape, generator)


class LogNormalDistribution(Distribution):
    """``e^x`` of normal x with this mean and standard deviation."""

    positional: ClassVar[tuple[str, ...]] = ("mean", "std")

    type: Literal["LogNormalDistribution"] = "LogNormalDistribution"
    mean: Real = Field(default=0.0, kw_only=False, description="mean of the logarithm")
    std: NonNegative = Field(default=1.0, kw_only=False, description="standard deviation of the logarithm")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Numbers above 0."""
        return generator.lognormal(self.mean, self.std, shape)


class UniformDistribution(Distribution):
    """Uniform between ``lower`` and ``upper``."""

    positional: ClassVar[tuple[str, ...]] = ("lower", "upper")

    type: Literal["UniformDistribution"] = "UniformDistribution"
    lower: Real = Field(default=0.0, kw_only=False, description="smallest value")
    upper: Real = Field(default=1.0, kw_only=False, description="largest value")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ConfigurationError(f"UniformDistribution: lower={self.lower:g} is not below upper={self.upper:g}; give the smaller first")
        return self

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Uniform numbers."""
        return generator.uniform(self.lower, self.upper, shape)


class BinomialDistribution(Distribution):
    """How many of ``trials`` succeed, each with ``probability``."""

    positional: ClassVar[tuple[str, ...]] = ("trials", "probability")

    type: Literal["BinomialDistribution"] = "BinomialDistribution"
    trials: Count = Field(default=1, kw_only=False, description="number of trials")
    probability: Probability = Field(default=0.5, kw_only=False, description="probability of a success")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Whole numbers."""
        return generator.binomial(self.trials, self.probability, shape).astype(np.float64)


class OrthogonalDistribution(Distribution):
    """``gain`` times a matrix with orthonormal rows, or columns where those are fewer (Saxe, McClelland and Ganguli 2014)."""

    positional: ClassVar[tuple[str, ...]] = ("gain",)

    type: Literal["OrthogonalDistribution"] = "OrthogonalDistribution"
    gain: Positive = Field(default=1.0, kw_only=False, description="length of the rows")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Of a kernel [O, I, ...] the matrix [O, I · ...]."""
        return self.gain * orthogonal(shape, generator)


class ConstantDistribution(Distribution):
    """The same number everywhere."""

    positional: ClassVar[tuple[str, ...]] = ("value",)

    type: Literal["ConstantDistribution"] = "ConstantDistribution"
    value: Real = Field(default=0.0, kw_only=False, description="the number")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """All equal."""
        return np.full(shape, self.value)


class _Chosen:
    """Takes a name, a :class:`Distribution`, or a mapping with ``type``."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(chosen)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": list(INITIALIZERS)}, {PLACE: Distribution}]}


InitializerName = Annotated[str | Distribution, _Chosen()]
"""The type of a field that holds an initialiser."""


def chosen(value: object) -> str | Distribution:
    """``value`` as a name of an initialiser or as a distribution. Raises ValueError that offers the nearest names."""
    objects = ", ".join(choices(Distribution))
    if isinstance(value, str):
        if value.lower() == "distribution":
            raise ValueError(f"expected the distribution itself ({objects}), as NormalDistribution(0.0, 0.01)")
        return spell(value, INITIALIZERS)
    if isinstance(value, type) and issubclass(value, Distribution):
        raise ValueError(f"expected an initialiser's name or a distribution; this is the class, write {value.__name__}(...)")
    if isinstance(value, (Distribution, dict)):
        return member(Distribution, value)
    raise ValueError(f"expected one of {', '.join(INITIALIZERS)}, as a string, or a distribution ({objects})")


def draw(
    initializer: str | Distribution, shape: Shape, fan_in: float, fan_out: float, generator: np.random.Generator, sides: int | None = None
) -> Array:
    """Weights of ``shape`` in float64 as the initialiser draws them.

    ``sides`` is the sum of rows and columns of the matrix in DL4J of which these weights are a part, where they are: xavier_legacy goes by
    it. Raises ConfigurationError for a name that does not exist, and for a shape that the initialiser cannot fill.
    """
    if isinstance(initializer, Distribution):
        return initializer.draw(shape, generator)
    try:
        name = spell(initializer, INITIALIZERS)
    except ValueError as error:
        raise ConfigurationError(f"initialiser {shown(initializer)}: {error}") from None
    drawn = INITIALIZERS[name](shape, fan_in, fan_out, generator)
    return drawn * sqrt(sum(shape[:2]) / sides) if sides is not None and name == "xavier_legacy" else drawn
