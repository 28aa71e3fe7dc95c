"""Ops of single families of layers, as loops over steps and examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.backends.reference.types import Array, Attributes, Row


def sum_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Step by step."""
    total = np.zeros(inputs[0].shape[1:])
    for step in inputs[0]:
        total = total + step
    return (total,)


def max_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Step by step."""
    largest = inputs[0][0]
    for step in inputs[0][1:]:
        largest = np.where(step > largest, step, largest)
    return (largest,)


def root(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The p-th root."""
    return (np.asarray(inputs[0] ** (1.0 / attributes["p"])),)


def embed(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Id by id."""
    w, ids = inputs
    rows = [w[number] for number in ids.reshape(-1)]
    return (np.stack(rows).reshape(*ids.shape, w.shape[1]),)


def batch_statistics(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """numpy's, of the rows that count."""
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    if len(inputs) == 2:
        rows = rows[np.broadcast_to(inputs[1], (*inputs[0].shape[:-1], 1)).reshape(-1)]
    if not len(rows):
        return np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    return rows.mean(axis=0), rows.var(axis=0)


def features(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """One by one."""
    return (np.stack([inputs[0][..., k] for k in range(attributes["start"], attributes["stop"])], axis=-1),)


def reverse_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Step by step."""
    return (np.stack([inputs[0][t] for t in reversed(range(len(inputs[0])))]),)


def repeat_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Step by step."""
    x, like = inputs
    return (np.stack([x for _ in like]),)


def example_norm(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Example by example."""
    (x,) = inputs
    return (np.array([[np.sqrt((x[..., n, :] ** 2).sum())] for n in range(x.shape[-2])]),)


ROWS: dict[str, Row] = {
    "features": features,
    "reverse_steps": reverse_steps,
    "repeat_steps": repeat_steps,
    "example_norm": example_norm,
    "sum_steps": sum_steps,
    "max_steps": max_steps,
    "root": root,
    "embed": embed,
    "batch_statistics": batch_statistics,
}
