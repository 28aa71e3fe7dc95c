"""The generated steps and the derived backward, against autograd over the plain loop, for every cell, activation and mask."""

from __future__ import annotations

import pytest
import torch

from rnngraph.backends.torch import coefficients
from rnngraph.backends.torch.recurrent import run_body, run_body_by_autograd, run_recurrent
from rnngraph.backends.torch.tail import sums_of_products
from rnngraph.errors import GraphError
from rnngraph.ir.cell import Cell, H, exp, linear, maximum, sqrt, sum_last, trace
from rnngraph.ir.cells import graves_lstm, gru_reset_after, gru_reset_before, layer_norm_rnn, lstm, simple_rnn
from rnngraph.ir.gradient import differentiate
from rnngraph.ir.graph import Body, Value
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.types import evaluate, symbol
from tests.spellings import SPELLINGS

K = symbol("K")
FUSED = ("hardsigmoid", "relu", "sigmoid", "softmax", "tanh")  # those with a kernel or a rule of their own in the backward
PAIRS = [
    *((a, g) for a in FUSED for g in FUSED),
    *((a, SPELLINGS[(k + 7) % len(SPELLINGS)]) for k, a in enumerate(SPELLINGS)),
    *((a, "sigmoid") for a in SPELLINGS if a not in FUSED),
    *(("tanh", g) for g in SPELLINGS if g not in FUSED),
]
"""Each activation as layer and as gate activation, with the default and with another one."""


def operands(body: Body, steps: int = 6, rows: int = 3, width: int = 4, seed: int = 0) -> list[torch.Tensor]:
    """Random float64 operands of a body, small enough for unbounded activations."""
    generator = torch.Generator().manual_seed(seed)
    sizes = {"H": width, "K": width + 1, "N": rows}
    out = []
    for v in body.operands:
        shape = [evaluate(d, sizes) for d in v.shape]
        shape = [steps, *shape] if v in body.sequences else shape
        if v.type.element == "bool":
            out.append(torch.rand(shape, generator=generator) > 0.4)
        else:
            out.append((0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_())
    return out


def compare(body: Body, **sizes: int) -> None:
    """Values and gradients of the generated step equal those of the plain loop: with and without gradients recorded, and where the step
    may write over its sequences."""
    given = operands(body, **sizes)
    floating = frozenset(k for k, v in enumerate(body.sequences) if v.type.element == "float")
    passing = [x * 1.0 if k in floating else x for k, x in enumerate(given)]
    ours, oracle, owning = run_body(body, given), run_body_by_autograd(body, given), run_body(body, passing, floating)
    factors = [torch.randn_like(x) for x in oracle]
    leaves = [x for x in given if x.requires_grad]
    found = torch.autograd.grad([x.mul(k).sum() for x, k in zip(ours, factors, strict=True)], leaves)
    again = torch.autograd.grad([x.mul(k).sum() for x, k in zip(owning, factors, strict=True)], leaves)
    losses = [x.mul(k).sum() for x, k in zip(oracle, factors, strict=True)]
    expected = torch.autograd.grad(losses, leaves, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        inference = run_body(body, given)
    pairs = [(ours, oracle), (owning, oracle), (inference, oracle), (found, expected), (again, expected)]
    for a, b in (pair for first, second in pairs for pair in zip(first, second, strict=True)):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
@pytest.mark.parametrize(("act", "gate"), PAIRS)
def test_gated_cells_equal_the_plain_loop(act: str, gate: str, mode: str | None) -> None:
    for cell in (lstm, graves_lstm, gru_reset_after, gru_reset_before):
        body = trace(cell, act=act, gate=gate)
        compare(mask_body(body, mode) if mode else body)


@pytest.mark.parametrize("act", SPELLINGS)
def test_simple_rnn_equals_the_plain_loop(act: str) -> None:
    compare(trace(simple_rnn, act=act))
    for mode in (None, "hold", "reset"):
        body = trace(layer_norm_rnn, act=act)
        compare(mask_body(body, mode) if mode else body)


@pytest.mark.parametrize(("steps", "rows", "width"), [(1, 1, 1), (1, 4, 2), (9, 1, 3), (2, 2, 7)])
def test_sizes(steps: int, rows: int, width: int) -> None:
    gated = [trace(cell, act="tanh", gate="sigmoid") for cell in (graves_lstm, gru_reset_after, gru_reset_before)]
    for body in (*gated, trace(simple_rnn, act="tanh"), trace(layer_norm_rnn, act="tanh")):
        compare(body, steps=steps, rows=rows, width=width)


def _two_widths(xw: Value, a: Value, b: Value, R: Value, S: Value, act: object) -> tuple[Value, ...]:
    """A made-up cell: two states of different widths, two matrix products, a normalisation, y that is no state."""
    assert callable(act)
    a = act(xw + linear(b, R))
    b = b * 0.5 + linear(a * a - maximum(a, 0.1), S)
    y = exp(-a) / sqrt(1.0 + sum_last(a * a))
    return y, a, b


MADE_UP = Cell(
    "made_up", _two_widths, sequences={"xw": H}, states={"a": H, "b": K}, weights={"R": (H, K), "S": (K, H)}, activations=("act",)
)


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
def test_a_cell_from_outside_the_package_trains(mode: str | None) -> None:
    body = trace(MADE_UP, act="tanh")
    compare(mask_body(body, mode) if mode else body)


@pytest.mark.parametrize("elements", [1, 24, 30])
def test_a_backward_in_several_pieces_equals_the_plain_loop(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of one step and of two, the last of which has a single one: widths 4 and 5, 3 rows, 7 steps."""
    monkeypatch.setattr(coefficients, "_ELEMENTS", elements)
    pairs = [("tanh", "sigmoid"), ("softsign", "hardsigmoid"), ("softmax", "swish"), ("relu", "tanh"), ("gelu", "relu")]
    bodies = [trace(cell, act=a, gate=g) for cell in (lstm, graves_lstm, gru_reset_after, gru_reset_before) for a, g in pairs]
    bodies += [trace(cell, act=a) for cell in (simple_rnn, layer_norm_rnn, MADE_UP) for a, _ in pairs]
    for body in bodies:
        for mode in (None, "hold", "reset"):
            compare(mask_body(body, mode) if mode else body, steps=7)


def test_the_gradient_of_y_that_autograd_passes_in_is_left_alone() -> None:
    """It may be anybody's: here the caller's, and next one number seen as all steps."""
    for cell in (graves_lstm, gru_reset_after):
        body = trace(cell, act="tanh", gate="sigmoid")
        given = operands(body)
        y = run_body(body, given)[0]
        passed = torch.randn_like(y)
        before = passed.clone()
        y.backward(passed)  # type: ignore[no-untyped-call]
        assert torch.equal(passed, before)
        found = torch.autograd.grad(run_body(body, given)[0].sum(), given)
        expected = torch.autograd.grad(run_body_by_autograd(body, given)[0].sum(), given)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_peepholes_are_summed_while_the_loop_goes_and_read_products_are_not() -> None:
    """The three sums of a peephole LSTM; none where the product is itself a result, or made from what only the tail knows."""
    gradient = differentiate(trace(graves_lstm, act="tanh", gate="sigmoid"))
    tail = [n for n in gradient.block.nodes if gradient.part[n] == "tail"]
    pairs = sums_of_products(tail, gradient.block.results)
    assert [(a.op, b.op) for a, b in pairs] == [("mul", "sum_to")] * 3
    assert sums_of_products(tail, [*gradient.block.results, pairs[0][0].outputs[0]]) == pairs[1:]
    assert sums_of_products([pairs[0][0].inputs[0].producer, *tail], gradient.block.results) == pairs[1:]  # type: ignore[list-item]


def test_the_loop_part_of_the_peephole_lstm_is_minimal() -> None:
    """One product and seven elementwise nodes a step: everything else is computed for all steps at once."""
    gradient = differentiate(trace(graves_lstm, act="tanh", gate="sigmoid"))
    loop = [n.op for n in gradient.block.nodes if gradient.part[n] == "loop"]
    assert loop.count("linear_t") == 1
    assert len(loop) <= 10


def test_reverse_and_mask_zero_the_output_and_hold_the_state() -> None:
    body = trace(lstm, act="tanh", gate="sigmoid")
    given = operands(body)
    mask = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=torch.bool).unsqueeze(2)
    y, h, c = run_recurrent({"body": body, "mask_mode": "hold", "reverse": True}, [*given, mask])
    assert torch.equal(y[~mask.squeeze(2)], torch.zeros(11, 4, dtype=torch.float64))
    assert torch.equal(h[2], given[1][2])
    real = [t for t in range(6) if mask[t, 0, 0]]
    alone = run_recurrent({"body": body, "mask_mode": None, "reverse": True}, [given[0][real, :1], given[1][:1], given[2][:1], given[3]])
    torch.testing.assert_close(y[real, :1], alone[0])
    torch.testing.assert_close(c[:1], alone[2])


def test_an_op_without_a_derivative_is_named() -> None:
    def step(xw: Value, h: Value) -> tuple[Value, ...]:
        out = xw.block.add("outer_sum", [xw, h])
        return (out, xw + h)

    body = trace(Cell("broken", step, {"xw": H}, {"h": H}, {}))
    with pytest.raises(GraphError, match="op 'outer_sum' has no derivative"):
        differentiate(body)
