"""What the activations' names mean: derivatives against differences, spelling, and what is known of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngraph.backends.reference import run
from rnngraph.errors import GraphError
from rnngraph.ir.activations import ACTIVATIONS, lookup, names, spelled
from rnngraph.ir.cell import activation
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.types import floats
from tests.spellings import SPELLINGS

GRID = np.concatenate([np.linspace(-9.03, 9.03, 600), [-40.0, -20.3, 20.3, 40.0]])
"""Off the kinks, which all lie at multiples of 1/8."""


def evaluate(build: Any, x: np.ndarray) -> np.ndarray:
    """A function of one value, by the reference."""
    graph = Graph("float64")
    result = build(graph.input("x", "input", floats(1, x.size)))
    graph.output("y", "output", result if isinstance(result, Value) else graph.constant(result))
    return np.asarray(np.broadcast_to(run(graph, {"x": x[None]})["y"], (1, x.size))[0])


@pytest.mark.parametrize("name", [n for n in SPELLINGS if lookup(n).pullback is None])
def test_derivatives_equal_differences(name: str) -> None:
    meant, step = lookup(name), 1e-6

    def value(x: Value) -> Value:
        return activation(x, name=name)

    def slope(x: Value) -> Value | float:
        assert meant.derivative is not None
        y = value(x)
        return meant.derivative(x if meant.uses_x else y, y)

    found = evaluate(slope, GRID)
    expected = (evaluate(value, GRID + step) - evaluate(value, GRID - step)) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=3e-8)


@pytest.mark.parametrize("name", SPELLINGS)
def test_primitives_equal_the_function_far_out(name: str) -> None:
    """Over [-100, 100] to a few roundings of the result itself, however small it is; ELU and SELU to roundings of 1."""
    if name == "softmax":
        return
    x = np.concatenate([np.linspace(-100, 100, 4001), np.linspace(-3, 3, 2001)])
    found, expected = evaluate(lookup(name).primitives, x), evaluate(lambda v: activation(v, name=name), x)
    relative = name in ("softplus", "mish")
    np.testing.assert_allclose(found, expected, rtol=1e-15 if relative else 4e-15, atol=0 if relative else 4e-16)


def test_softplus_in_float32() -> None:
    """The shorter form that float32 files get, in float32 arithmetic, against float64."""
    import torch

    from rnngraph.backends.torch.rows import evaluate_block
    from rnngraph.ir.graph import Block

    single = lookup("softplus").single
    assert single is not None
    block = Block()
    argument = block.argument("x", floats(1, 6002))
    block.results = [single(argument)]
    x = np.concatenate([np.linspace(-80, 100, 4001), np.linspace(-3, 3, 2001)]).astype(np.float32)
    found = evaluate_block(block, {argument: torch.from_numpy(x[None])})[0].numpy()[0]
    np.testing.assert_allclose(found, np.logaddexp(0, x.astype(np.float64)), rtol=4e-7, atol=0)


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("cube", -2.0, -8.0),
        ("elu", -1.0, np.exp(-1) - 1),
        ("elu(alpha=0.5)", -1.0, 0.5 * (np.exp(-1) - 1)),
        ("gelu", 1.0, 1 / (1 + np.exp(-1.702))),
        ("gelu(precise=True)", 1.0, 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * 1.044715))),
        ("hardsigmoid", 1.0, 0.7),
        ("hardtanh", 3.0, 1.0),
        ("identity", 3.0, 3.0),
        ("leakyrelu", -3.0, -0.03),
        ("leakyrelu(alpha=0.25)", -3.0, -0.75),
        ("mish", 1.0, np.tanh(np.log(1 + np.e))),
        ("rationaltanh", 1.5, 1.7159 * (1 - 1 / 4.41645)),
        ("rectifiedtanh", -1.0, 0.0),
        ("rectifiedtanh", 1.0, np.tanh(1.0)),
        ("relu(max=1.5, threshold=0.125, negative_slope=0.25)", -1.875, -0.5),
        ("relu(max=1.5, threshold=0.125, negative_slope=0.25)", 1.0, 1.0),
        ("relu(max=1.5, threshold=0.125, negative_slope=0.25)", 2.0, 1.5),
        ("relu6", 7.0, 6.0),
        ("rrelu", -1.0, -11 / 48),
        ("rrelu(lower=0.25, upper=0.5)", -2.0, -0.75),
        ("selu", 2.0, 2 * 1.0507009873554805),
        ("selu", -1.0, 1.0507009873554805 * 1.6732632423543772 * (np.exp(-1) - 1)),
        ("softplus", 0.0, np.log(2)),
        ("softsign", -3.0, -0.75),
        ("swish", 1.0, 1 / (1 + np.exp(-1))),
        ("thresholdedrelu", 1.0, 0.0),
        ("thresholdedrelu", 1.5, 1.5),
        ("thresholdedrelu(theta=-0.5)", -0.25, -0.25),
    ],
)
def test_closed_forms(name: str, x: float, y: float) -> None:
    np.testing.assert_allclose(evaluate(lambda v: activation(v, name=name), np.array([x])), [y], rtol=1e-15)


def test_nothing_overflows() -> None:
    for name in SPELLINGS:
        if not name.startswith("cube"):
            with np.errstate(all="raise", under="ignore"):
                y = evaluate(lambda v, name=name: activation(v, name=name), np.array([-1e4, 1e4]))
            assert np.isfinite(y).all(), name


def test_spelling_leaves_out_defaults_and_reads_back() -> None:
    assert spelled("leakyrelu", alpha=0.01) == "leakyrelu"
    assert spelled("relu", max=None, threshold=0.0, negative_slope=0.1) == "relu(negative_slope=0.1)"
    for name in SPELLINGS:
        meant = lookup(name)
        assert spelled(meant.name, **meant.parameters) == name
        assert lookup(name) is meant


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tahn", f"there is no activation 'tahn'; there are {', '.join(sorted(names()))}"),
        ("elu(alpha=0.5", r"there is no activation 'elu\(alpha=0.5'"),
        ("elu(alpha=x)", r"activation 'elu\(alpha=x\)' cannot be read: .*; write it as name\(parameter=number\)"),
        ("elu(beta=1)", "activation 'elu' has no parameter 'beta'; it has alpha"),
        ("tanh(beta=1)", "activation 'tanh' has no parameter 'beta'; it has none"),
    ],
)
def test_names_that_mean_nothing(name: str, message: str) -> None:
    with pytest.raises(GraphError, match=f"^{message}"):
        lookup(name)


def test_a_node_takes_a_name() -> None:
    graph = Graph()
    x = graph.input("x", "input", floats(1, 2))
    with pytest.raises(
        GraphError, match=r"^activation: name=3; expected an activation as nodes spell it, like 'tanh' or 'elu\(alpha=0\.5\)'$"
    ):
        graph.add("activation", [x], name=3)


def test_what_is_known_of_each() -> None:
    assert [n for n, a in ACTIVATIONS.items() if not a.elementwise] == ["softmax"]
    assert [n for n, a in ACTIVATIONS.items() if a.saturates] == ["hardsigmoid", "sigmoid"]
    assert all(a.invariant for a in ACTIVATIONS.values())
