"""What must hold of every layer, as checks on a network: used with drawn and with fixed networks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf import ConvolutionalInput
from rnngraph.exporters import export_onnx
from rnngraph.lowering import lower
from rnngraph.runtime import verify
from rnngraph.training.noise import draw
from rnngraph.training.objective import losses
from rnngraph.training.tensors import tensors_of

Arrays = dict[str, np.ndarray]


def network(layers: list[Any], **settings: Any) -> rg.MultiLayerNetwork:
    """A network with random parameters, running statistics and biases among them."""
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, **{"seed": 3, **settings}))
    generator = np.random.default_rng(5)
    net.set_parameters({k: v + generator.normal(0, 0.3, v.shape) for k, v in net.parameters().items()})
    net.set_buffers({k: np.abs(generator.normal(0, 1, v.shape)) + 0.2 * k.endswith("var") for k, v in net.buffers().items()})
    return net


def inputs(net: rg.MultiLayerNetwork, n: int, t: int, seed: int = 0) -> np.ndarray:
    """Features [n, F, t] ([n, F]), ids [n, t] ([n, 1]), video [n, C, H, W, t], or images [n, C, H, W]."""
    generator, config = np.random.default_rng(seed), net.config
    if config.ids is not None:
        return generator.integers(0, config.ids, (n, t if config.starts_in_time_series else 1))
    if isinstance(config.input_type, ConvolutionalInput):
        height, width, channels = config.input_type.frame
        return generator.standard_normal((n, channels, height, width, *([t] if config.starts_in_time_series else [])))
    return generator.standard_normal((n, config.n_in, t) if config.starts_in_time_series else (n, config.n_in))


def labels(net: rg.MultiLayerNetwork, n: int, t: int, seed: int = 1) -> np.ndarray:
    """One-hot labels in the shape of the output."""
    generator, classes = np.random.default_rng(seed), net.config.n_out
    t = net._inputs.output_steps({"N": n, "T": t})[0] or 1
    chosen = np.eye(classes)[generator.integers(0, classes, (n, t) if net.config.ends_in_time_series else n)]
    return chosen.transpose(0, 2, 1) if net.config.ends_in_time_series else chosen


def dataset(net: rg.MultiLayerNetwork, n: int, t: int, mask: np.ndarray | None = None) -> rg.DataSet:
    return rg.DataSet(inputs(net, n, t), labels(net, n, t), mask)


def reference_loss(net: rg.MultiLayerNetwork, data: rg.DataSet, parameters: Arrays) -> float:
    """The training loss by the reference backend."""
    mask = data.features_mask
    graph = lower(net.config, features_mask=mask is not None, loss=True)
    sizes = {"N": len(data.features), "T": data.features.shape[-1]}
    states = {p.name: np.full((sizes["N"], *p.value.shape[1:]), p.initial) for p in graph.ports("state")}
    noise = {k: v.numpy() for k, v in draw(graph, sizes, net.config.seed, net.iteration).items()}
    masks = {} if mask is None else {"features_mask": mask}
    feeds = {"x": data.features, "labels": data.labels, **masks, **parameters, **net.buffers(), **states, **noise}
    return float(run(graph, feeds)["loss"])


def check_gradient(net: rg.MultiLayerNetwork, data: rg.DataSet, step: float = 1e-6) -> None:
    """The gradient in float64 equals central differences of the reference's loss."""
    assert net.config.data_type == "float64"
    score, gradient = net.gradient(data)
    parameters = net.parameters()
    np.testing.assert_allclose(score * len(data.features), reference_loss(net, data, parameters), rtol=1e-10)
    generator = np.random.default_rng(0)
    for name, array in parameters.items():
        for _ in range(4):
            place = tuple(generator.integers(0, array.shape))
            moved = []
            for sign in (1, -1):
                changed = array.copy()
                changed[place] += sign * step
                moved.append(reference_loss(net, data, {**parameters, name: changed}))
            difference = (moved[0] - moved[1]) / (2 * step)
            scale = max(1.0, float(np.abs(gradient[name]).max()))
            assert abs(difference - gradient[name][place]) <= 1e-5 * scale, (name, place, difference, gradient[name][place])


def check_backends(net: rg.MultiLayerNetwork, **options: Any) -> None:
    """The file gives what the reference and the network give and, where it streams, the same bits whole, chunked, stepped and row alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export_onnx(net, path, **options)
        report = verify(path, net)
        assert report, str(report)


def padded(data: rg.DataSet, mask: np.ndarray, at: list[int]) -> rg.DataSet:
    """The data with one more masked step in front of each position of ``at``, in which nothing sensible stands."""
    junk = -7 if data.features.dtype.kind == "i" else np.nan
    features = np.insert(data.features, at, junk, axis=-1)
    more = np.insert(mask, at, 0, axis=1)
    y = data.labels
    return rg.DataSet(features, np.insert(y, at, np.nan, axis=-1) if y.ndim == 3 else y, more)


def check_masked_steps(net: rg.MultiLayerNetwork, data: rg.DataSet, at: list[int]) -> None:
    """Masked steps put in anywhere change neither output nor loss, gradient or running statistics. ``data`` has a mask."""
    mask = data.features_mask
    assert mask is not None
    more = padded(data, mask, at)
    assert more.features_mask is not None
    got, want = net.output(more.features, more.features_mask), net.output(data.features, mask)
    if got.ndim == 3:
        kept = np.insert(np.ones(mask.shape[1], bool), at, False)
        got, want = (np.where(mask[:, None] != 0, a, 0.0) for a in (got[:, :, kept], want))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    (a, first), (b, second) = net.gradient(data), net.gradient(more)
    np.testing.assert_allclose(b, a, rtol=0, atol=1e-12)
    for name, array in first.items():
        np.testing.assert_allclose(second[name], array, rtol=0, atol=1e-11, err_msg=name)
    batches = [tensors_of(net, one, torch.device("cpu")) for one in (data, more)]
    updates = [{k: v.detach().numpy() for k, v in losses(net, one, training=True).items() if k != "loss"} for one in batches]
    for name in (f"next_{b}" for b in net.buffers()):
        np.testing.assert_allclose(updates[1][name], updates[0][name], rtol=0, atol=1e-13, err_msg=name)
