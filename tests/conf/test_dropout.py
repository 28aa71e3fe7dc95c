"""The kinds of dropout as configuration: what they take and refuse, how they are written, which layers get them."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg

SCHEDULE = rg.StepSchedule("iteration", 0.5, 0.9, 10)
KINDS: list[Any] = [
    rg.Dropout(retain=0.8),
    rg.Dropout(retain=1),
    rg.SpatialDropout(retain=0.5),
    rg.GaussianDropout(0.25),
    rg.GaussianNoise(0.1),
    rg.AlphaDropout(retain=0.9),
    rg.Dropout(retain=SCHEDULE),
    rg.SpatialDropout(retain=SCHEDULE),
    rg.GaussianDropout(SCHEDULE),
    rg.GaussianNoise(rg.MapSchedule("epoch", {0: 0.5, 3: 0.0})),
    rg.AlphaDropout(retain=SCHEDULE),
]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_json_and_yaml_round_trip(kind: Any) -> None:
    layers = [rg.LSTM(n_in=2, n_out=3, dropout=kind), rg.DropoutLayer(kind), rg.RnnOutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(layers=layers, dropout=kind)
    assert rg.MultiLayerConfiguration.from_json(config.to_json()) == config
    assert rg.MultiLayerConfiguration.from_yaml(config.to_yaml()) == config
    assert [layer.dropout for layer in config.layers] == [kind] * 3  # type: ignore[attr-defined]
    assert hash(kind) == hash(kind.replaced())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rg.Dropout(retain=0.0), "Dropout: retain=0.0: expected a number greater than 0"),
        (lambda: rg.Dropout(retain=1.5), "Dropout: retain=1.5: expected a number of at most 1"),
        (lambda: rg.SpatialDropout(retain=-0.5), "SpatialDropout: retain=-0.5: expected a number greater than 0"),
        (lambda: rg.AlphaDropout(retain=float("nan")), "AlphaDropout: retain=nan: expected a finite number"),
        (lambda: rg.AlphaDropout(retain=0), "AlphaDropout: retain=0: expected a number greater than 0"),
        (lambda: rg.GaussianDropout(1.0), "GaussianDropout: rate=1.0: expected a number less than 1"),
        (lambda: rg.GaussianDropout(-0.1), "GaussianDropout: rate=-0.1: expected a number of at least 0"),
        (lambda: rg.GaussianNoise(-1.0), "GaussianNoise: std=-1.0: expected a number of at least 0"),
        (lambda: rg.GaussianNoise(float("inf")), "GaussianNoise: std=inf: expected a finite number"),
        (lambda: rg.Dropout(retain={"type": "FixedSchedule", "value": float("nan")}), "value=nan: expected a finite number"),  # type: ignore[arg-type]
        (lambda: rg.Dropout(), "Dropout: retain is missing"),  # type: ignore[call-arg]
        (lambda: rg.Dropout(0.8), "Dropout(0.8): give values by name, as in Dropout(retain=0.8)"),  # type: ignore[call-arg, arg-type]
        (lambda: rg.Dropout(retain=rg.Adam()), "expected a schedule"),  # type: ignore[arg-type]
    ],
)
def test_rates_outside_of_their_range(make: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        make()


def test_a_layer_takes_the_networks_unless_it_has_its_own() -> None:
    own, shared = rg.Dropout(retain=1.0), rg.GaussianNoise(0.1)
    layers = [rg.LSTM(n_in=2, n_out=3), rg.LastTimeStep(rg.GRU(n_out=3)), rg.OutputLayer(n_out=2, dropout=own)]
    first, second, third = rg.MultiLayerConfiguration(layers=layers, dropout=shared).layers
    assert [first.dropout, second.layer.dropout, third.dropout] == [shared, shared, own]  # type: ignore[attr-defined]


@pytest.mark.parametrize("embedding", [rg.EmbeddingLayer, rg.EmbeddingSequenceLayer])
def test_ids_cannot_be_disturbed(embedding: Any) -> None:
    message = (
        f"{embedding.__name__}: dropout=Dropout(retain=0.5): it takes ids, which noise would make other ids; give it to the layer behind"
    )
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        embedding(n_in=4, n_out=3, dropout=rg.Dropout(retain=0.5))
    output = rg.OutputLayer(n_out=2) if embedding is rg.EmbeddingLayer else rg.RnnOutputLayer(n_out=2)
    config = rg.MultiLayerConfiguration(layers=[embedding(n_in=4, n_out=3), output], dropout=rg.Dropout(retain=0.5))
    first, last = config.layers
    assert [first.dropout, last.dropout] == [None, rg.Dropout(retain=0.5)]  # type: ignore[attr-defined]
    assert rg.MultiLayerConfiguration.from_json(config.to_json()) == config
