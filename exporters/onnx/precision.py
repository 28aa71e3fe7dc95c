"""Weights in fewer bits: what they are rounded to, and how a file stores them.

The two are apart. :func:`rounded` changes numbers, once, before anything is computed of them. :func:`smaller` changes none: it finds
arrays that fewer bits hold without a loss, as rounded weights are, moved and joined or not, and a mask's columns of 1e30 are not. So the
reference backend with rounded weights computes what the file computes, to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import ml_dtypes
import numpy as np

from rnngraph.errors import ExportError
from rnngraph.exporters.onnx.builder import Array, Stored

Precision = Literal["float32", "float16", "bfloat16", "int8"]
"""How weights are stored."""
KINDS: tuple[Precision, ...] = ("float32", "float16", "bfloat16", "int8")

_FLOATS: dict[str, Any] = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
LEVELS = 127
"""An int8 weight is a whole number between -127 and 127 times a number of its row, its scale."""
_SCALE_BITS = 16
"""Scales have this many digits: their products with whole numbers of 7 bits are exact in float32, and found again by :func:`smaller`."""
_LEAST_ROW = 1e-30
"""Rows that are smaller become 0: their scales would have fewer digits."""


def rounded(parameters: Mapping[str, Array], precision: Precision | None) -> dict[str, Array]:
    """The parameters with their weights as ``precision`` holds them, in the type that they had.

    Weights are what products take, the arrays of two and more axes; int8 has a scale for each entry of the first axis, which is a unit of
    the layer. Biases and peepholes stay as they are. ExportError: a weight that is not finite then.
    """
    if precision in (None, "float32"):
        return dict(parameters)
    return {name: _rounded(name, array, str(precision)) if _is_weight(name, array) else array for name, array in parameters.items()}


def _is_weight(name: str, array: Array) -> bool:
    return array.ndim > 1 and name.rpartition(".")[2] != "P"  # peepholes [3, H] are factors of single units


def _rounded(name: str, array: Array, precision: str) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        made = _on_levels(array) if precision == "int8" else array.astype(_FLOATS[precision]).astype(array.dtype)
    if not np.isfinite(made).all():
        raise ExportError(
            f"precision={precision!r}: parameter {name!r} holds {np.abs(array).max():g}, which {precision} cannot; train with l2 or a "
            "constraint on norms so that weights stay small, or leave precision out"
        )
    return made


def _on_levels(array: Array) -> Array:
    levels, scale = levels_of(array)
    return (levels * scale).astype(array.dtype)


def levels_of(array: Array) -> tuple[Array, Array]:
    """The nearest whole numbers from -127 to 127, as floats, and the scale of each entry of the first axis, which broadcasts with them.

    Of an array that was rounded so it gives the same again.
    """
    largest = np.abs(array.astype(np.float64)).max(axis=tuple(range(1, array.ndim)), keepdims=True)
    mantissa, exponent = np.frexp(np.where(largest < _LEAST_ROW, 0.0, largest) / LEVELS)
    scale = np.ldexp(np.ceil(np.ldexp(mantissa, _SCALE_BITS)), exponent - _SCALE_BITS)
    return np.rint(array / np.where(scale == 0.0, np.inf, scale)), scale


def smaller(array: Array, precision: Precision | None) -> Stored | None:
    """How ``precision`` stores the array without a loss; None where it cannot."""
    if precision in (None, "float32") or not np.issubdtype(array.dtype, np.floating):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if precision == "int8":
            return next((found for axis in (-1, 0) if (found := _found(array, axis)) is not None), None)
        short = array.astype(_FLOATS[str(precision)])
        return Stored(short) if np.array_equal(short.astype(array.dtype), array) else None


def _found(array: Array, axis: int) -> Stored | None:
    """The array as levels with a scale for each row along ``axis``, where its rows are such."""
    scale = np.abs(array).max(axis=axis, keepdims=True) / array.dtype.type(LEVELS)
    levels = np.rint(array / np.where(scale == 0, 1, scale))
    return Stored(levels.astype(np.int8), scale) if np.array_equal(levels * scale, array) else None
