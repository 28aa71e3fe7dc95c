"""Whether a graph streams, computed from its nodes."""

from __future__ import annotations

from rnngraph.ir.passes.fuse_lstm import fuse_lstm
from rnngraph.ir.passes.mask_weights import mask_weights
from rnngraph.ir.streaming import not_streaming, streams, why_not
from tests.exporters.networks import Layer, stack

REASON = "layer 1 (graves_lstm(act=tanh, gate=sigmoid)) runs backwards in time: its first output needs the last step of the sequence"


def test_forward_layers_stream() -> None:
    assert streams(stack([Layer("lstm", 3), Layer("simple_rnn", 2)], masked=True)) == (True, None)


def test_a_backward_layer_is_named_with_the_reason() -> None:
    graph = stack([Layer("lstm", 3), Layer("graves_lstm", 3, reverse=True), Layer("simple_rnn", 2, reverse=True)])
    assert streams(graph) == (False, REASON)
    assert list(not_streaming(graph)) == [1, 2]


def test_fused_layers_are_seen_too() -> None:
    graph = stack([Layer("lstm", 3), Layer("graves_lstm", 3, reverse=True)], masked=True)
    can, why = streams(mask_weights(fuse_lstm(graph, lambda act, gate, peephole: True)))
    assert not can
    assert why is not None
    assert why.startswith("layer 1 (lstm) runs backwards in time")


def test_the_reason_with_the_layer_as_the_user_knows_it() -> None:
    graph = stack([Layer("lstm", 3), Layer("graves_lstm", 3, reverse=True)])
    assert why_not(graph, ["LSTM", "Bidirectional(GravesLSTM)"]) == f"layers[1] (Bidirectional(GravesLSTM)): {REASON}"
    assert why_not(stack([Layer("lstm", 3)]), ["LSTM"]) is None


def test_the_layer_is_found_through_parts_of_its_weights() -> None:
    graph = stack([Layer("lstm", 3), Layer("gru_reset_before", 3, reverse=True)], whole=True)
    assert list(not_streaming(graph)) == [1]
