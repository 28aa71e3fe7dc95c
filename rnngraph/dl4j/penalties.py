"""What acts on weights and gradients besides the updater: penalties, gradient normalisation, constraints."""

from __future__ import annotations

from collections.abc import Mapping
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
    """
    found: dict[str, float | bool] = {}
    for key, suffix in (("regularization", ""), ("regularizationBias", "_bias")):
        for entry in layer.nodes(key):
            name, field = _KINDS.get(entry.kind, ("", ""))
            if not name:
                raise UnsupportedError(layer.where, f"regularisation {entry.kind}")
            amount = _fixed(entry.node(field), layer.where)
            if amount:
                found[name + suffix] = found.get(name + suffix, 0.0) + amount
                if name == "weight_decay" and not entry.flag("applyLR", True):
                    found[f"{name}{suffix}_apply_lr"] = False
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


def refuse_constraints(layer: Node) -> None:
    """UnsupportedError for constraints on weights."""
    for entry in layer.nodes("constraints"):
        raise UnsupportedError(layer.where, f"constraint {entry.kind}")
