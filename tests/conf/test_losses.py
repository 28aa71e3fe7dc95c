from __future__ import annotations

import re

import pytest

from rnngraph.conf import LSTM, MultiLayerConfiguration, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.conf.losses import LOSSES, misfit
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("MCXENT", "mcxent"),
        ("NegativeLogLikelihood", "negativeloglikelihood"),
        ("MSE", "mse"),
        ("SQUARED_LOSS", "mse"),
        ("squaredLoss", "mse"),
    ],
)
def test_names(given: str, name: str) -> None:
    assert OutputLayer(n_out=3, loss=given).loss == name


def test_an_unknown_loss_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="loss='mcxnt': expected one of mcxent, mse, negativeloglikelihood; did you mean 'mcxent'"):
        OutputLayer(n_out=3, loss="mcxnt")


@pytest.mark.parametrize("loss", ["XENT", "binaryXent", "sparse_mcxent", "L2", "mae"])
def test_another_loss_of_dl4j_is_not_taken_for_a_slip(loss: str) -> None:
    message = f"OutputLayer: loss='{loss}': expected one of mcxent, mse, negativeloglikelihood; {loss} is not in this version of rnngraph"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        OutputLayer(n_out=3, loss=loss)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cross_entropy_wants_probabilities_as_in_dl4j(loss: str, activation: str) -> None:
    # OutputLayerUtil: all fits the mean squared error; cross entropies want values in [0, 1], and of those not sigmoid's
    fits = activation in ("softmax", "hardsigmoid") or loss == "mse"
    assert (misfit(loss, activation, 3, has_weights=True) is None) == fits
    assert (misfit(loss, activation, 3, has_weights=False) is None) == (fits or activation == "identity")


@pytest.mark.parametrize("loss", LOSSES)
def test_softmax_of_one_number_is_refused(loss: str) -> None:
    assert "activation='softmax' with n_out=1 gives 1 whatever comes in" in str(misfit(loss, "softmax", 1, has_weights=True))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            RnnOutputLayer(n_out=1),
            "layers[1] (RnnOutputLayer): activation='softmax' with n_out=1 gives 1 whatever comes in; for two classes use n_out=2, "
            "for one number activation='identity' and loss='mse'",
        ),
        (
            RnnOutputLayer(n_out=2, activation="tanh"),
            "layers[1] (RnnOutputLayer): loss='mcxent' expects outputs between 0 and 1, which activation='tanh' does not give; "
            "use activation='softmax', or loss='mse'",
        ),
        (
            RnnOutputLayer(n_out=2, activation="sigmoid", loss="negativeloglikelihood"),
            "layers[1] (RnnOutputLayer): loss='negativeloglikelihood' expects one probability per class, which sum to 1; "
            "activation='sigmoid' gives each its own; use activation='softmax', or loss='mse'",
        ),
        (
            RnnLossLayer(activation="relu"),
            "layers[1] (RnnLossLayer): loss='mcxent' expects outputs between 0 and 1, which activation='relu' does not give; "
            "use activation='softmax', or loss='mse'",
        ),
    ],
)
def test_the_network_refuses_what_does_not_fit_unless_told_not_to(layer: RnnOutputLayer | RnnLossLayer, message: str) -> None:
    layers = [LSTM(n_in=2, n_out=3), layer]
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}; validate_output_layer=False turns this check off$"):
        MultiLayerConfiguration(layers=layers)
    assert MultiLayerConfiguration(layers=layers, validate_output_layer=False).layers[1].n_in == 3
