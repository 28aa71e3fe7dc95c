from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnngraph.conf import (
    LSTM,
    Adam,
    DenseLayer,
    GravesLSTM,
    InputType,
    LastTimeStep,
    Layer,
    MultiLayerConfiguration,
    NonNegativeConstraint,
    OutputLayer,
    RecurrentInput,
    RnnLossLayer,
    RnnOutputLayer,
    Sgd,
    SimpleRnn,
)
from rnngraph.errors import ConfigurationError
from tests.conf.strategies import stacks


def filled(*layers: Layer, input_type: InputType | None = None) -> Sequence[Layer]:
    return MultiLayerConfiguration(layers=layers, input_type=input_type, validate_output_layer=False).layers


def refused(message: str, *layers: Layer, input_type: InputType | None = None) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        filled(*layers, input_type=input_type)


def test_widths_follow_from_the_layer_before() -> None:
    layers = filled(LSTM(n_in=12, n_out=7), DenseLayer(n_out=5), LastTimeStep(SimpleRnn(n_out=4)), OutputLayer(n_out=3))
    assert [(layer.n_in, layer.n_out) for layer in layers] == [(12, 7), (7, 5), (5, 4), (4, 3)]


def test_widths_follow_from_the_input_type() -> None:
    assert filled(LSTM(n_out=7), input_type=InputType.recurrent(12))[0].n_in == 12
    assert filled(DenseLayer(n_out=7), OutputLayer(n_out=2), input_type=InputType.feed_forward(12))[0].n_in == 12


@settings(max_examples=30)
@given(stacks(), st.integers(1, 9))
def test_widths_form_a_chain(layers: list[Layer], size: int) -> None:
    done = filled(*layers, input_type=InputType.recurrent(size))
    assert [layer.n_in for layer in done] == [size, *(layer.n_out for layer in done[:-1])]
    assert filled(*done, input_type=InputType.recurrent(size)) == done


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (LSTM(n_in=12, n_out=3), InputType.recurrent(12)),
        (LastTimeStep(GravesLSTM(n_in=12, n_out=3)), InputType.recurrent(12)),
        (RnnOutputLayer(n_in=12, n_out=3), InputType.recurrent(12)),
        (RnnLossLayer(n_in=12), InputType.recurrent(12)),
        (DenseLayer(n_in=12, n_out=3), InputType.feed_forward(12)),
        (OutputLayer(n_in=12, n_out=3), InputType.feed_forward(12)),
    ],
)
def test_the_first_layer_tells_the_input_type(first: Layer, expected: InputType) -> None:
    assert MultiLayerConfiguration(layers=[first]).input_type == expected


def test_a_given_input_type_stays() -> None:
    config = MultiLayerConfiguration(layers=[LSTM(n_in=12, n_out=3)], input_type=InputType.recurrent(12, 100))
    assert config.input_type == RecurrentInput(size=12, timesteps=100)


def test_a_first_width_must_come_from_somewhere() -> None:
    message = "n_in is missing; give n_in=..., or the network input_type=InputType.recurrent(...)"
    refused(f"layers[0] (LSTM): {message}", LSTM(n_out=3))
    refused(f"layers[0] (LastTimeStep): {message}", LastTimeStep(LSTM(n_out=3)))


def test_a_width_that_contradicts_is_refused_naming_both() -> None:
    refused(
        "layers[1] (LSTM): n_in=5, but layers[0] (GravesLSTM) gives 3 values; leave n_in out, or make the two equal",
        GravesLSTM(n_in=2, n_out=3),
        LSTM(n_in=5, n_out=4),
    )
    refused(
        "layers[1] (LastTimeStep): n_in=5, but layers[0] (LSTM) gives 3 values; leave n_in out, or make the two equal",
        LSTM(n_in=2, n_out=3),
        LastTimeStep(LSTM(n_in=5, n_out=4)),
    )
    refused(
        "layers[0] (LSTM): n_in=4, but input_type gives 3 values; leave n_in out, or make the two equal",
        LSTM(n_in=4, n_out=2),
        input_type=InputType.recurrent(3),
    )


def test_settings_that_are_left_out_are_the_networks() -> None:
    config = MultiLayerConfiguration(
        updater=Adam(0.1),
        weight_init="relu",
        activation="softsign",
        l2=0.25,
        mask_mode="reset",
        layers=[LSTM(n_in=2, n_out=3), DenseLayer(n_out=3), LastTimeStep(SimpleRnn(n_out=4)), OutputLayer(n_out=3)],
    )
    lstm, dense, last, output = config.layers
    assert isinstance(lstm, LSTM)
    assert isinstance(dense, DenseLayer)
    assert isinstance(last, LastTimeStep)
    assert isinstance(output, OutputLayer)
    assert isinstance(last.layer, SimpleRnn)
    for layer in (lstm, dense, last.layer, output):
        assert (layer.updater, layer.weight_init, layer.l2, layer.mask_mode) == (Adam(0.1), "relu", 0.25, "reset")
    assert [layer.activation for layer in (lstm, dense, last.layer)] == ["softsign"] * 3
    assert output.activation == "softmax", "output layers do not inherit theirs"
    assert last.mask_mode == "reset"
    assert lstm.weight_init_recurrent is None
    assert lstm.gate_activation == "sigmoid"


def test_settings_that_are_given_stay() -> None:
    given = {"updater": Sgd(0.5), "weight_init": "ones", "activation": "relu", "l2": 0.0, "mask_mode": "hold", "constraints": ()}
    own = LSTM(n_in=2, n_out=3, weight_init_recurrent="zero", **given)  # type: ignore[arg-type]
    (layer,) = MultiLayerConfiguration(
        updater=Adam(0.1),
        weight_init="relu",
        activation="softsign",
        l2=0.25,
        mask_mode="reset",
        constraints=NonNegativeConstraint(),
        layers=[own],
    ).layers
    assert {name: getattr(layer, name) for name in (*given, "weight_init_recurrent")} == {**given, "weight_init_recurrent": "zero"}


def test_default_activations() -> None:
    recurrent, dense, output = filled(LSTM(n_in=2, n_out=3), DenseLayer(n_out=3), RnnLossLayer())
    assert isinstance(recurrent, LSTM)
    assert isinstance(dense, DenseLayer)
    assert isinstance(output, RnnLossLayer)
    assert (recurrent.activation, dense.activation, output.activation) == ("tanh", "sigmoid", "softmax")


def test_recurrent_layers_need_time() -> None:
    for layer in (LSTM(n_out=3), GravesLSTM(n_out=3), SimpleRnn(n_out=3), LastTimeStep(LSTM(n_out=3))):
        refused(
            f"layers[2] ({layer.type}): takes a time series, but layers[1] (DenseLayer) gives one vector per example; "
            "move it in front of layers[0] (LastTimeStep)",
            LastTimeStep(LSTM(n_in=2, n_out=3)),
            DenseLayer(n_out=3),
            layer,
        )
    refused(
        "layers[1] (LSTM): takes a time series, but layers[0] (DenseLayer) gives one vector per example; "
        "give input_type=InputType.recurrent(2)",
        DenseLayer(n_in=2, n_out=3),
        LSTM(n_out=3),
    )
    refused(
        "layers[0] (LSTM): takes a time series, but input_type gives one vector per example; give input_type=InputType.recurrent(2)",
        LSTM(n_out=3),
        input_type=InputType.feed_forward(2),
    )


def test_an_output_per_step_needs_time() -> None:
    last = LastTimeStep(LSTM(n_in=2, n_out=3))
    for layer, remedy in ((RnnOutputLayer(n_out=3), "use OutputLayer"), (RnnLossLayer(), "use LossLayer")):
        refused(
            f"layers[1] ({layer.type}): takes a time series, but layers[0] (LastTimeStep) gives one vector per example; {remedy}",
            last,
            layer,
        )
    refused(
        "layers[1] (RnnOutputLayer): takes a time series, but layers[0] (DenseLayer) gives one vector per example; "
        "use OutputLayer, or give input_type=InputType.recurrent(2)",
        DenseLayer(n_in=2, n_out=3),
        RnnOutputLayer(n_out=3),
    )


def test_an_output_per_example_needs_the_end_of_time() -> None:
    message = "takes one vector per example, but layers[{}] ({}) gives a time series; use RnnOutputLayer, or wrap layers[0] in LastTimeStep"
    refused(f"layers[1] (OutputLayer): {message.format(0, 'LSTM')}", LSTM(n_in=2, n_out=3), OutputLayer(n_out=3))
    refused(f"layers[2] (OutputLayer): {message.format(1, 'DenseLayer')}", LSTM(n_in=2, n_out=3), DenseLayer(n_out=3), OutputLayer(n_out=3))
    refused(
        "layers[0] (OutputLayer): takes one vector per example, but input_type gives a time series; use RnnOutputLayer",
        OutputLayer(n_out=3),
        input_type=InputType.recurrent(2),
    )


def test_an_output_layer_stands_last() -> None:
    refused(
        "layers[1] (RnnOutputLayer): an output layer ends the network, but layers[2] (LSTM) stands behind it; "
        "move the output layer to the end",
        LSTM(n_in=2, n_out=3),
        RnnOutputLayer(n_out=3),
        LSTM(n_out=3),
    )


def test_a_network_needs_no_output_layer() -> None:
    assert filled(LSTM(n_in=2, n_out=3))[-1].has_loss is False
