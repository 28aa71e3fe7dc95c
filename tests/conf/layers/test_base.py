from __future__ import annotations

import pytest

from rnngraph.conf import (
    LSTM,
    Adam,
    DenseLayer,
    Dropout,
    InputType,
    LastTimeStep,
    MaxNormConstraint,
    MultiLayerConfiguration,
    OutputLayer,
    Sgd,
    SimpleRnn,
    WeightLayer,
)
from rnngraph.conf.layers.base import Place
from rnngraph.conf.parameters import updater_of

LEFT_OUT = {
    "weight_init": "ones",
    "l1": 0.125,
    "l2": 0.5,
    "l1_bias": 0.25,
    "l2_bias": 0.75,
    "weight_decay": 0.0,
    "weight_decay_bias": 0.0,
    "weight_decay_apply_lr": False,
    "weight_decay_bias_apply_lr": False,
    "updater": Adam(0.1),
    "bias_updater": Sgd(0.5),
    "gradient_normalization": "clip_l2_per_layer",
    "gradient_normalization_threshold": 2.0,
    "constraints": (MaxNormConstraint(1.0),),
    "dropout": Dropout(retain=0.5),
    "mask_mode": "ignore",
}
"""All that a layer takes from its network, and no default."""
SETTINGS = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3)], **LEFT_OUT)  # type: ignore[arg-type]


def test_filling_completes_a_layer_and_again_changes_nothing() -> None:
    place = Place(InputType.recurrent(4))
    once = DenseLayer(n_out=3).filled(place, SETTINGS)
    assert once == DenseLayer(n_in=4, n_out=3, activation="sigmoid", bias_init=0.0, has_bias=True, **LEFT_OUT)  # type: ignore[arg-type]
    assert once.filled(place, SETTINGS) == once


@pytest.mark.parametrize(("own", "rival"), [("l2", "weight_decay"), ("l2_bias", "weight_decay_bias")])
@pytest.mark.parametrize("turned", [False, True])
def test_a_layer_with_the_one_does_not_inherit_the_other(own: str, rival: str, turned: bool) -> None:
    """As DL4J: L2 and weight decay both make weights small."""
    own, rival = (rival, own) if turned else (own, rival)

    def got(**settings: float) -> tuple[float, float]:
        config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3, **settings)], **{rival: 0.5})  # type: ignore[arg-type]
        layer = config.layers[0]
        assert isinstance(layer, WeightLayer)
        return getattr(layer, own), getattr(layer, rival)

    assert got(**{own: 0.25}) == (0.25, 0.0)
    assert got(**{own: 0.25, rival: 0.125}) == (0.25, 0.125)
    assert got(**{own: 0.0}) == (0.0, 0.5)
    assert got() == (0.0, 0.5)


def test_biases_may_have_an_updater_of_their_own() -> None:
    config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), DenseLayer(n_out=3, bias_updater=Sgd(0.5))], updater=Adam(0.1))
    assert [updater_of(config, name) for name in ("0.W", "0.b", "1.W", "1.b")] == [Adam(0.1), Adam(0.1), Adam(0.1), Sgd(0.5)]


def test_a_layer_acts_on_each_step_where_there_are_steps() -> None:
    dense = DenseLayer(n_in=4, n_out=3)
    assert dense.output_type(InputType.recurrent(4, 100)) == InputType.recurrent(3, 100)
    assert dense.output_type(InputType.feed_forward(4)) == InputType.feed_forward(3)


def test_a_place_knows_its_source() -> None:
    first = Place(InputType.recurrent(4))
    assert (first.source, first.width, first.last_recurrent) == ("input_type", 4, None)
    before = (LSTM(n_in=2, n_out=3), LastTimeStep(SimpleRnn(n_in=3, n_out=3)), DenseLayer(n_in=3, n_out=5))
    later = Place(InputType.feed_forward(5), before)
    assert (later.source, later.width, later.last_recurrent) == ("layers[2] (DenseLayer)", 2, 1)
    assert later.label(1) == "layers[1] (LastTimeStep)"


def test_what_a_layer_is() -> None:
    assert (LSTM.is_recurrent, LastTimeStep.is_recurrent, DenseLayer.is_recurrent) == (True, True, False)
    assert (OutputLayer.has_loss, DenseLayer.has_loss) == (True, False)
