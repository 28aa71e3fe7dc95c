"""Where each parameter of a layer stands in DL4J's arrays, and how to get there and back.

DL4J transposes: x·W with W [n_in, n_out]. Its gates stand in the order candidate, forget, output, input (it calls them I, F, O, G), ours in
the order i, f, g, o; its peepholes, the last three columns of RW, in the order f, o, i, ours i, f, o.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngraph.conf import Layer
from rnngraph.conf.layers import innermost

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """One array of DL4J's: its key, our keys of what it holds, and the way there and back.

    ``rank`` is what DL4J's has, ``shape`` tells its shape from those of ours.
    """

    key: str
    ours: tuple[str, ...]
    there: Callable[..., Array]
    back: Callable[[Array], tuple[Array, ...]]
    rank: int = 2
    shape: Callable[..., Shape] = lambda shape: shape[::-1]


def _same(key: str, ours: str, rank: int = 1) -> Part:
    return Part(key, (ours,), lambda a: a, lambda a: (a,), rank, lambda shape: shape)


def _transposed(key: str, ours: str) -> Part:
    return Part(key, (ours,), lambda a: a.T, lambda a: (a.T,))


def _columns(rows: Array) -> Array:
    """Rows of gates i, f, g, o as columns g, f, o, i; a bias likewise."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([g, f, o, i]).T


def _rows(columns: Array) -> Array:
    g, f, o, i = np.split(columns, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1).T


def _gates(key: str, ours: str, rank: int = 2) -> Part:
    return Part(key, (ours,), _columns, lambda a: (_rows(a),), rank)


def _with_peepholes(R: Array, P: Array) -> Array:
    i, f, o = P
    return np.concatenate([_columns(R), np.stack([f, o, i], axis=1)], axis=1)


def _without_peepholes(RW: Array) -> tuple[Array, ...]:
    f, o, i = RW[:, -3:].T
    return _rows(RW[:, :-3]), np.stack([i, f, o])


def _filter_1d(W: Array) -> Array:
    """[n_out, n_in, k] -> the shape [n_out, n_in, k, 1], whose memory DL4J takes for [k, n_in, n_out]."""
    return np.ascontiguousarray(W.T).reshape(*W.shape, 1)


def _from_filter_1d(W: Array) -> tuple[Array, ...]:
    n_out, n_in, k, _ = W.shape
    return (np.ascontiguousarray(W).reshape(k, n_in, n_out).T,)


def _variance(log_deviation: Array) -> Array:
    """10^(2 log10 s), in double precision and then of the array's own type."""
    return np.asarray(10.0 ** (2.0 * log_deviation.astype(np.float64)), _floating(log_deviation))


def _log_deviation(variance: Array) -> Array:
    """log10 s. Of the numbers beside the nearest it is one of which the variance comes out again as it was, where there is one."""
    with np.errstate(divide="ignore"):  # a variance of 0 is a logarithm of minus infinity, and comes back as 0
        nearest = np.asarray(0.5 * np.log10(variance.astype(np.float64)), _floating(variance))
    found = nearest
    for beside in (np.nextafter(nearest, np.inf, dtype=nearest.dtype), np.nextafter(nearest, -np.inf, dtype=nearest.dtype)):
        found = np.where((_variance(found) != variance) & (_variance(beside) == variance), beside, found)
    return np.asarray(found)


def _floating(array: Array) -> np.dtype[Any]:
    """Its type, or float64 where it holds whole numbers."""
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)


def _prefixed(parts: tuple[Part, ...], name: Callable[[str], str], direction: str) -> tuple[Part, ...]:
    return tuple(replace(p, key=name(p.key), ours=tuple(f"{direction}.{k}" for k in p.ours)) for p in parts)


_PEEPING = Part("RW", ("R", "P"), _with_peepholes, _without_peepholes, shape=lambda R, P: (R[1], R[0] + P[0]))
_LSTM = (_gates("W", "W"), _gates("RW", "R"), _gates("b", "b", rank=1))
_GRAVES = (_gates("W", "W"), _PEEPING, _gates("b", "b", rank=1))
_GAINS = Part("g", ("g",), np.ravel, lambda a: (a.reshape(2, -1),), rank=1, shape=lambda shape: (math.prod(shape),))
_SIMPLE_RNN = (_transposed("W", "W"), _transposed("RW", "R"), _same("b", "b"), _GAINS)
_DENSE = (_transposed("W", "W"), _same("b", "b"), _same("g", "g"))
_EMBEDDING = (_same("W", "W", rank=2), _same("b", "b"))
_LOG_DEVIATION = Part("log10stdev", ("var",), _log_deviation, lambda a: (_variance(a),), rank=1)
_VARIANCE = _same("var", "var")

LAYOUTS: Mapping[str, tuple[Part, ...]] = {
    "BatchNormalization": (_same("gamma", "gamma"), _same("beta", "beta"), _same("mean", "mean"), _LOG_DEVIATION),
    "Convolution1DLayer": (_same("b", "b"), Part("W", ("W",), _filter_1d, _from_filter_1d, 4, lambda shape: (*shape, 1))),
    "ConvolutionLayer": (_same("b", "b"), _same("W", "W", rank=4)),
    "DenseLayer": _DENSE,
    "EmbeddingLayer": _EMBEDDING,
    "EmbeddingSequenceLayer": _EMBEDDING,
    "GravesBidirectionalLSTM": (
        *_prefixed(_GRAVES, lambda key: f"{key}F", "forward"),
        *_prefixed(_GRAVES, lambda key: f"{key}B", "backward"),
    ),
    "GravesLSTM": _GRAVES,
    "LSTM": _LSTM,
    "OutputLayer": _DENSE,
    "RnnOutputLayer": _DENSE,
    "SimpleRnn": _SIMPLE_RNN,
}
"""The parts of each class, in the order in which DL4J puts them into one vector; not every layer has all."""


BIAS_KEYS = frozenset({"b", "fb", "bb", "bF", "bB"})
"""DL4J's keys of biases: of one direction, of a Bidirectional, of a GravesBidirectionalLSTM."""


def parts(layer: Layer) -> tuple[Part, ...]:
    """The parts of ``layer``, those of the layer inside for a wrapper; none for a layer that DL4J knows no parameters of."""
    if "layer" not in type(layer).model_fields:
        found = LAYOUTS.get(layer.tag(), ())
        return found if getattr(layer, "use_log_std", True) else (*found[:-1], _VARIANCE)
    held = parts(layer.layer)  # type: ignore[attr-defined]  # a wrapper
    if layer.tag() != "Bidirectional":
        return held
    return (*_prefixed(held, lambda key: f"f{key}", "forward"), *_prefixed(held, lambda key: f"b{key}", "backward"))


def keys(layer: Layer) -> tuple[str, ...]:
    """DL4J's keys of the parameters that ``layer`` has, running statistics among them."""
    held = innermost(layer)
    lacking = {"b"} if not getattr(held, "has_bias", True) else set[str]()
    lacking |= {"g"} if not getattr(held, "has_layer_norm", False) else set()
    lacking |= {"gamma", "beta"} if getattr(held, "lock_gamma_beta", False) else set()
    return tuple(part.key for part in parts(layer) if not lacking & {name.rpartition(".")[2] for name in part.ours})
