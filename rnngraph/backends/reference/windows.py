"""Convolution and pooling, as loops over the windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from rnngraph.backends.reference.types import Array, Attributes, Row
from rnngraph.ir.windows import reach_of, same_padding, windows_of


def convolution(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Window by window: the sum over the kernel's places and channels of x times W."""
    x, w = inputs
    axes, places = x.ndim - 3, "uv"[: w.ndim - 2]
    rest = "n" if len(places) == 1 else ""  # behind the steps of [T, N, C]
    equation = f"...{places}{rest}c,oc{places}->...{rest}o"
    shape, windows = _windows(x, w.shape[2:], attributes, 0.0)
    y = np.zeros((*shape[:-1], w.shape[0]))
    for place, window in windows:
        y[_at(axes, *place)] = np.einsum(equation, window, w)
    return (y,)


def pool(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Window by window: its largest value, or its sum."""
    x, kernel = inputs[0], attributes["kernel"]
    largest = attributes["kind"] == "max"
    axes = tuple(range(x.ndim - 3, x.ndim - 3 + len(kernel)))
    shape, windows = _windows(x, kernel, attributes, -np.inf if largest else 0.0)
    y = np.zeros(shape)
    for place, window in windows:
        y[_at(axes[0], *place)] = window.max(axis=axes) if largest else window.sum(axis=axes)
    return (y,)


def _windows(
    x: Array, kernel: Sequence[int], attributes: Attributes, fill: float
) -> tuple[list[int], Iterator[tuple[tuple[int, ...], Array]]]:
    """The shape of the result's axes, and each window with its place; padded values are ``fill``."""
    first = x.ndim - 3
    shape, around, starts = list(x.shape), [(0, 0)] * x.ndim, []
    settings: Any = zip(kernel, attributes["stride"], attributes["padding"], attributes["dilation"], strict=True)
    steps = []
    for axis, (k, stride, padding, dilation) in enumerate(settings, first):
        reach = reach_of(k, dilation)
        around[axis] = same_padding(x.shape[axis], reach, stride) if padding == "same" else tuple(padding)
        count = windows_of(x.shape[axis], reach, stride, padding)
        assert isinstance(count, int)
        shape[axis] = count
        starts.append([stride * place for place in range(count)])
        steps.append((reach, dilation))
    padded = np.pad(x, around, constant_values=fill)

    def each() -> Iterator[tuple[tuple[int, ...], Array]]:
        for place in product(*(range(len(s)) for s in starts)):
            cut = [slice(starts[i][p], starts[i][p] + steps[i][0], steps[i][1]) for i, p in enumerate(place)]
            yield place, padded[_at(first, *cut)]

    return shape, each()


def _at(lead: int, *index: int | slice) -> tuple[int | slice, ...]:
    """An index behind ``lead`` axes that are taken whole."""
    return (*[slice(None)] * lead, *index)


WINDOWS: dict[str, Row] = {"convolution": convolution, "pool": pool}
