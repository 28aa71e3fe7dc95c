"""Outputs written into arrays that the caller brings; of a graph both are lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnngraph.errors import InputError
from rnngraph.names import shown


def check_out(out: Any, y: Any) -> None:
    """InputError unless ``out`` can take ``y``, an array or a list of arrays."""
    if _fits(out, y):
        return
    if not isinstance(y, list):
        raise InputError(_message(out, y, "out"))
    if not isinstance(out, (list, tuple)) or len(out) != len(y):
        raise InputError(f"out is {shown(out)}; expected a list of {len(y)} arrays, one for each output in their order")
    for k, (into, array) in enumerate(zip(out, y, strict=True)):
        if not _fits(into, array):
            raise InputError(_message(into, array, f"out[{k}]"))


def fill(out: Any, y: Any) -> Any:
    """``out``, which was checked, with ``y`` written into it."""
    if isinstance(y, list):
        for into, array in zip(out, y, strict=True):
            into[...] = array
    else:
        out[...] = y
    return out


def _fits(out: Any, y: Any) -> bool:
    return type(out) is np.ndarray is type(y) and out.shape == y.shape and out.dtype == y.dtype and out.flags.writeable


def _message(out: Any, y: np.ndarray, name: str) -> str:
    what = shown(out)
    if isinstance(out, np.ndarray):
        kind = "an array" if type(out) is np.ndarray else f"a {type(out).__name__}"
        what = f"{kind if out.flags.writeable else 'a read-only array'} of {out.dtype} of shape {list(out.shape)}"
    return f"{name} is {what}; expected an array of {y.dtype} of shape {list(y.shape)} that can be written into"
