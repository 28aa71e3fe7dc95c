from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from rnngraph.conf import LSTM, MultiLayerConfiguration, OutputLayer, RnnLossLayer, RnnOutputLayer
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.conf.losses import LOSSES, Loss, misfit
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("MCXENT", "mcxent"),
        ("NegativeLogLikelihood", "negativeloglikelihood"),
        ("MSE", "mse"),
        ("SQUARED_LOSS", "mse"),
        ("squaredLoss", "mse"),
        ("RECONSTRUCTION_CROSSENTROPY", "kl_divergence"),
        ("KLD", "kl_divergence"),
        ("MAE", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("MSLE", "mean_squared_logarithmic_error"),
        *((name.upper(), name) for name in LOSSES),
    ],
)
def test_names(given: str, name: str) -> None:
    assert OutputLayer(n_out=3, loss=given).loss == name


def test_an_unknown_loss_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=f"loss='mcxnt': expected one of {', '.join(LOSSES)}; did you mean 'mcxent'"):
        OutputLayer(n_out=3, loss="mcxnt")


def test_options() -> None:
    loss = Loss("MCXENT", weights=np.array([1, 2.5, 0], np.float32), clip_eps=1e-4)
    assert (loss.name, loss.weights, loss.clip_eps) == ("mcxent", (1.0, 2.5, 0.0), 1e-4)
    config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), RnnOutputLayer(n_out=3, loss=loss)])
    for again in (MultiLayerConfiguration.from_json(config.to_json()), MultiLayerConfiguration.from_yaml(config.to_yaml())):
        assert again == config
        assert again.layers[1].loss == loss  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "mcxnt"}, "Loss: name='mcxnt': expected one of cosine_proximity, "),
        ({"name": "hinge", "weights": [1.0]}, "Loss: weights=[1.0]: 'hinge' takes none; those that do: mcxent, negativeloglikelihood, "),
        ({"name": "mse", "clip_eps": 0.1}, "Loss: clip_eps=0.1: 'mse' clips nothing; those that do: mcxent, negativeloglikelihood, sparse"),
        (
            {"name": "xent", "clip_eps": 0.5},
            "Loss: clip_eps=0.5: expected a number less than 0.5 (outputs are kept this far",
        ),
        ({"name": "xent", "clip_eps": 0.0}, "Loss: clip_eps=0.0: expected a number greater than 0"),
        ({"name": "mse", "weights": [-1.0, 1.0]}, "Loss: weights=[-1.0, 1.0]: expected finite numbers of at least 0, one of them above"),
        ({"name": "mse", "weights": [0.0]}, "Loss: weights=[0.0]: expected finite numbers of at least 0, one of them above"),
        ({"name": "mse", "weights": "12"}, "Loss: weights='12': expected one number for each output, as [1.0, 2.0]"),
        ({"name": "mse", "weights": [[1.0]]}, "Loss: weights=[[1.0]]: expected one number for each output, as [1.0, 2.0]"),
        ({"weights": [1.0]}, "Loss: name is missing; give name=... (which loss)"),
    ],
)
def test_options_that_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        Loss(**options)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        OutputLayer(n_out=3, loss=options)


@pytest.mark.parametrize("validate", [True, False])
def test_as_many_weights_as_outputs(validate: bool) -> None:
    layers = [LSTM(n_in=2, n_out=3), RnnOutputLayer(n_out=3, loss=Loss("mcxent", weights=[1, 2]))]
    message = r"^layers\[1\] \(RnnOutputLayer\): loss has 2 weights \(1, 2\), but n_out=3; give one for each output$"
    with pytest.raises(ConfigurationError, match=message):
        MultiLayerConfiguration(layers=layers, validate_output_layer=validate)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cross_entropies_want_probabilities_as_in_dl4j(loss: str, activation: str) -> None:
    # OutputLayerUtil: cross entropies want values in [0, 1]; those of classes not sigmoid's, that of yes and no not softmax's
    fits = {
        "xent": activation in ("sigmoid", "hardsigmoid", "rectifiedtanh"),
        **dict.fromkeys(("mcxent", "negativeloglikelihood", "sparse_mcxent"), activation in ("softmax", "hardsigmoid", "rectifiedtanh")),
    }.get(loss, True)
    assert (misfit(loss, activation, 3, has_weights=True) is None) == fits
    assert (misfit(Loss(loss), activation, 3, has_weights=False) is None) == (fits or activation == "identity")


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
            "activation='sigmoid' gives each its own; use activation='softmax', or loss='xent'",
        ),
        (
            RnnOutputLayer(n_out=2, activation="softmax", loss="xent"),
            "layers[1] (RnnOutputLayer): loss='xent' takes each output for a yes or no of its own; activation='softmax' makes them sum to "
            "1; use activation='sigmoid', or loss='mcxent'",
        ),
        (
            RnnOutputLayer(n_out=2, activation="gelu", loss="xent"),
            "layers[1] (RnnOutputLayer): loss='xent' expects outputs between 0 and 1, which activation='gelu' does not give; "
            "use activation='sigmoid', or loss='mse'",
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
