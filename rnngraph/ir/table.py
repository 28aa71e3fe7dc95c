"""The table of ops: how an op is entered, and what is checked alike for each.

:func:`op` enters a type rule with the number of operands, their element types and the attributes; :func:`infer` checks these three before
it asks the rule, which then has shapes to look at only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnngraph.errors import GraphError
from rnngraph.ir.graph import Body
from rnngraph.ir.types import ElementType, TensorType

Attributes = Mapping[str, Any]
Infer = Callable[[Sequence[TensorType], Attributes], tuple[TensorType, ...]]
Elements = tuple[ElementType, ...]
"""The element types that an operand may have."""

FLOAT: Elements = ("float",)
INTEGER: Elements = ("int64",)
BOOL: Elements = ("bool",)
NUMBER: Elements = ("float", "int64")
ANY: Elements = ("float", "int64", "bool")


@dataclass(frozen=True)
class Kind:
    """What an attribute may be."""

    expected: str
    accepts: Callable[[Any], bool]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_activation(value: object) -> bool:
    from rnngraph.ir.activations import known

    return isinstance(value, str) and known(value)


def _all(value: object, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(value, (tuple, list)) and all(map(accepts, value))


def choice(*values: str | None) -> Kind:
    """One of ``values``."""
    return Kind(f"one of {', '.join(map(repr, values))}", lambda v: (v is None or isinstance(v, str)) and v in values)


WHOLE = Kind("a whole number", _whole)
COUNT = Kind("a whole number of at least 1", lambda v: _whole(v) and v >= 1)
REAL = Kind("a number", lambda v: _whole(v) or isinstance(v, float))
FLAG = Kind("True or False", lambda v: isinstance(v, bool))
WHOLES = Kind("whole numbers", lambda v: _all(v, _whole))
REALS = Kind("at least one number", lambda v: _all(v, REAL.accepts) and bool(v))
MAYBE_REALS = Kind("None, or at least one number", lambda v: v is None or REALS.accepts(v))
SHAPE = Kind("a shape", lambda v: isinstance(v, tuple))
BODY = Kind("a cell's body, as trace gives it", lambda v: isinstance(v, Body))
ACTIVATION = Kind("an activation as nodes spell it, like 'tanh' or 'elu(alpha=0.5)'", _is_activation)
MASK_MODE = choice(None, "hold", "reset")


@dataclass(frozen=True)
class OpSpec:
    """What is known of an op whichever backend runs it.

    ``arity`` None: any number of operands. ``elements`` are those of every operand, or in a list those of each. ``invariant`` says that the
    CPU kernel which the ONNX emitter picks gives the same bits whatever T and N are; a test probes each op of which it is said.
    """

    name: str
    infer: Infer
    arity: int | None
    elements: Elements | list[Elements]
    attributes: Mapping[str, Kind]
    primitive: bool
    invariant: bool


OPS: dict[str, OpSpec] = {}


def op(
    name: str,
    arity: int | None,
    elements: Elements | list[Elements] = FLOAT,
    /,
    *,
    primitive: bool = False,
    invariant: bool = True,
    **attributes: Kind,
) -> Callable[[Infer], Infer]:
    """Enter a type rule into the table as op ``name``; each of ``attributes`` has to be given, and no other."""

    def enter(rule: Infer) -> Infer:
        OPS[name] = OpSpec(name, rule, arity, elements, attributes, primitive, invariant)
        return rule

    return enter


def infer(name: str, types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The output types of op ``name``; GraphError where operands or attributes do not fit."""
    spec = OPS.get(name)
    if spec is None:
        raise GraphError(f"there is no op {name!r}; ops are {', '.join(sorted(OPS))}")
    if spec.arity is not None and len(types) != spec.arity:
        raise GraphError(f"{name} takes {spec.arity} operands, not {len(types)}")
    _check_elements(spec, types)
    _check_attributes(spec, attributes)
    return spec.infer(types, attributes)


def misfit(name: str, types: Sequence[TensorType], expected: str) -> GraphError:
    """The error that says which operand types do not fit, and what would."""
    return GraphError(f"{name}({', '.join(str(t) for t in types)}): expected {expected}")


def _check_elements(spec: OpSpec, types: Sequence[TensorType]) -> None:
    each = spec.elements if isinstance(spec.elements, list) else [spec.elements] * len(types)
    for k, (type_, allowed) in enumerate(zip(types, each, strict=True)):
        if type_.element not in allowed:
            raise misfit(spec.name, types, f"{' or '.join(allowed)} as operand {k}, which is {type_.element}; use cast, or another op")


def _check_attributes(spec: OpSpec, attributes: Attributes) -> None:
    if attributes.keys() != spec.attributes.keys():
        takes = ", ".join(spec.attributes) or "none"
        raise GraphError(f"{spec.name}: the attributes are {', '.join(attributes) or 'none'}; expected exactly these: {takes}")
    for name, kind in spec.attributes.items():
        if not kind.accepts(attributes[name]):
            raise GraphError(f"{spec.name}: {name}={attributes[name]!r}; expected {kind.expected}")
