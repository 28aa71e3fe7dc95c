"""Dropout and weight noise, from ours to DL4J's JSON."""

from __future__ import annotations

import math
from typing import Any

from rnngraph.conf import Noise, Schedule
from rnngraph.conf.weight_noise import DropConnect, ParameterNoise, WeightNoise
from rnngraph.dl4j.noise import ALPHA, DROP_CONNECT, DROPOUT
from rnngraph.dl4j.writing.elements import distribution_json
from rnngraph.dl4j.writing.problems import require
from rnngraph.dl4j.writing.text import Json, object_
from rnngraph.dl4j.writing.updaters import schedule_json


def dropout_json(noise: Noise | None, where: str) -> Json | None:
    """The noise on what comes into a layer. NotInDL4JError for a kind that DL4J lacks."""
    if noise is None:
        return None
    kind = noise.tag()
    require(kind, DROPOUT, where, "dropout")
    ours, numbers, schedules = DROPOUT[kind]
    # The constructor of AlphaDropout is the one place where DL4J takes its schedule, and calls it otherwise than it writes it.
    fields = _rate(getattr(noise, ours), numbers[0], schedules[-1] if kind == "AlphaDropout" else schedules[0], where)
    if kind == "Dropout":
        fields["helperAllowFallback"] = True
    if kind == "AlphaDropout":
        fields.update(ALPHA)
    return object_("org.deeplearning4j.nn.conf.dropout", kind, fields, first=numbers[:1])


def weight_noise_json(noise: ParameterNoise | None, where: str) -> Json | None:
    """The noise on a layer's weights. NotInDL4JError for a kind that DL4J lacks."""
    if noise is None:
        return None
    require(noise.tag(), ("DropConnect", "WeightNoise"), where, "weight noise")
    fields: Json = {}
    if isinstance(noise, DropConnect):
        _, numbers, schedules = DROP_CONNECT
        fields = {"applyToBiases": noise.apply_to_biases, **_rate(noise.retain, numbers[0], schedules[0], where)}
    if isinstance(noise, WeightNoise):
        fields = {
            "additive": noise.additive,
            "applyToBias": noise.apply_to_biases,
            "distribution": distribution_json(noise.distribution, where),
        }
    return object_("org.deeplearning4j.nn.conf.weightnoise", noise.tag(), fields)


def _rate(value: Any, number: str, schedule: str, where: str) -> Json:
    """A rate, or the schedule in its place."""
    if isinstance(value, Schedule):
        return {number: math.nan, schedule: schedule_json(value, where)}
    return {number: value, schedule: None}
