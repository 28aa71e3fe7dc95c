"""Which cells multiply whole numbers: those whose products read nothing that may be larger than 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnngraph.backends.reference import run
from rnngraph.backends.torch.program import Program
from rnngraph.ir.cell import trace
from rnngraph.ir.graph import Body
from rnngraph.ir.passes.fuse_lstm import lstm_kind
from rnngraph.ir.passes.integer_products import WITHIN_ONE, bounded_states, integer_body, integer_layers, integer_products
from tests.ir.builders import CELLS, Case, Layer, build, feeds
from tests.spellings import SPELLINGS

ALL = [Layer("lstm"), Layer("graves_lstm"), Layer("simple_rnn"), Layer("gru"), Layer("gru_reset_before"), Layer("layer_norm_rnn")]


def body(cell: str, act: str = "tanh", gate: str = "sigmoid") -> Body:
    return trace(CELLS[cell], **{k: {"act": act, "gate": gate}[k] for k in CELLS[cell].activations})


@pytest.mark.parametrize("cell", CELLS)
def test_the_default_cells_do(cell: str) -> None:
    plain = body(cell)
    made = integer_body(plain)
    assert made is not None
    assert {n.op for n in made.nodes} - {n.op for n in plain.nodes} == {"integer_linear"}
    assert not any(n.op == "linear" for n in made.nodes)
    assert any(n.op == "linear" for n in plain.nodes)
    assert lstm_kind(made) is None
    assert [s.name for s in bounded_states(plain)] == ["h"]  # c may grow


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_activations_that_lie_between_minus_one_and_one(name: str) -> None:
    """Against numbers: what an activation gives for small, large and middling values."""
    x = np.concatenate([np.linspace(-9, 9, 91), [-1e4, 1e4]])[:, None] * np.ones(2)
    graph = build([Layer("simple_rnn", name)])
    weights = {p.name: np.zeros([d if isinstance(d, int) else 1 for d in p.value.shape]) for p in graph.inputs}
    weights["0.b"] = np.zeros(4)
    largest = 0.0
    for value in x[:, 0]:
        weights["0.b"][:2] = value
        largest = max(largest, float(np.abs(run(graph, {**weights, "x": np.zeros((1, 3, 1))})["y"]).max()))
    assert (name in WITHIN_ONE) == (largest <= 1.0 and name != "relu(max=0.75)")  # parameters are not looked at
    assert (integer_body(body("simple_rnn", name)) is not None) == (name in WITHIN_ONE)


@pytest.mark.parametrize(
    ("cell", "act", "gate"),
    [
        ("lstm", "relu", "sigmoid"),
        ("lstm", "tanh", "relu"),
        ("gru", "elu", "sigmoid"),
        ("gru", "tanh", "hardtanh"),  # from -1 on: no point between two values
        ("gru_reset_before", "tanh", "relu6"),
        ("layer_norm_rnn", "rationaltanh", "sigmoid"),
    ],
)
def test_cells_that_may_grow_do_not(cell: str, act: str, gate: str) -> None:
    assert integer_body(body(cell, act, gate)) is None


def test_layers_are_named_and_the_others_stay() -> None:
    graph = build([*ALL, Layer("lstm", "relu"), Layer("gru", reverse=True)])
    made = integer_products(graph)
    assert integer_layers(graph) == []
    assert integer_layers(made) == ["0", "1", "2", "3", "4", "5", "7"]
    assert [n.op for n in made.nodes] == [n.op for n in graph.nodes]


def levels(v: float) -> int:
    return min(max(round(v * 127), -128), 127)


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
def test_the_reference_rounds_h_to_multiples_of_one_127th(mode: str | None) -> None:
    """A SimpleRnn by a loop of its own."""
    graph = integer_products(build([Layer("simple_rnn")], mode))
    mask = np.array([[1, 0, 1, 1], [1, 1, 1, 0]])
    given = feeds(graph, Case((), mode, mask, seed=4))
    w, r, b = (given[f"0.{k}"] for k in ("W", "R", "b"))
    h = given["state_00_h"]
    for t in range(given["x"].shape[2]):
        new = np.tanh(given["x"][:, :, t] @ w.T + b + np.array([[levels(v) / 127 for v in row] for row in h]) @ r.T)
        real = mask[:, t : t + 1] == 1 if mode else np.ones((2, 1), bool)
        h = np.where(real, new, h if mode == "hold" else 0.0)
    np.testing.assert_allclose(run(graph, given)["next_state_00_h"], h, atol=1e-12)


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
def test_torch_agrees_with_the_reference(mode: str | None) -> None:
    graph = integer_products(build([*ALL, Layer("gru", reverse=True)], mode))
    arrays = feeds(graph, Case((), mode, np.array([[1, 0, 1, 1], [1, 1, 1, 0]]), seed=3))
    with torch.no_grad():
        got = Program(graph)({k: torch.from_numpy(v) for k, v in arrays.items()})
    for name, want in run(graph, arrays).items():
        np.testing.assert_allclose(got[name], want, atol=1e-12)
