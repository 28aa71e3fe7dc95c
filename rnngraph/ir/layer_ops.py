"""Ops of single families of layers: pooling over time, embeddings, batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from rnngraph.ir.table import ANY, COUNT, FLOAT, INTEGER, Attributes, misfit, op
from rnngraph.ir.types import TensorType, broadcast, floats


@op("sum_steps", 1)
def _sum_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The sum over the first axis, from front to back: [T, ...] -> [...].

    A sum so far that stands in front as row 0 gives the same bits as all steps at once.
    """
    return (_without_steps("sum_steps", types),)


@op("max_steps", 1)
def _max_steps(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The largest value over the first axis: [T, ...] -> [...]; its gradient goes to equal values in equal parts."""
    return (_without_steps("max_steps", types),)


def _without_steps(name: str, types: Sequence[TensorType]) -> TensorType:
    if types[0].rank < 1:
        raise misfit(name, types, "an operand with a first axis")
    return floats(*types[0].shape[1:])


@op("root", 1, p=COUNT)
def _root(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """The p-th root of values of at least 0; the gradient at 0 is 0, as DL4J's."""
    return (types[0],)


@op("embed", 2, [FLOAT, INTEGER])
def _embed(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Rows of W [V, E] by number: ids [...], from 0 to V - 1 -> [..., E]."""
    w, ids = types
    if w.rank != 2:
        raise misfit("embed", types, "W [V, E] and ids [...]")
    return (floats(*ids.shape, w.shape[1]),)


@op("batch_statistics", None, ANY)
def _batch_statistics(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    """Mean and variance (of the population) of each feature: x [..., F] -> [F], [F].

    A second operand, bool [..., 1], says what counts; where nothing does, both are 0.
    """
    x, mask = types[0] if types else floats(), types[1] if len(types) == 2 else None
    masked = mask is None or (mask.element == "bool" and mask.shape[-1:] == (1,) and broadcast(mask.shape, x.shape) == x.shape)
    if len(types) not in (1, 2) or x.rank < 2 or x.element != "float" or not masked:
        raise misfit("batch_statistics", types, "float x [..., F], and a bool mask [..., 1] that broadcasts to it or none")
    return floats(x.shape[-1]), floats(x.shape[-1])
