"""Normalizers: DL4J's recorded arrays, the closed form over all real steps, and what they refuse."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph.data import DataSet, NormalizerMinMaxScaler, NormalizerStandardize
from rnngraph.data.multi_normalizer import any_normalizer_from
from rnngraph.data.normalizers import KINDS, normalizer_from

RNG = np.random.default_rng(3)
KNOWN = NormalizerStandardize.from_statistics([1.0, -2.0, 0.5], [2.0, 0.5, 4.0], [10.0], [100.0])
SPREAD = NormalizerMinMaxScaler.from_statistics([0.0, -2.0, 5.0], [4.0, 2.0, 6.0], min_range=-1, max_range=3)


def batch(n: int, steps: int, scale: float = 1.0, seed: int = 0) -> DataSet:
    """Three features, two labels, gaps in both masks; NaN at masked steps."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, 3, steps)) * [[scale], [3.0], [0.1]] + [[5 * scale], [0], [1e3]], rng.random((n, 2, steps))
    xm, ym = (rng.random((n, steps)) < 0.7 for _ in range(2))
    xm[0, 0] = ym[0, 0] = True
    x[np.broadcast_to(~xm[:, None], x.shape)], y[np.broadcast_to(~ym[:, None], y.shape)] = np.nan, np.inf
    return DataSet(x, y, xm, ym)


def columns(sets: list[DataSet], name: str) -> np.ndarray:
    """All real steps of all sets one behind the other, [K, F]."""
    return np.concatenate([getattr(one, name).transpose(0, 2, 1)[getattr(one, f"{name}_mask") != 0] for one in sets])


def refused(call: Any, message: str, error: type[Exception] = rg.InputError) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        call()


# DL4J's numbers


@pytest.mark.parametrize("kind", ["standardize", "minmax"])
@pytest.mark.parametrize("masked", ["masked", "unmasked"])
def test_matches_dl4j(kind: str, masked: str, goldens: Path) -> None:
    if not (goldens / "normalizers").is_dir():
        pytest.skip("the recorded arrays of normalizers are not here")
    with np.load(goldens / "normalizers" / "arrays.npz") as file:
        arrays = dict(file)
    masks = [[arrays[f"mask_{k}"]] * 2 if masked == "masked" else [] for k in (0, 1)]
    sets = [DataSet(arrays[f"x_{k}"], arrays[f"y_{k}"], *masks[k]) for k in (0, 1)]
    normalizer: Any = NormalizerStandardize(fit_label=True) if kind == "standardize" else NormalizerMinMaxScaler(-1, 2, fit_label=True)

    def same(ours: np.ndarray, name: str) -> None:
        theirs = arrays[f"{kind}_{masked}_{name}"].reshape(ours.shape)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * max(1, np.abs(theirs).max()))

    if kind == "standardize":
        normalizer.fit(sets[0])
        same(normalizer.mean, "first_batch_mean")
        same(normalizer.std, "first_batch_std")
    normalizer.fit(sets)
    for name in ("mean", "std") if kind == "standardize" else ("min", "max"):
        same(getattr(normalizer, name), name)
        same(getattr(normalizer, f"label_{name}"), f"label_{name}")
    if kind == "standardize":
        same(normalizer.mean, "two_batches_mean")
        same(normalizer.std, "two_batches_std")
    changed = normalizer.transform(sets[0])
    same(changed.features, "x")
    same(changed.labels, "y")
    same(normalizer.revert(changed).features, "x_reverted")


# Statistics


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 10))
def test_statistics_are_those_of_all_real_steps_together(rows: list[int], seed: int) -> None:
    sets = [batch(n, 4 + k, seed=10 * seed + k) for k, n in enumerate(rows)]
    standardize, spread = NormalizerStandardize(fit_label=True), NormalizerMinMaxScaler(fit_label=True)
    for normalizer in (standardize, spread):
        normalizer.fit(one for one in sets)  # a generator: one pass has to be enough
    x, y = columns(sets, "features"), columns(sets, "labels")
    np.testing.assert_allclose(standardize.mean, x.mean(0), rtol=1e-13)
    np.testing.assert_allclose(standardize.std, np.maximum(x.std(0), 1e-5), rtol=1e-12)
    np.testing.assert_allclose(standardize.label_mean, y.mean(0), rtol=1e-13)
    np.testing.assert_allclose(standardize.label_std, np.maximum(y.std(0), 1e-5), rtol=1e-12)
    for got, want in ((spread.min, x.min(0)), (spread.max, x.max(0)), (spread.label_min, y.min(0)), (spread.label_max, y.max(0))):
        np.testing.assert_array_equal(got, want)


def test_far_from_zero_the_deviation_keeps_its_digits() -> None:
    x = 1e9 + RNG.standard_normal((1000, 1)) * np.float64(1e-2)
    normalizer = NormalizerStandardize()
    normalizer.fit(DataSet(x, x).batch_by(7))
    np.testing.assert_allclose(normalizer.std, (x - 1e9).std(0), rtol=1e-5)  # a float64 at 1e9 is exact to 1.2e-5 of the deviation


def test_without_time_and_integers() -> None:
    x, y = RNG.integers(0, 255, (20, 3)), RNG.random((20, 2))
    counts = RNG.random(20) < 0.5
    normalizer = NormalizerStandardize(fit_label=True)
    normalizer.fit(DataSet(x, y, labels_mask=counts))
    np.testing.assert_allclose(normalizer.mean, x.mean(0))
    np.testing.assert_allclose(normalizer.label_std, y[counts].std(0))
    changed = normalizer.transform(DataSet(x, y, labels_mask=counts))
    assert changed.features.dtype == np.float32
    np.testing.assert_allclose(changed.features, (x - x.mean(0)) / x.std(0), atol=1e-6)
    np.testing.assert_array_equal(changed.labels[~counts], 0)


def test_a_mask_of_single_outputs_counts_each_by_itself() -> None:
    y = RNG.random((4, 2, 5))
    mask = RNG.random(y.shape) < 0.6
    normalizer = NormalizerMinMaxScaler(fit_label=True)
    normalizer.fit(DataSet(y, y, labels_mask=mask))
    for c in (0, 1):
        assert normalizer.label_min[c] == y[:, c][mask[:, c]].min()
    np.testing.assert_array_equal(normalizer.transform(DataSet(y, y, labels_mask=mask)).labels[~mask], 0)


def test_labels_without_a_mask_count_by_the_features_mask() -> None:
    full = batch(3, 6)
    assert full.features_mask is not None
    y = RNG.random((3, 2, 6))
    y[np.broadcast_to(full.features_mask[:, None] == 0, y.shape)] = np.nan
    normalizer = NormalizerStandardize(fit_label=True)
    normalizer.fit(DataSet(full.features, y, full.features_mask))
    np.testing.assert_allclose(normalizer.label_mean, np.nanmean(y, axis=(0, 2)))
    many_to_one = DataSet(full.features, np.ones((3, 2, 1)), full.features_mask)
    normalizer.fit(many_to_one)
    np.testing.assert_array_equal(normalizer.label_mean, [1, 1])


def test_a_constant_column() -> None:
    x = np.full((4, 2, 3), 7.0, np.float32)
    x[:, 1] = RNG.random((4, 3))
    for normalizer, becomes in ((NormalizerStandardize(), 0.0), (NormalizerMinMaxScaler(-1, 1), -1.0)):
        normalizer.fit(DataSet(x, x))
        changed = normalizer.transform_features(x)
        np.testing.assert_array_equal(changed[:, 0], becomes)
        np.testing.assert_allclose(normalizer.revert_features(changed), x, atol=1e-6)
    standardize = NormalizerStandardize()
    standardize.fit(DataSet(x, x))
    assert standardize.std[0] == 1e-5


def test_a_fit_that_fails_leaves_what_was_there() -> None:
    normalizer = copy.deepcopy(KNOWN)

    def spoilt() -> Iterator[DataSet]:
        yield DataSet(np.ones((2, 3)), np.ones((2, 1)))
        yield DataSet(np.full((2, 3), np.nan), np.ones((2, 1)))

    refused(lambda: normalizer.fit(spoilt()), "element 1 of data: features is nan at row 0, feature 0, the first of 6 values")
    assert normalizer == KNOWN


# Arrays


@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_transform_and_revert(data_type: str) -> None:
    x = (RNG.random((2, 3, 4)) * 4).astype(data_type)
    for normalizer, want in (
        (KNOWN, (x - [[1.0], [-2.0], [0.5]]) / [[2.0], [0.5], [4.0]]),
        (SPREAD, (x - [[0.0], [-2.0], [5.0]]) / [[4.0], [4.0], [1.0]] * 4 - 1),
    ):
        changed = normalizer.transform_features(x)
        assert changed.dtype == data_type
        np.testing.assert_allclose(changed, want, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(normalizer.transform_features(x[..., 0]), changed[..., 0])
        back = normalizer.revert_features(changed)
        assert back.dtype == data_type
        np.testing.assert_allclose(back, x, atol=2e-6)
    np.testing.assert_allclose(KNOWN.revert_labels(KNOWN.transform_labels(x[:, :1])), x[:, :1], atol=1e-5)


def test_masked_steps_become_zero_whatever_stands_there() -> None:
    data = batch(3, 5)
    normalizer = NormalizerMinMaxScaler(2, 3, fit_label=True)
    normalizer.fit(data)
    before = data.features.copy()
    changed = normalizer.transform(data)
    for array, mask in ((changed.features, data.features_mask), (changed.labels, data.labels_mask)):
        assert mask is not None
        np.testing.assert_array_equal(array.transpose(0, 2, 1)[mask == 0], 0)
        assert array.transpose(0, 2, 1)[mask != 0].min() >= 2 - 1e-9
    np.testing.assert_array_equal(data.features, before)
    assert changed.features_mask is not None
    np.testing.assert_array_equal(changed.features_mask, data.features_mask)
    back = normalizer.revert(changed)
    np.testing.assert_allclose(columns([back], "features"), columns([data], "features"), rtol=1e-9)
    np.testing.assert_allclose(columns([back], "labels"), columns([data], "labels"), rtol=1e-9)


def test_labels_stay_without_fit_label() -> None:
    normalizer = NormalizerStandardize()
    data = DataSet(RNG.random((4, 3)), RNG.random((4, 2)))
    normalizer.fit(data)
    np.testing.assert_array_equal(normalizer.transform(data).labels, data.labels)
    normalizer.fit_label(True)
    normalizer.fit(data)
    np.testing.assert_allclose(normalizer.transform(data).labels.mean(0), 0, atol=1e-12)
    normalizer.fit_label(False)
    np.testing.assert_array_equal(normalizer.transform(data).labels, data.labels)


# Objects


@pytest.mark.parametrize("normalizer", [KNOWN, SPREAD], ids=["standardize", "min_max"])
def test_json_keeps_all_of_it(normalizer: Any) -> None:
    made = normalizer_from(json.loads(json.dumps(normalizer.to_dict())))
    assert made == normalizer
    assert repr(made) == repr(normalizer)
    other = normalizer_from({**normalizer.to_dict(), "labels": None})
    assert (other == normalizer) == (normalizer is SPREAD)


def test_repr_and_equality() -> None:
    assert repr(KNOWN) == "<NormalizerStandardize(fit_label=True), 3 features, 1 labels>"
    assert repr(NormalizerMinMaxScaler()) == "<NormalizerMinMaxScaler(min_range=0.0, max_range=1.0, fit_label=False), not fitted>"
    assert NormalizerStandardize() == NormalizerStandardize() != NormalizerStandardize(fit_label=True)
    assert NormalizerMinMaxScaler(0, 2) != NormalizerMinMaxScaler() != NormalizerStandardize()
    assert NormalizerStandardize.from_statistics([1.0, -2.0, 0.5], [2.0, 0.5, 4.1], [10.0], [100.0]) != KNOWN
    assert list(KINDS) == ["standardize", "min_max"]


def test_statistics_are_read_only_and_accept_dl4j_s_shape() -> None:
    np.testing.assert_array_equal(NormalizerStandardize.from_statistics([[1.0, 2.0]], [[0.0, 3.0]]).std, [1e-5, 3.0])
    with pytest.raises(ValueError, match="read-only"):
        KNOWN.mean[0] = 5


ONES = np.ones((2, 3, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: NormalizerStandardize().transform_features(ONES),
            "NormalizerStandardize is not fitted: call fit(data) with the training data first",
        ),
        (lambda: NormalizerMinMaxScaler().to_dict(), "NormalizerMinMaxScaler is not fitted: call fit(data) with the training data first"),
        (lambda: NormalizerMinMaxScaler().max, "NormalizerMinMaxScaler is not fitted: call fit(data) with the training data first"),
        (
            lambda: SPREAD.revert_labels(ONES),
            "this NormalizerMinMaxScaler leaves labels as they are; to have them normalised too make it with fit_label=True and fit it",
        ),
        (
            lambda: KNOWN.transform_features(np.ones((2, 4, 3))),
            "features have 4 columns (shape [2, 4, 3]), but the normalizer was fitted on 3; expected [N, 3, T]",
        ),
        (
            lambda: KNOWN.revert_labels(np.ones((2, 2))),
            "labels have 2 columns (shape [2, 2]), but the normalizer was fitted on 1; expected [N, 1]",
        ),
        (
            lambda: KNOWN.transform_features(np.ones((2, 3, 8, 8))),
            "features have shape [2, 3, 8, 8], images or video, whose pixels have no statistics of their own; a normalizer takes [N, F, T] "
            "or [N, F]: divide pixels by 255 instead",
        ),
        (lambda: KNOWN.transform_features(np.ones(3)), "features have shape [3], of rank 1; a normalizer takes [N, F, T] or [N, F]"),
        (lambda: KNOWN.transform_features(np.ones((0, 3))), "features have shape [0, 3], which is empty; a normalizer takes"),
        (lambda: KNOWN.transform_features(ONES, np.ones((2, 3))), "features_mask has shape [2, 3]; expected [2, 4]"),
        (
            lambda: KNOWN.transform_features(ONES[..., 0], np.ones((2, 1))),
            "features of shape [2, 3] have no time axis that a mask could mask; leave the mask out",
        ),
        (lambda: KNOWN.transform_features(ONES, np.full((2, 4), 0.5)), "features_mask is 0.5 at row 0, step 0; a mask holds 1"),
        (
            lambda: KNOWN.transform_features(np.ma.masked_array(ONES, ONES > 0)),
            "features is a masked array, whose mask would be lost; give features.filled(0)",
        ),
        (lambda: KNOWN.transform([1]), "expected a DataSet, not a list; of several each is normalised by itself"),  # type: ignore[arg-type]
        (
            lambda: NormalizerStandardize().fit(DataSet(ONES, ONES, np.zeros((2, 4)))),
            "fit: every step of features is masked, so there is nothing to fit; a mask is 1 where a step exists",
        ),
        (
            lambda: NormalizerStandardize(fit_label=True).fit(DataSet(ONES, ONES, labels_mask=ONES * [[1], [0], [1]])),
            "fit: every step of column 1 of labels is masked, so there is nothing to fit",
        ),
        (
            lambda: NormalizerStandardize().fit([DataSet(ONES, ONES), DataSet(ONES[:, :2], ONES)]),
            "element 1 of data: features have 2 columns (shape [2, 2, 4]), those before had 3; expected the same for all",
        ),
        (
            lambda: NormalizerStandardize(fit_label=True).fit(DataSet(ONES, ONES * np.inf)),
            "labels is inf (float64 reaches 1.8e+308) at row 0, output 0, step 0, the first of 24 values that are not finite",
        ),
        (lambda: NormalizerStandardize().fit(DataSet(ONES * [[1], [1], [1e308]], ONES * 0)), "mean is inf in column 2; expected finite"),
        (lambda: NormalizerStandardize(fit_label=1), "fit_label is 1; expected True (labels are normalised too) or False"),  # type: ignore[arg-type]
        (lambda: NormalizerMinMaxScaler(1, 1), "min_range=1, max_range=1: expected two finite numbers, the first below the second"),
        (lambda: NormalizerMinMaxScaler(0, np.inf), "min_range=0, max_range=inf: expected two finite numbers"),
        (lambda: NormalizerStandardize.from_statistics([0.0], [-1.0]), "std is -1.0 in column 0; a standard deviation is at least 0"),
        (
            lambda: NormalizerStandardize.from_statistics([0.0], [1.0, 2.0]),
            "mean has 1 columns, std 2; expected one number of each for every column",
        ),
        (lambda: NormalizerStandardize.from_statistics(0.0, 1.0), "mean has shape []; expected [F], one number for each column"),
        (lambda: NormalizerStandardize.from_statistics([np.nan], [1.0]), "mean is nan in column 0; expected finite numbers"),
        (
            lambda: NormalizerStandardize.from_statistics([0.0], [1.0], label_std=[1.0]),
            "label_std is given without label_mean; give both, or none where labels stay as they are",
        ),
        (
            lambda: NormalizerMinMaxScaler.from_statistics([0.0, 2.0], [1.0, 1.0]),
            "column 1 has min 2.0 and max 1.0; expected a max that is at least the min",
        ),
        (lambda: normalizer_from({"type": "log"}), "{'type': 'log'} is no normalizer; expected what to_dict() gave"),
        (
            lambda: normalizer_from({"type": "standardize", "features": {"type": "standardize", "mean": [1]}, "labels": None}),
            "{'type': 'standardize', 'mean': [1]} are no statistics of a normalizer; expected what to_dict() gave",
        ),
        (
            lambda: normalizer_from({**KNOWN.to_dict(), "labels": SPREAD.to_dict()["features"]}),
            "NormalizerStandardize cannot have statistics of type 'min_max'; expected 'standardize'",
        ),
    ],
)
def test_refusals(call: Any, message: str) -> None:
    refused(call, message)


def test_no_data_and_other_spellings() -> None:
    refused(lambda: NormalizerStandardize().fit([]), "data (list) yields no DataSet", rg.TrainingError)
    refused(lambda: KNOWN.getLabelMean, "NormalizerStandardize has no attribute 'getLabelMean'; write label_mean", AttributeError)  # type: ignore[attr-defined]
    refused(lambda: KNOWN.preProcess, "NormalizerStandardize has no attribute 'preProcess'; write transform", AttributeError)  # type: ignore[attr-defined]
    refused(lambda: NormalizerMinMaxScaler(minRange=0), "NormalizerMinMaxScaler has no argument 'minRange'; write min_range", TypeError)  # type: ignore[call-arg]


# Several inputs


def test_several_are_one_each() -> None:
    parts = [NormalizerStandardize.from_statistics([1.0], [2.0]), None, SPREAD]
    several = rg.MultiNormalizer(parts, [NormalizerStandardize()])
    assert repr(several).startswith("MultiNormalizer([<NormalizerStandardize(fit_label=False), 1 features>, None, <NormalizerMinMaxScaler(")
    refused(several.to_dict, "NormalizerStandardize is not fitted: call fit(data)")
    fitted = rg.MultiNormalizer(parts)
    assert any_normalizer_from(json.loads(json.dumps(fitted.to_dict()))) == fitted != several
    assert any_normalizer_from(KNOWN.to_dict()) == KNOWN


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rg.MultiNormalizer([]), "MultiNormalizer: features is empty; expected one normalizer, or None, for each input"),
        (lambda: rg.MultiNormalizer(SPREAD), "MultiNormalizer: features is <NormalizerMinMaxScaler("),  # type: ignore[arg-type]
        (
            lambda: rg.MultiNormalizer([SPREAD, KNOWN]),
            "MultiNormalizer: features[1] is <NormalizerStandardize(fit_label=True), 3 features, 1 labels>; expected a normalizer without "
            "fit_label, or None: those of outputs stand in labels=[...]",
        ),
        (
            lambda: any_normalizer_from({"type": "multi", "features": [], "labels": 1}),
            "{'type': 'multi', 'features': [], 'labels': 1} is no",
        ),
        (
            lambda: any_normalizer_from({"type": "multi", "features": [{}], "labels": []}),
            "{} is no normalizer; expected what to_dict() gave",
        ),
    ],
)
def test_what_several_refuse(call: Any, message: str) -> None:
    refused(call, message)


def test_several_are_fitted_in_one_pass() -> None:
    sets = [batch(3, 5, seed=k) for k in (1, 2)]
    both = [rg.MultiDataSet([s.features, s.labels], [s.labels], [s.features_mask, s.labels_mask], [s.labels_mask]) for s in sets]
    several = rg.MultiNormalizer([NormalizerStandardize(), NormalizerMinMaxScaler()], [NormalizerStandardize()])
    several.fit(one for one in both)
    alone, spread = NormalizerStandardize(fit_label=True), NormalizerMinMaxScaler(fit_label=True)
    alone.fit(sets)
    spread.fit(sets)
    features: Any = several.features
    labels: Any = several.labels
    np.testing.assert_array_equal(features[0].mean, alone.mean)
    np.testing.assert_array_equal(features[1].max, spread.label_max)
    np.testing.assert_array_equal(labels[0].std, alone.label_std)
    changed, want = several.transform(both[0]), alone.transform(sets[0])
    np.testing.assert_array_equal(changed.features[0], want.features)
    np.testing.assert_array_equal(changed.features[1], spread.transform(sets[0]).labels)
    np.testing.assert_array_equal(changed.labels[0], want.labels)
    np.testing.assert_array_equal(several.revert(changed).labels[0], alone.revert(want).labels)
    np.testing.assert_array_equal(several.revert_labels([want.labels])[0], alone.revert_labels(want.labels))
    np.testing.assert_array_equal(several.transform_features(both[0].features, both[0].features_masks)[0], want.features)


def test_none_leaves_an_input_as_it_is() -> None:
    x, ids = RNG.random((4, 3, 5)), RNG.integers(0, 9, (4, 1, 5))
    data = rg.MultiDataSet([x, ids], [x, x])
    several = rg.MultiNormalizer([NormalizerStandardize(), None])
    several.fit(data)
    changed = several.transform(data)
    assert changed.features[1].dtype == ids.dtype
    np.testing.assert_array_equal(changed.features[1], ids)
    np.testing.assert_array_equal(changed.labels[1], x)
    refused(
        lambda: several.fit([DataSet(x, x)]),
        "element 0 of data: DataSet(features [4, 3, 5], labels [4, 3, 5]) has 1 arrays of features, but the normalizer is for 2; "
        "rg.MultiNormalizer(features=[...], labels=[...]) has a normalizer, or None, for each",
    )
    spoilt = rg.MultiDataSet([x, ids], [x, np.full_like(x, np.nan)])
    wider = rg.MultiNormalizer([NormalizerStandardize(), None], [None, NormalizerStandardize()])
    refused(lambda: wider.fit([spoilt]), "element 0 of data: labels[1] is nan at row 0, output 0, step 0")
    assert wider.features[0] == NormalizerStandardize()
    refused(lambda: several.transform(DataSet(x, x)), "expected a MultiDataSet, not a DataSet; MultiDataSet.of(dataset) makes one")  # type: ignore[arg-type]
    refused(lambda: several.transform_features([x]), "features are 1 arrays, but the MultiNormalizer has 2 for features")


def test_one_normalizer_refuses_a_multi_data_set() -> None:
    data: Any = rg.MultiDataSet([ONES], [ONES])
    message = "expected a DataSet, not a MultiDataSet; rg.MultiNormalizer(features=[...], labels=[...]) takes these"
    for call in (KNOWN.fit, KNOWN.transform, KNOWN.revert):
        refused(lambda call=call: call(data), message)
    refused(lambda: KNOWN.fit([DataSet(ONES, ONES), data]), f"element 1 of data: {message}")


M = np.array([[1, 1, 0, 0]])
X4, Y4 = np.array([[[1.0, 3.0, 0.0, 0.0]]]), np.array([[[10.0, 20.0, 0.0, 0.0]]])
"""One row of two real steps."""


@pytest.mark.parametrize(
    ("features", "masks"),
    [
        ([X4], [M]),
        ([X4, X4], [M, M]),
        ([X4, X4[..., :3]], [M, np.ones((1, 3))]),
        ([X4, X4[..., :3]], [M, None]),
        ([X4, X4[:, :, 0]], [M, None]),
    ],
    ids=["one", "two alike", "one of other length", "one of other length without a mask", "a vector"],
)
def test_labels_of_several_inputs_count_by_the_mask_that_these_agree_on(features: Any, masks: Any) -> None:
    data = rg.MultiDataSet(features, [Y4], masks)
    several = rg.MultiNormalizer([None] * len(features), [NormalizerStandardize()])
    several.fit(data)
    (of_labels,) = several.labels
    np.testing.assert_array_equal([of_labels.mean, of_labels.std], [[15.0], [5.0]])  # type: ignore[union-attr]
    changed = several.transform(data)
    np.testing.assert_array_equal(changed.labels[0], [[[-1.0, 1.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(several.revert(changed).labels[0], Y4)


@pytest.mark.parametrize("other", [np.array([[1, 1, 1, 0]]), None], ids=["another mask", "no mask"])
def test_labels_of_inputs_that_are_masked_differently(other: Any) -> None:
    data, own = rg.MultiDataSet([X4, X4], [Y4], [M, other]), rg.MultiDataSet([X4, X4], [Y4], [M, other], [M])
    several = rg.MultiNormalizer([NormalizerStandardize(), None], [NormalizerStandardize()])
    message = (
        "labels[0] have no mask of their own, and the inputs with their 4 time steps are masked differently; "
        "give labels_masks=[...], which say the steps whose labels count"
    )
    refused(lambda: several.fit(data), message)
    several.fit(own)
    assert several.labels[0].mean == [15.0]  # type: ignore[union-attr]
    refused(lambda: several.transform(data), message)
    refused(lambda: several.revert(data), message)
    unread = rg.MultiNormalizer([NormalizerStandardize(), None], [None])
    unread.fit(data)
    np.testing.assert_array_equal(unread.transform(data).labels[0], Y4)
