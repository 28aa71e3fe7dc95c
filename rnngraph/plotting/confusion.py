"""The confusion matrix: how often each class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.plotting.style import GREY, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NUMBERS = 25
"""Above so many classes the cells are too small for numbers."""


def confusion_matrix(counts: np.ndarray, labels: Sequence[str]) -> Figure:
    """``counts`` [actual class, predicted class] as a picture; the colour is the share of the actual class, a row.

    ``labels`` are the classes' names.
    """
    from matplotlib.colors import PowerNorm

    n = len(labels)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    side = float(np.clip(0.6 * n, 2.6, 8.0))
    names = 0.075 * max(map(len, labels))
    made = figure(side + names + 1.6, side + 1.1, layout="compressed")
    axes = made.subplots()
    axes.grid(visible=False)
    norm = PowerNorm(1 if n <= _MOST_NUMBERS else 0.5, vmin=0, vmax=1)  # where no numbers stand, few mistakes have to be seen too
    image = axes.imshow(shares, cmap="Blues", norm=norm)
    if n <= _MOST_NUMBERS:
        _numbers(axes, counts, shares, size=_font_size(counts, side / n))
    _ticks(axes, labels)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("actual class")
    rows = int(counts.sum())
    accuracy = float(np.trace(counts)) / rows if rows else 0.0
    axes.set_title(f"{accuracy:.1%} of {rows:,} right")
    bar = made.colorbar(image, ax=axes, fraction=0.046, pad=0.03, aspect=25)
    bar.set_label("share of the actual class")
    bar.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1] if n <= _MOST_NUMBERS else [0, 0.01, 0.05, 0.2, 0.5, 1], minor=False)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    bar.outline.set_visible(False)
    return made


def _numbers(axes: Any, counts: np.ndarray, shares: np.ndarray, size: float) -> None:
    """The counts in their cells; a 0 is faint, so that the mistakes stand out."""
    for i, j in np.ndindex(*counts.shape):
        colour = "white" if shares[i, j] > 0.55 else "black" if counts[i, j] else "#B0B0B0"
        axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=size)


def _font_size(counts: np.ndarray, cell: float) -> float:
    """What lets the longest number fit into a cell of so many inches."""
    return float(np.clip(cell * 72 * 0.85 / (0.62 * len(f"{counts.max():,}")), 4.5, 11))


def _ticks(axes: Any, labels: Sequence[str]) -> None:
    """The classes' names at both axes, of very many classes every few."""
    every = 1 + (len(labels) - 1) // 40
    at, names = range(0, len(labels), every), labels[::every]
    steep = max(map(len, names)) * len(names) > 44
    axes.set_xticks(at, names, rotation=45 if steep else 0, ha="right" if steep else "center", rotation_mode="anchor" if steep else None)
    axes.set_yticks(at, names)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GREY)
