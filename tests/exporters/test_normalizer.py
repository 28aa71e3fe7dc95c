"""A normalizer inside a file: raw values in and out, and the numbers, bits and states of the network without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

import rnngraph as rg
from rnngraph.backends import reference
from rnngraph.commands.tables import facts
from rnngraph.errors import ExportError
from rnngraph.exporters import export_onnx
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.normalise import Baked, bake
from rnngraph.exporters.onnx.targets import transform
from rnngraph.ir.padding import reads_padding
from rnngraph.ir.passes.normalise import normalise
from rnngraph.ir.passes.prune import prune
from rnngraph.lowering import initial_parameters, lower
from rnngraph.runtime import StreamingSession, read_manifest, verify
from rnngraph.runtime.golden import read_samples
from tests.exporters.networks import Net, classifier, net_of

RNG = np.random.default_rng(11)
MEAN, STD = np.array([1000.0, -2.0, 0.5]), np.array([20.0, 0.5, 4e-3])
FACTOR, SHIFT = np.array([100.0, 1e-3]), np.array([2000.0, 0.1])
STANDARD = rg.NormalizerStandardize.from_statistics(MEAN, STD, SHIFT, FACTOR)
STANDARD_FEATURES = rg.NormalizerStandardize.from_statistics(MEAN, STD)
SPREAD = rg.NormalizerMinMaxScaler.from_statistics(MEAN, MEAN + STD, SHIFT, SHIFT + FACTOR, -1, 2)
NORMALIZERS = pytest.mark.parametrize("normalizer", [STANDARD, SPREAD], ids=["standardize", "min_max"])
MASKED = pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])


def regression(*layers: Any, **settings: Any) -> Net:
    """Three features, two numbers at each step."""
    given = layers or (rg.LSTM(n_in=3, n_out=6), rg.GravesLSTM(n_out=5))
    return net_of(*given, rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"), **settings)


def torch_of(net: Net) -> rg.MultiLayerNetwork:
    """The same network in torch."""
    made = rg.MultiLayerNetwork(net.config)
    made.set_parameters(net.parameters())
    return made


def raw(n: int, steps: int, data_type: str = "float32") -> np.ndarray:
    """Features in the units of the statistics."""
    x: np.ndarray = RNG.standard_normal((n, 3, steps)) * STD[:, None] + MEAN[:, None]
    return x.astype(data_type)


def gaps(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A mask, and x with NaN, infinity or the largest number where it is 0."""
    mask = (RNG.random((len(x), x.shape[2])) < 0.7).astype(np.float32)
    nothing = RNG.choice([np.nan, np.inf, -np.inf, 3e38], x.shape).astype(x.dtype)
    return np.where(mask[:, None] != 0, x, nothing), mask


def exactly(normalizer: Any, x: np.ndarray) -> np.ndarray:
    """x on the common scale, in float64 from the definition."""
    x = x.astype(np.float64)
    inside: np.ndarray = (x - MEAN[:, None]) / STD[:, None]
    return inside if normalizer is STANDARD else inside * 3 - 1


def exactly_raw(normalizer: Any, y: np.ndarray) -> np.ndarray:
    """y in the units of labels, in float64 from the definition."""
    made: np.ndarray = (y if normalizer is STANDARD else (y + 1) / 3) * FACTOR[:, None] + SHIFT[:, None]
    return made


def close(got: np.ndarray, want: np.ndarray, real: np.ndarray | bool = True) -> None:
    """Equal to 1e-5 of what one step of normalised labels is, and to the resolution of float32 where they are far from 0."""
    error = np.where(real, np.abs(got - want), 0) / (FACTOR + np.abs(SHIFT) * 1e-2)[:, None]
    assert error.max() < 2e-5


@MASKED
@NORMALIZERS
@pytest.mark.parametrize("target", ["portable", "cpu"])
def test_the_file_takes_and_gives_raw_values(normalizer: Any, masked: bool, target: Any, tmp_path: Path) -> None:
    net = regression()
    export_onnx(net, tmp_path / "net.onnx", target=target, features_mask=masked, normalizer=normalizer)
    x, mask = gaps(raw(4, 9)) if masked else (raw(4, 9), None)
    inside = np.where(mask[:, None] != 0, exactly(normalizer, x), 0) if mask is not None else exactly(normalizer, x)
    states = {f"state_0{k}_{key}": np.zeros((4, n)) for k, n in ((0, 6), (1, 5)) for key in "hc"}
    feeds = {"x": inside, **({} if mask is None else {"features_mask": mask}), **states, **net.parameters()}
    want = exactly_raw(normalizer, reference.run(lower(net.config, features_mask=masked), feeds)["y"])
    got = StreamingSession(tmp_path / "net.onnx").output(x, mask)
    close(got, want, True if mask is None else mask[:, None] != 0)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@NORMALIZERS
def test_masked_steps_are_what_transform_makes_of_them(normalizer: Any, mode: str, tmp_path: Path) -> None:
    net = regression(mask_mode=mode)
    export_onnx(net, tmp_path / "net.onnx", features_mask=True, normalizer=normalizer)
    x, mask = gaps(raw(4, 9))
    session = StreamingSession(tmp_path / "net.onnx")
    assert not session.manifest.mask.padding_is_read
    want = normalizer.revert_labels(torch_of(net).output(normalizer.transform_features(x, mask), mask))
    close(session.output(x, mask), want, mask[:, None] != 0)
    assert verify(tmp_path / "net.onnx")


@MASKED
@NORMALIZERS
@pytest.mark.parametrize("steps", [None, 1])
def test_whole_chunked_and_stepped_are_equal_to_the_bit(normalizer: Any, masked: bool, steps: Any, tmp_path: Path) -> None:
    export_onnx(regression(), tmp_path / "net.onnx", features_mask=masked, steps=steps, normalizer=normalizer)
    session = StreamingSession(tmp_path / "net.onnx")
    x, mask = gaps(raw(3, 20)) if masked else (raw(3, 20), None)
    whole = session.output(x, mask)
    for lengths in ([1] * 20, [3, 8, 1, 7, 1]):
        session.rnn_clear_previous_state()
        ends = np.cumsum(lengths)
        parts = [
            session.rnn_time_step(x[..., b - n : b], None if mask is None else mask[:, b - n : b])
            for n, b in zip(lengths, ends, strict=True)
        ]
        real = True if mask is None else mask[:, None] != 0
        np.testing.assert_array_equal(np.where(real, np.concatenate(parts, axis=2), 0), np.where(real, whole, 0))
    np.testing.assert_array_equal(session.output(x[1:2], None if mask is None else mask[1:2]), whole[1:2])


@MASKED
def test_normalising_is_what_numpy_computes_to_the_bit(masked: bool, tmp_path: Path) -> None:
    net = regression()
    for name, normalizer in (("raw", SPREAD), ("plain", None)):
        export_onnx(net, tmp_path / f"{name}.onnx", features_mask=masked, normalizer=normalizer)
    x, mask = gaps(raw(3, 8)) if masked else (raw(3, 8), None)
    got = StreamingSession(tmp_path / "raw.onnx").output(x, mask)
    plain = StreamingSession(tmp_path / "plain.onnx").output(SPREAD.transform_features(x, mask), mask)
    real = True if mask is None else mask[:, None] != 0
    np.testing.assert_array_equal(np.where(real, got, 0), np.where(real, SPREAD.revert_labels(plain), 0))


def test_states_and_digest_are_those_of_the_network(tmp_path: Path) -> None:
    net = regression()
    for name, normalizer in (("raw", STANDARD), ("plain", None)):
        export_onnx(net, tmp_path / f"{name}.onnx", normalizer=normalizer)
    with_it, without, torch = StreamingSession(tmp_path / "raw.onnx"), StreamingSession(tmp_path / "plain.onnx"), torch_of(net)
    x = raw(2, 10)
    with_it.rnn_time_step(x[..., :6])
    assert with_it.manifest.parameters_sha256 == without.manifest.parameters_sha256
    assert with_it.manifest.parameters_count == without.manifest.parameters_count
    inside = STANDARD.transform_features(x)
    for other in (without, torch):
        other.restore(with_it.snapshot())
        close(STANDARD.revert_labels(other.rnn_time_step(inside[..., 6:])), StreamingSession(tmp_path / "raw.onnx").output(x)[..., 6:])


def test_the_manifest_tells_a_host(tmp_path: Path) -> None:
    export_onnx(regression(), tmp_path / "net.onnx", normalizer=STANDARD)
    told = read_manifest(tmp_path / "net.onnx")
    assert told.format == 1
    assert told.normalizer is not None
    assert told.normalizer["inputs"] == {"x": {"type": "standardize", "mean": MEAN.tolist(), "std": STD.tolist()}}
    assert told.normalizer["outputs"] == {"y": {"type": "standardize", "mean": SHIFT.tolist(), "std": FACTOR.tolist()}}
    assert told.normalizer["reverts_labels"] is True
    assert told.normalizer["rule"].startswith("Feed raw values: the file computes (x - mean) / std of each column")
    shown = [line for line in facts(told) if line.startswith("normalizer")]
    assert shown == [
        "normalizer  x takes raw values: standardize of 3 columns",
        "normalizer  y gives raw values: standardize of 2 columns undone",
    ]


def test_classes_have_no_units(tmp_path: Path) -> None:
    net = classifier()
    scale = np.arange(1.0, 6)
    export_onnx(net, tmp_path / "net.onnx", normalizer=rg.NormalizerStandardize.from_statistics(scale, scale))
    told = read_manifest(tmp_path / "net.onnx").normalizer
    assert told is not None
    assert (told["outputs"], told["reverts_labels"]) == ({}, False)
    x = RNG.random((3, 5, 7), np.float32) * 10
    want = torch_of(net).output((x - scale[:, None]) / scale[:, None])
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx").output(x), want, atol=1e-5)


def test_without_time_and_in_float64(tmp_path: Path) -> None:
    net = net_of(
        rg.DenseLayer(n_in=3, n_out=4, activation="tanh"), rg.OutputLayer(n_out=2, activation="identity", loss="mse"), data_type="float64"
    )
    export_onnx(net, tmp_path / "net.onnx", normalizer=STANDARD)
    x = raw(5, 1, "float64")
    want = torch_of(net).output(exactly(STANDARD, x)[..., 0])
    got = StreamingSession(tmp_path / "net.onnx").output(x[..., 0])
    np.testing.assert_allclose((got - SHIFT) / FACTOR, want, rtol=1e-9, atol=1e-12)
    assert verify(tmp_path / "net.onnx", net=torch_of(net))


def two_towers() -> Net:
    """Two inputs, and an output of each."""
    config = rg.ComputationGraphConfiguration(
        seed=4,
        inputs=["a", "b"],
        vertices={
            "left": (rg.LSTM(n_in=3, n_out=4), "a"),
            "right": (rg.LSTM(n_in=2, n_out=3), "b"),
            "first": (rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"), "left"),
            "second": (rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse"), "right"),
        },
        outputs=["first", "second"],
    )
    return Net(config, {k: v.astype("float32") for k, v in initial_parameters(config).items()})


def bytes_of(net: Net, made: Baked) -> bytes:
    """The file of a graph without manifest and samples."""
    content: bytes = build_model(transform(made.graph, "portable"), {**net.parameters(), **made.statistics}).SerializeToString()
    return content


@MASKED
def test_several_inputs_have_statistics_each(masked: bool) -> None:
    net, second_label = two_towers(), rg.NormalizerStandardize.from_statistics([50.0], [7.0])
    graph = prune(lower(net.config, features_mask=masked))
    baked = bake(graph, rg.MultiNormalizer([STANDARD_FEATURES, None], [None, second_label]), net.config.layers)
    assert baked.manifest is not None
    assert (list(baked.manifest["inputs"]), list(baked.manifest["outputs"])) == (["a"], ["second"])
    raw_run, plain_run = (ort.InferenceSession(bytes_of(net, made)) for made in (baked, bake(graph, None, net.config.layers)))
    taken = {"a": raw(2, 6), "b": RNG.standard_normal((2, 2, 6)).astype(np.float32)}
    masks = {f"features_mask_{k}": np.ones((2, 6), np.float32) for k in taken} if masked else {}
    if masked:
        taken["a"], masks["features_mask_a"] = gaps(taken["a"])
    inside = {**taken, "a": STANDARD_FEATURES.transform_features(taken["a"], masks.get("features_mask_a"))}
    states = {i.name: np.zeros((2, i.shape[1]), np.float32) for i in raw_run.get_inputs() if i.name.startswith("state")}
    got, want = (run.run(["first", "second"], {**fed, **masks, **states}) for run, fed in ((raw_run, taken), (plain_run, inside)))
    real = masks["features_mask_a"][:, None] != 0 if masked else True
    np.testing.assert_array_equal(np.where(real, got[0], 0), np.where(real, want[0], 0))
    np.testing.assert_array_equal(got[1], second_label.revert_features(want[1]))


# Checking the file


@MASKED
@NORMALIZERS
def test_golden_samples_are_raw_values_in_range(normalizer: Any, masked: bool, tmp_path: Path) -> None:
    export_onnx(regression(), tmp_path / "net.onnx", features_mask=masked, normalizer=normalizer)
    for given, want in read_samples(tmp_path / "net.onnx", read_manifest(tmp_path / "net.onnx")):
        inside = normalizer.transform_features(given["x"], given.get("features_mask"))
        assert 0.1 < np.abs(inside).max() < 6
        real = np.broadcast_to(given.get("features_mask", np.ones((1, 1)))[:, None] != 0, want["y"].shape)
        assert np.abs(normalizer.transform_labels(want["y"]))[real].max() < 10


def test_verify_compares_with_the_network_in_raw_values(tmp_path: Path) -> None:
    net = regression()
    export_onnx(net, tmp_path / "net.onnx", features_mask=True, normalizer=STANDARD)
    report = verify(tmp_path / "net.onnx", net=torch_of(net))
    assert report, str(report)
    assert any(row.what == "network, chunked: y" for row in report.rows)
    other = torch_of(net)
    other.set_parameters({name: array * 1.01 for name, array in net.parameters().items()})
    assert not verify(tmp_path / "net.onnx", net=other)
    assert verify(tmp_path / "net.onnx", net=StreamingSession(tmp_path / "net.onnx"))
    export_onnx(net, tmp_path / "plain.onnx", features_mask=True)
    assert verify(tmp_path / "net.onnx", net=StreamingSession(tmp_path / "plain.onnx"))


def test_a_file_with_other_statistics_is_found(tmp_path: Path) -> None:
    for name, std in (("a", STD), ("b", STD * 1.001)):
        export_onnx(regression(), tmp_path / f"{name}.onnx", normalizer=rg.NormalizerStandardize.from_statistics(MEAN, std))
    (tmp_path / "b.onnx.golden").rename(tmp_path / "kept")
    (tmp_path / "a.onnx.golden").rename(tmp_path / "b.onnx.golden")
    assert not verify(tmp_path / "b.onnx")


def test_each_column_is_checked_in_its_own_units(tmp_path: Path) -> None:
    for name, factor in (("a", FACTOR), ("b", FACTOR * [1, 1.01])):
        export_onnx(regression(), tmp_path / f"{name}.onnx", normalizer=rg.NormalizerStandardize.from_statistics(MEAN, STD, SHIFT, factor))
    assert verify(tmp_path / "b.onnx")
    (tmp_path / "b.onnx.golden").rename(tmp_path / "kept")
    (tmp_path / "a.onnx.golden").rename(tmp_path / "b.onnx.golden")
    report = verify(tmp_path / "b.onnx")
    assert {row.what for row in report.rows if not row.ok} == {"golden 0: y", "golden 1: y"}


def test_a_graph_is_written_and_verified_in_raw_values(tmp_path: Path) -> None:
    net = rg.ComputationGraph(two_towers().config)
    normalizer = rg.MultiNormalizer([STANDARD_FEATURES, None], [None, rg.NormalizerStandardize.from_statistics([50.0], [7.0])])
    export_onnx(net, tmp_path / "net.onnx", features_mask=True, normalizer=normalizer)
    report = verify(tmp_path / "net.onnx", net=net)
    assert report, str(report)
    told = read_manifest(tmp_path / "net.onnx")
    assert told.normalizer is not None
    assert (list(told.normalizer["inputs"]), list(told.normalizer["outputs"])) == (["a"], ["second"])
    assert told.parameters_sha256 == net._model()
    taken = [raw(2, 6), RNG.standard_normal((2, 2, 6)).astype(np.float32)]
    masks = [gaps(taken[0])[1], None]
    got = StreamingSession(tmp_path / "net.onnx").output(taken, features_masks=masks)
    plain = net.output(normalizer.transform_features(taken, masks), features_masks=masks)
    want = [plain[0], normalizer.labels[1].revert_features(plain[1])] if normalizer.labels[1] else []
    real = masks[0][:, None] != 0 if masks[0] is not None else True
    np.testing.assert_allclose(np.where(real, got[0], 0), np.where(real, want[0], 0), atol=1e-5)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-5)


# The graph


@pytest.mark.parametrize("mode", ["hold", "ignore"])
def test_nothing_reads_padding_behind_statistics(mode: str) -> None:
    graph = lower(regression(mask_mode=mode).config, features_mask=True)
    assert reads_padding(graph) == (mode == "ignore")
    made = normalise(graph, {"x": 0.5}, {"y": 0.5})
    assert not reads_padding(made)
    assert [p.name for p in made.ports("buffer")] == ["x.shift", "x.width", "y.shift", "y.width"]
    assert [str(p.value.type) for p in made.ports("buffer")] == ["[3, 1]", "[3, 1]", "[2, 1]", "[2, 1]"]
    assert [p.name for p in graph.ports("buffer")] == []


def test_batch_statistics_are_no_normalizer() -> None:
    layers = [rg.BatchNormalization(n_in=3, mask_mode="ignore"), rg.LSTM(n_out=4)]
    net = regression(*layers, input_type=rg.InputType.recurrent(3))
    assert reads_padding(lower(net.config, features_mask=True))


@pytest.mark.parametrize(
    ("net", "normalizer", "message"),
    [
        (
            regression(),
            "standardize",
            "normalizer: expected a fitted NormalizerStandardize or NormalizerMinMaxScaler, got str; NormalizerStandardize.from_statistics",
        ),
        (
            regression(),
            rg.NormalizerStandardize(),
            "normalizer: NormalizerStandardize is not fitted: call fit(data) with the training data first",
        ),
        (
            classifier(),
            STANDARD,
            "normalizer: it normalises labels too, but y is a softmax: it gives probabilities of classes, which have no units "
            "(OutputLayer); leave labels out of it (fit_label=False)",
        ),
        (
            classifier(),
            STANDARD_FEATURES,
            "normalizer: it was fitted on 3 features, but x of the network has 5; fit it on the data that the network was trained with",
        ),
        (
            regression(),
            rg.NormalizerStandardize.from_statistics(MEAN, STD, [0.0], [1.0]),
            "normalizer: it was fitted on 1 labels, but y of the network has 2; fit it on the data that the network was trained with",
        ),
        (
            net_of(rg.EmbeddingSequenceLayer(n_in=9, n_out=4), rg.LSTM(n_out=3), rg.RnnOutputLayer(n_out=2)),
            STANDARD_FEATURES,
            "normalizer: x takes ids of an embedding, which stand for themselves and have no mean; leave the normalizer out",
        ),
        (
            net_of(rg.ConvolutionLayer(2, 2, n_in=3, n_out=2), rg.OutputLayer(n_out=2), input_type=rg.InputType.convolutional(4, 4, 3)),
            STANDARD_FEATURES,
            "normalizer: x [N, 3, 4, 4] is images or video, whose pixels have no statistics of their own; leave the normalizer out",
        ),
        (
            regression(),
            rg.MultiNormalizer([STANDARD_FEATURES, None]),
            "normalizer: it is for 2 inputs, but the network has 1 (x); rg.MultiNormalizer(features=[...], labels=[...]) has a normalizer, "
            "or None, for each",
        ),
        (
            regression(),
            rg.NormalizerStandardize.from_statistics([1e42, 0.0, 0.0], STD),
            "normalizer: 1e+42 among the statistics of x is beyond float32; scale the data before",
        ),
    ],
)
def test_refusals(net: Net, normalizer: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"^{re.escape(message)}"):
        export_onnx(net, tmp_path / "net.onnx", normalizer=normalizer)
    assert not list(tmp_path.iterdir())
