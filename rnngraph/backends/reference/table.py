"""The reference's row for each op: a function of the operands and the attributes that gives all outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from rnngraph.backends.reference import layer_ops, recurrent
from rnngraph.backends.reference.activations import ACTIVATIONS, softmax
from rnngraph.backends.reference.types import Array, Attributes, Row
from rnngraph.backends.reference.windows import WINDOWS

SMALLEST_PROBABILITY = 1e-10
"""DL4J clips the softmax's output to [1e-10, 1 - 1e-10] before the logarithm."""


def plain(function: Callable[..., Array]) -> Row:
    """The row of an op without attributes and with one output."""
    return lambda inputs, attributes: (np.asarray(function(*inputs)),)


def constant(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The attribute ``value``."""
    return (np.asarray(attributes["value"], np.float64),)


def activation(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The activation ``name``."""
    return (ACTIVATIONS[attributes["name"]](inputs[0]),)


def cast(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """To the element type ``to``."""
    return (inputs[0].astype({"float": np.float64, "int64": np.int64, "bool": np.bool_}[attributes["to"]]),)


def outer_sum(a: Array, b: Array) -> Array:
    """``Σ aᵀ b`` over all leading axes."""
    return np.asarray(np.einsum("zm,zk->mk", a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])))


def sum_to(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Over the axes that ``shape`` lacks, and over those that have size 1 there."""
    (x,), shape = inputs, attributes["shape"]
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return (x.sum(axis=tuple(k for k, d in enumerate(shape) if d == 1), keepdims=True),)


def sum_last(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Over the last axis."""
    return (np.asarray(inputs[0].sum(axis=-1, keepdims=attributes["keepdims"])),)


def split(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Into equal parts of the last axis."""
    return tuple(np.split(inputs[0], attributes["parts"], axis=-1))


def concat(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Along ``axis``."""
    return (np.concatenate(inputs, axis=attributes["axis"]),)


def first_axis(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Entry ``index`` of the first axis."""
    return (inputs[0][attributes["index"]],)


def place(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Zeros with as many rows as ``shape`` says, the operand as row ``index``."""
    (row,) = inputs
    placed = np.zeros((attributes["shape"][0], *row.shape))
    placed[attributes["index"]] = row
    return (placed,)


def transpose(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Axes in the order ``order``."""
    return (inputs[0].transpose(attributes["order"]),)


def reshape(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The last ``axes`` axes as ``shape``, rows first."""
    (x,), axes = inputs, attributes["axes"]
    return (x.reshape(*x.shape[:-axes], *attributes["shape"]),)


def last_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The last ``count`` entries of the first axis."""
    return (inputs[0][len(inputs[0]) - attributes["count"] :],)


def unsqueeze(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """A new axis of size 1 at ``axis``."""
    return (np.expand_dims(inputs[0], attributes["axis"]),)


def squeeze(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Without the axis ``axis`` of size 1."""
    return (inputs[0].squeeze(attributes["axis"]),)


def softmax_cross_entropy(z: Array, y: Array) -> Array:
    """``-Σ y ln p`` over the last axis, p the softmax of z, clipped."""
    p = np.clip(softmax(z), SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    return np.asarray(-(y * np.log(p)).sum(axis=-1))


def mask_columns(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """One more column: ``values[k]`` in the rows of gate k."""
    (w,), values = inputs, attributes["values"]
    column = np.repeat(np.asarray(values, np.float64), len(w) // len(values))
    return (np.concatenate([w, column[:, None]], axis=1),)


TABLE: dict[str, Row] = {
    "add": plain(np.add),
    "sub": plain(np.subtract),
    "mul": plain(np.multiply),
    "div": plain(np.divide),
    "max": plain(np.maximum),
    "min": plain(np.minimum),
    "neg": plain(np.negative),
    "abs": plain(np.abs),
    "sign": plain(np.sign),
    "exp": plain(np.exp),
    "sqrt": plain(np.sqrt),
    "log": plain(np.log),
    "identity": plain(lambda x: x),
    "sigmoid_backward": plain(lambda g, y: g * y * (1.0 - y)),
    "tanh_backward": plain(lambda g, y: g * (1.0 - y * y)),
    "relu_backward": plain(lambda g, y: g * (y > 0.0)),
    "hardsigmoid_backward": plain(lambda g, y: 0.2 * g * ((y > 0.0) & (y < 1.0))),
    "greater": plain(np.greater),
    "not": plain(np.logical_not),
    "where": plain(np.where),
    "zeros": plain(np.zeros_like),
    "linear": plain(lambda x, w: x @ w.T),
    "linear_t": plain(lambda x, w: x @ w),
    "outer_sum": plain(outer_sum),
    "sum_all": plain(np.sum),
    "softmax_cross_entropy": plain(softmax_cross_entropy),
    "constant": constant,
    "activation": activation,
    "cast": cast,
    "sum_to": sum_to,
    "sum": sum_last,
    "split": split,
    "concat": concat,
    "take": first_axis,
    "row": first_axis,
    "place": place,
    "transpose": transpose,
    "reshape": reshape,
    "last_steps": last_steps,
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
    "mask_columns": mask_columns,
    "pack_index": recurrent.pack_index,
    "last_index": recurrent.last_index,
    "gather_steps": recurrent.gather_steps,
    "lstm": recurrent.lstm,
    **layer_ops.ROWS,
    **WINDOWS,
}
TABLE["recurrent"] = partial(recurrent.recurrent, TABLE)
