"""What the exporter's tests export and run: networks without torch, stacks of cells built by hand, random parameters and feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

import rnngraph as rg
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.ir.cell import greater, trace, where
from rnngraph.ir.cells import graves_lstm, gru_reset_after, gru_reset_before, layer_norm_rnn, lstm, simple_rnn
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.types import N, T, evaluate, floats
from rnngraph.ir.verify import verify
from rnngraph.lowering import initial_parameters

Arrays = dict[str, np.ndarray]
CELLS = {c.name: c for c in (lstm, graves_lstm, simple_rnn, gru_reset_after, gru_reset_before, layer_norm_rnn)}


@dataclass
class Net:
    """What export_onnx needs of a network."""

    config: Any
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    fitted_with_mask: bool = False

    def parameters(self) -> Mapping[str, np.ndarray]:
        return self.arrays


def net_of(*layers: Any, **settings: Any) -> Net:
    """The configured network with its initial parameters."""
    config = rg.MultiLayerConfiguration(seed=1, layers=list(layers), **settings)
    return Net(config, {k: v.astype(config.data_type) for k, v in initial_parameters(config).items()})


def classifier(**settings: Any) -> Net:
    """Five features, three classes after the last step."""
    last = rg.OutputLayer(n_out=3, activation="softmax", loss="mcxent")
    return net_of(rg.LSTM(n_in=5, n_out=6), rg.LastTimeStep(rg.SimpleRnn(n_out=4)), last, **settings)


def tagger(**settings: Any) -> Net:
    """Five features, three classes at each step."""
    last = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
    return net_of(rg.GravesLSTM(n_in=5, n_out=6), rg.DenseLayer(n_out=4, activation="elu"), last, **settings)


@dataclass(frozen=True)
class Layer:
    """One recurrent layer of a stack."""

    cell: str
    width: int
    act: str = "tanh"
    gate: str = "sigmoid"
    reverse: bool = False
    mask_mode: str = "hold"

    @property
    def activations(self) -> dict[str, str]:
        """The arguments of :func:`~rnngraph.ir.cell.trace`."""
        return {key: {"act": self.act, "gate": self.gate}[key] for key in CELLS[self.cell].activations}


def stack(
    layers: Sequence[Layer],
    features: int = 5,
    classes: int = 3,
    *,
    masked: bool = False,
    head: str = "softmax",
    data_type: Any = "float32",
    last: bool = False,
    whole: bool = False,
) -> Graph:
    """x [N, F, T] -> the layers -> a dense layer -> y [N, C, T]; with ``last`` it acts on the last h alone -> y [N, C].

    With ``whole`` the states begin at zero and are neither inputs nor outputs.
    """
    graph = Graph(data_type)
    x = graph.input("x", "input", floats(N, features, T))
    mask = None
    if masked:
        given = graph.input("features_mask", "mask", floats(N, T))
        mask = graph.add("unsqueeze", [greater(graph.add("transpose", [given], order=(1, 0)), 0.5)], "mask", axis=-1)
    x = graph.add("transpose", [x], order=(2, 0, 1))
    if mask is not None:
        x = where(mask, x, 0.0)
    after: list[tuple[str, Value, int]] = []
    for index, layer in enumerate(layers):
        x, states = _layer(graph, index, layer, x, mask, whole)
        after += [] if whole else [(f"next_state_{index:02d}_{k}", v, index) for k, v in states.items()]
    index = len(layers)
    w, b = (graph.input(f"{index}.{k}", "parameter", floats(*s), index) for k, s in {"W": (classes, x.shape[-1]), "b": (classes,)}.items())
    if last:
        x = states["h"]
    y = graph.add("activation", [graph.add("linear", [x, w]) + b], name=head)
    graph.output("y", "output", y if last else graph.add("transpose", [y], order=(1, 2, 0)), index)
    for name, value, owner in after:
        graph.output(name, "next_state", value, owner)
    verify(graph)
    return graph


def _layer(graph: Graph, index: int, layer: Layer, x: Value, mask: Value | None, whole: bool) -> tuple[Value, dict[str, Value]]:
    cell, h = CELLS[layer.cell], layer.width
    graph.prefix = f"{index}."
    rows = evaluate(cell.sequences["xw"], {"H": h})
    shapes: dict[str, tuple[Any, ...]] = {"W": (rows, x.shape[-1]), "b": (rows,), "R": (rows, h)}
    shapes |= {k: tuple(evaluate(d, {"H": h}) for d in shape) for k, shape in cell.weights.items() if cell is not gru_reset_before}
    p = {k: graph.input(f"{index}.{k}", "parameter", floats(*shape), index) for k, shape in shapes.items()}
    if cell is gru_reset_before:
        p |= {k: graph.add("block_rows", [p["R"]], k, start=a, stop=b, blocks=3) for k, a, b in (("Rg", 0, 2), ("Rn", 2, 3))}
    if whole:
        states = {k: graph.add("zero_state", [x], k, width=h) for k in cell.states}
    else:
        states = {k: graph.input(f"state_{index:02d}_{k}", "state", floats(N, h), index) for k in cell.states}
    xw = graph.add("linear", [x, p["W"]]) + p["b"]
    operands = [xw, *states.values(), *(p[k] for k in cell.weights), *([] if mask is None else [mask])]
    body = trace(cell, **layer.activations)
    mode = None if mask is None else layer.mask_mode
    y, *after = graph.add_many("recurrent", operands, cell.name, body=body, reverse=layer.reverse, mask_mode=mode)
    graph.prefix = ""
    return y, dict(zip(states, after, strict=True))


def parameters(graph: Graph, seed: int = 0) -> Arrays:
    """Random parameters, scaled by 1 / sqrt(fan-in)."""
    generator = np.random.default_rng(seed)
    return {
        p.name: (generator.standard_normal(p.value.shape) / np.sqrt(p.value.shape[-1])).astype(graph.data_type)  # type: ignore[arg-type]
        for p in graph.ports("parameter")
    }


def feeds(graph: Graph, n: int, t: int, seed: int = 0) -> Arrays:
    """Random x and start states for N = n, T = t; a mask of ones."""
    generator = np.random.default_rng(seed)
    sizes = {"N": n, "T": t}
    out: Arrays = {}
    for port in graph.ports("input", "mask", "state"):
        shape = tuple(d if isinstance(d, int) else sizes[str(d)] for d in port.value.shape)
        values = np.ones(shape) if port.role == "mask" else generator.standard_normal(shape)
        out[port.name] = values.astype(graph.data_type)
    return out


def gapped(given: Arrays, seed: int = 0) -> Arrays:
    """The feeds with gaps in the mask, a row without a real step and a stretch that no row has; NaN and a huge value stand there."""
    x = given["x"]
    mask = (np.random.default_rng(seed).random((len(x), x.shape[2])) > 0.4).astype(x.dtype)
    mask[:, 10:25] = 0
    mask[1:2] = 0
    x = np.where(mask[:, None] > 0, x, np.nan).astype(x.dtype)
    x[:, :, 11:12] = 1e30
    return {**given, "x": x, "features_mask": mask}


def one_row(arrays: Arrays, row: int) -> Arrays:
    """The arrays of this row alone."""
    return {k: v[row : row + 1] for k, v in arrays.items()}


def model(graph: Graph, target: Target = "portable", **options: Any) -> onnx.ModelProto:
    """The model of ``graph`` with :func:`parameters`."""
    return build_model(transform(graph, target, options.get("steps")), parameters(graph), **options)


def session(source: onnx.ModelProto | Path) -> ort.InferenceSession:
    """A session of a model or a file, on the CPU with one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    given = str(source) if isinstance(source, Path) else source.SerializeToString()
    return ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def run(sess: ort.InferenceSession, given: Arrays) -> Arrays:
    """All outputs by name."""
    names = [o.name for o in sess.get_outputs()]
    return dict(zip(names, sess.run(names, {k: np.ascontiguousarray(v) for k, v in given.items()}), strict=True))


def states_of(result: Arrays) -> Arrays:
    """The next states as states to feed."""
    return {k.removeprefix("next_"): v for k, v in result.items() if k.startswith("next_")}


def in_chunks(sess: ort.InferenceSession, given: Arrays, sizes: Sequence[int]) -> Arrays:
    """Feed the sequence in chunks of these sizes (the last one repeated), states carried over; y joined over time."""
    state = {k: v for k, v in given.items() if k.startswith("state")}
    timed = {k: v for k, v in given.items() if k not in state}
    total = given["x"].shape[2]
    results: list[np.ndarray] = []
    start, k = 0, 0
    while start < total:
        stop = min(total, start + sizes[min(k, len(sizes) - 1)])
        result = run(sess, {**{name: v[..., start:stop] for name, v in timed.items()}, **state})
        results.append(result["y"])
        state = states_of(result)
        start, k = stop, k + 1
    return {"y": np.concatenate(results, axis=2) if results[0].ndim == 3 else results[-1], **{f"next_{k}": v for k, v in state.items()}}


def same(got: Arrays, want: Arrays, mask: np.ndarray | None = None, tolerance: float = 0.0) -> None:
    """Equal bit for bit, or within ``tolerance`` * max(1, largest value); y with a time axis at real steps only."""
    assert got.keys() == want.keys()
    for name, expected in want.items():
        actual = got[name]
        assert actual.shape == expected.shape
        assert np.isfinite(expected).all(), f"{name} is not finite, perhaps at masked steps"
        if name == "y" and mask is not None and actual.ndim == 3:
            actual, expected = actual.transpose(0, 2, 1)[mask > 0], expected.transpose(0, 2, 1)[mask > 0]
        allowed = tolerance * max(1.0, float(np.abs(expected).max(initial=0.0)))
        off = ~(np.abs(actual - expected) <= allowed)
        assert not off.any(), f"{name}: {off.sum()} of {off.size} values differ"
