"""Parity with Deeplearning4j 1.0.0-M2.1 for convolution, pooling, video and preprocessors: outputs, gradients, fits, streams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.exporters import export_onnx
from rnngraph.ir.graph import Graph
from rnngraph.ir.types import N, T, evaluate, floats
from rnngraph.lowering import lower
from rnngraph.lowering.preprocessors import channels_first, channels_last, lower_preprocessor
from rnngraph.runtime import StreamingSession, verify
from tests.conftest import ROOT
from tests.goldens import from_dl4j, largest_error

GOLDENS = ROOT.parent / "shared" / "dl4j_goldens"
pytestmark = pytest.mark.skipif(not GOLDENS.is_dir(), reason=f"DL4J's arrays are not at {GOLDENS}")

Fields = Callable[[], dict[str, Any]]


def steps(mode: Any, *behind: Any, **settings: Any) -> Fields:
    """A convolution over time in front of an LSTM."""
    first = rg.Convolution1DLayer(3, n_in=5, n_out=6, convolution_mode=mode, activation="relu")
    return lambda: {"layers": [first, *behind, rg.LSTM(n_out=7), rg.RnnOutputLayer(n_out=3)], **settings}


POOL = rg.Subsampling1DLayer("max", 2, 2)
IMAGE = [rg.ConvolutionLayer(3, 3, n_out=4, activation="relu"), rg.SubsamplingLayer("max", (2, 2), (2, 2))]
MORE = [rg.ConvolutionLayer(3, 3, n_out=5, activation="relu"), rg.SubsamplingLayer("max", (2, 2), (2, 2))]
HEAD = [rg.LSTM(n_out=7), rg.RnnOutputLayer(n_out=3)]

CASES: dict[str, Fields] = {
    "conv1d_same_lstm": steps("same"),
    "conv1d_truncate_lstm": steps("truncate"),
    "conv1d_causal_lstm": steps("causal"),
    "conv1d_subsampling1d_lstm": steps("same", POOL),
    "conv1d_subsampling1d_lstm_masked": steps("same", POOL, mask_mode="ignore"),  # DL4J's layers run over padding
    "video_cnn_lstm": lambda: {
        "layers": [*IMAGE, *HEAD],
        "preprocessors": {0: rg.RnnToCnnPreProcessor(8, 8, 2), 2: rg.CnnToRnnPreProcessor(3, 3, 4)},
    },
    "video_documentation": lambda: {"layers": [*IMAGE, *MORE, *HEAD], "input_type": rg.InputType.convolutional(14, 14, 2)},
}


def ours(net: rg.MultiLayerNetwork, arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """DL4J's arrays under our names, in our layout. Convolution1D's buffer is read as [k, n_in, n_out]."""
    out: dict[str, np.ndarray] = {}
    for index, layer in enumerate(net.config.layers):
        keys = {k.removeprefix(f"{prefix}_{index}_"): v for k, v in arrays.items() if k.startswith(f"{prefix}_{index}_")}
        if isinstance(layer, rg.Convolution1DLayer):
            outs, ins, kernel = keys["W"].shape[:3]
            keys["W"] = keys["W"].reshape(kernel, ins, outs).transpose(2, 1, 0)
        elif not isinstance(layer, rg.ConvolutionLayer):
            keys = from_dl4j(type(layer).__name__, keys)
        out.update({f"{index}.{k}": v.reshape(net.parameters()[f"{index}.{k}"].shape) for k, v in keys.items()})
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
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(**CASES[name](), updater=rg.Adam(0.01)))
    net.set_parameters(ours(net, arrays, "param"))
    x, mask, real = arrays["x"], arrays.get("features_mask"), arrays.get("labels_mask")
    data = rg.DataSet(x, arrays["y"], mask, real)

    check("output", net.output(x, mask), arrays["output"], real=real)
    check("output of the reference", reference(net, x, mask), arrays["output"], real=real)
    export_onnx(net, tmp_path / "net.onnx", features_mask=mask is not None)
    session = StreamingSession(tmp_path / "net.onnx")
    check("output of the file", session.output(x, mask), arrays["output"], real=real)
    assert verify(tmp_path / "net.onnx", net)
    at = 0
    for k in range(3 if "chunk_0" in arrays else 0):
        chunk = arrays[f"chunk_{k}"]
        for one in (net, session):
            check(f"chunk {k}", one.rnn_time_step(x[:, :, at : at + chunk.shape[2]]), chunk)
        at += chunk.shape[2]
    score, gradient = net.gradient(data)
    check("score", score, arrays["score"])
    for key, want in ours(net, arrays, "grad").items():
        check(f"gradient of {key}", gradient[key], want, 3e-5)
    fits = 0
    while f"fit_score_{fits + 1}" in arrays:
        fits += 1
        check(f"score of fit {fits}", net.score(data), arrays[f"fit_score_{fits}"])
        net.fit(data, progress=False)
    for key, want in ours(net, arrays, "fit_param").items():
        check(f"{key} after {fits} fits", net.parameters()[key], want, 1e-4, 1.0)


def reference(net: rg.MultiLayerNetwork, x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The output by the reference backend; a single frame is a video of one."""
    graph = lower(net.config, features_mask=mask is not None)
    states = {p.name: np.full((len(x), *(evaluate(d, {}) for d in p.value.shape[1:])), p.initial) for p in graph.ports("state")}
    masks = {} if mask is None else {"features_mask": mask}
    return run(graph, {"x": x[..., None] if x.ndim == 4 else x, **masks, **net.parameters(), **states})["y"]


FRAME = (3, 4, 2)
PREPROCESSORS: dict[str, PreProcessor] = {
    "rnn_to_ff": rg.RnnToFeedForwardPreProcessor(),
    "ff_to_rnn": rg.FeedForwardToRnnPreProcessor(),
    "cnn_to_rnn": rg.CnnToRnnPreProcessor(*FRAME),
    "rnn_to_cnn": rg.RnnToCnnPreProcessor(*FRAME),
    "cnn_to_ff": rg.CnnToFeedForwardPreProcessor(*FRAME),
    "ff_to_cnn": rg.FeedForwardToCnnPreProcessor(*FRAME),
}


@pytest.mark.parametrize("name", PREPROCESSORS)
def test_preprocessors_are_dl4js(name: str) -> None:
    """There rows are steps and examples, t · N + i, with images channels-first; here [T, N, ...], channels-last."""
    with np.load(GOLDENS / "preprocessors" / "arrays.npz") as file:
        x, want = file[f"{name}_x"], file[f"{name}_out"]
    inside = stepped(x)
    graph = Graph("float64")
    value = graph.input("x", "input", floats(T, N, *inside.shape[2:]))
    out = lower_preprocessor(PREPROCESSORS[name], graph, channels_last(value, "in") if inside.ndim == 5 else value)
    graph.output("y", "output", channels_first(out, "out") if out.type.rank == 5 else out)
    np.testing.assert_array_equal(run(graph, {"x": inside})["y"], stepped(want))


def stepped(array: np.ndarray) -> np.ndarray:
    """DL4J's array of 4 examples as [T, N, ...]: rows t · N + i unfolded, time series turned, T = 1 where there is no time."""
    return array.transpose(2, 0, 1) if array.ndim == 3 else array.reshape(-1, 4, *array.shape[1:])
