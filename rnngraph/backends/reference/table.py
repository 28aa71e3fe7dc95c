"""The reference's row for each op: a function of the operands and the attributes that gives all outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from rnngraph.backends.reference import layer_ops, recurrent
from rnngraph.backends.reference.activations import function, softmax
from rnngraph.backends.reference.types import Array, Attributes, Row
from rnngraph.backends.reference.windows import WINDOWS


def plain(function: Callable[..., Array]) -> Row:
    """The row of an op without attributes and with one output."""
    return lambda inputs, attributes: (np.asarray(function(*inputs)),)


def constant(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The attribute ``value``."""
    return (np.asarray(attributes["value"], np.float64),)


def activation(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The activation ``name``."""
    return (function(attributes["name"])(inputs[0]),)


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


def split_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """All but the last ``count`` entries of the first axis, and these."""
    at = len(inputs[0]) - attributes["count"]
    return inputs[0][:at], inputs[0][at:]


def unsqueeze(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """A new axis of size 1 at ``axis``."""
    return (np.expand_dims(inputs[0], attributes["axis"]),)


def squeeze(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Without the axis ``axis`` of size 1."""
    return (inputs[0].squeeze(attributes["axis"]),)


def scale_features(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The last axis times ``values``."""
    return (inputs[0] * np.asarray(attributes["values"]),)


def softmax_cross_entropy(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """``-Σ w y ln p`` over the last axis, p the softmax of z, kept ``clip`` away from 0 and 1."""
    z, y = inputs
    p = np.clip(softmax(z), attributes["clip"], 1.0 - attributes["clip"])
    weights = 1.0 if attributes["weights"] is None else np.asarray(attributes["weights"])
    return (np.asarray(-(weights * y * np.log(p)).sum(axis=-1)),)


def mask_columns(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """One more column: ``values[k]`` in the rows of gate k."""
    (w,), values = inputs, attributes["values"]
    column = np.repeat(np.asarray(values, np.float64), len(w) // len(values))
    return (np.concatenate([w, column[:, None]], axis=1),)


def reset_columns(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """One more column: ``value`` in the rows of r and z, minus the bias in those of n."""
    w, b = inputs
    r, z, n = np.split(b, 3)
    column = np.concatenate([np.full_like(r, attributes["value"]), np.full_like(z, attributes["value"]), -n])
    return (np.concatenate([w, column[:, None]], axis=1),)


def normalize(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """By mean and population variance of the last axis."""
    (x,) = inputs
    return (np.asarray((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + attributes["epsilon"])),)


def normalize_backward(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The transposed Jacobian, written out, times the gradient."""
    g, x = inputs
    deviation = np.sqrt(x.var(-1, keepdims=True) + attributes["epsilon"])[..., None]
    (y,) = normalize([x], attributes)
    width = x.shape[-1]
    jacobian = (np.eye(width) - 1.0 / width - y[..., :, None] * y[..., None, :] / width) / deviation
    return (np.asarray((g[..., None, :] @ jacobian)[..., 0, :]),)


def block_rows(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Blocks ``start`` to ``stop`` of the first axis."""
    blocks = np.split(inputs[0], attributes["blocks"])
    return (np.concatenate(blocks[attributes["start"] : attributes["stop"]]),)


def zero_state(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """As many rows as the sequence has."""
    return (np.zeros((inputs[0].shape[1], attributes["width"])),)


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
    "integer_linear": plain(lambda x, w: np.clip(np.rint(x * 127.0), -128.0, 127.0) / 127.0 @ w.T),
    "linear_t": plain(lambda x, w: x @ w),
    "outer_sum": plain(outer_sum),
    "sum_all": plain(np.sum),
    "softmax_cross_entropy": softmax_cross_entropy,
    "scale_features": scale_features,
    "straight_through": plain(lambda value, through: value),
    "stop_gradient": plain(lambda x: x),
    "constant": constant,
    "activation": activation,
    "cast": cast,
    "sum_to": sum_to,
    "sum": sum_last,
    "split": split,
    "concat": concat,
    "normalize": normalize,
    "normalize_backward": normalize_backward,
    "block_rows": block_rows,
    "zero_state": zero_state,
    "take": first_axis,
    "row": first_axis,
    "place": place,
    "transpose": transpose,
    "reshape": reshape,
    "last_steps": last_steps,
    "split_steps": split_steps,
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
    "mask_columns": mask_columns,
    "reset_columns": reset_columns,
    "pack_index": recurrent.pack_index,
    "last_index": recurrent.last_index,
    "first_index": recurrent.first_index,
    "gather_steps": recurrent.gather_steps,
    "lstm": recurrent.lstm,
    **layer_ops.ROWS,
    "gru": recurrent.gru,
    **WINDOWS,
}
TABLE["recurrent"] = partial(recurrent.recurrent, TABLE)
