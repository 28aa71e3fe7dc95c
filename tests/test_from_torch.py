"""Torch modules as networks: torch's own outputs, export and streams, training on, and what is refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
EPS = float(np.float32(1e-5))  # rnngraph's, which is 1e-5 as float32 has it in float64 too; of torch's 1e-5 the outputs differ by 1e-10
Make = Callable[[], nn.Module]
Recurrent = Callable[..., nn.RNNBase]


def features(n: int = 3, f: int = 3, t: int = 7, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """[N, F, T]."""
    return torch.randn(n, f, t, dtype=dtype, generator=torch.Generator().manual_seed(t))


def computed(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What torch computes of ``x`` [N, T, F]; the output sequence of recurrent modules goes on, as in a user's forward."""
    if isinstance(module, nn.Sequential):
        for inner in module:
            x = computed(inner, x)
        return x
    if isinstance(module, nn.RNNBase):
        return module(x)[0] if module.batch_first else module(x.transpose(0, 1))[0].transpose(0, 1)  # type: ignore[no-any-return]
    return module(x)  # type: ignore[no-any-return]


def expected(module: nn.Module, x: torch.Tensor) -> np.ndarray:
    """What torch gives for [N, F, T], as [N, n_out, T]."""
    with torch.no_grad():
        return computed(copy.deepcopy(module).eval(), x.transpose(1, 2)).transpose(1, 2).numpy()


def sequential(*modules: nn.Module, seed: int = 0) -> nn.Sequential:
    """The modules with weights that are drawn far from their start values: biases, gains and all."""
    stack, generator = nn.Sequential(*modules), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for w in stack.parameters():
            w.uniform_(-0.7, 0.7, generator=generator)
    return stack


RECURRENT: list[tuple[Recurrent, dict[str, Any]]] = [
    (cls, fields)
    for cls, own in ((nn.LSTM, [{}]), (nn.GRU, [{}]), (nn.RNN, [{"nonlinearity": "tanh"}, {"nonlinearity": "relu"}]))
    for kind in own
    for more in (
        {},
        {"batch_first": True},
        {"num_layers": 3, "dropout": 0.4},
        {"bidirectional": True},
        {"bidirectional": True, "num_layers": 2, "dropout": 0.2, "batch_first": True},
        {"bias": False, "num_layers": 2},
        {"bias": False, "bidirectional": True},
    )
    for fields in [{**kind, **more}]
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("cls", "fields"), RECURRENT)
def test_recurrent_modules(cls: Recurrent, fields: dict[str, Any], dtype: torch.dtype) -> None:
    (module,) = sequential(cls(3, 4, **fields)).to(dtype)
    net = rg.from_torch(module)
    x = features(dtype=dtype)
    assert net.config.data_type == str(dtype).removeprefix("torch.")
    np.testing.assert_allclose(net.output(x.numpy()), expected(module, x), rtol=0, atol=TOLERANCE[dtype])


ACTIVATIONS: list[nn.Module] = [
    *(nn.ELU(), nn.ELU(0.3), nn.GELU(approximate="tanh"), nn.Hardtanh(), nn.Hardtanh(0.0, 0.5), nn.LeakyReLU(), nn.LeakyReLU(0.2)),
    *(nn.Mish(), nn.ReLU(), nn.ReLU6(), nn.RReLU(), nn.RReLU(0.1, 0.5), nn.SELU(), nn.SiLU(), nn.Sigmoid(), nn.Softmax(dim=-1)),
    *(nn.Softmax(dim=2), nn.Softplus(), nn.Softsign(), nn.Tanh(), nn.Threshold(0.1, 0.0)),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("module", ACTIVATIONS, ids=str)
def test_activations(module: nn.Module, dtype: torch.dtype) -> None:
    stack = sequential(nn.LSTM(3, 4), nn.Linear(4, 5), module).to(dtype)
    x = features(dtype=dtype)
    np.testing.assert_allclose(rg.from_torch(stack).output(x.numpy()), expected(stack, x), rtol=0, atol=TOLERANCE[dtype])


STACKS: dict[str, Make] = {
    "linear in front": lambda: sequential(nn.Linear(3, 5), nn.Tanh(), nn.LSTM(5, 4), nn.Dropout(0.5), nn.Linear(4, 2)),
    "nested": lambda: sequential(nn.Sequential(nn.Sequential(nn.GRU(3, 4), nn.Identity()), nn.ReLU()), nn.Sequential(), nn.LSTM(4, 2)),
    "noise in front": lambda: sequential(nn.Dropout(0.1), nn.Identity(), nn.RNN(3, 6), nn.Dropout(0.0), nn.Linear(6, 1, bias=False)),
    "normalised": lambda: sequential(nn.LSTM(3, 4), nn.Linear(4, 5, bias=False), nn.LayerNorm(5, eps=EPS), nn.ReLU(), nn.Linear(5, 2)),
    "gain alone": lambda: sequential(nn.LSTM(3, 4), nn.Linear(4, 5, bias=False), nn.LayerNorm(5, bias=False, eps=EPS)),
    "three kinds": lambda: sequential(nn.LSTM(3, 4, 2), nn.GRU(4, 5, batch_first=True), nn.RNN(5, 4), nn.Linear(4, 3), nn.Softmax(-1)),
}


@pytest.mark.parametrize("name", STACKS)
def test_stacks(name: str, tmp_path: Path) -> None:
    for dtype, tolerance in TOLERANCE.items():
        x = features(dtype=dtype)
        stack = STACKS[name]().to(dtype)
        np.testing.assert_allclose(rg.from_torch(stack).output(x.numpy()), expected(stack, x), rtol=0, atol=tolerance)
    check_export(STACKS[name](), features(), tmp_path)


def check_export(module: nn.Module, x: torch.Tensor, folder: Path, **options: Any) -> None:
    """The file gives torch's outputs; whole, in chunks and by steps it gives the same bits, and so does the network's own stream."""
    net = rg.from_torch(module, **options)
    export_onnx(net, folder / "net.onnx")
    session = StreamingSession(folder / "net.onnx", device="cpu")
    whole = session.output(x.numpy())
    np.testing.assert_allclose(whole, expected(module, x), rtol=0, atol=2e-6)
    assert verify(folder / "net.onnx")
    if net.config.layers[-1].causal and all(layer.causal for layer in net.config.layers):
        steps = [session.rnn_time_step(x[:, :, t].numpy()) for t in range(x.shape[2])]
        np.testing.assert_array_equal(np.stack(steps, axis=2), whole)
        own = [net.rnn_time_step(x[:, :, t].numpy()) for t in range(x.shape[2])]
        np.testing.assert_allclose(np.stack(own, axis=2), whole, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("cls", "fields"), RECURRENT)
def test_exported(cls: Recurrent, fields: dict[str, Any], tmp_path: Path) -> None:
    check_export(sequential(cls(3, 4, **fields)), features(), tmp_path)


def test_embedding_first(tmp_path: Path) -> None:
    ids = torch.randint(0, 9, (3, 6), generator=torch.Generator().manual_seed(1))
    stack = sequential(nn.Identity(), nn.Embedding(9, 4, padding_idx=0), nn.GRU(4, 5), nn.Linear(5, 2))
    want = computed(stack, ids).detach().transpose(1, 2).numpy()
    net = rg.from_torch(stack)
    np.testing.assert_allclose(net.output(ids.numpy()), want, rtol=0, atol=1e-6)
    export_onnx(net, tmp_path / "net.onnx")
    session = StreamingSession(tmp_path / "net.onnx", device="cpu")
    np.testing.assert_allclose(session.output(ids.numpy()), want, rtol=0, atol=2e-6)
    steps = np.stack([session.rnn_time_step(ids[:, t].numpy()) for t in range(6)], axis=2)
    np.testing.assert_array_equal(steps, session.output(ids.numpy()))


def test_a_norm_behind_an_identity_matrix() -> None:
    identity = nn.Linear(4, 4, bias=False)
    stack = sequential(nn.LSTM(3, 4), identity, nn.LayerNorm(4), nn.Linear(4, 2))
    with torch.no_grad():
        identity.weight.copy_(torch.eye(4))
    meant = nn.Sequential(*(stack[k] for k in (0, 2, 3)))
    np.testing.assert_allclose(rg.from_torch(stack).output(features().numpy()), expected(meant, features()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("both", [False, True])
def test_masks_are_torchs_packed_sequences(cls: Recurrent, both: bool) -> None:
    module = cls(3, 4, 2, bidirectional=both, batch_first=True, dtype=torch.float64)
    x, lengths = features(dtype=torch.float64), torch.tensor([7, 4, 1])
    packed = nn.utils.rnn.pack_padded_sequence(x.transpose(1, 2), lengths, batch_first=True)
    with torch.no_grad():
        output, state = module(packed)
    want = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)[0].transpose(1, 2).numpy()
    mask = (np.arange(7) < lengths[:, None].numpy()).astype(np.float64)
    y = rg.from_torch(module).output(x.numpy(), mask)
    np.testing.assert_allclose(y * mask[:, None], want, rtol=0, atol=1e-12)
    h_n = (state[0] if cls is nn.LSTM else state).view(2, 1 + both, 3, 4)[-1].transpose(0, 1).flatten(1).numpy()
    np.testing.assert_allclose(rg.from_torch(module, last_step="h_n").output(x.numpy(), mask), h_n, rtol=0, atol=1e-12)


def test_without_a_recurrent_module() -> None:
    stack = sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(dim=1))
    x = features()
    want = stack(x[:, :, 0]).detach().numpy()
    np.testing.assert_allclose(rg.from_torch(stack).output(x[:, :, 0].numpy()), want, rtol=0, atol=1e-6)
    stack = sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(dim=-1))
    each = rg.from_torch(stack, input_type=rg.InputType.recurrent(3))
    np.testing.assert_allclose(each.output(x.numpy()), expected(stack, x), rtol=0, atol=1e-6)
    table = sequential(nn.Embedding(5, 4), nn.Linear(4, 2))
    ids = torch.tensor([4, 0, 2])
    np.testing.assert_allclose(rg.from_torch(table).output(ids.numpy()), table(ids).detach().numpy(), rtol=0, atol=1e-6)
    each = rg.from_torch(table, input_type=rg.InputType.recurrent(5))
    np.testing.assert_allclose(each.output(ids[None].numpy()), table(ids).detach().T[None].numpy(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("last_step", [True, "output", "h_n"])
def test_last_step(cls: Recurrent, both: bool, last_step: Any, tmp_path: Path) -> None:
    recurrent = cls(3, 4, 2, bidirectional=both, batch_first=True)
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8 if both else 4, 3), nn.Softmax(dim=1))
    sequential(recurrent, head)
    x = features()
    with torch.no_grad():
        output, state = recurrent(x.transpose(1, 2))
        h_n = (state[0] if cls is nn.LSTM else state).view(2, 1 + both, 3, 4)[-1].transpose(0, 1).flatten(1)
        want = head.eval()(h_n if last_step == "h_n" else output[:, -1]).numpy()
    net = rg.from_torch(nn.Sequential(recurrent, head), last_step=last_step, loss="mcxent")
    assert isinstance(net.config.layers[-1], rg.OutputLayer)
    np.testing.assert_allclose(net.output(x.numpy()), want, rtol=0, atol=1e-6)
    export_onnx(net, tmp_path / "net.onnx")
    np.testing.assert_allclose(StreamingSession(tmp_path / "net.onnx", device="cpu").output(x.numpy()), want, rtol=0, atol=2e-6)


@st.composite
def networks(draw: st.DrawFn) -> nn.Sequential:
    """Random modules in a row, from 3 values."""
    modules: list[nn.Module] = []
    width = 3
    for _ in range(draw(st.integers(1, 4))):
        out, bias = draw(st.integers(1, 6)), draw(st.booleans())
        kind = draw(st.sampled_from([nn.LSTM, nn.GRU, nn.RNN, nn.Linear]))
        if kind is nn.Linear:
            modules += [nn.Linear(width, out, bias=bias), *[nn.LayerNorm(out, eps=EPS)] * (not bias)]
        else:
            both = draw(st.booleans())
            modules.append(kind(width, out, draw(st.integers(1, 2)), bias=bias, batch_first=draw(st.booleans()), bidirectional=both))
            out *= 1 + both
        modules.append(draw(st.sampled_from([nn.Identity(), nn.Tanh(), nn.Dropout(0.5), nn.ELU(0.5), nn.Softmax(-1)])))
        width = out
    return sequential(*modules, seed=draw(st.integers(0, 99))).double()


@given(networks(), st.integers(1, 4), st.integers(1, 9))
def test_random_networks(stack: nn.Sequential, n: int, t: int) -> None:
    x = features(n, 3, t, torch.float64)
    net = rg.from_torch(stack, input_type=rg.InputType.recurrent(3))
    np.testing.assert_allclose(net.output(x.numpy()), expected(stack, x), rtol=0, atol=1e-12)


# The output layer, and training on


def test_one_step_is_torchs() -> None:
    stack = sequential(nn.LSTM(3, 4, bias=False), nn.GRU(4, 5), nn.Linear(5, 2), nn.LSTM(2, 3), nn.Linear(3, 2)).double()
    rate, x = 0.1, features(dtype=torch.float64)
    labels = torch.eye(2, dtype=torch.float64)[torch.arange(21).reshape(3, 7) % 2]  # [N, T, 2]
    net = rg.from_torch(stack, activation="softmax", loss="mcxent", updater=rg.Sgd(rate))
    logits = computed(stack, x.transpose(1, 2))
    gradients = torch.autograd.grad(-(labels * logits.log_softmax(-1)).sum() / 3, list(stack.parameters()))
    data = rg.DataSet(x.numpy(), labels.transpose(1, 2).numpy())
    assert isinstance(net.config.layers[-1], rg.RnnOutputLayer)
    np.testing.assert_allclose(net.output(x.numpy()), logits.softmax(-1).detach().transpose(1, 2).numpy(), rtol=0, atol=1e-12)
    net.fit(data)
    held = zip(stack.named_parameters(), gradients, strict=True)
    after = {name: (w - rate * gradient).detach().numpy() for (name, w), gradient in held}
    # One bias of an LSTM's is both of torch's: its gradient is that of each, so their sum goes half as far as in torch.
    one = after["3.bias_ih_l0"] + stack.get_parameter("3.bias_hh_l0").detach().numpy()
    keys = {"weight_ih_l0": "W", "weight_hh_l0": "R", "bias_ih_l0": "b", "bias_hh_l0": "bR", "weight": "W", "bias": "b"}
    wanted = {f"{name[0]}.{keys[name[2:]]}": array for name, array in after.items() if not name.startswith("3.bias")}
    wanted |= {"0.b": np.zeros(16), "3.b": one}  # of the first the module has none, and training gives it none
    got = net.parameters()
    assert sorted(got) == sorted(wanted)
    for name, array in wanted.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=1e-12, err_msg=name)


def test_biases_that_are_not_there_stay_so() -> None:
    stack = sequential(nn.GRU(3, 4, bias=False, bidirectional=True), nn.Linear(8, 1))
    net = rg.from_torch(stack, loss="mse", updater=rg.Adam(0.1), l2_bias=0.1)
    x = features()
    net.fit(rg.DataSet(x.numpy(), np.ones((3, 1, 7), np.float32)), epochs=3)
    after = net.parameters()
    assert not any(after[f"0.{way}.{key}"].any() for way in ("forward", "backward") for key in ("b", "bR"))
    assert np.abs(after["0.forward.W"] - stack.get_parameter("0.weight_ih_l0").detach().numpy()).min() > 1e-3


@pytest.mark.parametrize(
    ("modules", "options", "kinds"),
    [
        ([nn.Linear(4, 2)], {"loss": "mse"}, [rg.LSTM, rg.RnnOutputLayer]),
        ([nn.Linear(4, 2), nn.Sigmoid()], {"loss": "xent"}, [rg.LSTM, rg.RnnOutputLayer]),
        ([nn.Linear(4, 2), nn.Sigmoid()], {"loss": "xent", "last_step": True}, [rg.LastTimeStep, rg.OutputLayer]),
        ([nn.Linear(4, 2, bias=False), nn.LayerNorm(2)], {"loss": "mse"}, [rg.LSTM, rg.RnnOutputLayer]),
        ([], {"loss": "mse"}, [rg.LSTM, rg.RnnLossLayer]),
        ([nn.Softmax(-1)], {"loss": rg.Loss("mcxent")}, [rg.LSTM, rg.RnnLossLayer]),
        ([], {"loss": "mse", "last_step": True}, [rg.LastTimeStep, rg.LossLayer]),
    ],
)
def test_output_layers(modules: list[nn.Module], options: dict[str, Any], kinds: list[type]) -> None:
    stack = sequential(nn.LSTM(3, 4), *modules)
    net = rg.from_torch(stack, **options)
    assert [type(layer) for layer in net.config.layers] == kinds
    x, want = features(), expected(stack, features())
    np.testing.assert_allclose(net.output(x.numpy()), want[..., -1] if "last_step" in options else want, rtol=0, atol=1e-6)
    labels = np.full(net.output(x.numpy()).shape, 1.0 / want.shape[1], np.float32)
    before = net.score(rg.DataSet(x.numpy(), labels))
    net.fit(rg.DataSet(x.numpy(), labels), epochs=3)
    assert net.score(rg.DataSet(x.numpy(), labels)) < before


def test_activation_without_a_loss() -> None:
    stack = sequential(nn.LSTM(3, 4), nn.Linear(4, 2))
    want = expected(nn.Sequential(stack, nn.Softmax(-1)), features())
    np.testing.assert_allclose(rg.from_torch(stack, activation="softmax").output(features().numpy()), want, rtol=0, atol=1e-6)


def test_dropout_keeps_what_torch_keeps() -> None:
    net = rg.from_torch(nn.Sequential(nn.LSTM(3, 4, 2, dropout=0.3), nn.Dropout(0.1)))
    held = [layer.dropout for layer in net.config.layers if isinstance(layer, rg.DropoutLayer)]
    assert held == [rg.Dropout(retain=0.7), rg.Dropout(retain=0.9)]


# What goes in


def test_the_module_stays_as_it_is_and_shares_no_memory() -> None:
    stack = sequential(nn.LSTM(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)).train()
    before = copy.deepcopy(stack.state_dict())
    net = rg.from_torch(stack, loss="mse", updater=rg.Sgd(0.1))
    net.fit(rg.DataSet(features().numpy(), np.ones((3, 2, 7), np.float32)))
    assert all(torch.equal(before[name], w) for name, w in stack.state_dict().items())
    assert all(module.training for module in stack.modules())
    held = net.parameters()
    with torch.no_grad():
        for w in stack.parameters():
            w.fill_(9.0)
    assert all(np.array_equal(held[name], w) for name, w in net.parameters().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(dtype: torch.dtype) -> None:
    module = sequential(nn.LSTM(3, 4, batch_first=True)).to(dtype)
    net = rg.from_torch(module)
    assert net.config.data_type == "float32"
    np.testing.assert_allclose(net.output(features().numpy()), expected(module.float(), features()), rtol=0, atol=1e-6)


def test_data_type_and_settings() -> None:
    net = rg.from_torch(nn.LSTM(3, 4), data_type="double", seed=7, updater=rg.Adam(0.5), backprop=rg.TruncatedBPTT(length=5))
    assert (net.config.data_type, net.config.seed, net.config.backprop.length) == ("float64", 7, 5)  # type: ignore[attr-defined]
    assert net.config.layers[0].updater == rg.Adam(0.5)  # type: ignore[attr-defined]


def test_saves_and_loads(tmp_path: Path) -> None:
    net = rg.from_torch(sequential(nn.GRU(3, 4, bias=False), nn.Linear(4, 2)), loss="mse")
    net.save(tmp_path / "net.rnng")
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    assert again.config == net.config
    np.testing.assert_array_equal(again.output(features().numpy()), net.output(features().numpy()))


def test_subclasses_that_compute_the_same() -> None:
    class Stack(nn.Sequential):
        """Only a name."""

    module = Stack(nn.LSTM(3, 4, batch_first=True))
    np.testing.assert_allclose(rg.from_torch(module).output(features().numpy()), expected(module, features()), rtol=0, atol=1e-6)


# What is refused


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4)
        self.head = nn.Linear(4, 2)


class Doubled(nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(input)


def hooked() -> nn.Module:
    module = nn.Linear(3, 4)
    module.register_forward_hook(lambda *_: None)
    return module


def patched() -> nn.Module:
    module = nn.Linear(3, 4)
    module.forward = lambda input: input  # type: ignore[method-assign]
    return module


def filled(value: float) -> nn.Module:
    module = nn.GRU(3, 4)
    with torch.no_grad():
        module.get_parameter("bias_hh_l0")[5] = value
    return module


def quantised() -> nn.Module:
    class Quantised(nn.Module):
        """Stands for one of torch's."""

    Quantised.__module__ = "torch.ao.nn.quantized.dynamic"
    return Quantised()


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (nn.LSTM, {}, "from_torch: module is the class LSTM; give a module, as LSTM(...) makes one"),
    (
        {"W": 1},
        {},
        "from_torch: module is a dict, {'W': 1}; expected a torch.nn.Module that has its trained weights; a state_dict has ",
    ),
    (
        [nn.Tanh()],
        {},
        "from_torch: module is a list, [Tanh()]; expected a torch.nn.Module that has its trained weights: give nn.Sequential(*modules)",
    ),
    (None, {}, "from_torch: module is a NoneType, None; expected a torch.nn.Module that has its trained weights"),
    (nn.Sequential(), {}, "module holds nothing that has weights, so nothing tells how many values come in; put an nn.LSTM"),
    (nn.Tanh(), {}, "module holds nothing that has weights"),
    (nn.Sequential(nn.LSTM(3, 4), nn.Conv1d(4, 4, 1)), {}, "module[1] (Conv1d): rnngraph has no layer for it; leave it out, or put one of"),
    (nn.Sequential(nn.Sequential(nn.Flatten())), {}, "module[0][0] (Flatten): rnngraph has no layer for it; leave it out: the axes are"),
    (
        nn.Sequential(nn.LSTM(3, 4), nn.LogSoftmax(-1)),
        {},
        "module[1] (LogSoftmax): rnngraph has no layer for it; leave it out, and give acti",
    ),
    (nn.LSTMCell(3, 4), {}, "module (LSTMCell): rnngraph has no layer for it; give an nn.LSTM with its weights"),
    (nn.ModuleList([nn.Linear(3, 4)]), {}, "module (ModuleList): rnngraph has no layer for it; give nn.Sequential(*modules)"),
    (
        Own(),
        {},
        "module (Own): rnngraph has no layer for it; give what its forward computes, in order, as nn.Sequential(module.lstm, module.he",
    ),
    (quantised(), {}, "it is quantised (torch.ao.nn.quantized.dynamic): give the module of floats that it was made from"),
    (
        nn.Sequential(Doubled(3, 4)),
        {},
        "module[0] (Doubled): its forward is not that of nn.Linear and may compute anything; give the plain",
    ),
    (patched(), {}, "module (Linear): its forward is not that of nn.Linear"),
    (hooked(), {}, "module (Linear): it has forward hooks, which may change what it computes; remove them"),
    (
        parametrizations.weight_norm(nn.Linear(3, 4)),
        {},
        "its weights are parametrised, and would be trained otherwise here; make them plain",
    ),
    (
        nn.Linear(3, 4, device="meta"),
        {},
        "module (Linear): weight is on the meta device, without values; expected floats: load the trained",
    ),
    (nn.Linear(3, 4, dtype=torch.complex64), {}, "module (Linear): weight is of torch.complex64; expected floats"),
    (filled(np.nan), {}, "module (GRU): bias_hh_l0 is nan at [5]; every weight has to be finite"),
    (filled(-np.inf), {}, "module (GRU): bias_hh_l0 is -inf at [5]"),
    (
        nn.LSTM(3, 4, proj_size=2),
        {},
        "module (LSTM): proj_size=2: rnngraph's LSTM gives its whole hidden state; use one without a projection",
    ),
    (
        nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.GRU(5, 4)),
        {},
        "module[2] (GRU): it takes 5 values, but module[0] (Linear) gives 4; give",
    ),
    (
        nn.Sequential(nn.Tanh(), nn.Embedding(3, 4)),
        {},
        "module[1] (Embedding): it reads ids, which only the network's input can be; make it",
    ),
    (
        nn.Embedding(3, 4, max_norm=1.0),
        {},
        "module (Embedding): max_norm=1.0: an embedding is a plain table here; give one with max_norm=None",
    ),
    (
        nn.Embedding(3, 4, scale_grad_by_freq=True),
        {},
        "scale_grad_by_freq=True: an embedding is a plain table here; give one with scale_gr",
    ),
    (
        nn.Sequential(nn.LSTM(3, 4), nn.Dropout(1.0)),
        {},
        "module[1] (Dropout): a dropout of p=1 leaves nothing to train on; give a p below 1",
    ),
    (nn.LSTM(3, 4, 2, dropout=1.0), {}, "module (LSTM): a dropout of p=1 leaves nothing to train on"),
    (
        nn.Sequential(nn.LSTM(3, 4), nn.LayerNorm(4)),
        {},
        "module[1] (LayerNorm): rnngraph normalises inside of a dense layer, g LN(W x) + b, and",
    ),
    (nn.LayerNorm(4), {}, "module (LayerNorm): rnngraph normalises inside of a dense layer"),
    (nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), {}, "put an nn.Linear(n, n, bias=False) whose weight is torch.eye(n) in front of it"),
    (
        nn.Sequential(nn.Linear(3, 4, bias=False), nn.LayerNorm(4, eps=1e-6, elementwise_affine=False)),
        {},
        "module[1] (LayerNorm): it normalises [4] with eps=1e-06, elementwise_affine=False; rnngraph normalises the 4 values that "
        "module[0] (Linear) gives, with eps=1e-05 and a gain: give nn.LayerNorm(4)",
    ),
    (
        nn.Sequential(nn.Linear(3, 4), nn.GELU()),
        {},
        "module[1] (GELU): rnngraph has not GELU(approximate='none'); give GELU(approximate='tanh')",
    ),
    (nn.Sequential(nn.Linear(3, 4), nn.ELU(-1.0)), {}, "rnngraph has not ELU(alpha=-1.0); give an alpha of at least 0"),
    (nn.Sequential(nn.Linear(3, 4), nn.Hardtanh(-2.0, 1.0)), {}, "give Hardtanh(), or a min_val of 0"),
    (nn.Sequential(nn.Linear(3, 4), nn.Softplus(2.0)), {}, "rnngraph has not Softplus(beta=2.0, threshold=20.0); give Softplus()"),
    (nn.Sequential(nn.Linear(3, 4), nn.Threshold(0.1, 1.0)), {}, "rnngraph has not Threshold(threshold=0.1, value=1.0); give a value of 0"),
    (
        nn.Sequential(nn.LSTM(3, 4), nn.Softmax(dim=1)),
        {},
        "module[1] (Softmax): dim=1 is not the axis of features, which is the last here (dim=-1",
    ),
    (
        nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=2)),
        {},
        "dim=2 is not the axis of features, which is the last here (dim=-1 or 1); set dim=-1",
    ),
    (nn.Sequential(nn.LSTM(3, 4), nn.Softmax()), {}, "module[1] (Softmax): dim=None is not the axis of features"),
    (nn.LSTM(3, 4), {"last_step": "last"}, "last_step='last'; expected True or 'output', 'h_n', or False for all steps"),
    (nn.Linear(3, 4), {"last_step": True}, "last_step=True, but no module is recurrent, so there is no last step; leave last_step out"),
    (
        nn.Sequential(nn.LSTM(3, 4), nn.Softmax(-1)),
        {"activation": "softmax"},
        "activation='softmax', but the module ends in one already, module[1] (Softmax); leave one of the two out",
    ),
    (nn.LSTM(3, 4), {"input_type": 0}, "MultiLayerConfiguration: input_type=0: expected"),
    (nn.LSTM(3, 4), {"input_type": rg.InputType.recurrent(5)}, "layers[0] (LSTM): n_in=3, but input_type gives 5 values"),
    (nn.LSTM(3, 4), {"layers": []}, "the layers are those of the module; leave layers out, and put more modules into an nn.Sequential"),
    (nn.LSTM(3, 4), {"updatr": 1}, "MultiLayerConfiguration has no field 'updatr'; did you mean updater"),
    (nn.Linear(3, 4), {"loss": "mcxent"}, "loss='mcxent' expects outputs between 0 and 1"),
]


@pytest.mark.parametrize(("module", "options", "message"), REFUSED, ids=[message[:50] for _, _, message in REFUSED])
def test_refused(module: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        rg.from_torch(module, **options)


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_lazy_modules() -> None:
    module = nn.LazyLinear(4)
    with pytest.raises(
        rg.ConfigurationError, match=r"module \(LazyLinear\): it has no weights before its first call; call it on an example"
    ):
        rg.from_torch(module)
    module(torch.zeros(1, 3))
    assert rg.from_torch(module).parameters()["0.W"].shape == (4, 3)
