from __future__ import annotations

import pytest

from rnngraph.conf import LSTM, DenseLayer
from rnngraph.conf.activations import ACTIVATIONS, PROBABILITIES
from rnngraph.errors import ConfigurationError
from rnngraph.ir.activations import ACTIVATIONS as COMPUTED


def test_every_name_can_be_computed() -> None:
    assert set(ACTIVATIONS) == set(COMPUTED)
    assert set(PROBABILITIES) < set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_serves_layers_and_gates(name: str) -> None:
    layer = LSTM(n_out=3, activation=name.upper(), gate_activation=name.title())
    assert (layer.activation, layer.gate_activation) == (name, name)


def test_another_activation_of_dl4j_is_not_taken_for_a_slip() -> None:
    with pytest.raises(
        ConfigurationError, match=r"activation='HARDTANH': expected one of .*; HARDTANH is not in this version of rnngraph$"
    ):
        DenseLayer(n_out=3, activation="HARDTANH")


def test_separators_do_not_matter() -> None:
    assert DenseLayer(n_out=3, activation="HARD_SIGMOID").activation == "hardsigmoid"
