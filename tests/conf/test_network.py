from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from rnngraph.conf import (
    LSTM,
    Adam,
    DenseLayer,
    InputType,
    LastTimeStep,
    MultiLayerConfiguration,
    OutputLayer,
    RnnOutputLayer,
    Sgd,
    SimpleRnn,
    StandardBackprop,
)
from rnngraph.errors import ConfigurationError
from tests.conf.strategies import configurations

FIRST = LSTM(n_in=2, n_out=3)


def documented() -> MultiLayerConfiguration:
    """The network of the README."""
    return MultiLayerConfiguration(
        seed=42,
        updater=Adam(1e-3),
        weight_init="xavier",
        l2=1e-5,
        layers=[
            LSTM(n_in=12, n_out=128),
            LSTM(n_out=64),
            LastTimeStep(SimpleRnn(n_out=64)),
            OutputLayer(n_out=9, activation="softmax", loss="negativeloglikelihood"),
        ],
        input_type=None,
        preprocessors={},
        backprop=StandardBackprop(),
        data_type="float32",
        mask_mode="hold",
    )


def refused(message: str, **fields: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        MultiLayerConfiguration(**{"layers": [FIRST], **fields})


def test_the_documented_network() -> None:
    config = documented()
    assert isinstance(config.layers, tuple)
    assert (config.n_in, config.n_out) == (12, 9)
    assert config.input_type == InputType.recurrent(12)


def test_defaults() -> None:
    config = MultiLayerConfiguration(layers=[FIRST])
    assert (config.seed, config.updater, config.weight_init, config.activation, config.l2) == (0, Sgd(1e-3), "xavier", None, 0.0)
    assert (config.preprocessors, config.backprop, config.data_type, config.mask_mode) == ({}, StandardBackprop(), "float32", "hold")
    assert config.validate_output_layer is True


@pytest.mark.parametrize(
    ("layers", "starts", "ends"),
    [
        ([FIRST, RnnOutputLayer(n_out=2)], True, True),
        ([FIRST], True, True),
        ([LastTimeStep(FIRST), DenseLayer(n_out=3), OutputLayer(n_out=2)], True, False),
        ([DenseLayer(n_in=2, n_out=3), OutputLayer(n_out=2)], False, False),
    ],
)
def test_time_is_tracked(layers: list[Any], starts: bool, ends: bool) -> None:
    config = MultiLayerConfiguration(layers=layers)
    assert (config.starts_in_time_series, config.ends_in_time_series) == (starts, ends)


@settings(max_examples=50)
@given(configurations())
def test_json_and_yaml_give_the_same_configuration_again(config: MultiLayerConfiguration) -> None:
    for again in (
        MultiLayerConfiguration.from_json(config.to_json()),
        MultiLayerConfiguration.from_yaml(config.to_yaml()),
        MultiLayerConfiguration(**dict(config)),
    ):
        assert again == config
        assert hash(again) == hash(config)
        assert again.to_json() == config.to_json()


def test_every_setting_is_written() -> None:
    written = json.loads(documented().to_json())
    assert set(written) == set(MultiLayerConfiguration.model_fields)
    assert written["layers"][1] == {
        "type": "LSTM",
        "name": None,
        "n_in": 128,
        "n_out": 64,
        "activation": "tanh",
        "dropout": None,
        "mask_mode": "hold",
        "weight_init": "xavier",
        "bias_init": 0.0,
        "l1": 0.0,
        "l2": 1e-5,
        "l1_bias": 0.0,
        "l2_bias": 0.0,
        "weight_decay": 0.0,
        "weight_decay_bias": 0.0,
        "weight_decay_apply_lr": True,
        "weight_decay_bias_apply_lr": True,
        "bias_updater": None,
        "gradient_normalization": "none",
        "gradient_normalization_threshold": 1.0,
        "constraints": None,
        "weight_noise": None,
        "updater": {"type": "Adam", "learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        "weight_init_recurrent": None,
        "gate_activation": "sigmoid",
        "forget_gate_bias_init": 1.0,
    }
    assert written["input_type"] == {"type": "recurrent", "size": 12, "timesteps": None}


def test_yaml_by_hand() -> None:
    config = MultiLayerConfiguration.from_yaml(
        """
        seed: 42
        updater: {type: adam, learning_rate: 1e-3}
        l2: 1e-5
        layers:
          - {type: LSTM, n_in: 12, n_out: 128}
          - {type: LSTM, n_out: 64}
          - type: LastTimeStep
            layer: {type: SimpleRnn, n_out: 64}
          - {type: OutputLayer, n_out: 9, loss: NEGATIVELOGLIKELIHOOD}
        """
    )
    assert config == documented()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "JSON: line 1, column 2: "),
        ("{}", "MultiLayerConfiguration: layers is missing; give layers=..."),
        ('{"layers": [{"type": "LSTM", "n_in": 2, "n_out": "3"}]}', "layers[0]: LSTM: n_out='3': expected a whole number"),
        ('{"layers": [{"type": "LSTM", "n_in": 2, "nOut": 3}]}', "layers[0]: LSTM has no field 'nOut'; write n_out"),
        ('{"layers": [{"type": "LSTM", "n_out": 3}]}', "layers[0] (LSTM): n_in is missing"),
        (
            '{"layers": [{"type": "LSTM", "n_in": 2, "n_out": 3, "updater": {"type": "Sgd", "learning_rate": NaN}}]}',
            "layers[0]: updater: Sgd: learning_rate=nan: ",
        ),
        ('{"layers": {"type": "LSTM"}}', "MultiLayerConfiguration: layers={'type': 'LSTM'}: expected a list of layers"),
        ('{"layers": [null]}', "MultiLayerConfiguration: layers[0]=None: expected a layer ("),
        (
            '{"layers": [{"type": "LSTM", "n_in": 2, "n_out": 3}], "backprp": 1}',
            "MultiLayerConfiguration has no field 'backprp'; did you mean backprop?",
        ),
    ],
)
def test_json_with_mistakes_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        MultiLayerConfiguration.from_json(text)


def test_yaml_with_mistakes_is_refused_with_the_place() -> None:
    with pytest.raises(ConfigurationError, match=r"^layers\[0\]: LSTM: n_out='3': expected a whole number"):
        MultiLayerConfiguration.from_yaml("layers: [{type: LSTM, n_in: 2, n_out: '3'}]")
    with pytest.raises(ConfigurationError, match=r"^YAML: line 1, column 11: "):
        MultiLayerConfiguration.from_yaml("layers: [a")


def test_mistakes_in_settings() -> None:
    cls = "MultiLayerConfiguration"
    refused(f"{cls}: layers=[]: expected at least one layer", layers=[])
    refused(f"{cls}: layers=LSTM(...): expected a list of layers; put the layer in brackets", layers=FIRST)
    refused(f"{cls}: layers='LSTM': expected a list of layers", layers="LSTM")
    refused(f"{cls}: layers[1]=LSTM: expected a layer (", layers=[FIRST, LSTM])
    refused(f"{cls}: seed=1.5: expected a whole number (start of all random numbers)", seed=1.5)
    refused(f"{cls}: seed=-1: expected a number of at least 0", seed=-1)
    refused(f"{cls}: seed=None: expected a whole number", seed=None)
    refused(f"{cls}: l2=-1.0: expected a number of at least 0", l2=-1.0)
    refused(f"{cls}: updater='adam': expected an updater (Sgd, NoOp, Adam, ", updater="adam")
    refused(f"{cls}: updater=Adam: expected an updater (Sgd, NoOp, Adam, ", updater=Adam)
    refused(f"{cls}: weight_init='xavir': expected one of xavier, ", weight_init="xavir")
    refused(f"{cls}: activation='tahn': expected one of cube, ", activation="tahn")
    refused(f"{cls}: data_type='half': expected one of float32, float64", data_type="half")
    refused(f"{cls}: mask_mode='hodl': expected one of hold, reset, ignore; did you mean 'hold'?", mask_mode="hodl")
    refused(f"{cls}: input_type=12: expected an input type (recurrent, feed_forward, convolutional, convolutional_flat)", input_type=12)
    refused(f"{cls}: backprop='tbptt': expected a way of backpropagation (StandardBackprop, TruncatedBPTT)", backprop="tbptt")
    refused(f"{cls}: validate_output_layer='no': expected True or False", validate_output_layer="no")
    refused(f"{cls} has no field 'inputType'; write input_type", inputType=None)
    refused(f"{cls} has no field 'tbpttFwdLength'; write backprop=TruncatedBPTT(length=...)", tbpttFwdLength=20)
    refused(f"{cls} has no field 'n_out'; n_out is a field of ActivationLayer, ", n_out=3)


def test_preprocessors_by_layer() -> None:
    cls = "MultiLayerConfiguration: preprocessors"
    refused(f"{cls}[0]='x': expected a preprocessor (RnnToFeedForwardPreProcessor, ", preprocessors={0: "x"})
    refused(f"{cls}='x': expected preprocessors by the index of the layer behind them, as {{3: CnnToRnnPr", preprocessors="x")
    refused(f"{cls}={{'a': None}}: the key 'a' is no index of a layer; expected whole numbers, as in {{3: ", preprocessors={"a": None})
    assert MultiLayerConfiguration(layers=[FIRST], preprocessors=None).preprocessors == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float", "float32"), ("FLOAT", "float32"), ("double", "float64"), ("Float64", "float64"), ("float32", "float32")],
)
def test_data_types(given: str, expected: str) -> None:
    assert MultiLayerConfiguration(layers=[FIRST], data_type=given).data_type == expected


def test_a_copy_with_another_seed() -> None:
    config = documented()
    other = config.replaced(seed=7)
    assert (other.seed, other.layers) == (7, config.layers)
    assert config.model_copy(update={"seed": 7}) == other


def test_what_layers_have_inherited_is_not_changed_behind_their_back() -> None:
    config = documented()
    with pytest.raises(
        ConfigurationError,
        match=re.escape(
            "updater=Sgd(...): the layers have inherited updater already and would not change; give layers=[...] too, or make a new"
        ),
    ):
        config.replaced(updater=Sgd())
    layers = [LSTM(n_in=12, n_out=9)]
    other = config.replaced(updater=Sgd(), layers=layers)
    assert other == MultiLayerConfiguration(seed=42, updater=Sgd(), l2=1e-5, layers=layers)
