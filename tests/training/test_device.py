"""Where a fit computes, and in what precision. Without a GPU: what a device has to be told, and that nothing is left behind on the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import rnngraph as rg
from rnngraph.backends.torch import Program
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.training.device import placed, resolve
from rnngraph.training.objective import losses
from rnngraph.training.tbptt import Segment
from rnngraph.training.tensors import tensors_of
from rnngraph.training.update import Update

LAYERS: dict[str, Any] = {
    "lstm": rg.LSTM(n_in=3, n_out=4),
    "peepholes": rg.GravesLSTM(n_in=3, n_out=4),
    "gru": rg.GRU(n_in=3, n_out=4),
    "gru, reset before": rg.GRU(n_in=3, n_out=4, reset_after=False),
    "simple": rg.SimpleRnn(n_in=3, n_out=4),
    "normalised": rg.SimpleRnn(n_in=3, n_out=4, has_layer_norm=True),
    "softsign": rg.LSTM(n_in=3, n_out=4, activation="softsign"),
    "both ways": rg.Bidirectional(rg.GravesLSTM(n_in=3, n_out=4)),
    "convolution": rg.Convolution1DLayer(kernel_size=2, convolution_mode="causal", n_in=3, n_out=4),
    "dense": rg.DenseLayer(n_in=3, n_out=4),
}


def network(*layers: Any, **fields: Any) -> rg.MultiLayerNetwork:
    behind = rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")
    return rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(seed=5, layers=[*layers, behind], input_type=rg.InputType.recurrent(3), **fields)
    )


def data(seed: int = 0, n: int = 4, t: int = 6) -> rg.DataSet:
    rng = np.random.default_rng(seed)
    labels = np.eye(2, dtype=np.float32)[rng.integers(0, 2, (n, t))].transpose(0, 2, 1)
    return rg.DataSet(rng.standard_normal((n, 3, t)).astype(np.float32), labels)


@pytest.mark.parametrize("name", LAYERS)
def test_training_computes_where_its_tensors_are(name: str) -> None:
    """On torch's device without memory, where a tensor of the CPU's, or a look at a value, is an error."""
    net = network(LAYERS[name])
    program = Program(lower(net.config, loss=True), leave_out=["y"])
    feeds = {
        p.name: torch.empty([evaluate(d, {"N": 2, "T": 5}) for d in p.value.shape], device="meta", requires_grad=p.role == "parameter")
        for p in program.graph.inputs
    }
    loss = program(feeds)["loss"]
    gradients = torch.autograd.grad(loss, [t for t in feeds.values() if t.requires_grad])
    assert {t.device.type for t in (loss, *gradients)} == {"meta"}


def test_auto_is_cuda_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve("auto") == resolve("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve("auto") == torch.device("cuda")
    assert resolve("cuda:1") == torch.device("cuda:1")
    with pytest.raises(rg.ConfigurationError, match=r'^device="cuda:2": torch .* finds 2 GPUs; use device="auto"'):
        resolve("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:", "cpu:", "cpu:0", 3, None, ""])
def test_other_devices_are_refused(device: Any) -> None:
    with pytest.raises(rg.ConfigurationError, match=r'^device=.*: expected "auto", "cpu", "cuda", or a GPU by its number'):
        network(rg.DenseLayer(n_out=2)).fit(data(), device=device)


def test_a_gpu_that_is_not_there_is_an_error_and_trains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    net = network(rg.DenseLayer(n_out=2))
    with pytest.raises(rg.ConfigurationError, match=r'^device="cuda": torch .* finds no GPUs; use device="auto", or install a CUDA build'):
        net.fit(data(), device="cuda")
    assert net.iteration == 0


def test_a_fit_elsewhere_brings_everything_back() -> None:
    """cpu:0 is another device than cpu to torch, so that all tensors are moved there and back."""
    net, twin = (network(rg.LSTM(n_out=4), rg.BatchNormalization(), updater=rg.Adam(0.01)) for _ in range(2))
    for one in (net, twin):
        one.fit(data())
    with placed(net, torch.device("cpu:0")):
        net.fit(data(1), device="cpu")
    twin.fit(data(1))
    for ours, theirs in zip((net.parameters(), net.buffers()), (twin.parameters(), twin.buffers()), strict=True):
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name])
    assert {t.device for held in net.updater_state.values() for t in held.values()} == {torch.device("cpu")}


def test_products_are_in_bfloat16_and_all_else_is_not() -> None:
    """One linear layer: its logits are the product of rounded numbers, rounded; softmax and the sum over rows have float32's precision."""
    net, batch = network(), data()
    p, scores = net.parameters(), rg.CollectScoresListener()
    net.fit(batch, listeners=scores, autocast="bfloat16")
    x, w, b = (torch.tensor(a).bfloat16() for a in (batch.features.transpose(2, 0, 1), p["0.W"], p["0.b"]))
    logits = torch.nn.functional.linear(x, w, b).double().numpy()
    losses = np.log(np.exp(logits).sum(-1)) - (logits * batch.labels.transpose(2, 0, 1)).sum(-1)
    np.testing.assert_allclose(scores.scores[0][1], losses.sum() / 4, rtol=1e-6)
    assert scores.scores[0][1] != pytest.approx(network().gradient(batch)[0], rel=1e-6)
    assert {a.dtype for a in net.parameters().values()} == {np.dtype("float32")}


@pytest.mark.parametrize("name", ["lstm", "gru", "convolution", "dense"])
def test_a_fit_in_bfloat16_follows_one_in_float32(name: str) -> None:
    nets = [network(LAYERS[name], updater=rg.Adam(0.01)) for _ in range(2)]
    nets[0].fit(data(), epochs=20)
    nets[1].fit(data(), epochs=20, autocast="bfloat16")
    exact, rounded = (net.score(data()) for net in nets)
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.02)


def test_where_bfloat16_does_not_apply_a_warning_names_the_layer() -> None:
    net = network(rg.LSTM(n_out=4), rg.GravesLSTM(n_out=4))
    message = r'autocast="bfloat16" does not apply to layers\[1\] \(GravesLSTM\): torch has not fused these cells'
    with pytest.warns(rg.TrainingWarning, match=message):
        net.fit(data(), autocast="bfloat16")


def test_bad_autocast() -> None:
    with pytest.raises(rg.ConfigurationError, match=r"^autocast='float16': expected None, or \"bfloat16\"$"):
        network().fit(data(), autocast="float16")
    with pytest.raises(
        rg.ConfigurationError, match=r'^autocast="bfloat16": the network is of data_type "float64".*use data_type="float32"'
    ):
        network(data_type="float64").fit(data(), autocast="bfloat16")


def test_what_is_carried_over_goes_where_the_rest_is() -> None:
    """A fit that was stopped between two segments has its states where it stopped, or where it was loaded."""
    net = network(rg.LSTM(n_out=4), backprop=rg.TruncatedBPTT(2))
    one = data()

    class Stop(rg.TrainingListener):
        def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
            raise KeyboardInterrupt

    net.fit(one, listeners=Stop())
    states = net._position.states
    assert states
    net._parameters = {name: tensor.detach().to("meta").requires_grad_() for name, tensor in net._parameters.items()}
    batch = tensors_of(net, one, torch.device("cpu"))
    batch = replace(batch, feeds={name: tensor.to("meta") for name, tensor in batch.feeds.items()})
    assert losses(net, batch, True, states)["loss"].device.type == "meta"


def test_counts_of_torchs_optimisers_may_be_elsewhere_than_their_parameters() -> None:
    """They are on the CPU beside a GPU's parameters; here two devices of which one has no memory, so that moving there fails."""
    net = network(updater=rg.TorchUpdater("AdamW", lr=0.01))
    update = Update(net)
    update(Segment(data()))
    held = next(iter(net.updater_state.values()))
    assert held["step"].shape == ()
    with placed(net, torch.device("cpu:0")):
        assert {key: tensor.shape for key, tensor in held.items()}["step"] == ()
        update(Segment(data()))
    assert net.iteration == 2


def test_a_move_that_fails_midway_leaves_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(rg.LSTM(n_out=4))
    before, moved = net.parameters(), []

    def breaking(net: rg.MultiLayerNetwork, device: torch.device) -> None:
        moved.append(device)
        if len(moved) == 1:
            raise MemoryError("of the GPU")

    monkeypatch.setattr("rnngraph.training.device._move", breaking)
    with pytest.raises(MemoryError, match="of the GPU"), placed(net, torch.device("cpu:0")):
        pass
    assert moved == [torch.device("cpu:0"), torch.device("cpu")]
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, before[name])
