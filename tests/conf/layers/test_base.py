from __future__ import annotations

from rnngraph.conf import LSTM, Adam, DenseLayer, InputType, LastTimeStep, MultiLayerConfiguration, OutputLayer, SimpleRnn
from rnngraph.conf.layers.base import Place

SETTINGS = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3)], updater=Adam(0.1), weight_init="ones", l2=0.5, mask_mode="ignore")


def test_filling_completes_a_layer_and_again_changes_nothing() -> None:
    place = Place(InputType.recurrent(4))
    once = DenseLayer(n_out=3).filled(place, SETTINGS)
    assert once == DenseLayer(
        n_in=4,
        n_out=3,
        activation="sigmoid",
        mask_mode="ignore",
        weight_init="ones",
        l2=0.5,
        updater=Adam(0.1),
        bias_init=0.0,
        has_bias=True,
    )
    assert once.filled(place, SETTINGS) == once


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
