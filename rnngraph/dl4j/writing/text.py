"""JSON in the form in which DL4J's Jackson prints it, and objects in its order of keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


def object_(package: str, kind: str, fields: Mapping[str, Any], first: Sequence[str] = ()) -> Json:
    """An object of a Java class: its name, the keys of its constructor that stand ``first``, the others in alphabetical order."""
    order = [*first, *sorted(fields.keys() - set(first))]
    return {"@class": f"{package}.{kind}", **{key: fields[key] for key in order}}


def printed(value: Any, indent: str = "") -> str:
    """``value`` as text; what stands inside an object is indented by two."""
    if isinstance(value, Mapping):
        inner = f"{indent}  "
        lines = [f"{inner}{json.dumps(str(key))} : {printed(one, inner)}" for key, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}" if lines else "{ }"
    if isinstance(value, (list, tuple)):
        return f"[ {', '.join(printed(one, indent) for one in value)} ]" if value else "[ ]"
    return number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A double as Java spells it: 0.001, 1.0E-4, 1.0E7; what JSON has no number for as text."""
    if not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else f'"{"-" * (value < 0)}Infinity"'
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    exponent = Decimal(repr(value)).adjusted()
    return f"{'-' * sign}{digits[0]}.{''.join(map(str, digits[1:])) or '0'}E{exponent}"
