"""The kinds of noise on weights as configuration."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg

KINDS: list[Any] = [
    rg.DropConnect(retain=0.8),
    rg.DropConnect(retain=0.8, apply_to_biases=True),
    rg.DropConnect(retain=rg.ExponentialSchedule("epoch", 0.9, 0.99)),
    rg.WeightNoise(rg.NormalDistribution(0.0, 0.1)),
    rg.WeightNoise(rg.UniformDistribution(0.5, 1.5), additive=False, apply_to_biases=True),
]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_json_and_yaml_round_trip(kind: Any) -> None:
    layers = [rg.Bidirectional("concat", rg.LSTM(n_in=2, n_out=3)), rg.RnnOutputLayer(n_out=2, weight_noise=kind)]
    config = rg.MultiLayerConfiguration(layers=layers, weight_noise=kind)
    assert rg.MultiLayerConfiguration.from_json(config.to_json()) == config
    assert rg.MultiLayerConfiguration.from_yaml(config.to_yaml()) == config
    first, last = config.layers
    assert first.layer.weight_noise == last.weight_noise == kind  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rg.DropConnect(retain=0.0), "DropConnect: retain=0.0: expected a number greater than 0"),
        (lambda: rg.DropConnect(retain=1.5), "DropConnect: retain=1.5: expected a number of at most 1"),
        (lambda: rg.DropConnect(retain=float("nan")), "DropConnect: retain=nan: expected a finite number"),
        (lambda: rg.WeightNoise(0.1), "WeightNoise: distribution=0.1: expected a distribution (NormalDistribution"),  # type: ignore[arg-type]
        (lambda: rg.WeightNoise(), "WeightNoise: distribution is missing"),  # type: ignore[call-arg]
        (
            lambda: rg.LSTM(n_out=2, weight_noise=0.8),  # type: ignore[arg-type]
            "LSTM: weight_noise=0.8: a bare number has two readings: Deeplearning4j counts the units kept (0.8 keeps 80%), torch the units "
            "dropped (0.8 drops 80%); write rg.DropConnect(retain=0.8) for the first, rg.DropConnect(retain=0.2) for the second",
        ),
        (
            lambda: rg.LSTM(n_out=2, weight_noise=rg.Dropout(retain=0.5)),  # type: ignore[arg-type]
            "LSTM: weight_noise=Dropout(...): expected a kind of weight noise (DropConnect, WeightNoise), not a kind of dropout",
        ),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        make()
