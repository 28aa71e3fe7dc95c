"""Predictions and labels of one sequence over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.plotting.style import DARK, FAINT, GREY, ORANGE, PALETTE, figure, legend_above, quiet, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = 8
"""Of more outputs the first are shown: a panel has to stay readable."""
_FEW_STEPS = 40
_LETTER = 0.0125
"""The share of a band's length that a letter of a name takes."""


_LETTERS = 18
"""As many letters have room beside a panel."""


def values_over_time(predicted: np.ndarray, labels: np.ndarray, counts: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """A panel for each of the first outputs: ``predicted`` and ``labels`` [C, T]; ``counts`` [T] says which steps have a label."""
    shown = min(len(names), _PANELS)
    made = figure(7.6, 1.0 + (2.4 if shown == 1 else 1.55) * shown)
    panels = made.subplots(shown, 1, sharex=True, squeeze=False)[:, 0]
    steps = np.arange(1, predicted.shape[1] + 1)
    dots = {"marker": "o", "markersize": 3.5} if counts.sum() <= _FEW_STEPS else {}
    for axes, y, z, name in zip(panels, labels, predicted, names, strict=False):
        axes.plot(steps, np.where(counts, y, np.nan), color=GREY, linewidth=2.6, alpha=0.55, label="label", **dots)
        axes.plot(steps, z, color=ORANGE, linewidth=1.5, label="prediction")
        axes.set_ylabel(name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…")
        quiet(axes)
    more = f" (the first {shown} of {len(names)} outputs)" if len(names) > shown else ""
    panels[0].set_title(f"{title}{more}")
    legend_above(panels[0], "right", 2)
    made.align_ylabels(panels)
    _time_axis(panels[-1], len(steps))
    return made


def classes_over_time(predicted: np.ndarray, labels: np.ndarray, counts: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """The probability of each class over time, ``predicted`` [C, T], above the class that is likeliest and the one that is right.

    ``labels`` [C, T]; ``counts`` [T] says which steps have one.
    """
    steps = predicted.shape[1]
    made = figure(7.6, 4.2)
    above, strip = made.subplots(2, 1, sharex=True, height_ratios=[1, 0.22])
    taken, right = predicted.argmax(axis=0), np.where(counts, labels.argmax(axis=0), -1)
    colours = _colours(predicted, right)
    for k, name in enumerate(names):
        look = {"color": colours[k], "label": name, "zorder": 3} if k in colours else {"color": FAINT, "linewidth": 1}
        above.plot(np.arange(1, steps + 1), predicted[k], **look)
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("probability")
    above.set_title(title)
    quiet(above)
    others = f"{len(names) - len(colours)} others in grey" if len(colours) < len(names) else None
    above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=1.2, title=others, title_fontsize=8)
    for row, line in enumerate([taken, right]):
        _band(strip, row, line, colours, names)
    strip.set_ylim(1.5, -0.5)
    strip.set_yticks([0, 1], ["predicted", "label"])
    strip.tick_params(axis="y", length=0)
    strip.grid(visible=False)
    strip.spines[:].set_visible(False)
    _time_axis(strip, steps)
    return made


def _colours(predicted: np.ndarray, right: np.ndarray) -> dict[int, str]:
    """A colour for each class; of more classes than there are colours, for those that matter most here."""
    n, most = len(predicted), len(PALETTE)
    weight = predicted.mean(axis=1) + np.bincount(right[right >= 0], minlength=n) / predicted.shape[1]
    chosen = range(n) if n <= most else sorted(np.argsort(-weight)[:most].tolist())
    return dict(zip(chosen, PALETTE, strict=False))


def _band(axes: Any, row: int, line: np.ndarray, colours: dict[int, str], names: Sequence[str]) -> None:
    """The class at each step as a band of colour, with its name where it has room; -1 is none."""
    starts = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]
    only = sum(int(line[start]) >= 0 for start in starts[:-1]) == 1
    for start, end in pairwise(starts):
        k = int(line[start])
        if k < 0:
            continue
        colour = colours.get(k, FAINT)
        axes.barh(row, end - start, left=start + 0.5, height=0.88, color=colour, edgecolor="white", linewidth=0.7)
        if len(names[k]) * _LETTER < (end - start) / len(line):
            dark = colour in DARK
            axes.text((start + end + 1) / 2, row, names[k], ha="center", va="center", fontsize=8, color="white" if dark else "black")
        elif only:  # one label of a whole sequence, at one end of it
            at, side = (start + 0.5, "right") if start else (end + 0.5, "left")
            axes.annotate(names[k], (at, row), (-4 if start else 4, 0), textcoords="offset points", ha=side, va="center", fontsize=8)


def _time_axis(axes: Any, steps: int) -> None:
    axes.set_xlabel("step")
    axes.set_xlim(0.5, steps + 0.5)
    whole_numbers(axes.xaxis)
