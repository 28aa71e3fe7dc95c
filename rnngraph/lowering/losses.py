"""Losses of one row at one step, as DL4J defines them (``org.nd4j.linalg.lossfunctions.impl``)."""

from __future__ import annotations

from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import absolute, greater, where
from rnngraph.ir.graph import Value

_CROSS_ENTROPY = ("mcxent", "negativeloglikelihood")
_SQUARED = ("mse", "squared_loss")


def loss_per_row(loss: str, activation: str, z: Value, y: Value, labels: Value) -> Value:
    """The loss of every row (and step): z, y = act(z) and labels are [..., C], the result is [...]."""
    if loss in _CROSS_ENTROPY:
        if activation == "softmax":
            return z.block.add("softmax_cross_entropy", [z, labels], "losses")
        return -_sum(labels * _log_of_labelled(y, labels))
    if loss in _SQUARED:
        rest = labels - y
        return _sum(rest * rest) / _width(labels)
    raise ConfigurationError(f"loss {loss!r} is not known; losses are {', '.join((*_CROSS_ENTROPY, *_SQUARED))}")


def _log_of_labelled(y: Value, labels: Value) -> Value:
    """ln y where the label is not 0, and 0 elsewhere: 0 · ln 0 counts as 0, in the gradient as well."""
    return y.block.add("log", [where(greater(absolute(labels), 0.0), y, 1.0)])


def _sum(x: Value) -> Value:
    return x.block.add("sum", [x], keepdims=False)


def _width(labels: Value) -> float:
    """The number of classes or targets, which is always a number."""
    width = labels.shape[-1]
    assert isinstance(width, int)
    return float(width)
