"""Updaters and schedules: ``org.nd4j.linalg.learning.config`` and ``org.nd4j.linalg.schedule``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.support import accepted

FIELDS: Mapping[str, str] = {
    "beta1": "beta1",
    "beta2": "beta2",
    "epsilon": "epsilon",
    "learningRate": "learning_rate",
    "momentum": "momentum",
    "rho": "rho",
    "rmsDecay": "rms_decay",
}
"""Fields by DL4J's name. Some may have a schedule in their place, as ``learningRateSchedule`` and ``momentumISchedule``."""


def updater(layer: Node, key: str, field: str) -> Any:
    """The updater that ``key`` of a layer holds, as our layers hold it in ``field``; None where there is none.

    UnsupportedError for one, or for a schedule, that rnngraph lacks.
    """
    if not layer.has(key):
        return None
    node = layer.node(key)
    value: dict[str, Any] = {"type": node.kind}
    for theirs, ours in FIELDS.items():
        scheduled = next((key for key in (f"{theirs}Schedule", f"{theirs}ISchedule") if node.has(key)), None)
        if scheduled is not None:
            value[ours] = schedule(node.node(scheduled))
        elif node.has(theirs):
            value[ours] = node.number(theirs, 0.0)
    schedules = [v["type"] for v in value.values() if isinstance(v, dict)]
    element = f"{'updater' if key == 'iupdater' else 'bias updater'} {node.kind}" + (f" with {', '.join(schedules)}" if schedules else "")
    return accepted(field, value, element, layer.where)


_DERIVED: Mapping[str, frozenset[str]] = {"CycleSchedule": frozenset({"stepSize", "increment"})}
"""What DL4J writes down besides the settings."""


def schedule(node: Node) -> dict[str, Any]:
    """A schedule as our configurations hold it: DL4J's field names in snake case, the keys of a map in order."""
    derived = _DERIVED.get(node.kind, frozenset())
    return {"type": node.kind, **{_snake(k): _setting(node, k) for k in node.values if k != "@class" and k not in derived}}


def _setting(node: Node, key: str) -> Any:
    value = node.values[key]
    if key == "baseSchedule":
        return schedule(node.node(key))
    if key == "values":
        numbers = node.node(key)
        return {k: numbers.number(k, 0.0) for k in sorted(numbers.values, key=lambda k: int(k) if k.isdecimal() else -1)}
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
