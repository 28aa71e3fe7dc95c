"""Exported models against the float64 reference backend and against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngraph.backends import reference
from rnngraph.exporters.onnx.targets import Target
from rnngraph.ir.activations import ACTIVATIONS
from tests.exporters.loops import act, cell
from tests.exporters.networks import Layer, feeds, gapped, model, parameters, run, same, session, stack

TARGETS: tuple[Target, ...] = ("portable", "cpu")
TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


def compare(layers: list[Layer], target: Target, **options: Any) -> None:
    graph = stack(layers, **options)
    given = feeds(graph, 3, 9)
    if options.get("masked"):
        given = gapped(given)
    got = run(session(model(graph, target)), given)
    want = reference.run(graph, {**parameters(graph), **given})
    assert all(v.dtype == graph.data_type for v in got.values())
    same(got, dict(want), given.get("features_mask"), TOLERANCE[graph.data_type])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("data_type", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_each_activation_as_layer_and_gate_activation(name: str, data_type: str, masked: bool) -> None:
    gate = "sigmoid" if name in ("identity", "relu", "elu") else name  # unbounded gates make states grow beyond float32
    cases = [Layer(c, 4, name) for c in ("simple_rnn", "layer_norm_rnn", "gru", "gru_reset_before")]
    bounded = "sigmoid" if name == "rationaltanh" else gate  # z beyond 1 makes the state of a GRU grow
    cases += [Layer(c, 4, "tanh", bounded) for c in ("gru", "gru_reset_before")]
    cases += [Layer(c, 4, "tanh", gate) for c in ("lstm", "graves_lstm")]
    cases += [Layer(c, 4, name, g) for c in ("lstm", "graves_lstm") for g in ("sigmoid", "hardsigmoid")]
    for layer in cases:
        for target in TARGETS:
            compare([layer], target, data_type=data_type, masked=masked)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", ["hold", "reset"])
def test_stacks_directions_and_mask_modes(target: Target, masked: bool, mode: str) -> None:
    layers = [
        Layer("lstm", 6, mask_mode=mode),
        Layer("lstm", 5, reverse=True, mask_mode=mode),
        Layer("graves_lstm", 4, "softsign", "hardsigmoid", reverse=True, mask_mode=mode),
        Layer("simple_rnn", 3, reverse=True, mask_mode=mode),
        Layer("graves_lstm", 4, "elu", mask_mode=mode),
        Layer("gru", 4, reverse=True, mask_mode=mode),
        Layer("gru", 5, "softsign", "hardsigmoid", mask_mode=mode),
        Layer("gru_reset_before", 4, reverse=True, mask_mode=mode),
        Layer("layer_norm_rnn", 4, reverse=True, mask_mode=mode),
    ]
    for whole in (False, True):
        compare(layers, target, masked=masked, whole=whole)


@pytest.mark.parametrize("head", sorted(ACTIVATIONS))
def test_heads(head: str) -> None:
    compare([Layer("lstm", 4)], "portable", head=head)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["lstm", "graves_lstm", "simple_rnn", "gru", "gru_reset_before"])
@pytest.mark.parametrize("activation", ["tanh", "elu", "rationaltanh"])
def test_against_a_plain_loop(name: str, activation: str, target: Target) -> None:
    layer = Layer(name, 5, activation)
    graph = stack([layer], masked=True)
    given, p = gapped(feeds(graph, 3, 8)), parameters(graph)
    got = run(session(model(graph, target)), given)
    weights = {k[2:]: v.astype(np.float64) for k, v in p.items() if k.startswith("0.")}
    for row, mask in enumerate(given["features_mask"]):
        state = {k: given[f"state_00_{k}"][row] for k in ("h", "c") if f"state_00_{k}" in given}
        y, states = cell(given["x"][row].astype(np.float64), weights, state, mask, activation, "sigmoid")
        for k, v in states.items():
            np.testing.assert_allclose(got[f"next_state_00_{k}"][row], v, atol=2e-6)
        for t in np.flatnonzero(mask):
            expected = act("softmax", p["1.W"].astype(np.float64) @ y[:, t] + p["1.b"])
            np.testing.assert_allclose(got["y"][row, :, t], expected, atol=2e-6)
