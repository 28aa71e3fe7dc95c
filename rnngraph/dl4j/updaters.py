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
"""Fields by DL4J's name. Each may have a schedule in its place, as ``learningRateSchedule``."""


def updater(layer: Node, key: str, field: str) -> Any:
    """The updater that ``key`` of a layer holds, as our layers hold it in ``field``; None where there is none.

    UnsupportedError for one, or for a schedule, that rnngraph lacks.
    """
    if not layer.has(key):
        return None
    node = layer.node(key)
    value: dict[str, Any] = {"type": node.kind}
    for theirs, ours in FIELDS.items():
        if node.has(f"{theirs}Schedule"):
            value[ours] = schedule(node.node(f"{theirs}Schedule"))
        elif node.has(theirs):
            value[ours] = node.number(theirs, 0.0)
    schedules = [v["type"] for v in value.values() if isinstance(v, dict)]
    element = f"{'updater' if key == 'iupdater' else 'bias updater'} {node.kind}" + (f" with {', '.join(schedules)}" if schedules else "")
    return accepted(field, value, element, layer.where)


def schedule(node: Node) -> dict[str, Any]:
    """The schedule that ``node`` describes, in our fields: DL4J's names in snake case."""
    return {"type": node.kind, **{_snake(k): v for k, v in node.values.items() if k != "@class"}}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
