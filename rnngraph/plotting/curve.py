"""The training curve: the score by epochs, beside it that of validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.plotting.style import BLUE, ORANGE, SKY, figure, legend_above, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEW = 30
"""Up to so many epochs each has a dot."""
_HALVED = 3
"""Up to so many epochs the axis has fractions of them too."""
_WIDE = 30.0
"""Scores that differ by more than this factor stand on a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """Scores of minibatches at ``at`` (in epochs: 1.5 is in the middle of the second), and by epoch, counted from 1.

    ``validation`` is None for epochs that have none.
    """

    at: tuple[float, ...]
    scores: tuple[float, ...]
    epochs: tuple[int, ...]
    means: tuple[float, ...]
    validation: tuple[float | None, ...]


def training_curve(curve: Curve) -> Figure:
    """Scores of minibatches in the background, their mean by epoch and the score of validation in front, whose best epoch has a ring."""
    made = figure(7.2, 4.2)
    axes = made.subplots()
    dots: dict[str, Any] = {"marker": "o", "markersize": 4} if len(curve.epochs) <= _FEW else {}
    axes.plot(curve.at, curve.scores, color=SKY, alpha=0.55, linewidth=0.8, label="minibatch")
    axes.plot(curve.epochs, curve.means, color=BLUE, label="training, mean of the epoch", **dots)
    held = [(epoch, value) for epoch, value in zip(curve.epochs, curve.validation, strict=True) if value is not None]
    if held:
        axes.plot(*zip(*held, strict=True), color=ORANGE, label="validation", **dots)
        _ring(axes, *min(held, key=lambda one: one[1]))
    _scale(axes, [*curve.means, *(value for _, value in held)], curve.scores)
    axes.set_xlabel("epoch")
    axes.set_ylabel("score (loss)")
    end = max(curve.epochs, default=1)
    axes.set_xlim(0, end * 1.015)
    if end > _HALVED:
        whole_numbers(axes.xaxis)
    legend_above(axes, "left", 4)
    return made


def _ring(axes: Any, epoch: int, value: float) -> None:
    """A ring around the best epoch of validation, which the legend tells."""
    label = f"best: {value:.4g}, epoch {epoch}"
    ring = {"markersize": 9, "markerfacecolor": "none", "markeredgecolor": ORANGE, "markeredgewidth": 1.6}
    axes.plot([epoch], [value], "o", linestyle="none", label=label, **ring)


def _scale(axes: Any, lines: list[float], scores: tuple[float, ...]) -> None:
    """A logarithmic axis where it is needed; on a linear one a few extreme minibatches do not squeeze the lines."""
    low, high = min(lines, default=min(scores)), max(lines, default=max(scores))
    if low > 0 and high / low > _WIDE:
        axes.set_yscale("log")
        return
    top = max(high, float(np.quantile(scores, 0.98)))
    bottom = min(low, float(np.quantile(scores, 0.02)), 0.0 if low > 0 else low)
    axes.set_ylim(bottom - 0.05 * (bottom < 0) * (top - bottom), top + 0.08 * (top - bottom))
