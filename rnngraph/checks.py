"""Checks of the arrays that callers give: numpy only, for the network and for the runtime, cheap where nothing is wrong.

What comes back is C-contiguous and in native byte order, on the caller's own memory where that is all that, else a copy. So torch and
onnxruntime can both take it without a copy or a warning. Nobody may write into it, and numpy does not see to that: torch warns of arrays
that are write-protected, so what comes back never is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.errors import InputError
from rnngraph.names import shown


def as_numeric(value: ArrayLike, name: str) -> np.ndarray:
    """``value`` as an array of numbers: booleans, integers or floats, the array itself where it is one.

    Raises InputError for text, objects, complex numbers, masked arrays, and nested lists of unequal length.
    """
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray and np.ma.is_masked(value):
        raise InputError(
            f"{name} is a masked array, whose mask would be lost; give {name}.filled(0), and as features_mask or labels_mask an array "
            "[N, T] that is 1 where a step exists"
        )
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{name} is a {type(value).__name__} that numpy cannot make an array of ({error}); expected one array of numbers. "
            "Sequences of different length: rnngraph.data.sequences_to_dataset pads and masks them"
        ) from error
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} is an array of {array.dtype} of shape {list(array.shape)}; expected real numbers: convert it, "
            f'as np.asarray({name}, dtype="float32") does where that is possible'
        )
    return array


def as_features(
    x: ArrayLike, n_features: int, data_type: str = "float32", name: str = "x", step_allowed: bool = False, time: bool = True
) -> np.ndarray:
    """Features of a network that takes ``n_features`` at each step: [N, F, T], or [N, F] of a network without a time axis (``time=False``).

    With ``step_allowed`` one step may be given as [N, F], and comes back as [N, F, 1].
    Raises InputError for another type, rank or feature count, and for N = 0 or T = 0.
    """
    array = ready(as_numeric(x, name), data_type)
    step = step_allowed and time and array.ndim == 2
    if array.ndim != (3 if time else 2) and not step:
        raise InputError(_rank_message(array, n_features, name, time, step_allowed))
    if array.shape[1] != n_features:
        raise InputError(_features_message(array, n_features, name))
    if not array.size:
        what = "rows" if array.shape[0] == 0 else "time steps"
        raise InputError(
            f"{name} has shape {list(array.shape)}, which has no {what}; expected at least one: make no call where there is no data"
        )
    return array[:, :, None] if step else array


def as_labels(
    labels: ArrayLike,
    n: int,
    n_classes: int,
    steps: int | None = None,
    data_type: str = "float32",
    name: str = "labels",
    sparse: bool = False,
) -> np.ndarray:
    """Labels of ``n`` rows: [N, C, T] where the output has ``steps`` time steps, [N, C] where it has no time axis (``steps=None``).

    ``sparse``: class numbers in one column, for whose loss the message says so.

    The labels mask is :func:`as_mask`'s, with t = 1 for labels [N, C].
    Raises InputError for another type, rank, class count, row count or length.
    """
    array = ready(as_numeric(labels, name), data_type)
    wanted = [n, n_classes] if steps is None else [n, n_classes, steps]
    if list(array.shape) != wanted:
        if sparse and array.ndim == len(wanted) and [array.shape[0], 1, *array.shape[2:]] == wanted:
            hint = f"loss='sparse_mcxent' takes class numbers {wanted}; for one-hot labels use loss='mcxent'"
            raise InputError(f"{name} have shape {list(array.shape)}; {hint}")
        raise InputError(_labels_message(array, wanted, name))
    return array


def as_mask(mask: ArrayLike, n: int, t: int, name: str = "features_mask", data_type: str = "float32") -> np.ndarray:
    """A mask [N, T] of 0 and 1, where 1 is a step that exists; of one step (T = 1) [N] is accepted too and comes back as [N, 1].

    Raises InputError for another type or shape, and for any other value, which is named with its position.
    """
    array = as_numeric(mask, name)
    if t == 1 and array.shape == (n,):
        array = array[:, None]
    if array.shape != (n, t):
        raise InputError(_mask_message(array, n, t, name))
    # On the few values of one step count_nonzero costs half of all(), here and below; this is in the path of every step.
    if np.count_nonzero(array == 0) + np.count_nonzero(array == 1) != array.size:
        row, step = np.argwhere((array != 0) & (array != 1))[0].tolist()
        raise InputError(
            f"{name} is {array[row, step]} at row {row}, step {step}; a mask holds 1 where a step exists and 0 where it does not: "
            f"give {name} > threshold for a soft one"
        )
    return ready(array, data_type)  # only now: a conversion may round to 0 or 1 what is neither


def as_labels_mask(mask: ArrayLike, shape: tuple[int, ...], data_type: str = "float32", name: str = "labels_mask") -> np.ndarray:
    """A mask of labels of this ``shape``, [N, C, T] or [N, C]: one value a step or row as :func:`as_mask` takes it, or one an output.

    A mask of the one output that there is comes back as one of steps or rows. Raises InputError for another type or shape, and for any
    value but 0 and 1.
    """
    array = as_numeric(mask, name)
    rows = (shape[0], 1) if len(shape) == 2 else (shape[0], shape[2])
    if shape[1] == 1 and array.shape == shape:
        array = array.reshape(rows)
    if array.shape != shape or shape[1] == 1:
        if array.ndim == len(shape) and array.shape[0] == shape[0] and array.shape not in (rows, (shape[0], 1, *shape[2:])):
            each = "row" if len(shape) == 2 else "step"
            raise InputError(
                f"{name} has shape {list(array.shape)}; expected {list(rows)}, one value a {each}, or {list(shape)}, one an output"
            )
        return as_mask(array, *rows, name, data_type)
    bad = (array != 0) & (array != 1)
    if np.count_nonzero(bad):
        position = np.argwhere(bad)[0].tolist()
        where = ", ".join(f"{axis} {k}" for axis, k in zip(("row", "output", "step"), position, strict=False))
        raise InputError(
            f"{name} is {array[tuple(position)]} at {where}; a mask holds 1 where a label counts and 0 where it does not: "
            f"give {name} > threshold for a soft one"
        )
    return ready(array, data_type)


def masks_outputs(mask: np.ndarray | None, labels: tuple[int, ...]) -> bool:
    """Whether a labels mask, as :func:`as_labels_mask` gives it for labels of this shape, is one of single outputs."""
    return mask is not None and mask.shape == labels and labels[1] > 1


def as_parameter(value: ArrayLike, shape: tuple[int, ...], data_type: str, name: str) -> np.ndarray:
    """A copy of ``value`` as a parameter of ``shape``. Raises InputError for another shape or kind of type, for inf, NaN and overflow."""
    expected = f"expected {data_type}{list(shape)}"
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name} is {shown(value)}, of which numpy makes no array ({error}); {expected}") from error
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise InputError(f"{name} is {array.dtype}{list(array.shape)}, {expected}")
    made = _cast(array, data_type)
    if not np.isfinite(made).all():
        position = np.argwhere(~np.isfinite(made))[0].tolist()
        given = array[tuple(position)]
        reach = _reach(made.dtype) if np.isfinite(given) else ""
        raise InputError(f"{name} is {given} at {position}; every value has to be finite{reach}")
    return made


def check_finite(
    x: np.ndarray,
    mask: np.ndarray | None = None,
    name: str = "x",
    column: str = "feature",
    reads_padding: bool = False,
    reader: str = "layers[0]",
) -> None:
    """Refuse NaN and infinity in ``x`` [N, F, T], [N, F] or video [N, C, H, W, T], except where ``mask`` [N, T] ([N, 1] for [N, F]) is 0.

    ``reads_padding`` says that the first layer, which ``reader`` names, ignores masks: then no step is left out.
    Raises InputError that names the first by row, ``column`` and step.
    """
    finite = np.isfinite(x)
    if np.count_nonzero(finite) == finite.size:
        return
    bad = ~finite
    if mask is not None and not reads_padding:
        bad &= (mask if x.ndim == mask.ndim else np.expand_dims(mask, tuple(range(1, x.ndim - 1)))) != 0
    if not bad.any():
        return
    position = np.argwhere(bad)[0].tolist()
    axes = ("row", column, "step") if x.ndim < 4 else ("row", "channel", "line", "column", "step")
    where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, position, strict=False))
    value = x[tuple(position)]
    if reads_padding:
        remedy = f"; {reader} has mask_mode='ignore' and reads padding too: fill them in, or give it mask_mode='hold'"
    else:
        remedy = " at steps that are not masked; fill them in" + ("" if x.ndim in (2, 4) else ", or mask their steps")
    reach = "" if np.isnan(value) else _reach(x.dtype)
    raise InputError(f"{name} is {value}{reach} at {where}, the first of {np.count_nonzero(bad)} values that are not finite{remedy}")


def _reach(dtype: np.dtype[Any]) -> str:
    """Beyond which value an array of this type holds infinity."""
    return f" ({dtype} reaches {np.finfo(dtype).max:.3g})"


def is_count(value: object, least: int = 1) -> bool:
    """Whether ``value`` is an integer, and no boolean, of at least ``least``."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def ready(array: np.ndarray, data_type: str) -> np.ndarray:
    """C-contiguous, aligned, not write-protected and of ``data_type``."""
    if array.dtype != data_type:
        return _cast(array, data_type)
    flags = array.flags
    if flags.carray:
        return array
    return np.asarray(_Unprotected(array)) if flags.c_contiguous and flags.aligned else array.copy(order="C")


def _cast(array: np.ndarray, data_type: str) -> np.ndarray:
    """A copy of ``data_type``; a value beyond its range becomes inf, which checks after it tell by position."""
    with np.errstate(over="ignore"):
        return np.array(array, dtype=data_type, order="C")


class _Unprotected:
    """The memory of a write-protected array, for an array that is not."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array  # keeps the memory
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _rank_message(array: np.ndarray, n_features: int, name: str, time: bool, step_allowed: bool) -> str:
    """The wrong number of axes, and the likeliest way to the right one."""
    shape = list(array.shape)
    expected = f"[N, {n_features}, T] (rows, features, time steps)" if time else f"[N, {n_features}] (rows, features)"
    if time and step_allowed:
        expected += f" or one step [N, {n_features}]"
    message = f"{name} has shape {shape}, rank {array.ndim}; expected {expected}"
    if time and array.ndim == 2:
        return f"{message}. One sequence [F, T] is a batch of one as {name}[None]; one step [N, F] of each row is {name}[:, :, None]"
    if array.ndim == 1 and (step_allowed or not time):
        return f"{message}. One row is a batch of one as {name}[None]"
    if not time and array.ndim == 3:
        return f"{message}: the network has no recurrent layer and so no time axis; one step of each row is {name}[:, :, 0]"
    return f"{message}: reshape it"


def _features_message(array: np.ndarray, n_features: int, name: str) -> str:
    """The wrong feature count, and the transpose where that fits."""
    shape = list(array.shape)
    read, expected = ("[N, F]", f"[N, {n_features}]") if len(shape) == 2 else ("[N, F, T]", f"[N, {n_features}, T]")
    message = f"{name} has {shape[1]} features (shape {shape} read as {read}), but the network takes {n_features}: expected {expected}"
    if len(shape) == 3 and shape[2] == n_features:
        return f"{message}. If it is [N, T, F], give {name}.transpose(0, 2, 1)"
    if len(shape) == 2 and shape[0] == n_features:
        return f"{message}. If it is [F, N], give {name}.T"
    return message


def _labels_message(array: np.ndarray, wanted: list[int], name: str) -> str:
    """How labels differ from what was expected: by rank, rows, classes or length, in this order."""
    shape, time = list(array.shape), len(wanted) == 3
    expected = f"expected {wanted}, which is [N, C, T]" if time else f"expected {wanted}, which is [N, C]"
    message = f"{name} have shape {shape}; {expected} of the network's output"
    if shape == wanted[:1] + wanted[2:] and wanted[1] > 1:
        one_hot = f"np.eye({wanted[1]})[{name}]" + (".transpose(0, 2, 1)" if time else "")
        return f"{message}. Class numbers become one-hot labels as {one_hot}"
    if len(shape) != len(wanted):
        last = "with one label a step (RnnOutputLayer)" if time else "with one label a sequence, or none with a time axis"
        return f"{message}: this network ends {last}"
    if shape[0] != wanted[0]:
        return f"{message}: {shape[0]} rows of labels for {wanted[0]} rows of features"
    if shape[1] != wanted[1]:
        turned = time and [shape[0], shape[2], shape[1]] == wanted
        hint = f". If they are [N, T, C], give {name}.transpose(0, 2, 1)" if turned else ""
        return f"{message}: {shape[1]} columns for {wanted[1]} outputs{hint}"
    return f"{message}: {shape[2]} time steps of labels for {wanted[2]} of the output; pad the shorter and mask what was added"


def _mask_message(array: np.ndarray, n: int, t: int, name: str) -> str:
    """A mask of the wrong shape, and the likeliest way to the right one."""
    message = f"{name} has shape {list(array.shape)}; expected {[n, t]}, which is [N, T] of the array that it masks"
    if array.shape == (t, n):
        return f"{message}: give {name}.T"
    if array.shape == (n, 1, t):
        return f"{message}: give {name}[:, 0, :]"
    return f"{message}: one value a row and step, 1 where the step exists"
