"""Updaters as fields of a layer, ``"updater": "RMSPROP", "rmsDecay": 0.95``, as objects; the rate that biases have of their own."""

from __future__ import annotations

from collections.abc import Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.objects import Json, unwrapped
from rnngraph.dl4j.legacy.schedules import policy, steps

_MOMENTS = {"adamMeanDecay": "beta1", "adamVarDecay": "beta2", "epsilon": "epsilon", "learningRate": "learningRate"}
KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ADADELTA": ("AdaDelta", {"rho": "rho", "epsilon": "epsilon"}),
    "ADAGRAD": ("AdaGrad", {"learningRate": "learningRate", "epsilon": "epsilon"}),
    "ADAM": ("Adam", _MOMENTS),
    "ADAMAX": ("AdaMax", _MOMENTS),
    "NADAM": ("Nadam", _MOMENTS),
    "NESTEROVS": ("Nesterovs", {"learningRate": "learningRate", "momentum": "momentum"}),
    "NONE": ("NoOp", {}),
    "RMSPROP": ("RmsProp", {"learningRate": "learningRate", "rmsDecay": "rmsDecay", "epsilon": "epsilon"}),
    "SGD": ("Sgd", {"learningRate": "learningRate"}),
}
"""By DL4J's enum: the class, and the layer's fields by the names that they have in the class. A field that is "NaN" has its default."""


def updaters(layer: Node, conf: Node) -> Json:
    """``iupdater`` and ``biasUpdater`` of a layer, where older fields say what they are."""
    stored = next((unwrapped(layer.node(key)) for key in ("iupdater", "iUpdater") if layer.has(key)), None)
    if stored is None and not layer.has("updater"):
        return {}
    plain = dict(stored.values) if stored is not None else _of_fields(layer)
    out: Json = {"iupdater": _scheduled(plain, layer, conf)}
    if layer.has("biasUpdater"):
        return {**out, "biasUpdater": dict(unwrapped(layer.node("biasUpdater")).values)}
    rate = layer.number("biasLearningRate", 0.0) if layer.has("biasLearningRate") else plain.get("learningRate")
    if "learningRate" in plain and rate != plain["learningRate"]:
        out["biasUpdater"] = _scheduled({**plain, "learningRate": rate}, layer, conf)
    return out


def _of_fields(layer: Node) -> Json:
    name = layer.text("updater")
    kind, fields = KINDS.get(name, (name, {}))
    return {"@class": kind, **{ours: layer.number(theirs, 0.0) for theirs, ours in fields.items() if layer.has(theirs)}}


def _scheduled(updater: Json, layer: Node, conf: Node) -> Json:
    """``updater`` with the schedules that the network's policy and the layer give its numbers."""
    found = dict(updater)
    for key, schedule in (("learningRate", policy), ("momentum", _momentum)):
        rate = updater.get(key)
        if isinstance(rate, (int, float)):
            made = schedule(layer, conf, rate)
            found.update({} if made is None else {f"{key}Schedule": made})
    return found


def _momentum(layer: Node, conf: Node, first: float) -> Json | None:
    return steps(layer, "momentumSchedule", first)
