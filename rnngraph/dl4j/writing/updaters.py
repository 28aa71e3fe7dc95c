"""Updaters and schedules, from ours to DL4J's JSON."""

from __future__ import annotations

import math
from typing import Any

from rnngraph.conf import Schedule, Updater
from rnngraph.dl4j.updaters import FIELDS
from rnngraph.dl4j.writing.problems import require
from rnngraph.dl4j.writing.text import Json, object_

UPDATERS = ("AMSGrad", "AdaDelta", "AdaGrad", "AdaMax", "Adam", "Nadam", "Nesterovs", "NoOp", "RmsProp", "Sgd")
"""Those with which DL4J 1.0.0-M2.1 trains; its AdaBelief fails at the first update."""
SCHEDULES = (
    "CycleSchedule", "ExponentialSchedule", "FixedSchedule", "InverseSchedule", "MapSchedule", "PolySchedule", "RampSchedule",
    "SigmoidSchedule", "StepSchedule",
)  # fmt: skip
KEYS = {"momentum": "momentumISchedule"}
"""The key of a schedule, where it is not that of the number with Schedule behind."""


def updater_json(updater: Updater, where: str) -> Json:
    """An updater. NotInDL4JError for one that DL4J lacks, as torch's."""
    kind = updater.tag()
    require(kind, UPDATERS, where, "updater")
    fields: Json = {}
    for theirs, ours in FIELDS.items():
        value = getattr(updater, ours, None)
        if isinstance(value, Schedule):
            fields[theirs] = math.nan
            fields[KEYS.get(theirs, f"{theirs}Schedule")] = schedule_json(value, where)
        elif value is not None:
            fields[theirs] = value
    return object_("org.nd4j.linalg.learning.config", kind, fields)


def schedule_json(schedule: Schedule, where: str) -> Json:
    """A schedule: our fields in DL4J's spelling. NotInDL4JError for one that DL4J lacks."""
    require(schedule.tag(), SCHEDULES, where, "schedule")
    fields = {_camel(name): _setting(value, where) for name, value in schedule if name != "type"}
    if fields.get("annealingLength", 0) is None:
        fields["annealingLength"] = fields["cycleLength"] // 10
    return object_("org.nd4j.linalg.schedule", schedule.tag(), fields)


def _setting(value: Any, where: str) -> Any:
    if isinstance(value, Schedule):
        return schedule_json(value, where)
    if isinstance(value, dict):
        return {str(key): one for key, one in value.items()}
    return value.upper() if isinstance(value, str) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
