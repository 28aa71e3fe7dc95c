"""Updaters: from gradients to steps, with DL4J's formulas (dl4j ``org.nd4j.linalg.learning``), on lists of tensors at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

States = dict[str, list[Tensor]]
Update = Callable[[Any, list[Tensor], list[Tensor], States, int], None]


def _sgd(updater: Any, parameters: list[Tensor], gradients: list[Tensor], states: States, t: int) -> None:
    """w -= lr g."""
    torch._foreach_add_(parameters, gradients, alpha=-updater.learning_rate)


def _adam(updater: Any, parameters: list[Tensor], gradients: list[Tensor], states: States, t: int) -> None:
    """w -= lr sqrt(1 - b2^t) / (1 - b1^t) · m / (sqrt(v) + eps): DL4J does not correct the bias of eps."""
    b1, b2 = updater.beta1, updater.beta2
    m, v = states["m"], states["v"]
    torch._foreach_lerp_(m, gradients, 1 - b1)
    torch._foreach_mul_(v, b2)
    torch._foreach_addcmul_(v, gradients, gradients, 1 - b2)
    denominator = torch._foreach_sqrt(v)
    torch._foreach_add_(denominator, updater.epsilon)
    torch._foreach_addcdiv_(parameters, m, list(denominator), -updater.learning_rate * math.sqrt(1 - b2**t) / (1 - b1**t))


UPDATES: dict[str, tuple[tuple[str, ...], Update]] = {"Sgd": ((), _sgd), "Adam": (("m", "v"), _adam)}
"""Updater class -> the names of its state arrays, and the step."""


def apply(
    updater: Any, parameters: dict[str, Tensor], gradients: dict[str, Tensor], state: dict[str, dict[str, Tensor]], iteration: int
) -> None:
    """One step in place on ``parameters`` (a group that shares ``updater``); ``state`` is made on first use."""
    names, step = UPDATES[type(updater).__name__]
    for parameter, tensor in parameters.items():
        if names and parameter not in state:
            state[parameter] = {n: torch.zeros_like(tensor) for n in names}
    arrays = {n: [state[p][n] for p in parameters] for n in names}
    step(updater, list(parameters.values()), [gradients[p] for p in parameters], arrays, iteration + 1)
