"""Embeddings: numbers, the ways to give ids, masks, streams, and ids that do not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, read_manifest

IDS = np.random.default_rng(0).integers(0, 7, (3, 6))


def tagger(**fields: Any) -> rg.MultiLayerNetwork:
    layers = [rg.EmbeddingSequenceLayer(n_in=7, n_out=4, **fields), rg.LSTM(n_out=5), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=2))


def classifier() -> rg.MultiLayerNetwork:
    layers = [rg.EmbeddingLayer(n_in=7, n_out=4), rg.OutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, seed=2))


def opened(net: rg.MultiLayerNetwork, folder: Path, **options: Any) -> StreamingSession:
    export_onnx(net, folder / "net.onnx", **options)
    return StreamingSession(folder / "net.onnx")


def test_rows_of_the_table() -> None:
    layers = [rg.EmbeddingSequenceLayer(n_in=7, n_out=4, has_bias=True, bias_init=0.5, activation="relu")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    w, b = net.parameters()["0.W"], net.parameters()["0.b"]
    assert (w.shape, b.tolist()) == ((7, 4), [0.5] * 4)
    np.testing.assert_allclose(net.output(IDS), np.maximum(w[IDS] + b, 0).transpose(0, 2, 1), atol=1e-7)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint64, np.float32, np.float64])
def test_ids_of_any_type_and_shape(kind: Any, tmp_path: Path) -> None:
    ids = IDS.astype(kind)
    net = tagger()
    session = opened(net, tmp_path)
    want = net.output(IDS)
    for held in (net, session):
        assert isinstance(held, (StreamingSession, rg.MultiLayerNetwork))
        np.testing.assert_allclose(held.output(ids), want, atol=1e-6)
        np.testing.assert_allclose(held.output(ids[:, None]), want, atol=1e-6)
    single = classifier()
    session = opened(single, tmp_path)
    want = single.output(IDS[:, :1])
    for given in (ids[:, :1], ids[:, 0]):
        np.testing.assert_array_equal(single.output(given), want)
        np.testing.assert_allclose(session.output(given), want, atol=1e-6)
        np.testing.assert_allclose(session.rnn_time_step(given), want, atol=1e-6)


def test_steps_and_chunks(tmp_path: Path) -> None:
    """[N] and [N, 1] are one step without a time axis; [N, 1, T] and [N, T] are several."""
    net = tagger()
    for held in (net, opened(net, tmp_path)):
        assert isinstance(held, (StreamingSession, rg.MultiLayerNetwork))
        want = held.output(IDS)
        for pieces in (
            [IDS[:, t] for t in range(6)],
            [IDS[:, t : t + 1] for t in range(6)],
            [IDS[:, None, t : t + 1] for t in range(6)],
            [IDS[:, :2], IDS[:, None, 2:3], IDS[:, 3:]],
        ):
            held.rnn_clear_previous_state()
            got = [held.rnn_time_step(p) for p in pieces]
            for p, y in zip(pieces, got, strict=True):
                assert y.shape == ((3, 2) if p.ndim == 1 or p.shape[1:] == (1,) else (3, 2, p.shape[-1]))
            joined = np.concatenate([y[:, :, None] if y.ndim == 2 else y for y in got], 2)
            np.testing.assert_allclose(joined, want, atol=1e-6)
            if isinstance(held, StreamingSession):
                np.testing.assert_array_equal(joined, want)


@pytest.mark.parametrize("junk", [np.nan, -3.0, 99.0, 2.5, 1e300])
def test_masked_ids_are_not_read(junk: float, tmp_path: Path) -> None:
    net, mask = tagger(), (IDS > 1).astype(float)
    dirty = np.where(mask > 0, IDS, junk)
    session = opened(net, tmp_path, features_mask=True)
    for held in (net, session):
        assert isinstance(held, (StreamingSession, rg.MultiLayerNetwork))
        got, want = (np.where(mask[:, None] > 0, held.output(i, mask), 0) for i in (dirty, IDS))
        np.testing.assert_array_equal(got, want)
        held.rnn_time_step(dirty, mask)
    labels = np.stack([1 - IDS % 2, IDS % 2], 1)
    net.fit(rg.DataSet(dirty, labels, mask), progress=False)
    assert all(np.isfinite(a).all() for a in net.parameters().values())


CASES: list[tuple[Any, str]] = [
    (
        [[1, 2], [3, 7]],
        "is 7 at row 1, step 1, the first of 1 that are no ids; the network's embedding has the ids 0 to 6, whole numbers: ",
    ),
    ([[1, -1], [-2, 2]], "is -1 at row 0, step 1, the first of 2 that are no ids"),
    ([[1.0, 2.5]], "is 2.5 at row 0, step 1, the first of 1 that are no ids"),
    ([[np.nan, 2.0]], "is nan at row 0, step 0"),
    ([[np.inf, 2.0]], "is inf at row 0, step 0"),
    ([[2.0**63, 2.0]], "is 9.223372036854775808e+18 at row 0, step 0"),
    (np.zeros((2, 7, 5)), "has shape [2, 7, 5]; expected ids [N, T] or [N, 1, T]"),
    (np.zeros((2, 0)), "has shape [2, 0]; expected ids [N, T] or [N, 1, T]"),
    (3, "has shape []; expected ids [N, T] or [N, 1, T]"),
]


@pytest.mark.parametrize(("ids", "message"), CASES)
def test_ids_that_do_not_exist(ids: Any, message: str, tmp_path: Path) -> None:
    net = tagger()
    session = opened(net, tmp_path)
    for call, name in ((net.output, "features"), (net.rnn_time_step, "x"), (session.output, "x"), (session.rnn_time_step, "x")):
        told = message.replace("9.223372036854775808e+18", "9.223372036854776e+18")
        with pytest.raises(rg.InputError, match=re.escape(f"{name} {told}")):
            call(ids)
    assert net.rnn_get_previous_state(1) == session.rnn_get_previous_state(1) == {}


def test_ids_without_a_time_axis_that_do_not_exist(tmp_path: Path) -> None:
    net = classifier()
    session = opened(net, tmp_path)
    for call in (net.output, session.output):
        with pytest.raises(rg.InputError, match=r"is 7 at row 1, the first of 1 that are no ids; .* 0 to 6, whole numbers$"):
            call([0, 7])
        with pytest.raises(rg.InputError, match=r"has shape \[2, 3\]; expected one id a row, \[N, 1\] or \[N\], with at least one row: "):
            call(np.zeros((2, 3)))
    with pytest.raises(rg.InputError, match=r"features_mask: the network's input \[N, 1\] has no time axis to mask"):
        net.output([0, 1], np.ones((2, 1)))


def test_an_embedding_that_ignores_masks_reads_masked_ids(tmp_path: Path) -> None:
    net = tagger(mask_mode="ignore")
    session, mask = opened(net, tmp_path, features_mask=True), np.ones((1, 2))
    mask[0, 1] = 0
    for call in (net.output, session.output):
        with pytest.raises(rg.InputError, match=r"is 99 at row 0, step 1"):
            call([[1, 99]], mask)


def test_the_manifest_tells_the_number_of_ids(tmp_path: Path) -> None:
    manifest = opened(tagger(), tmp_path).manifest
    port = manifest.port("input")
    assert (manifest.format, port.ids, port.shape, port.data_type, manifest.time.input_axis) == (2, 7, ("N", "T"), "int64", 1)
    assert read_manifest(tmp_path / "net.onnx") == manifest
    assert opened(classifier(), tmp_path).manifest.port("input").shape == ("N", 1)


def test_where_an_embedding_cannot_stand() -> None:
    message = (
        "layers[1] (EmbeddingSequenceLayer): reads ids, which only the network's input can be, but layers[0] (LSTM) gives numbers; "
        "make it the first layer"
    )
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=2, n_out=3), rg.EmbeddingSequenceLayer(n_out=3)])
    message = "layers[0] (EmbeddingLayer): n_in is missing, the number of ids; give n_in=... (ids go from 0 to n_in - 1)"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.MultiLayerConfiguration(layers=[rg.EmbeddingLayer(n_out=3)])
    message = "takes one vector per example, but input_type gives a time series; use EmbeddingSequenceLayer"
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        rg.MultiLayerConfiguration(layers=[rg.EmbeddingLayer(n_in=3, n_out=3)], input_type=rg.InputType.recurrent(3))


def test_a_step_of_a_file_with_ids_needs_no_file_of_its_own(tmp_path: Path) -> None:
    net = tagger()
    whole = opened(net, tmp_path).output(IDS)
    session = opened(net, tmp_path, steps=1, batch=3)
    np.testing.assert_allclose(np.stack([session.rnn_time_step(IDS[:, t]) for t in range(6)], 2), whole, atol=1e-6)
