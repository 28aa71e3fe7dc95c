"""Updaters and schedules: ``org.nd4j.linalg.learning.config`` and ``org.nd4j.linalg.schedule``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import INDEX, Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.support import accepted
from rnngraph.errors import ModelFileError
from rnngraph.names import shown

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
        scheduled = _scheduled(node, theirs)
        if scheduled is not None:
            value[ours] = schedule(node.node(scheduled))
        elif node.has(theirs):
            value[ours] = node.number(theirs, 0.0)
    schedules = [v["type"] for v in value.values() if isinstance(v, dict)]
    element = f"{'updater' if key == 'iupdater' else 'bias updater'} {node.kind}" + (f" with {', '.join(schedules)}" if schedules else "")
    if value.get("learning_rate") == 0:
        raise UnsupportedError(
            layer.where, f"{element} with learningRate 0", "updaters here ask for more than 0; NoOp changes nothing either"
        )
    return accepted(field, value, element, layer.where)


def has_open_number(layer: Node) -> bool:
    """Whether an updater of ``layer`` has NaN, and no schedule, for a number: DL4J's AdaGrad loses its schedule so."""
    updaters = [layer.node(key) for key in ("iupdater", "biasUpdater") if layer.has(key)]
    return any(key in one.values and not one.has(key) and _scheduled(one, key) is None for one in updaters for key in FIELDS)


def _scheduled(updater: Node, number: str) -> str | None:
    """The key of the schedule that stands in the place of a number."""
    return next((key for key in (f"{number}Schedule", f"{number}ISchedule") if updater.has(key)), None)


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
        wrong = next((k for k in numbers.values if not re.fullmatch(INDEX, k, re.ASCII)), None)
        if wrong is not None:
            raise ModelFileError(
                f"{numbers.where}: the key {shown(wrong)} is no iteration or epoch; expected a whole number of at most 9 digits: "
                "save the model again"
            )
        return {k: numbers.needed_number(k, "which DL4J would train with") for k in sorted(numbers.values, key=int)}
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
