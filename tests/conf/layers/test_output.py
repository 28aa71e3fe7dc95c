from __future__ import annotations

import re

import pytest

from rnngraph.conf import LSTM, InputType, MultiLayerConfiguration, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.layers.output import loss_of
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize("layer", [OutputLayer(n_out=3), RnnOutputLayer(n_out=3), RnnLossLayer()])
def test_classification_is_the_default(layer: OutputLayer | RnnOutputLayer | RnnLossLayer) -> None:
    assert (layer.activation, layer.loss) == ("softmax", "mcxent")
    assert loss_of(layer) == ("mcxent", "softmax")


def test_other_layers_have_no_loss() -> None:
    assert loss_of(LSTM(n_out=3)) is None


def test_what_they_give() -> None:
    assert OutputLayer(n_in=2, n_out=3).output_type(InputType.feed_forward(2)) == InputType.feed_forward(3)
    assert RnnOutputLayer(n_in=2, n_out=3).output_type(InputType.recurrent(2)) == InputType.recurrent(3)


def test_a_loss_layer_is_as_wide_as_what_comes_in() -> None:
    config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), RnnLossLayer()])
    assert (config.layers[1].n_in, config.layers[1].n_out) == (3, 3)
    assert MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), RnnLossLayer(n_out=3)]) == config
    message = "layers[1] (RnnLossLayer): n_out=2, but 3 values come in and the layer changes no width; leave n_out out"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), RnnLossLayer(n_out=2)])


def test_a_loss_layer_has_no_weights_to_configure() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"^RnnLossLayer has no field 'weight_init'; weight_init is a field of ComputationGraphConfiguration, Convolution1DLayer, ",
    ):
        RnnLossLayer(weight_init="xavier")  # type: ignore[call-arg]
