from __future__ import annotations

import pytest

from rnngraph.conf import GRU, LSTM, GravesLSTM, InputType, SimpleRnn
from rnngraph.conf.layers.base import INHERITED
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize("cls", [LSTM, GravesLSTM])
def test_defaults_of_gated_cells(cls: type[LSTM] | type[GravesLSTM]) -> None:
    layer = cls(n_out=3)
    assert (layer.gate_activation, layer.forget_gate_bias_init, layer.weight_init_recurrent) == ("sigmoid", 1.0, None)
    left_out = [name for name, value in layer if value is None]
    assert set(left_out) == {"name", "n_in", "activation", *INHERITED, "weight_init_recurrent", "initial_state"}


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


def test_gru() -> None:
    layer = GRU(n_out=3)
    assert (layer.reset_after, layer.gate_activation, layer.bias_init, layer.default_activation) == (True, "sigmoid", 0.0, "tanh")
    assert GRU(n_out=3, gate_activation_function="hardsigmoid").gate_activation == "hardsigmoid"  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="GRU has no field 'linear_before_reset'; write reset_after"):
        GRU(n_out=3, linear_before_reset=1)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="GRU: reset_after='yes': expected True or False"):
        GRU(n_out=3, reset_after="yes")  # type: ignore[arg-type]


def test_layer_normalisation_is_asked_for() -> None:
    assert (SimpleRnn(n_out=3).has_layer_norm, SimpleRnn(n_out=3, has_layer_norm=True).gain_init) == (False, 1.0)
