"""Activations in the representation: one op whose ``name`` spells the activation and its parameters, as in ``leakyrelu(alpha=0.2)``.

:func:`lookup` finds what a name means: the formula in primitives, and the derivative or, for activations of a whole row, the pullback.
A backend may have an op of its own for an activation; where it has none it uses the primitives. :func:`register_activation` adds one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from rnngraph.errors import ConfigurationError, GraphError
from rnngraph.ir import cell, formulas
from rnngraph.ir.graph import Block, Value
from rnngraph.ir.ops import OPS
from rnngraph.ir.types import floats, symbol
from rnngraph.names import squeezed

Parameter = float | bool | None
Formula = Callable[[Value], Value]
Slope = Callable[[Value, Value], "Value | float"]


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation with its parameters."""

    name: str
    """What it is called without its parameters."""
    primitives: Formula
    derivative: Slope | None = None
    """``(x, y)`` -> dy/dx; without one it is derived from the primitives."""
    uses_x: bool = False
    """Whether the derivative reads x and not y alone."""
    saturates: bool = False
    """Whether it is exactly 0 and 1 for large negative and positive x, as mask weights need."""
    pullback: Callable[[Value, Value], Value] | None = None
    """For activations of a whole row: the gradient of x from y and the gradient of y."""
    single: Formula | None = None
    """Shorter primitives, exact enough for float32 alone."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    own: bool = False
    """Whether a user registered it: no backend has an op for it."""

    @cached_property
    def traced(self) -> tuple[Block, Value]:
        """The primitives as a block, which has one result, and its argument x [M, F]."""
        block = Block()
        x = block.argument("x", floats(symbol("M"), symbol("F")))
        block.results = [self.primitives(x)]
        return block, x

    @cached_property
    def elementwise(self) -> bool:
        """Whether each value of y depends on one value of x alone."""
        inner = (n for n in self.traced[0].nodes if n.op == "activation")
        mixing = {"sum", "sum_to", "split", "concat", "take", "place", "linear", "linear_t", "outer_sum"}
        return not any(n.op in mixing for n in self.traced[0].nodes) and all(lookup(n.attributes["name"]).elementwise for n in inner)

    @cached_property
    def invariant(self) -> bool:
        """Whether its bits are independent of T and N in onnxruntime on the CPU, as those of all built-in ones are."""
        inner = (n for n in self.traced[0].nodes if n.op == "activation")
        return all(OPS[n.op].invariant for n in self.traced[0].nodes) and all(lookup(n.attributes["name"]).invariant for n in inner)


def _elu(alpha: float) -> Activation:
    return Activation("elu", partial(formulas.elu, alpha=alpha), partial(formulas.elu_slope, alpha=alpha))


def _leakyrelu(alpha: float) -> Activation:
    slope = partial(formulas.leaky_slope, slope=alpha)
    return Activation("leakyrelu", partial(formulas.leaky, slope=alpha), slope, uses_x=alpha <= 0.0)


def _rrelu(lower: float, upper: float) -> Activation:
    """With the mean slope, which is what it is at inference."""
    return replace(_leakyrelu((lower + upper) / 2.0), name="rrelu")


def _relu(max: float | None, threshold: float, negative_slope: float) -> Activation:
    if max is None and threshold == negative_slope == 0.0:
        return Activation("relu", lambda x: cell.maximum(x, 0.0), lambda x, y: cell.where(cell.greater(y, 0.0), 1.0, 0.0))
    given = {"max": max, "threshold": threshold, "negative_slope": negative_slope}
    return Activation("relu", partial(formulas.relu, **given), partial(formulas.relu_slope, **given), uses_x=True)  # type: ignore[arg-type]


def _thresholdedrelu(theta: float) -> Activation:
    slope = partial(formulas.thresholdedrelu_slope, theta=theta)
    return Activation("thresholdedrelu", partial(formulas.thresholdedrelu, theta=theta), slope, uses_x=theta < 0.0)


def _gelu(precise: bool) -> Activation:
    if precise:
        return Activation("gelu", formulas.gelu_tanh, formulas.gelu_tanh_slope, uses_x=True)
    rate = formulas.GELU_RATE
    return Activation("gelu", partial(formulas.swish, rate=rate), partial(formulas.swish_slope, rate=rate), uses_x=True)


@dataclass(frozen=True)
class _Kind:
    """A built-in activation: how it is made from its parameters, and their defaults."""

    make: Callable[..., Activation]
    defaults: Mapping[str, Parameter] = field(default_factory=dict)

    def __call__(self, **given: Parameter) -> Activation:
        parameters = {**self.defaults, **given}
        return replace(self.make(**parameters), parameters=parameters)


def _plain(activation: Activation) -> _Kind:
    return _Kind(lambda: activation)


_KINDS: dict[str, _Kind] = {
    "cube": _plain(Activation("cube", formulas.cube, formulas.cube_slope, uses_x=True)),
    "elu": _Kind(_elu, {"alpha": 1.0}),
    "gelu": _Kind(_gelu, {"precise": False}),
    "hardsigmoid": _plain(Activation("hardsigmoid", formulas.hardsigmoid, formulas.hardsigmoid_slope, saturates=True)),
    "hardtanh": _plain(Activation("hardtanh", formulas.hardtanh, formulas.hardtanh_slope)),
    "identity": _plain(Activation("identity", lambda x: x, lambda x, y: 1.0)),
    "leakyrelu": _Kind(_leakyrelu, {"alpha": 0.01}),
    "mish": _plain(Activation("mish", formulas.mish, formulas.mish_slope, uses_x=True)),
    "rationaltanh": _plain(Activation("rationaltanh", formulas.rationaltanh, formulas.rationaltanh_slope, uses_x=True)),
    "rectifiedtanh": _plain(Activation("rectifiedtanh", formulas.rectifiedtanh, formulas.rectifiedtanh_slope)),
    "relu": _Kind(_relu, {"max": None, "threshold": 0.0, "negative_slope": 0.0}),
    "relu6": _plain(Activation("relu6", formulas.relu6, formulas.relu6_slope)),
    "rrelu": _Kind(_rrelu, {"lower": 1.0 / 8.0, "upper": 1.0 / 3.0}),
    "selu": _plain(Activation("selu", formulas.selu, formulas.selu_slope)),
    "sigmoid": _plain(Activation("sigmoid", formulas.sigmoid, lambda x, y: y * (1.0 - y), saturates=True)),
    "softmax": _plain(Activation("softmax", formulas.softmax, pullback=formulas.softmax_pullback)),
    "softplus": _plain(
        Activation(
            "softplus",
            partial(formulas.softplus, levels=10),
            formulas.softplus_slope,
            single=partial(formulas.softplus, levels=4),
        )
    ),
    "softsign": _plain(Activation("softsign", formulas.softsign, formulas.softsign_slope)),
    "swish": _plain(Activation("swish", formulas.swish, formulas.swish_slope, uses_x=True)),
    "tanh": _plain(Activation("tanh", formulas.tanh, lambda x, y: 1.0 - y * y)),
    "thresholdedrelu": _Kind(_thresholdedrelu, {"theta": 1.0}),
}

ACTIVATIONS: dict[str, Activation] = {name: kind() for name, kind in _KINDS.items()}
"""DL4J's activations by name, with their default parameters."""

_REGISTERED: dict[str, Activation] = {}
_FOUND: dict[str, Activation] = {}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def names() -> tuple[str, ...]:
    """The names of all activations, those that users registered last."""
    return (*ACTIVATIONS, *_REGISTERED)


def spelled(name: str, **parameters: Parameter) -> str:
    """How nodes spell activation ``name`` with these parameters; what equals the default is left out."""
    defaults = _KINDS[name].defaults
    given = [f"{k}={v!r}" for k, v in parameters.items() if v != defaults[k]]
    return f"{name}({', '.join(given)})" if given else name


def known(spelling: str) -> bool:
    """Whether :func:`lookup` finds it."""
    try:
        lookup(spelling)
    except GraphError:
        return False
    return True


def lookup(name: str) -> Activation:
    """The activation that ``name`` spells. GraphError where there is none."""
    found = _REGISTERED.get(name) or ACTIVATIONS.get(name) or _FOUND.get(name)
    if found is None:
        found = _FOUND[name] = _parsed(name)
    return found


def _parsed(spelling: str) -> Activation:
    name, _, rest = spelling.partition("(")
    if name not in _KINDS or not rest.endswith(")"):
        raise GraphError(f"there is no activation {spelling!r}; there are {', '.join(sorted(names()))}")
    defaults = _KINDS[name].defaults
    try:
        call = ast.parse(spelling, mode="eval").body
        assert isinstance(call, ast.Call)
        given = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise GraphError(f"activation {spelling!r} cannot be read: {error}; write it as name(parameter=number)") from None
    unknown = [k for k in given if k not in defaults]
    if unknown:
        raise GraphError(f"activation {name!r} has no parameter {unknown[0]!r}; it has {', '.join(defaults) or 'none'}")
    return _KINDS[name](**given)


def register_activation(name: str, function: Formula, derivative: Slope | None = None, *, saturates: bool = False) -> None:
    """Add an activation of your own, for layers and gates, in all backends, exported files included.

    ``function`` takes x, a value of the representation, and gives y of the same shape. It is written with arithmetic and the functions of
    ``rnngraph.ir.cell`` (``exp``, ``log``, ``sqrt``, ``absolute``, ``sign``, ``maximum``, ``minimum``, ``where``, ``greater``, ``less``,
    ``sum_last``, and ``activation(x, name="tanh")``), as it stands for any number of axes of which the last holds the features::

        rg.register_activation("tanhshrink", lambda x: x - activation(x, name="tanh"))

    ``derivative(x, y)`` gives dy/dx; left out, it is derived. ``saturates`` says that y is exactly 0 for large negative and exactly 1 for
    large positive x, as gates must for masks at the cost of none. Registering a name again replaces it. A saved configuration holds the
    name alone: register it before loading.

    Raises ConfigurationError for a name that a built-in activation has, and for a function that gives another shape or cannot be
    differentiated.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"register_activation: name={name!r}; expected letters, digits and underscores, beginning with a letter")
    if squeezed(name) in {squeezed(n) for n in ACTIVATIONS}:
        raise ConfigurationError(f"register_activation: {name!r} is the name of a built-in activation; give yours another one")
    new = Activation(name, function, derivative, uses_x=derivative is not None, saturates=saturates, own=True)
    before = next((n for n in _REGISTERED if squeezed(n) == squeezed(name)), None)
    _check(new)
    if before is not None:
        del _REGISTERED[before]
        cell.forget_traces()
    _REGISTERED[name] = new


def _check(new: Activation) -> None:
    """ConfigurationError unless the function can be computed and differentiated."""
    from rnngraph.ir.gradient import check_differentiable

    where = f"register_activation({new.name!r})"
    try:
        block, x = new.traced
        result = block.results[0]
        if not isinstance(result, Value) or result.type != x.type:
            given = result.type if isinstance(result, Value) else type(result).__name__
            raise ConfigurationError(f"{where}: the function gives {given} for x {x.type}; expected a value of the type of x")
        check_differentiable(new)
    except GraphError as error:
        raise ConfigurationError(f"{where}: {error}") from error
