from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf.activations import ACTIVATIONS, PROBABILITIES, Activation
from rnngraph.errors import ConfigurationError
from rnngraph.ir.activations import ACTIVATIONS as COMPUTED
from rnngraph.ir.activations import lookup


def test_every_name_can_be_computed() -> None:
    assert len(ACTIVATIONS) == 21
    assert set(ACTIVATIONS) == set(COMPUTED)
    assert set(PROBABILITIES) < set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_serves_layers_and_gates(name: str) -> None:
    layer = rg.LSTM(n_out=3, activation=name.upper(), gate_activation=name.title())
    assert (layer.activation, layer.gate_activation) == (name, name)


def test_separators_do_not_matter() -> None:
    assert rg.DenseLayer(n_out=3, activation="HARD_SIGMOID").activation == "hardsigmoid"


WITH_PARAMETERS = {
    "elu(alpha=0.5)": rg.ELU(0.5),
    "leakyrelu(alpha=0.2)": rg.LeakyReLU(alpha=0.2),
    "relu(max=3.0, negative_slope=0.1)": rg.ReLU(max=3.0, negative_slope=0.1),
    "thresholdedrelu(theta=0.5)": rg.ThresholdedReLU(0.5),
    "rrelu(lower=0.1)": rg.RReLU(lower=0.1),
    "gelu(precise=True)": rg.GELU(precise=True),
    "elu": rg.ELU(),
}


@pytest.mark.parametrize(("spelling", "given"), WITH_PARAMETERS.items())
def test_objects_are_spelled_as_nodes_read_them(spelling: str, given: Activation) -> None:
    assert str(given) == spelling
    assert {k: v for k, v in given if k != "type"} == lookup(spelling).parameters


@pytest.mark.parametrize("given", WITH_PARAMETERS.values())
def test_json_and_yaml(given: Activation) -> None:
    config = rg.MultiLayerConfiguration(
        layers=[rg.GravesLSTM(n_in=2, n_out=3, activation=given, gate_activation=given), rg.DenseLayer(n_out=2)], activation=given
    )
    assert config.layers[1].activation == given  # type: ignore[attr-defined]
    for again in (rg.MultiLayerConfiguration.from_json(config.to_json()), rg.MultiLayerConfiguration.from_yaml(config.to_yaml())):
        assert again == config


def test_a_mapping_with_any_spelling_of_the_name() -> None:
    layer = rg.DenseLayer(n_out=3, activation={"type": "leaky_relu", "alpha": 0.2})  # type: ignore[arg-type]
    assert layer.activation == rg.LeakyReLU(0.2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tahn", f"activation='tahn': expected one of {', '.join(ACTIVATIONS)}; did you mean 'tanh'?"),
        (3, f"activation=3: expected an activation's name as a string ({', '.join(ACTIVATIONS)}), or an object with parameters as ELU or "),
        (rg.ELU, "activation=ELU: expected an activation's name or object; this is the class, write ELU(...)"),
        ({"type": "Tanh"}, "activation={'type': 'Tanh'}: Tanh has no parameters; write its name alone, as the string 'tanh'"),
        ({"type": "leakyrelo"}, "activation={'type': 'leakyrelo'}: expected an activation with parameters (ELU, LeakyReLU, ReLU, "),
        ({"type": "ELU", "beta": 1}, "activation: ELU has no field 'beta'; "),
    ],
)
def test_what_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        rg.DenseLayer(n_out=3, activation=given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rg.ELU(-1.0), "ELU: alpha=-1.0: expected a number of at least 0 (minus the limit for large negative x)"),
        (lambda: rg.ReLU(max=0.0), "ReLU: max=0.0: expected a number greater than 0 (largest value; None: no limit)"),
        (lambda: rg.RReLU(0.5, 0.25), "RReLU: lower=0.5 is above upper=0.25; give the smaller slope as lower"),
        (lambda: Activation(), "Activation is a base and describes nothing; use one of ELU, LeakyReLU, ReLU, ThresholdedReLU, RReLU, GELU"),
    ],
)
def test_parameters_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        make()
