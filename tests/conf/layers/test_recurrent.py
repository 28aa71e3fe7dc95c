from __future__ import annotations

import pytest

from rnngraph.conf import LSTM, GravesLSTM, InputType, SimpleRnn
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize("cls", [LSTM, GravesLSTM])
def test_defaults_of_gated_cells(cls: type[LSTM] | type[GravesLSTM]) -> None:
    layer = cls(n_out=3)
    assert (layer.gate_activation, layer.forget_gate_bias_init, layer.weight_init_recurrent) == ("sigmoid", 1.0, None)
    left_out = [name for name, value in layer if value is None]
    assert left_out == ["name", "n_in", "mask_mode", "activation", "dropout", "weight_init", "l2", "updater", "weight_init_recurrent"]


@pytest.mark.parametrize("cls", [LSTM, GravesLSTM])
def test_a_bias_that_would_have_no_effect_is_refused(cls: type[LSTM] | type[GravesLSTM]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"bias_init=1.0: the biases of an LSTM start at 0; set those of the forget gate by forget_gate_bias_init$"
    ):
        cls(n_out=3, bias_init=1.0)
    assert cls(n_out=3, bias_init=0.0) == cls(n_out=3)


@pytest.mark.parametrize("cls", [LSTM, GravesLSTM, SimpleRnn])
def test_time_series_in_and_out(cls: type[LSTM] | type[GravesLSTM] | type[SimpleRnn]) -> None:
    layer = cls(n_in=2, n_out=3)
    assert layer.starting_type() == InputType.recurrent(2)
    assert layer.output_type(InputType.recurrent(2, 9)) == InputType.recurrent(3, 9)
    assert cls(n_out=3).starting_type() is None


def test_a_simple_cell_has_biases_of_its_own() -> None:
    assert SimpleRnn(n_out=3, bias_init=0.5).bias_init == 0.5


def test_the_recurrent_weights_may_have_their_own_initialiser() -> None:
    assert SimpleRnn(n_out=3, weight_init_recurrent="XAVIER_UNIFORM").weight_init_recurrent == "xavier_uniform"
