from __future__ import annotations

import pytest

from rnngraph.conf import LSTM, Bidirectional, DenseLayer, InputType, LastTimeStep, MultiLayerConfiguration, OutputLayer, RnnOutputLayer
from rnngraph.errors import ConfigurationError


def test_it_has_the_widths_of_the_layer_inside() -> None:
    layer = LastTimeStep(LSTM(n_in=2, n_out=3, mask_mode="reset"))
    assert (layer.n_in, layer.n_out, layer.mask_mode) == (2, 3, "reset")
    assert layer.starting_type() == InputType.recurrent(2)
    assert layer.output_type(InputType.recurrent(2, 9)) == InputType.feed_forward(3)


def test_the_layer_inside_is_filled() -> None:
    (layer,) = MultiLayerConfiguration(layers=[LastTimeStep(LSTM(n_out=3))], input_type=InputType.recurrent(2), l2=0.5).layers
    assert isinstance(layer, LastTimeStep)
    assert isinstance(layer.layer, LSTM)
    assert (layer.n_in, layer.layer.l2, layer.layer.activation) == (2, 0.5, "tanh")


@pytest.mark.parametrize("inner", [LSTM(n_out=3), Bidirectional(LSTM(n_out=3)), DenseLayer(n_out=3)])
def test_any_layer_that_gives_a_time_series_fits_inside(inner: LSTM | Bidirectional | DenseLayer) -> None:
    layers = [LastTimeStep(inner), OutputLayer(n_out=2)]
    (layer, _) = MultiLayerConfiguration(layers=layers, input_type=InputType.recurrent(2)).layers
    assert layer.output_type(InputType.recurrent(2)) == InputType.feed_forward(layer.n_out)
    assert layer.causal == inner.causal


def test_what_gives_vectors_has_no_last_step() -> None:
    expected = r"takes the last step of a time series, but {} gives one vector per example; leave LastTimeStep out$"
    with pytest.raises(ConfigurationError, match=r"^layers\[0\] \(LastTimeStep\): " + expected.format(r"LastTimeStep\(LSTM\)")):
        MultiLayerConfiguration(layers=[LastTimeStep(LastTimeStep(LSTM(n_in=2, n_out=3)))])
    with pytest.raises(ConfigurationError, match=r"^layers\[0\] \(LastTimeStep\): " + expected.format("DenseLayer")):
        MultiLayerConfiguration(layers=[LastTimeStep(DenseLayer(n_in=2, n_out=3))], input_type=InputType.feed_forward(2))


def test_what_is_no_layer_for_inside_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep: layer=RnnOutputLayer\(...\): RnnOutputLayer compares with labels"):
        LastTimeStep(RnnOutputLayer(n_out=3))
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep: layer=LSTM: expected a layer \(.*\); this is the class, write"):
        LastTimeStep(LSTM)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep: layer is missing; give layer=... \(the layer inside, which gives a time"):
        LastTimeStep()  # type: ignore[call-arg]


def test_fields_of_the_layer_inside_belong_inside() -> None:
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep has no field 'n_out'; n_out is a field of ActivationLayer, "):
        LastTimeStep(LSTM(n_out=3), n_out=3)  # type: ignore[call-arg]
