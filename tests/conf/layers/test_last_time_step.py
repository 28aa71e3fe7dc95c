from __future__ import annotations

import pytest

from rnngraph.conf import LSTM, DenseLayer, InputType, LastTimeStep, MultiLayerConfiguration
from rnngraph.errors import ConfigurationError


def test_it_has_the_widths_of_the_layer_inside() -> None:
    layer = LastTimeStep(LSTM(n_in=2, n_out=3, mask_mode="reset"))
    assert (layer.n_in, layer.n_out, layer.mask_mode) == (2, 3, "reset")
    assert layer.starting_type() == InputType.recurrent(2)
    assert layer.output_type(InputType.recurrent(2, 9)) == InputType.feed_forward(3)


def test_the_layer_inside_is_filled() -> None:
    (layer,) = MultiLayerConfiguration(layers=[LastTimeStep(LSTM(n_out=3))], input_type=InputType.recurrent(2), l2=0.5).layers
    assert isinstance(layer, LastTimeStep)
    assert (layer.n_in, layer.layer.l2, layer.layer.activation) == (2, 0.5, "tanh")


def test_only_recurrent_layers_fit_inside() -> None:
    expected = r"expected a recurrent layer \(SimpleRnn, LSTM, GravesLSTM\)"
    with pytest.raises(ConfigurationError, match=rf"^LastTimeStep: layer=DenseLayer\(...\): {expected}, not a layer of type DenseLayer$"):
        LastTimeStep(DenseLayer(n_out=3))  # type: ignore[arg-type]
    with pytest.raises(
        ConfigurationError, match=rf"^LastTimeStep: layer=LastTimeStep\(...\): {expected}, not a layer of type LastTimeStep$"
    ):
        LastTimeStep(LastTimeStep(LSTM(n_out=3)))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=rf"^LastTimeStep: layer=LSTM: {expected}; this is the class, write LSTM\(...\)$"):
        LastTimeStep(LSTM)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep: layer is missing; give layer=... \(the recurrent layer inside\)$"):
        LastTimeStep()  # type: ignore[call-arg]


def test_fields_of_the_layer_inside_belong_inside() -> None:
    with pytest.raises(ConfigurationError, match=r"^LastTimeStep has no field 'n_out'; n_out is a field of ActivationLayer, "):
        LastTimeStep(LSTM(n_out=3), n_out=3)  # type: ignore[call-arg]
