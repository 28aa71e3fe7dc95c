"""What labels hold: whether a loss can take the values, and class numbers as the one-hot labels that graphs take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnngraph.conf.losses import CROSS_ENTROPIES
from rnngraph.errors import InputError

Refuses = Callable[[np.ndarray], np.ndarray]

_PROBABILITIES: tuple[Refuses, str] = (
    lambda y: (y < 0) | (y > 1),
    "numbers between 0 and 1: one-hot labels or probabilities; for other targets use loss='mse'",
)
_SIGNS: tuple[Refuses, str] = (lambda y: abs(y) != 1, "-1 or 1; labels of 0 and 1 become so as 2 * labels - 1")

REFUSED: dict[str, tuple[Refuses, str]] = {
    **dict.fromkeys((*CROSS_ENTROPIES, "xent", "kl_divergence"), _PROBABILITIES),
    "hinge": _SIGNS,
    "squared_hinge": _SIGNS,
    "mean_absolute_percentage_error": (lambda y: y == 0, "numbers other than 0, by which it divides; use loss='mean_absolute_error'"),
    "mean_squared_logarithmic_error": (lambda y: y <= -1, "numbers above -1, of which ln(1 + label) exists; use loss='mse'"),
    "poisson": (lambda y: y < 0, "counts, which are at least 0; use loss='mse'"),
}
"""Which labels a loss cannot take, and what it takes; the other losses take any number."""


def check_values(labels: np.ndarray, mask: np.ndarray | None, loss: str, layer: str) -> None:
    """Refuse labels [N, C, T] or [N, C] that count and that ``loss`` cannot take.

    ``mask`` is None, [N, T] ([N, 1] for [N, C]) or shaped as the labels. Raises InputError that names ``layer`` and the first of them.
    """
    refused = REFUSED.get(loss)
    if refused is None:
        return
    bad = refused[0](labels)
    if not np.count_nonzero(bad):
        return
    if mask is not None:
        bad &= (mask if mask.ndim == labels.ndim else mask[:, None, :]) != 0
    if not bad.any():
        return
    position = np.argwhere(bad)[0].tolist()
    where = ", ".join(f"{axis} {k}" for axis, k in zip(("row", "output", "step"), position, strict=False))
    raise InputError(f"{layer}: the label is {labels[tuple(position)]:g} at {where}, but loss={loss!r} takes {refused[1]}")


def one_hot(numbers: np.ndarray, mask: np.ndarray | None, n_classes: int, layer: str) -> np.ndarray:
    """Class numbers [N, 1, T] or [N, 1] as one-hot labels [N, C, T] or [N, C]; all 0 where ``mask`` ([N, T], [N, 1]) is 0.

    Raises InputError that names ``layer`` and the first that is no class.
    """
    numbers = numbers[:, 0]
    real = np.ones(numbers.shape, bool) if mask is None else (mask[:, 0] if numbers.ndim == 1 else mask) != 0
    classes = np.arange(n_classes)
    found = (numbers[..., None] == classes) & real[..., None]
    bad = real & ~found.any(axis=-1)
    if bad.any():
        position = np.argwhere(bad)[0].tolist()
        where = ", ".join(f"{axis} {k}" for axis, k in zip(("row", "step"), position, strict=False))
        known = f"loss='sparse_mcxent' takes class numbers from 0 to {n_classes - 1}"
        raise InputError(f"{layer}: the label is {numbers[tuple(position)]:g} at {where}; {known}")
    dense = found.astype(numbers.dtype)
    return np.ascontiguousarray(dense.transpose(0, 2, 1)) if dense.ndim == 3 else dense
