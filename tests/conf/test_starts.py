"""``initial_state``: what it may be, and what is said of all else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.conf import MultiLayerConfiguration

EXPECTED = "expected 'learned', 'zeros', a number for all units, or a list of one for each unit"


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        (None, {}),
        ("zeros", {}),
        (0, {}),
        ([0.0, 0.0], {}),
        ({}, {}),
        ({"h": "Zeros", "c": 0.0}, {}),
        ("LEARNED", {"h": "learned", "c": "learned"}),
        (2, {"h": 2.0, "c": 2.0}),
        (np.float32(0.5), {"h": 0.5, "c": 0.5}),
        ([1, -0.5], {"h": (1.0, -0.5), "c": (1.0, -0.5)}),
        (np.array([3.0, 4.0]), {"h": (3.0, 4.0), "c": (3.0, 4.0)}),
        ({"c": (1.0, 2.0)}, {"c": (1.0, 2.0)}),
        ({"h": "learned", "c": np.array([1, 2])}, {"h": "learned", "c": (1.0, 2.0)}),
    ],
)
def test_what_it_may_be(given: Any, starts: dict[str, Any]) -> None:
    layer = rg.LSTM(n_in=3, n_out=2, initial_state=given)
    assert layer.starts == starts
    assert (layer.initial_state is None) == (not starts)
    config = MultiLayerConfiguration(layers=[layer])
    assert MultiLayerConfiguration.from_json(config.to_json()) == config
    assert MultiLayerConfiguration.from_yaml(config.to_yaml()) == config
    assert hash(MultiLayerConfiguration.from_yaml(config.to_yaml())) == hash(config)
    assert ("initial_state" in json.loads(config.to_json())["layers"][0]) == bool(starts)  # older versions read what they can


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lerned", f"LSTM: initial_state='lerned': 'lerned' is none of these; {EXPECTED}"),
        (True, f"LSTM: initial_state=True: True is none of these; {EXPECTED}"),
        ([], f"LSTM: initial_state=[]: [] is none of these; {EXPECTED}"),
        ([1, "a"], f"LSTM: initial_state=[1, 'a']: 'a' is none of these; {EXPECTED}"),
        ([None, 1], f"LSTM: initial_state=[None, 1]: None is none of these; {EXPECTED}"),
        (np.ones((1, 2)), f"LSTM: initial_state=array([[1., 1.]]): [1.0, 1.0] is none of these; {EXPECTED}"),
        ([1.0, np.nan], "LSTM: initial_state=[1.0, nan]: nan at 1 is not finite; a state begins with finite numbers"),
        (-np.inf, "LSTM: initial_state=-inf: -inf is not finite; a state begins with finite numbers"),
        (
            {"h": 10**400},
            f"LSTM: initial_state={{'h': 1{'0' * 70}...: state 'h': 1{'0' * 76}... is not finite; a state begins with finite numbers",
        ),
        ({"h": "x"}, f"LSTM: initial_state={{'h': 'x'}}: state 'h': 'x' is none of these; {EXPECTED}"),
        ({0: 1.0}, "LSTM: initial_state={0: 1.0}: the key 0 is no state; expected names of states, as {'h': 'learned'}"),
        ({"s": 1.0}, "LSTM: initial_state: it has no state 's'; expected 'h' and 'c', or one value for all"),
        (
            [1.0, 2.0, 3.0],
            "LSTM: initial_state: a list of 3 for the state 'h', which has 2 units; give a number for each, or a single one for all",
        ),
        (
            {"c": [1.0]},
            "LSTM: initial_state: a list of 1 for the state 'c', which has 2 units; give a number for each, or a single one for all",
        ),
    ],
)
def test_what_it_may_not_be(given: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError) as error:
        rg.LSTM(n_out=2, initial_state=given)
    assert str(error.value) == message


def test_layers_without_states_have_no_such_field() -> None:
    with pytest.raises(rg.ConfigurationError, match="DenseLayer has no field 'initial_state'; initial_state is a field of GRU, "):
        rg.DenseLayer(n_out=2, initial_state="learned")  # type: ignore[call-arg]
    with pytest.raises(rg.ConfigurationError, match="GRU: initial_state: it has no state 'c'; expected 'h', or one value for all"):
        rg.GRU(n_out=2, initial_state={"c": "learned"})


def test_numbers_that_the_data_type_cannot_hold() -> None:
    layers = [rg.LSTM(n_in=1, n_out=2, initial_state={"c": 1e300}), rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse")]
    with pytest.raises(rg.ConfigurationError, match=r"^layers\[0\] \(LSTM\): at the start 0\.c0 is 1e\+300 at \[0\]; every value has to"):
        rg.MultiLayerNetwork(MultiLayerConfiguration(layers=layers))
    rg.MultiLayerNetwork(MultiLayerConfiguration(layers=layers, data_type="float64"))


def test_the_summary_tells_given_states_apart_from_parameters() -> None:
    layers = [
        rg.LSTM(n_in=3, n_out=5, initial_state={"h": "learned", "c": 0.5}),
        rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent"),
    ]
    text = rg.MultiLayerNetwork(MultiLayerConfiguration(layers=layers)).summary()
    assert text.splitlines()[-1] == f"{4 * 5 * (3 + 5 + 1) + 5 + 2 * 5 + 2} parameters, 5 given initial states, float32"
