from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngraph.conf import LSTM, DenseLayer, MultiLayerConfiguration, RnnOutputLayer
from rnngraph.conf.explain import shown
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "n_out is missing; give n_out=..."),
        ({"n_out": "3"}, "n_out='3': expected a whole number"),
        ({"n_out": 3.0}, "n_out=3.0: expected a whole number"),
        ({"n_out": True}, "n_out=True: expected a whole number"),
        ({"n_out": 0}, "n_out=0: expected a number of at least 1"),
        ({"n_out": 2**31}, "n_out=2147483648: expected a number of at most 2147483647"),
        ({"n_out": 3, "bias_init": "0"}, "bias_init='0': expected a number"),
        ({"n_out": 3, "bias_init": float("nan")}, "bias_init=nan: expected a finite number"),
        ({"n_out": 3, "l2": -0.5}, "l2=-0.5: expected a number of at least 0"),
        ({"n_out": 3, "l2": float("inf")}, "l2=inf: expected a finite number"),
        ({"n_out": 3, "has_bias": 1}, "has_bias=1: expected True or False"),
        ({"n_out": 3, "name": 7}, "name=7: expected a string"),
        ({"n_out": 3, "name": ""}, "name='': expected a string that is not empty"),
        ({"n_out": np.zeros(2)}, "n_out=array([0., 0.]): expected a whole number"),
    ],
)
def test_the_message_names_class_field_value_and_expectation(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        DenseLayer(**fields)
    assert str(raised.value).startswith(f"DenseLayer: {message} (")


def test_numbers_are_followed_by_their_meaning() -> None:
    with pytest.raises(
        ConfigurationError, match=r"forget_gate_bias_init='x': expected a number \(start value of the forget gate's biases\)$"
    ):
        LSTM(n_out=3, forget_gate_bias_init="x")  # type: ignore[arg-type]


def test_a_type_error_within_a_choice_tells_the_choice() -> None:
    with pytest.raises(ConfigurationError, match=r"type='GRU': expected 'LSTM'"):
        LSTM(n_out=3, type="GRU")  # type: ignore[arg-type]


def test_the_path_leads_through_the_layers() -> None:
    layers: Any = [{"type": "LastTimeStep", "layer": {"type": "LSTM", "n_out": 0}}, RnnOutputLayer(n_out=3), 5]
    with pytest.raises(ConfigurationError) as raised:
        MultiLayerConfiguration(layers=layers)
    first, second = str(raised.value).splitlines()
    assert first.startswith("layers[0]: layer: LSTM: n_out=0: expected a number of at least 1")
    assert second.startswith("MultiLayerConfiguration: layers[2]=5: expected a layer (")


def test_values_are_shown_short() -> None:
    assert shown(LSTM) == "LSTM"
    assert shown(LSTM(n_out=3)) == "LSTM(...)"
    assert shown("x" * 200) == "'" + "x" * 76 + "..."
    assert shown(0.5) == "0.5"


def test_the_error_has_no_trace_of_the_library_beneath() -> None:
    with pytest.raises(ConfigurationError) as raised:
        DenseLayer(n_out=-1)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert "pydantic" not in str(raised.value)
