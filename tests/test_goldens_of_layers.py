"""Parity with Deeplearning4j 1.0.0-M2.1 for pooling, embeddings, batch normalisation and loss layers: outputs, gradients, fits, streams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from tests.conftest import ROOT
from tests.goldens import from_dl4j, largest_error

GOLDENS = ROOT.parent / "shared" / "dl4j_goldens"
pytestmark = pytest.mark.skipif(not GOLDENS.is_dir(), reason=f"DL4J's arrays are not at {GOLDENS}")

Layers = Callable[[], list[Any]]
LSTM: dict[str, Any] = {"n_in": 5, "n_out": 7, "mask_mode": "ignore"}  # DL4J's runs over padding


def pooled(kind: Any) -> Layers:
    return lambda: [rg.LSTM(**LSTM), rg.GlobalPoolingLayer(kind), rg.OutputLayer(n_out=3)]


def embedded() -> list[Any]:
    return [rg.EmbeddingSequenceLayer(n_in=11, n_out=5), rg.LSTM(**LSTM), rg.RnnOutputLayer(n_out=3)]


CASES: dict[str, Layers] = {
    **{f"mask_{where}_globalpool_{kind}": pooled(kind) for where in ("right", "left", "gaps") for kind in ("max", "avg", "sum", "pnorm")},
    "embedding_sequence_lstm": embedded,
    "embedding_sequence_lstm_masked": embedded,
    "batchnorm_head": lambda: [
        rg.LastTimeStep(rg.LSTM(n_in=5, n_out=7)),
        rg.DenseLayer(n_out=6, activation="relu"),
        rg.BatchNormalization(),
        rg.OutputLayer(n_out=3),
    ],
    "dropout_inference": lambda: [
        rg.LSTM(n_in=5, n_out=7),
        rg.DropoutLayer(dropout=rg.Dropout(retain=0.5)),
        rg.RnnOutputLayer(n_out=3),
    ],
    **{
        f"mask_{where}_rnn_dense": lambda: [rg.LSTM(**LSTM), rg.DenseLayer(n_out=6, activation="relu"), rg.RnnOutputLayer(n_out=3)]
        for where in ("right", "left", "gaps")
    },
}


def ours(layers: list[Any], arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """DL4J's arrays under our names, in our layout; of a batch normalisation mean and var too."""
    out: dict[str, np.ndarray] = {}
    for index, layer in enumerate(layers):
        kind = type(getattr(layer, "layer", layer)).__name__
        keys = {k.removeprefix(f"{prefix}_{index}_"): v for k, v in arrays.items() if k.startswith(f"{prefix}_{index}_")}
        if "log10stdev" in keys:
            keys["var"] = 10.0 ** (2.0 * keys.pop("log10stdev"))
        out.update({f"{index}.{k}": v for k, v in (keys if "Embedding" in kind else from_dl4j(kind, keys)).items()})
    return out


def check(what: str, got: Any, want: np.ndarray, limit: float = 1e-5, floor: float = 0.1, real: np.ndarray | None = None) -> None:
    got = np.asarray(got)
    assert got.shape == want.shape, what
    if real is not None:
        got, want = (np.where(real[:, None], a, 0.0) for a in (got, want))
    error = largest_error(got, want, floor)
    assert error <= limit, f"{what} is off by {error:.2g}"


@pytest.mark.parametrize("name", CASES)
def test_matches_dl4j(name: str, tmp_path: Path) -> None:
    with np.load(GOLDENS / name / "arrays.npz") as file:
        arrays = {k: file[k] for k in file.files}
    layers = CASES[name]()
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, updater=rg.Adam(0.01)))
    start = ours(layers, arrays, "param")
    net.set_parameters({k: v for k, v in start.items() if k in net.parameters()})
    net.set_buffers({k: v for k, v in start.items() if k in net.buffers()})
    data = rg.DataSet(arrays["x"], arrays["y"], arrays.get("features_mask"), arrays.get("labels_mask"))
    real = arrays["labels_mask"] * arrays["features_mask"] if "labels_mask" in arrays else None

    check("output", net.output(data.features, data.features_mask), arrays["output"], real=real)
    export_onnx(net, tmp_path / "net.onnx", features_mask=data.features_mask is not None)
    session = StreamingSession(tmp_path / "net.onnx")
    check("output of the file", session.output(data.features, data.features_mask), arrays["output"], real=real)
    for k in range(data.features.shape[2]):
        if f"step_{k}" in arrays:
            check(f"step {k}", session.rnn_time_step(data.features[:, :, k]), arrays[f"step_{k}"])
    check("score at inference", net.score(data), arrays["score_inference"])
    if "score" not in arrays:
        return
    score, gradient = net.gradient(data)
    check("score", score, arrays["score"])
    for key, want in ours(layers, arrays, "grad").items():
        if key in gradient:
            check(f"gradient of {key}", gradient[key], want, 3e-5)
    fits = 0
    while f"fit_score_{fits + 1}" in arrays:
        fits += 1
        check(f"score of fit {fits}", net.gradient(data)[0], arrays[f"fit_score_{fits}"])
        net.fit(data, progress=False)
    made = {**net.parameters(), **net.buffers()}
    for key, want in ours(layers, arrays, "fit_param").items():
        check(f"{key} after {fits} fits", made[key], want, 1e-4, 1.0)
