"""Graphs and arrays for the tests of the representation: stacks of recurrent layers, built without the lowering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from rnngraph.ir.cell import Cell, greater, linear, trace, where
from rnngraph.ir.cells import graves_lstm, gru_reset_after, gru_reset_before, layer_norm_rnn, lstm, simple_rnn
from rnngraph.ir.graph import DataType, Graph, Value
from rnngraph.ir.types import N, T, evaluate, floats

Array = npt.NDArray[Any]
CELLS: dict[str, Cell] = {c.name: c for c in (lstm, graves_lstm, simple_rnn, gru_reset_after, gru_reset_before, layer_norm_rnn)}
I, H = 3, 4


@dataclass(frozen=True)
class Layer:
    """One recurrent layer of a test graph."""

    cell: str = "lstm"
    act: str = "tanh"
    gate: str = "sigmoid"
    reverse: bool = False
    zero_start: bool = False
    """Starts at zeros instead of at a state that is fed."""


@dataclass(frozen=True)
class Case:
    """A stack of layers, how it is masked, and its mask, [N, T]."""

    layers: tuple[Layer, ...]
    mode: str | None = None
    mask: Array = field(default_factory=lambda: np.ones((2, 3)))
    nan: bool = False
    """NaN stands in x at masked steps."""
    seed: int = 0


def build(layers: Sequence[Layer], mode: str | None = None, data_type: DataType = "float64") -> Graph:
    """x [N, 3, T] through the layers, of 4 units each, to y [N, 4, T]."""
    graph = Graph(data_type)
    x = graph.add("transpose", [graph.input("x", "input", floats(N, I, T))], order=(2, 0, 1))
    mask: list[Value] = []
    if mode is not None:
        steps = graph.add("transpose", [graph.input("features_mask", "mask", floats(N, T))], order=(1, 0))
        mask = [graph.add("unsqueeze", [greater(steps, 0.5)], axis=-1)]
    for k, layer in enumerate(layers):
        graph.prefix = f"{k}."
        x = _layer(graph, k, layer, x, mode, mask)
    graph.prefix = ""
    graph.output("y", "output", graph.add("transpose", [x], order=(1, 2, 0)))
    return graph


def _layer(graph: Graph, k: int, layer: Layer, x: Value, mode: str | None, mask: list[Value]) -> Value:
    prefix, graph.prefix = graph.prefix, ""
    cell = CELLS[layer.cell]
    width = evaluate(cell.sequences["xw"], {"H": H})
    w = graph.input(f"{k}.W", "parameter", floats(width, x.shape[-1]), k)
    weights = {
        key: graph.input(f"{k}.{key}", "parameter", floats(*(evaluate(d, {"H": H}) for d in shape)), k)
        for key, shape in cell.weights.items()
        if cell is not gru_reset_before
    }
    if cell is gru_reset_before:
        r = graph.input(f"{k}.R", "parameter", floats(width, H), k)
        weights = {key: graph.add("block_rows", [r], start=a, stop=b, blocks=3) for key, a, b in (("Rg", 0, 2), ("Rn", 2, 3))}
    b = graph.input(f"{k}.b", "parameter", floats(width), k)
    states = [graph.input(f"state_{k:02}_{key}", "state", floats(N, H), k) for key in cell.states]
    graph.prefix = prefix
    body = trace(cell, **{key: {"act": layer.act, "gate": layer.gate}[key] for key in cell.activations})
    if mask and k == 0:
        x = where(mask[0], x, 0.0)
    starts = states
    if layer.zero_start:  # in both ways in which a graph says so
        starts = [graph.add("zero_state", [x], width=H) if layer.reverse else graph.add("zeros", [s]) for s in states]
    y, *following = graph.add_many(
        "recurrent", [linear(x, w) + b, *starts, *weights.values(), *mask], body=body, reverse=layer.reverse, mask_mode=mode
    )
    for key, value in zip(cell.states, following, strict=True):
        graph.output(f"next_state_{k:02}_{key}", "next_state", value, k)
    return y


def feeds(graph: Graph, case: Case) -> dict[str, Array]:
    """Random arrays for all inputs in the graph's data type, parameters scaled by their fan-in."""
    rng = np.random.default_rng(case.seed)
    rows, steps = case.mask.shape
    sizes = {N: rows, T: steps}
    arrays: dict[str, Array] = {}
    for port in graph.inputs:
        shape = [d if isinstance(d, int) else sizes[d] for d in port.value.shape]
        arrays[port.name] = rng.normal(size=shape) / (np.sqrt(shape[-1]) if port.role == "parameter" else 1.0)
    if case.mode is not None:
        arrays["features_mask"] = case.mask
        if case.nan:
            arrays["x"] = np.where(case.mask[:, None, :] > 0.5, arrays["x"], np.nan)
    return {name: array.astype(graph.data_type) for name, array in arrays.items()}


@st.composite
def masks(draw: st.DrawFn, kinds: Sequence[str] = ("any", "right", "left")) -> Array:
    """0/1 masks [N, T] of any pattern, or padded on one side; wholly masked rows are among them."""
    rows, steps = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    kind = draw(st.sampled_from(list(kinds)))
    if kind == "any":
        return np.array(draw(st.lists(st.lists(st.integers(0, 1), min_size=steps, max_size=steps), min_size=rows, max_size=rows)), float)
    lengths = np.array(draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows)))[:, None]
    return np.asarray((np.arange(steps) < lengths) if kind == "right" else (np.arange(steps) >= steps - lengths), float)


def cases(
    cells: Sequence[str] = tuple(CELLS), modes: Sequence[str | None] = (None, "hold", "reset"), **mask: Any
) -> st.SearchStrategy[Case]:
    """Stacks of one or two layers of any kind and direction."""
    layer = st.builds(
        Layer,
        cell=st.sampled_from(list(cells)),
        act=st.sampled_from(["tanh", "softsign", "relu"]),
        gate=st.sampled_from(["sigmoid", "hardsigmoid"]),
        reverse=st.booleans(),
        zero_start=st.booleans(),
    )
    layers = st.lists(layer, min_size=1, max_size=2).map(tuple)
    return st.builds(
        Case, layers=layers, mode=st.sampled_from(list(modes)), mask=masks(**mask), nan=st.booleans(), seed=st.integers(0, 2**16)
    )
