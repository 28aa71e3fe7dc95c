"""Vertices: torch, the float64 reference and closed forms agree; what masks mean; gradients against central differences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.lowering.head_masks import head_masks

Array = npt.NDArray[Any]
Mask = Array | None
R, F = rg.InputType.recurrent, rg.InputType.feed_forward
N, WIDTH, STEPS = 4, 3, 6

RIGHT = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], float)
LEFT = RIGHT[:, ::-1].copy()
GAPS = np.array([[1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 1, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], float)
PAIRS: dict[str, tuple[Mask, Mask]] = {
    "none": (None, None),
    "one": (RIGHT, None),
    "right": (RIGHT, RIGHT),
    "left": (LEFT, LEFT),
    "gaps": (GAPS, GAPS),
    "different": (RIGHT, GAPS),
}


def network(vertices: Mapping[str, Any], types: Mapping[str, Any], outputs: Any = "y", **settings: Any) -> rg.ComputationGraph:
    """A float64 network with random parameters."""
    fields: dict[str, Any] = {"inputs": list(types), "vertices": vertices, "outputs": outputs, "input_types": types, "seed": 3}
    net = rg.ComputationGraph(rg.ComputationGraphConfiguration(**fields, data_type="float64", **settings))
    generator = np.random.default_rng(5)
    net.set_parameters({k: v + generator.normal(0, 0.3, v.shape) for k, v in net.parameters().items()})
    return net


def series(seed: int, mask: Mask = None, wild: float = np.nan, steps: int = STEPS, width: int = WIDTH) -> Array:
    """[N, F, T], with ``wild`` at masked steps."""
    x = np.random.default_rng(seed).standard_normal((N, width, steps))
    return x if mask is None else np.where(mask[:, None] > 0, x, wild)


def by_reference(net: rg.ComputationGraph, xs: Sequence[Array], masks: Sequence[Mask], labels: Mapping[str, Array] | None = None) -> Any:
    """All outputs by the reference backend from the initial state; with ``labels`` the loss."""
    names = net.config.inputs
    masked = {name: mask for name, mask in zip(names, masks, strict=True) if mask is not None}
    graph = lower(net.config, features_mask=list(masked), loss=labels is not None)
    given = dict(zip(names, xs, strict=True)) | {f"features_mask_{name}": mask for name, mask in masked.items()}
    given |= {f"labels_{name}": y for name, y in (labels or {}).items()}
    states = {p.name: np.full([evaluate(d, {"N": len(xs[0])}) for d in p.value.shape], p.initial) for p in graph.ports("state")}
    return run(graph, {**given, **net.parameters(), **states})


def outputs(net: rg.ComputationGraph, xs: Sequence[Array], masks: Sequence[Mask]) -> list[Array]:
    """The outputs by torch, which are those of the reference."""
    got = net.output(xs, masks)
    want = by_reference(net, xs, masks)
    for name, y in zip(net.config.outputs, got, strict=True):
        np.testing.assert_allclose(y, want[name], rtol=0, atol=1e-12, equal_nan=True)
    return got


def check(y: Array, want: Array, real: Mask) -> None:
    """Equal at real steps."""
    where = np.ones(y.shape, bool) if real is None else np.broadcast_to(real[:, None] > 0, y.shape)
    np.testing.assert_allclose(y[where], want[where], rtol=0, atol=1e-12)


def either(masks: Sequence[Mask]) -> Mask:
    return None if any(mask is None for mask in masks) else np.maximum.reduce([m for m in masks if m is not None])


JOINING: dict[str, tuple[Any, Callable[[Array, Array], Array]]] = {
    "merge": (rg.MergeVertex(), lambda a, b: np.concatenate([a, b], axis=1)),
    "add": (rg.ElementWiseVertex("add"), lambda a, b: a + b),
    "subtract": (rg.ElementWiseVertex("subtract"), lambda a, b: a - b),
    "product": (rg.ElementWiseVertex("product"), lambda a, b: a * b),
    "average": (rg.ElementWiseVertex("average"), lambda a, b: (a + b) / 2),
    "max": (rg.ElementWiseVertex("max"), np.maximum),
}


@pytest.mark.parametrize("mode", ["hold", "ignore"])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", JOINING)
def test_what_joins_two_reads_zero_where_one_is_masked(kind: str, pair: str, mode: str) -> None:
    """A step is real where it is in any; with "ignore" what stands at masked steps is read."""
    vertex, formula = JOINING[kind]
    masks, wild = PAIRS[pair], np.nan if mode == "hold" else 7.0
    net = network({"y": (vertex, "a", "b")}, {"a": R(WIDTH), "b": R(WIDTH)}, mask_mode=mode)
    xs = [series(k, mask, wild) for k, mask in enumerate(masks)]
    (y,) = outputs(net, xs, masks)
    read = [x if mask is None or mode == "ignore" else np.where(mask[:, None] > 0, x, 0.0) for x, mask in zip(xs, masks, strict=True)]
    check(y, formula(*read), either(masks))


def test_three_inputs_and_one_that_is_one_wide() -> None:
    a, b, c = series(0), series(1, width=1), series(2)
    types = {"a": R(WIDTH), "b": R(1), "c": R(WIDTH)}
    vertices = {
        "sum": (rg.ElementWiseVertex("add"), "a", "b", "c"),
        "mean": (rg.ElementWiseVertex("average"), "b", "a", "c"),
        "most": (rg.ElementWiseVertex("max"), "a", "b", "c"),
        "all": (rg.MergeVertex(), "c", "b", "a"),
    }
    got = outputs(network(vertices, types, list(vertices)), [a, b, c], [None] * 3)
    want = [a + b + c, (a + b + c) / 3, np.maximum(np.maximum(a, b), c), np.concatenate([c, b, a], axis=1)]
    for y, closed in zip(got, want, strict=True):
        check(y, closed, None)


def reversed_among(x: Array, mask: Mask) -> Array:
    """Real steps in the opposite order, row by row."""
    out = np.zeros_like(x)
    for n in range(len(x)):
        real = np.arange(x.shape[2]) if mask is None else np.flatnonzero(mask[n])
        out[n][:, real] = x[n][:, real[::-1]]
    return out


def last(x: Array, mask: Mask) -> Array:
    steps = [np.arange(x.shape[2]) if mask is None else np.flatnonzero(mask[n]) for n in range(len(x))]
    return np.stack([x[n][:, s[-1]] if len(s) else np.zeros(x.shape[1]) for n, s in enumerate(steps)])


def normed(x: Array, mask: Mask, epsilon: float = 1e-8) -> Array:
    read = x if mask is None else np.where(mask[:, None] > 0, x, 0.0)
    norms = np.sqrt((read**2).sum(axis=tuple(range(1, x.ndim)), keepdims=True))
    return np.asarray(read / np.maximum(norms, epsilon))


def after(mask: Mask, reverse: bool = False) -> Mask:
    return mask[:, ::-1] if reverse and mask is not None else mask


SINGLE: dict[str, tuple[Any, Callable[[Array, Mask], Array], Callable[[Mask], Mask]]] = {
    "subset": (rg.SubsetVertex(1, 2), lambda x, m: x[:, 1:3], after),
    "scale": (rg.ScaleVertex(-2.5), lambda x, m: -2.5 * x, after),
    "shift": (rg.ShiftVertex(0.5), lambda x, m: x + 0.5, after),
    "norm": (rg.L2NormalizeVertex(), normed, after),
    "large epsilon": (rg.L2NormalizeVertex(epsilon=100.0), lambda x, m: x / 100, after),
    "last": (rg.LastTimeStepVertex("x"), last, lambda m: None),
    "reverse": (rg.ReverseTimeSeriesVertex(), lambda x, m: x[:, :, ::-1], lambda m: after(m, True)),
    "reverse among": (rg.ReverseTimeSeriesVertex("x"), reversed_among, lambda m: None),
}


@pytest.mark.parametrize("mask", [None, RIGHT, LEFT, GAPS], ids=["none", "right", "left", "gaps"])
@pytest.mark.parametrize("kind", SINGLE)
def test_vertices_of_one_input(kind: str, mask: Mask) -> None:
    vertex, formula, behind = SINGLE[kind]
    x = series(0, mask)
    (y,) = outputs(network({"y": (vertex, "x")}, {"x": R(WIDTH)}), [x], [mask])
    check(y, formula(x, mask), behind(mask))


def test_vectors() -> None:
    x, z = np.random.default_rng(0).standard_normal((2, N, WIDTH))
    vertices = {
        "norm": (rg.L2NormalizeVertex(), "a"),
        "some": (rg.SubsetVertex(0, 1), "a"),
        "less": (rg.ElementWiseVertex("subtract"), "a", "b"),
        "all": (rg.MergeVertex(), "b", "a"),
    }
    got = outputs(network(vertices, {"a": F(WIDTH), "b": F(WIDTH)}, list(vertices)), [x, z], [None, None])
    want = [x / np.linalg.norm(x, axis=1, keepdims=True), x[:, :2], x - z, np.concatenate([z, x], axis=1)]
    for y, closed in zip(got, want, strict=True):
        check(y, closed, None)


@pytest.mark.parametrize("source", [None, GAPS, RIGHT], ids=["none", "gaps", "right"])
@pytest.mark.parametrize("target", [None, LEFT[:, 2:]], ids=["none", "left"])
def test_across_two_time_axes(source: Mask, target: Mask) -> None:
    """The last real step of a series of 6 at each step of one of 4."""
    vertices = {"last": (rg.LastTimeStepVertex("source"), "source"), "y": (rg.DuplicateToTimeSeriesVertex("target"), "last")}
    net = network({**vertices, "z": (rg.MergeVertex(), "target", "y")}, {"source": R(WIDTH), "target": R(2)}, ["y", "z"])
    x, z = series(0, source), series(1, target, steps=4, width=2)
    y, merged = outputs(net, [x, z], [source, target])
    want = np.repeat(last(x, source)[:, :, None], 4, axis=2)
    check(y, want, target)
    check(merged, np.concatenate([z, want], axis=1), target)
    graph = lower(net.config, features_mask=True)
    shapes = {p.name: str(p.value.type) for p in [*graph.ports("input"), *graph.ports("mask"), *graph.ports("output")]}
    assert shapes == {
        "source": "[N, 3, T_source]", "target": "[N, 2, T_target]", "features_mask_source": "[N, T_source]",
        "features_mask_target": "[N, T_target]", "y": "[N, 3, T_target]", "z": "[N, 5, T_target]",
    }  # fmt: skip


def test_the_mask_of_another_input_tells_the_last_step_and_the_real_ones() -> None:
    types = {"a": R(WIDTH), "b": R(WIDTH)}
    vertices = {"last": (rg.LastTimeStepVertex("b"), "a"), "back": (rg.ReverseTimeSeriesVertex("b"), "a"), "all": (rg.MergeVertex(), "b")}
    xs = [series(0), series(1, GAPS)]
    got = outputs(network(vertices, types, list(vertices)), xs, [None, GAPS])
    check(got[0], last(xs[0], GAPS), None)
    check(got[1], reversed_among(xs[0], GAPS), None)


@pytest.mark.parametrize("steps", [STEPS, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_stacked_inputs_go_through_one_layer_each_as_if_alone(steps: int, masked: bool) -> None:
    types = {"a": R(WIDTH), "b": R(WIDTH)}
    vertices = {
        "both": (rg.StackVertex(), "a", "b"),
        "scaled": (rg.ScaleVertex(2.0), "both"),
        "rnn": (rg.LSTM(n_out=4), "scaled"),
        "one": (rg.UnstackVertex(0, 2), "rnn"),
        "two": (rg.UnstackVertex(1, 2), "rnn"),
    }
    net = network(vertices, types, ["one", "two"])
    alone = network({"scaled": (rg.ScaleVertex(2.0), "a"), "rnn": (rg.LSTM(n_out=4), "scaled")}, {"a": R(WIDTH)}, "rnn")
    alone.set_parameters(net.parameters())
    masks = [GAPS, RIGHT[:, :steps]] if masked else [None, None]
    xs = [series(k, mask, steps=t) for k, (mask, t) in enumerate(zip(masks, (STEPS, steps), strict=True))]
    for y, x, mask in zip(outputs(net, xs, masks), xs, masks, strict=True):
        check(y, alone.output([x], [mask])[0], mask)
    states = [p.name for p in lower(net.config).ports("state")]
    assert len(states) == 4
    assert len(set(states)) == 4


COMBINED: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "translator": (
        {
            "encoder": (rg.LSTM(n_out=4), "a"),
            "last": (rg.LastTimeStepVertex("a"), "encoder"),
            "each": (rg.DuplicateToTimeSeriesVertex("b"), "last"),
            "decoder": (rg.GravesLSTM(n_out=3), "b", "each"),
            "y": (rg.RnnOutputLayer(n_out=2), "decoder"),
        },
        {"a": R(WIDTH), "b": R(WIDTH)},
        "y",
    ),
    "both ways by hand": (
        {
            "forth": (rg.SimpleRnn(n_out=3), "a"),
            "turned": (rg.ReverseTimeSeriesVertex("a"), "a"),
            "back": (rg.SimpleRnn(n_out=3), "turned"),
            "again": (rg.ReverseTimeSeriesVertex("a"), "back"),
            "sum": (rg.ElementWiseVertex("product"), "forth", "again"),
            "y": (rg.RnnOutputLayer(n_out=2), "sum"),
            "b-rnn": (rg.GRU(n_out=2), "b"),
            "z": (rg.RnnOutputLayer(n_out=2), "b-rnn"),
        },
        {"a": R(WIDTH), "b": R(WIDTH)},
        ["y", "z"],
    ),
    "values": (
        {
            "rnn": (rg.LSTM(n_out=4), "a"),
            "norm": (rg.L2NormalizeVertex(), "rnn"),
            "some": (rg.SubsetVertex(1, 3), "norm"),
            "shifted": (rg.ShiftVertex(0.5), "some"),
            "scaled": (rg.ScaleVertex(3.0), "shifted"),
            "most": (rg.ElementWiseVertex("max"), "scaled", "b"),
            "next": (rg.LSTM(n_out=3), "most"),
            "y": (rg.RnnOutputLayer(n_out=2), "next"),
        },
        {"a": R(WIDTH), "b": R(WIDTH)},
        "y",
    ),
    "stacked": (
        {
            "both": (rg.StackVertex(), "a", "b"),
            "rnn": (rg.LastTimeStep(rg.LSTM(n_out=4)), "both"),
            "one": (rg.UnstackVertex(0, 2), "rnn"),
            "two": (rg.UnstackVertex(1, 2), "rnn"),
            "less": (rg.ElementWiseVertex("subtract"), "one", "two"),
            "norm": (rg.L2NormalizeVertex(), "less"),
            "y": (rg.OutputLayer(n_out=2), "norm", "two"),
        },
        {"a": R(WIDTH), "b": R(WIDTH)},
        "y",
    ),
}


def labels(net: rg.ComputationGraph) -> dict[str, Array]:
    """One-hot labels of each output."""
    generator, found = np.random.default_rng(9), {}
    for head in net.config.heads:
        chosen = np.eye(2)[generator.integers(0, 2, (N, STEPS) if head.has_time else N)]
        found[head.name] = chosen.transpose(0, 2, 1) if head.has_time else chosen
    return found


@pytest.mark.parametrize("mode", ["hold", "ignore"])
@pytest.mark.parametrize("pair", ["none", "one", "gaps", "different"])
@pytest.mark.parametrize("kind", COMBINED)
def test_gradients_are_those_of_the_reference(kind: str, pair: str, mode: str) -> None:
    vertices, types, heads = COMBINED[kind]
    net, masks = network(vertices, types, heads, mask_mode=mode), PAIRS[pair]
    xs, ys = [series(k, mask, 7.0) for k, mask in enumerate(masks)], labels(net)
    score, gradient = net.gradient(rg.MultiDataSet(xs, list(ys.values()), list(masks)))
    assert score * N == pytest.approx(float(by_reference(net, xs, masks, ys)["loss"]), rel=1e-12)
    parameters, generator = net.parameters(), np.random.default_rng(1)
    for name, array in parameters.items():
        direction, found = generator.standard_normal(array.shape), []
        for step in (1e-6, -1e-6):
            net.set_parameters({**parameters, name: array + step * direction})
            found.append(float(by_reference(net, xs, masks, ys)["loss"]))
        net.set_parameters(parameters)
        assert float((gradient[name] * direction).sum()) == pytest.approx((found[0] - found[1]) / 2e-6, rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize("at", [[0, 0], [3], [6, 6], [1, 4, 6]])
@pytest.mark.parametrize("kind", COMBINED)
def test_masked_steps_put_in_anywhere_change_nothing(kind: str, at: list[int]) -> None:
    vertices, types, heads = COMBINED[kind]
    net, masks = network(vertices, types, heads), [GAPS, RIGHT]
    xs, ys = [series(k, mask) for k, mask in enumerate(masks)], labels(net)
    more = [np.insert(x, at, np.nan, axis=2) for x in xs]
    longer = [np.insert(mask, at, 0, axis=1) for mask in masks]
    wide = [np.insert(y, at, np.nan, axis=2) if y.ndim == 3 else y for y in ys.values()]
    kept = np.insert(np.ones(STEPS, bool), at, False)
    real = either(masks) if kind == "values" else None
    for y, got, head in zip(net.output(xs, masks), net.output(more, longer), net.config.heads, strict=True):
        which = {"y": RIGHT if kind == "translator" else GAPS, "z": RIGHT}[head.name] if real is None else real
        check(got[..., kept] if got.ndim == 3 else got, y, which if y.ndim == 3 else None)
    (score, gradient) = net.gradient(rg.MultiDataSet(xs, list(ys.values()), masks))
    (again, same) = net.gradient(rg.MultiDataSet(more, wide, longer))
    assert again == pytest.approx(score, rel=1e-12)
    for name, array in gradient.items():
        np.testing.assert_allclose(same[name], array, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", [*COMBINED, "turned"])
def test_steps_that_count_are_those_that_the_masks_of_inputs_leave(kind: str, pair: str) -> None:
    """What the graph has of the masks is what :func:`head_masks` says of the arrays."""
    turned = {"back": (rg.ReverseTimeSeriesVertex(), "a"), "m": (rg.MergeVertex(), "back", "b"), "y": (rg.RnnOutputLayer(n_out=2), "m")}
    vertices, types, heads = COMBINED[kind] if kind in COMBINED else (turned, {"a": R(WIDTH), "b": R(WIDTH)}, "y")
    net, masks = network(vertices, types, heads), PAIRS[pair]
    xs, ys = [series(k, mask, 7.0) for k, mask in enumerate(masks)], list(labels(net).values())
    own = head_masks(net.config, dict(zip("ab", masks, strict=True)))
    if kind == "turned" and masks[0] is not None and masks[1] is not None:
        np.testing.assert_array_equal(np.asarray(own[0]), np.maximum(masks[0][:, ::-1], masks[1]))
    assert net.score(rg.MultiDataSet(xs, ys, masks)) == pytest.approx(net.score(rg.MultiDataSet(xs, ys, masks, own)), rel=1e-12)


def test_a_graph_by_hand_is_both_ways_of_a_wrapper() -> None:
    """ReverseTimeSeriesVertex, a layer, and back again: the backward half of a Bidirectional, gaps or none."""
    types = {"x": R(WIDTH)}
    vertices = {
        "forth": (rg.LSTM(n_out=4), "x"),
        "turned": (rg.ReverseTimeSeriesVertex("x"), "x"),
        "back": (rg.LSTM(n_out=4), "turned"),
        "again": (rg.ReverseTimeSeriesVertex("x"), "back"),
        "y": (rg.MergeVertex(), "forth", "again"),
    }
    net, wrapped = network(vertices, types), network({"y": (rg.Bidirectional("concat", rg.LSTM(n_out=4)), "x")}, types)
    names = {"forth": "y.forward", "back": "y.backward"}
    wrapped.set_parameters({f"{names[k.split('.')[0]]}.{k.split('.')[1]}": v for k, v in net.parameters().items()})
    for mask in (None, GAPS, LEFT):
        x = series(0, mask)
        check(net.output([x], [mask])[0], wrapped.output([x], [mask])[0], mask)


def test_lengths_that_have_to_agree() -> None:
    net = network({"y": (rg.MergeVertex(), "a", "b")}, {"a": R(WIDTH), "b": R(WIDTH)})
    message = "features[1] ('b') has 4 time steps, but features[0] ('a') has 6; expected the same number in both"
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        net.output([series(0), series(1, steps=4)])
    assert {str(p.value.type) for p in lower(net.config).ports("input")} == {"[N, 3, T]"}
