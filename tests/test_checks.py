"""The checks of callers' arrays: what passes comes back ready to use, what does not is named with its position and a remedy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnngraph.checks import as_features, as_labels, as_mask, as_numeric, as_parameter, check_finite, is_count
from rnngraph.errors import InputError

KINDS = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", ">f4", ">i2", "longdouble"]
DIMS = st.integers(1, 5)


def says(text: str) -> str:
    """A pattern for a message that has to be this whole text."""
    return f"^{re.escape(text)}$"


# What passes


@given(st.data(), st.sampled_from(KINDS), DIMS, DIMS, DIMS, st.sampled_from(["float32", "float64"]))
def test_features_keep_their_values(data: st.DataObject, kind: str, n: int, f: int, t: int, data_type: str) -> None:
    small = None if kind == "bool" else {"min_value": 0, "max_value": 100}  # numbers that every kind holds exactly in float16
    elements = st.booleans() if small is None else st.integers(**small)
    x = data.draw(hnp.arrays(np.dtype(kind), (n, f, t), elements=elements))
    x = data.draw(st.sampled_from([x, np.asfortranarray(x), x[:, :, ::-1], np.broadcast_to(x[:1], x.shape)]))
    made = as_features(x, f, data_type)
    np.testing.assert_array_equal(made, x.astype("float64"))
    assert (made.dtype.name, made.dtype.isnative, made.flags.carray) == (data_type, True, True)
    torch.from_numpy(made)  # warns, and so fails here, for an array that it must not write to


@pytest.mark.parametrize("step_allowed", [False, True])
def test_ready_arrays_are_not_copied(step_allowed: bool) -> None:
    x, mask = np.ones((2, 3, 4), np.float32), np.ones((2, 4), np.float32)
    assert as_features(x, 3, step_allowed=step_allowed) is x
    assert as_mask(mask, 2, 4) is mask
    assert as_labels(x, 2, 3, 4) is x
    assert np.shares_memory(as_features(x[:, :, 0].copy(), 3, time=False), x) is False


def test_write_protected_arrays_are_not_copied_and_torch_takes_them_without_a_warning() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    x.flags.writeable = False
    made = as_features(x, 2)
    assert np.shares_memory(made, x)
    np.testing.assert_array_equal(torch.from_numpy(made).numpy(), x)
    assert not x.flags.writeable
    del x
    np.testing.assert_array_equal(made, np.arange(6).reshape(1, 2, 3))  # what came back keeps the memory


def test_misaligned_arrays_are_copied() -> None:
    x = np.frombuffer(b"\0" + np.arange(6, dtype=np.float32).tobytes(), np.float32, offset=1).reshape(1, 2, 3)
    assert not x.flags.aligned
    made = as_features(x, 2)
    made[:] = -1
    np.testing.assert_array_equal(x, np.arange(6).reshape(1, 2, 3))


def test_one_step_gets_a_time_axis() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    made = as_features(x, 3, step_allowed=True)
    np.testing.assert_array_equal(made, x.reshape(2, 3, 1))
    assert np.shares_memory(made, x)
    assert as_features(x, 3, time=False) is x
    assert as_features(x, 3, time=False, step_allowed=True) is x


def test_lists_and_tensors_are_arrays() -> None:
    np.testing.assert_array_equal(as_features([[[1, 2], [3, 4]]], 2), np.array([[[1, 2], [3, 4]]], np.float32))
    np.testing.assert_array_equal(as_features(torch.ones(1, 2, 3, dtype=torch.int16), 2), np.ones((1, 2, 3), np.float32))


# Types


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((1, 2, 3), complex), "x is an array of complex128 of shape [1, 2, 3]; expected real numbers"),
        (np.array([[["a"]]]), "x is an array of <U1 of shape [1, 1, 1]; expected real numbers"),
        (np.array([[[None]]]), "x is an array of object of shape [1, 1, 1]; expected real numbers"),
        (np.zeros((1, 2, 3), "datetime64[s]"), "x is an array of datetime64[s] of shape [1, 2, 3]; expected real numbers"),
        (None, "x is an array of object of shape []; expected real numbers"),
        (
            np.ma.masked_equal(np.ones((1, 2, 3)), 1),
            "x is a masked array, whose mask would be lost; give x.filled(0), and as features_mask or labels_mask an array [N, T] that",
        ),
        ([[1.0, 2.0], [1.0]], "x is a list that numpy cannot make an array of (setting an array element with a sequence."),
        (
            torch.ones(1, 2, 3, requires_grad=True),
            "x is a Tensor that numpy cannot make an array of (Can't call numpy() on Tensor that req",
        ),
    ],
)
def test_other_types_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        as_features(value, 2)


def test_refused_types_tell_the_remedy() -> None:
    with pytest.raises(
        InputError, match=r'; expected real numbers: convert it, as np\.asarray\(x, dtype="float32"\) does where that is possible$'
    ):
        as_numeric(np.array("a"), "x")
    with pytest.raises(InputError, match=r"Sequences of different length: rnngraph\.data\.sequences_to_dataset pads and masks them$"):
        as_numeric([[1.0], [1.0, 2.0]], "x")


# Shapes of features


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        (
            (2, 5, 12),
            {},
            "x has 5 features (shape [2, 5, 12] read as [N, F, T]), but the network takes 12: expected [N, 12, T]. "
            "If it is [N, T, F], give x.transpose(0, 2, 1)",
        ),
        ((2, 5, 7), {}, "x has 5 features (shape [2, 5, 7] read as [N, F, T]), but the network takes 12: expected [N, 12, T]"),
        (
            (12, 5),
            {"step_allowed": True},
            "x has 5 features (shape [12, 5] read as [N, F]), but the network takes 12: expected [N, 12]. If it is [F, N], give x.T",
        ),
        ((3, 5), {"time": False}, "x has 5 features (shape [3, 5] read as [N, F]), but the network takes 12: expected [N, 12]"),
        ((0, 12, 5), {}, "x has shape [0, 12, 5], which has no rows; expected at least one: make no call where there is no data"),
        ((2, 12, 0), {}, "x has shape [2, 12, 0], which has no time steps; expected at least one: make no call where there is no data"),
        (
            (0, 12),
            {"step_allowed": True},
            "x has shape [0, 12], which has no rows; expected at least one: make no call where there is no data",
        ),
        (
            (12, 5),
            {},
            "x has shape [12, 5], rank 2; expected [N, 12, T] (rows, features, time steps). "
            "One sequence [F, T] is a batch of one as x[None]; one step [N, F] of each row is x[:, :, None]",
        ),
        (
            (12,),
            {"step_allowed": True},
            "x has shape [12], rank 1; expected [N, 12, T] (rows, features, time steps) or one step [N, 12]. "
            "One row is a batch of one as x[None]",
        ),
        ((12,), {"time": False}, "x has shape [12], rank 1; expected [N, 12] (rows, features). One row is a batch of one as x[None]"),
        (
            (2, 12, 3),
            {"time": False},
            "x has shape [2, 12, 3], rank 3; expected [N, 12] (rows, features): "
            "the network has no recurrent layer and so no time axis; one step of each row is x[:, :, 0]",
        ),
        ((), {}, "x has shape [], rank 0; expected [N, 12, T] (rows, features, time steps): reshape it"),
        ((1, 2, 12, 3), {}, "x has shape [1, 2, 12, 3], rank 4; expected [N, 12, T] (rows, features, time steps): reshape it"),
    ],
)
def test_wrong_shapes_are_named(shape: tuple[int, ...], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=says(message)):
        as_features(np.zeros(shape, np.float32), 12, **arguments)


@given(DIMS, DIMS, DIMS, DIMS)
def test_every_feature_count_but_the_right_one_is_refused(n: int, f: int, t: int, wanted: int) -> None:
    x = np.zeros((n, f, t), np.float32)
    if f == wanted:
        assert as_features(x, wanted).shape == x.shape
        return
    with pytest.raises(InputError) as told:
        as_features(x, wanted, name="features")
    assert ("give features.transpose(0, 2, 1)" in str(told.value)) == (t == wanted)
    if t == wanted:
        assert as_features(x.transpose(0, 2, 1), wanted).shape == (n, t, f)


# Masks


@given(hnp.arrays(np.bool_, st.tuples(DIMS, DIMS)), st.sampled_from([*KINDS]), st.sampled_from(["float32", "float64"]))
def test_masks_of_every_kind(mask: np.ndarray, kind: str, data_type: str) -> None:
    made = as_mask(mask.astype(kind), len(mask), mask.shape[1], data_type=data_type)
    np.testing.assert_array_equal(made, mask)
    assert (made.dtype.name, made.flags.carray) == (data_type, True)


@given(hnp.arrays(np.float32, st.tuples(DIMS, DIMS), elements=st.sampled_from([0, 1])), st.data())
def test_first_wrong_value_of_a_mask_is_named(mask: np.ndarray, data: st.DataObject) -> None:
    row, step = (data.draw(st.integers(0, size - 1)) for size in mask.shape)
    value = data.draw(st.sampled_from([0.5, -1.0, 2.0, float("nan"), float("inf")]))
    mask[row, step] = value
    mask[row:, step][1:] = 7  # later ones are not the first
    text = f"features_mask is {value} at row {row}, step {step}; a mask holds 1 where a step exists and 0 where it does not"
    with pytest.raises(InputError, match=f"^{re.escape(text)}"):
        as_mask(mask, *mask.shape)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((3, 2), ": give features_mask.T"),
        ((2, 1, 3), ": give features_mask[:, 0, :]"),
        ((2, 4), ": one value a row and step, 1 where the step exists"),
        ((2,), ": one value a row and step, 1 where the step exists"),
        ((6,), ": one value a row and step, 1 where the step exists"),
    ],
)
def test_masks_of_another_shape_are_named(shape: tuple[int, ...], remedy: str) -> None:
    message = f"features_mask has shape {list(shape)}; expected [2, 3], which is [N, T] of the array that it masks{remedy}"
    with pytest.raises(InputError, match=says(message)):
        as_mask(np.ones(shape), 2, 3)


@pytest.mark.parametrize(("value", "data_type"), [(1 + 1e-12, "float32"), (1e-60, "float32"), (0.5, "bool"), (0.5, "int64")])
def test_values_of_a_mask_are_not_rounded(value: float, data_type: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(f'features_mask is {value} at row 0, step 1; a mask holds 1')}"):
        as_mask([[1.0, value]], 1, 2, data_type=data_type)


def test_mask_of_one_step_needs_no_time_axis() -> None:
    np.testing.assert_array_equal(as_mask([True, False], 2, 1), np.array([[1], [0]], np.float32))
    with pytest.raises(InputError, match=r"^labels_mask is an array of <U1 of shape \[1\]; expected real numbers"):
        as_mask(["1"], 1, 1, "labels_mask")


# Values


def first_bad(x: np.ndarray, mask: np.ndarray | None) -> tuple[int, int, int] | None:
    """The position by a plain loop."""
    for row, feature, step in np.ndindex(x.shape):
        if not np.isfinite(x[row, feature, step]) and (mask is None or mask[row, step]):
            return row, feature, step
    return None


@given(st.data(), DIMS, DIMS, DIMS, st.booleans())
def test_values_that_are_not_finite_are_found(data: st.DataObject, n: int, f: int, t: int, masked: bool) -> None:
    elements = st.sampled_from([1.0, 2.0, -3.0, float("nan"), float("inf"), float("-inf")])
    x = data.draw(hnp.arrays(np.float32, (n, f, t), elements=elements, fill=st.just(0.0)))
    mask = data.draw(hnp.arrays(np.float32, (n, t), elements=st.sampled_from([0.0, 1.0]))) if masked else None
    position = first_bad(x, mask)
    if position is None:
        check_finite(x, mask)
        return
    with pytest.raises(InputError, match=r"^x is .* at row {}, feature {}, step {}, the first of ".format(*position)):
        check_finite(x, mask)


def test_message_of_a_value_that_is_not_finite() -> None:
    x = np.zeros((2, 3, 4), np.float32)
    x[1, 2, 3] = np.nan
    x[1, 2, 2] = np.nan
    rest = "values that are not finite at steps that are not masked; fill them in"
    message = f"x is nan at row 1, feature 2, step 2, the first of 2 {rest}, or mask their steps"
    with pytest.raises(InputError, match=says(message)):
        check_finite(x)
    check_finite(x, np.array([[1, 1, 1, 1], [1, 1, 0, 0]], np.float32))
    flat = np.zeros((2, 3))
    flat[1, 0] = -np.inf
    message = f"labels is -inf (float64 reaches 1.8e+308) at row 1, output 0, the first of 1 {rest}"
    with pytest.raises(InputError, match=says(message)):
        check_finite(flat, None, "labels", "output")
    check_finite(flat, np.array([[1], [0]], np.float32))


def test_values_beyond_float32_are_told_as_such() -> None:
    x = as_features(np.full((1, 1, 1), 1e300), 1)
    with pytest.raises(InputError, match=r"^x is inf \(float32 reaches 3\.4e\+38\) at row 0, feature 0, step 0, "):
        check_finite(x)
    check_finite(as_features(np.full((1, 1, 1), 1e300), 1, "float64"))


def test_a_first_layer_that_ignores_masks_reads_padding() -> None:
    x = np.zeros((1, 1, 2), np.float32)
    x[0, 0, 1] = np.nan
    message = (
        "x is nan at row 0, feature 0, step 1, the first of 1 values that are not finite; "
        "layers[0] has mask_mode='ignore' and reads padding too: fill them in, or give it mask_mode='hold'"
    )
    check_finite(x, np.array([[1.0, 0.0]]))
    with pytest.raises(InputError, match=says(message)):
        check_finite(x, np.array([[1.0, 0.0]]), reads_padding=True)


def test_masked_arrays_without_a_mask_are_arrays() -> None:
    np.testing.assert_array_equal(as_numeric(np.ma.array([1.0, 2.0]), "x"), [1, 2])


# Parameters


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [3]], "W is [[1, 2], [3]], of which numpy makes no array (setting an array element with a sequence."),
        (None, "W is object[], expected float32[2]"),
        ([True, False], "W is bool[2], expected float32[2]"),
        ([1.0, float("nan")], "W is nan at [1]; every value has to be finite"),
        ([1.0, 1e300], "W is 1e+300 at [1]; every value has to be finite (float32 reaches 3.4e+38)"),
    ],
)
def test_parameters_that_do_not_fit_are_named(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        as_parameter(value, (2,), "float32", "W")


def test_parameters_are_copies_of_the_type() -> None:
    value = np.array([1.0, 1e300])
    made = as_parameter(value, (2,), "float64", "W")
    assert not np.shares_memory(made, value)
    np.testing.assert_array_equal(made, value)
    assert as_parameter([1, 2], (2,), "float32", "W").dtype == np.float32


# Labels


TIME, FLAT = ", which is [N, C, T] of the network's output", ", which is [N, C] of the network's output"


@pytest.mark.parametrize(
    ("shape", "steps", "message"),
    [
        ((4, 3, 5), 6, f"[4, 3, 5]; expected [4, 3, 6]{TIME}: 5 time steps of labels for 6 of the output; "
         "pad the shorter and mask what was added"),
        ((4, 2, 6), 6, f"[4, 2, 6]; expected [4, 3, 6]{TIME}: 2 columns for 3 outputs"),
        ((4, 6, 3), 6, f"[4, 6, 3]; expected [4, 3, 6]{TIME}: 6 columns for 3 outputs. "
         "If they are [N, T, C], give labels.transpose(0, 2, 1)"),
        ((5, 3, 6), 6, f"[5, 3, 6]; expected [4, 3, 6]{TIME}: 5 rows of labels for 4 rows of features"),
        ((4, 3), 6, f"[4, 3]; expected [4, 3, 6]{TIME}: "
         "this network ends with one label a step (RnnOutputLayer)"),
        ((4, 6), 6, f"[4, 6]; expected [4, 3, 6]{TIME}. "
         "Class numbers become one-hot labels as np.eye(3)[labels].transpose(0, 2, 1)"),
        ((4, 3, 6), None, f"[4, 3, 6]; expected [4, 3]{FLAT}: "
         "this network ends with one label a sequence, or none with a time axis"),
        ((4,), None, f"[4]; expected [4, 3]{FLAT}. Class numbers become one-hot labels as np.eye(3)[labels]"),
        ((4, 2), None, f"[4, 2]; expected [4, 3]{FLAT}: 2 columns for 3 outputs"),
        ((5, 3), None, f"[5, 3]; expected [4, 3]{FLAT}: 5 rows of labels for 4 rows of features"),
    ],
)  # fmt: skip
def test_labels_of_another_shape_are_named(shape: tuple[int, ...], steps: int | None, message: str) -> None:
    with pytest.raises(InputError, match=says(f"labels have shape {message}")):
        as_labels(np.zeros(shape), 4, 3, steps)


def test_the_remedy_for_class_numbers_works() -> None:
    labels = np.array([[0, 2, 1, 1], [2, 2, 0, 1]])
    made = as_labels(np.eye(3)[labels].transpose(0, 2, 1), 2, 3, 4)
    np.testing.assert_array_equal(made.argmax(axis=1), labels)


@pytest.mark.parametrize(("value", "expected"), [(1, True), (np.int64(3), True), (0, False), (True, False), (1.0, False), ("1", False)])
def test_counts(value: object, expected: bool) -> None:
    assert is_count(value) is expected
    assert is_count(0, 0)
