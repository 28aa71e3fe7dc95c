"""Learning rate policies of DL4J 0.5 to 0.9.1, as the schedules that they became.

The rate is started from the beginning, at iteration 0 with ``learningRate``: these files do not say how many iterations were made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.legacy.objects import Json
from rnngraph.errors import ModelFileError


def policy(layer: Node, conf: Node, rate: float) -> Json | None:
    """The schedule of a learning rate that begins at ``rate``; None where it stays. UnsupportedError for a policy without a schedule."""
    name = conf.text("learningRatePolicy", "None")
    if name == "None":
        return None
    if name == "Schedule":
        return steps(layer, "learningRateSchedule", rate)
    if name not in _POLICIES:
        raise UnsupportedError(layer.where, f"learning rate policy {name}")
    kind, settings = _POLICIES[name]
    return {"@class": kind, "scheduleType": "ITERATION", "initialValue": rate, **settings(conf)}


def steps(layer: Node, key: str, first: float) -> Json | None:
    """The schedule of ``key``, values by the iteration from which on they hold; ``first`` holds before."""
    if not layer.has(key):
        return None
    values = layer.node(key).values
    return {"@class": "MapSchedule", "scheduleType": "ITERATION", "values": {"0": first, **values}}


def _needed(conf: Node, key: str) -> float:
    if not conf.has(key):
        conf.get(key, (int, float), "a number")  # which tells what stands there instead
    return conf.number(key, 0.0)


def _whole(conf: Node, key: str) -> int:
    number = _needed(conf, key)
    if number != int(number):
        raise ModelFileError(f"{conf.where}: {key} is {number}; expected a whole number, as DL4J writes it: save the model again")
    return int(number)


def _poly(conf: Node) -> Json:
    """DL4J's old formula has 1 - i / numIterations, its new one a plus; at one iteration both give the rate, then 0."""
    if conf.number("numIterations", 1) != 1:
        raise UnsupportedError(conf.where, f"learning rate policy Poly with numIterations {conf.values['numIterations']}")
    return {"power": _needed(conf, "lrPolicyPower"), "maxIter": 1}


_POLICIES: Mapping[str, tuple[str, Callable[[Node], Json]]] = {
    "Exponential": ("ExponentialSchedule", lambda conf: {"gamma": _needed(conf, "lrPolicyDecayRate")}),
    "Inverse": (
        "InverseSchedule",
        lambda conf: {"gamma": _needed(conf, "lrPolicyDecayRate"), "power": _needed(conf, "lrPolicyPower")},
    ),
    "Poly": ("PolySchedule", _poly),
    "Sigmoid": ("SigmoidSchedule", lambda conf: {"gamma": _needed(conf, "lrPolicyDecayRate"), "stepSize": _whole(conf, "lrPolicySteps")}),
    "Step": ("StepSchedule", lambda conf: {"decayRate": _needed(conf, "lrPolicyDecayRate"), "step": _needed(conf, "lrPolicySteps")}),
}
"""By policy: the class of the schedule, and its settings besides the first value."""
