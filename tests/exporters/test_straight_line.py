"""steps=1: the straight-line form has no Scan and gives the Scan's bits; batch=N freezes the batch and changes no bit."""

from __future__ import annotations

import pytest

from rnngraph.ir.activations import ACTIVATIONS
from tests.exporters.networks import Layer, feeds, gapped, in_chunks, model, run, same, session, stack
from tests.exporters.test_bits import CASES, sized

FUSED = ("lstm", "gru", "gru reset", "stack", "stack that resets")


def dims(info: object) -> list[int | str]:
    return [d.dim_value or d.dim_param for d in info.type.tensor_type.shape.dim]  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [1, 7, 64])
@pytest.mark.parametrize("case", [c for c in CASES if c not in FUSED])
def test_stepping_equals_the_scan_bit_for_bit(case: str, width: int) -> None:
    layers = sized(CASES[case], width)
    for masked in (False, True):
        graph = stack(layers, masked=masked)
        scan, step = session(model(graph)), session(model(graph, steps=1))
        for n in (1, 2, 9):
            given = feeds(graph, n, 40, seed=n)
            if masked:
                given = gapped(given, n)
            same(in_chunks(step, given, [1]), run(scan, given), given.get("features_mask"))


def test_fused_layers_agree_to_rounding() -> None:
    graph = stack([*CASES["stack"][1:], Layer("gru", 6)], masked=True)
    given = gapped(feeds(graph, 3, 40), 0)
    whole, stepped = run(session(model(graph)), given), in_chunks(session(model(graph, steps=1)), given, [1])
    same(stepped, whole, given["features_mask"], 1e-6)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("steps", [None, 1])
def test_a_frozen_batch_gives_the_same_bits(steps: int | None, batch: int) -> None:
    for layers in ([Layer("lstm", 7), Layer("simple_rnn", 5, "elu")], [Layer("graves_lstm", 64, "softsign")]):
        graph = stack(layers, last=True)
        free, frozen = (session(model(graph, steps=steps, batch=b)) for b in (None, batch))
        assert [i.shape[0] for i in frozen.get_inputs()] == [batch] * len(frozen.get_inputs())
        given = feeds(graph, batch, steps or 6)
        same(run(frozen, given), run(free, given))


@pytest.mark.parametrize("masked", [False, True])
def test_no_control_flow_and_the_literal_one(masked: bool) -> None:
    for act in ACTIVATIONS:
        layers = [Layer("lstm", 4), Layer("graves_lstm", 3, act), Layer("gru", 3, act), Layer("layer_norm_rnn", 3)]
        proto = model(stack(layers, masked=masked), steps=1)
        ops = {n.op_type for n in proto.graph.node}
        assert not ops & {"Scan", "Loop", "If", "LSTM", "GRU"}
        assert dims(proto.graph.input[0]) == ["N", 5, 1]
        assert dims(proto.graph.output[0]) == ["N", 3, 1]
