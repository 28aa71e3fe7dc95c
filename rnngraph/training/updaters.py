"""Updaters: from gradients to steps, with DL4J's formulas (dl4j ``org.nd4j.linalg.learning``), on lists of tensors at once.

In the formulas w is a parameter, g its gradient, t the number of the update from 1 on, lr the learning rate, b1 and b2 beta1 and beta2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

States = dict[str, list[Tensor]]
Step = Callable[[Any, list[Tensor], list[Tensor], States, int], None]
"""``(numbers of the updater, w, g, what it keeps, t)``; w and what it keeps change in place."""


def _sgd(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """w -= lr g."""
    torch._foreach_add_(w, g, alpha=-u.learning_rate)


def _no_op(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """w -= g."""
    torch._foreach_sub_(w, g)


def _corrected(u: Any, t: int) -> float:
    """lr sqrt(1 - b2^t) / (1 - b1^t), both corrections of Adam in one factor."""
    return float(u.learning_rate * math.sqrt(1 - u.beta2**t) / (1 - u.beta1**t))


def _moments(u: Any, g: list[Tensor], states: States) -> tuple[list[Tensor], list[Tensor]]:
    """m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g²."""
    m, v = states["m"], states["v"]
    torch._foreach_lerp_(m, g, 1 - u.beta1)
    torch._foreach_mul_(v, u.beta2)
    torch._foreach_addcmul_(v, g, g, 1 - u.beta2)
    return m, v


def _root(squares: list[Tensor], epsilon: float) -> list[Tensor]:
    """sqrt(squares) + epsilon."""
    root = torch._foreach_sqrt(squares)
    torch._foreach_add_(root, epsilon)
    return list(root)


def _adam(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """w -= lr sqrt(1 - b2^t) / (1 - b1^t) · m / (sqrt(v) + eps): DL4J does not correct the bias of eps."""
    m, v = _moments(u, g, states)
    torch._foreach_addcdiv_(w, m, _root(v, u.epsilon), -_corrected(u, t))


def _ada_max(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """u = max(b2 u, |g|) + 1e-32, w -= lr / (1 - b1^t) · m / u."""
    m, largest = states["m"], states["u"]
    torch._foreach_lerp_(m, g, 1 - u.beta1)
    torch._foreach_mul_(largest, u.beta2)
    torch._foreach_maximum_(largest, torch._foreach_abs(g))
    torch._foreach_add_(largest, 1e-32)
    torch._foreach_addcdiv_(w, m, largest, -u.learning_rate / (1 - u.beta1**t))


def _ams_grad(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """As Adam by v_hat = max(v_hat, v)."""
    m, v = _moments(u, g, states)
    torch._foreach_maximum_(states["v_hat"], v)
    torch._foreach_addcdiv_(w, m, _root(states["v_hat"], u.epsilon), -_corrected(u, t))


def _nadam(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """w -= lr / (1 - b1^t) · (b1 m + (1 - b1) g) / (sqrt(v) + eps), by the m and v of this update: v is not corrected."""
    m, v = _moments(u, g, states)
    ahead = torch._foreach_lerp(m, g, 1 - u.beta1)
    torch._foreach_addcdiv_(w, ahead, _root(v, u.epsilon), -u.learning_rate / (1 - u.beta1**t))


def _ada_grad(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """h += g², w -= lr g / (sqrt(h) + eps)."""
    torch._foreach_addcmul_(states["h"], g, g)
    torch._foreach_addcdiv_(w, g, _root(states["h"], u.epsilon), -u.learning_rate)


def _rms_prop(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """G = d G + (1 - d) g², w -= lr g / (sqrt(G) + eps)."""
    G = states["G"]
    torch._foreach_mul_(G, u.rms_decay)
    torch._foreach_addcmul_(G, g, g, 1 - u.rms_decay)
    torch._foreach_addcdiv_(w, g, _root(G, u.epsilon), -u.learning_rate)


def _ada_delta(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """msg = rho msg + (1 - rho) g², d = g sqrt(msdx + eps) / sqrt(msg + eps), msdx = rho msdx + (1 - rho) d², w -= d."""
    msg, msdx = states["msg"], states["msdx"]
    torch._foreach_mul_(msg, u.rho)
    torch._foreach_addcmul_(msg, g, g, 1 - u.rho)
    step = torch._foreach_add(msdx, u.epsilon)
    torch._foreach_div_(step, torch._foreach_add(msg, u.epsilon))
    torch._foreach_sqrt_(step)
    torch._foreach_mul_(step, g)
    torch._foreach_mul_(msdx, u.rho)
    torch._foreach_addcmul_(msdx, step, step, 1 - u.rho)
    torch._foreach_sub_(w, step)


def _nesterovs(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """v' = mu v - lr g, w -= mu v - (1 + mu) v'."""
    v = states["v"]
    torch._foreach_mul_(v, u.momentum)
    torch._foreach_sub_(w, v)
    torch._foreach_add_(v, g, alpha=-u.learning_rate)
    torch._foreach_add_(w, v, alpha=1 + u.momentum)


def _ada_belief(u: Any, w: list[Tensor], g: list[Tensor], states: States, t: int) -> None:
    """s = b2 s + (1 - b2) (g - m)² + eps, w -= lr sqrt(1 - b2^t) / (1 - b1^t) · m / (sqrt(s) + eps)."""
    m, s = states["m"], states["s"]
    torch._foreach_lerp_(m, g, 1 - u.beta1)
    surprise = torch._foreach_sub(g, m)
    torch._foreach_mul_(s, u.beta2)
    torch._foreach_addcmul_(s, surprise, surprise, 1 - u.beta2)
    torch._foreach_add_(s, u.epsilon)
    torch._foreach_addcdiv_(w, m, _root(s, u.epsilon), -_corrected(u, t))


@dataclass(frozen=True)
class Rule:
    """How an updater steps, and the number with which what it keeps begins."""

    step: Step
    start: Callable[[Any], float] = lambda updater: 0.0


def _epsilon(updater: Any) -> float:
    return float(updater.epsilon)


RULES: dict[str, Rule] = {
    "AMSGrad": Rule(_ams_grad),
    "AdaBelief": Rule(_ada_belief),
    "AdaDelta": Rule(_ada_delta),
    "AdaGrad": Rule(_ada_grad, _epsilon),
    "AdaMax": Rule(_ada_max),
    "Adam": Rule(_adam),
    "Nadam": Rule(_nadam),
    "Nesterovs": Rule(_nesterovs),
    "NoOp": Rule(_no_op),
    "RmsProp": Rule(_rms_prop, _epsilon),
    "Sgd": Rule(_sgd),
}
"""By the updater's class. An updater of one's own needs a row here, and the names of what it keeps as ``states``."""
