"""What acts on weights and gradients besides the updater: penalties, gradient normalisation, constraints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError

_KINDS: Mapping[str, tuple[str, str]] = {
    "L1Regularization": ("l1", "l1"),
    "L2Regularization": ("l2", "l2"),
    "WeightDecay": ("weight_decay", "coeff"),
}
"""Penalties by DL4J's class: our name, and the field that holds the coefficient."""


def penalties(layer: Node) -> dict[str, float | bool]:
    """``l1``, ``l2``, ``weight_decay`` of the weights, and the same of the biases with ``_bias`` behind; what is 0 is left out.

    DL4J enters a weight decay that was set for the whole network twice and applies both, so entries of a kind are added up.
    UnsupportedError for two that do not add up: one times the learning rate, the other not.
    """
    found: dict[str, float | bool] = {}
    for key, suffix in (("regularization", ""), ("regularizationBias", "_bias")):
        for entry in layer.nodes(key):
            name, field = _KINDS.get(entry.kind, ("", ""))
            if not name:
                raise UnsupportedError(layer.where, f"regularisation {entry.kind}")
            amount = _fixed(entry.node(field), layer.where)
            if not amount:
                continue
            if name == "weight_decay":
                times_rate, key = entry.flag("applyLR", True), f"{name}{suffix}_apply_lr"
                if found.get(key, times_rate) != times_rate:
                    raise UnsupportedError(layer.where, "weight decay with and without applyLR")
                found[key] = times_rate
            found[name + suffix] = found.get(name + suffix, 0.0) + amount
    return found


def _fixed(schedule: Node, where: str) -> float:
    if schedule.kind != "FixedSchedule":
        raise UnsupportedError(where, f"{schedule.kind} of a regularisation")
    return schedule.number("value", 0.0)


def gradient_normalization(layer: Node) -> dict[str, Any]:
    """Its mode and threshold, where there is one."""
    mode = layer.text("gradientNormalization", "None")
    if mode == "None":
        return {}
    return {
        "gradient_normalization": mode,
        "gradient_normalization_threshold": layer.number("gradientNormalizationThreshold", 1.0),
    }


_DIRECTIONS = ("F", "B")
"""What the keys of a GravesBidirectionalLSTM end in."""
_ACTS_ON: Mapping[str, str] = {"W": "input_weights", "RW": "recurrent_weights", "b": "biases"}
"""A constraint on one parameter, by DL4J's key."""


def constraints(layer: Node, keys: Collection[str]) -> list[dict[str, Any]]:
    """The constraints of a layer whose parameters have DL4J's ``keys``, as our layers take them; those on no parameter are left out."""
    found = []
    for entry in layer.nodes("constraints"):
        if entry.kind not in _NUMBERS:
            raise UnsupportedError(entry.where, f"constraint {entry.kind}")
        names = _undirected(entry.texts("params"))
        if names:
            found += [{**_constraint(entry), "on": on} for on in _on(entry, names, _undirected(keys))]
    return found


def _undirected(keys: Collection[str]) -> set[str]:
    """W of WF and WB."""
    return {key[:-1] if key.endswith(_DIRECTIONS) else key for key in keys}


def _on(entry: Node, names: set[str], keys: set[str]) -> list[str]:
    """What our constraint acts on; several where no single word says it."""
    if names >= keys:
        return ["all"]
    if names == keys - {"b"}:
        return ["weights"]
    for name in names - set(_ACTS_ON):
        raise UnsupportedError(entry.where, f"constraint {entry.kind} on {name}")
    return [on for key, on in _ACTS_ON.items() if key in names]


def _constraint(entry: Node) -> dict[str, Any]:
    """Its class and numbers."""
    if entry.number("epsilon", _EPSILON) != _EPSILON:
        raise UnsupportedError(entry.where, f"constraint {entry.kind} with epsilon {entry.number('epsilon', _EPSILON):g}")
    fields: dict[str, Any] = {ours: entry.number(theirs, 0.0) for theirs, ours in _NUMBERS[entry.kind].items()}
    if entry.kind != "NonNegativeConstraint":
        fields["dimensions"] = entry.counts("dimensions")
    return {"type": entry.kind, **fields}


_EPSILON = 1e-6
"""What DL4J adds to norms, and writes down without anybody being able to set it."""
_NUMBERS: Mapping[str, Mapping[str, str]] = {
    "MaxNormConstraint": {"maxNorm": "max_norm"},
    "MinMaxNormConstraint": {"min": "min_norm", "max": "max_norm", "rate": "rate"},
    "NonNegativeConstraint": {},
    "UnitNormConstraint": {},
}
"""Constraints by DL4J's class: its names of numbers, and ours."""
