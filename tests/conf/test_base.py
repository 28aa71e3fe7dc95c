from __future__ import annotations

import copy
import pickle
import pydoc
import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import LSTM, AdaDelta, Adam, LastTimeStep, MultiLayerConfiguration
from rnngraph.conf.activations import ACTIVATIONS
from rnngraph.errors import ConfigurationError


def refused(message: str) -> Any:
    """Raises ConfigurationError with exactly this message."""
    return pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$")


def test_fields_have_no_place_without_a_name() -> None:
    classes: Any = (LSTM, AdaDelta, MultiLayerConfiguration)
    lstm, delta, network = classes
    with refused("LSTM(12, 128): give values by name, as in LSTM(n_in=12, n_out=128)"):
        lstm(12, 128)
    with refused("AdaDelta(0.9, 0.1, 3): give values by name, as in AdaDelta(rho=0.9, epsilon=0.1)"):
        delta(0.9, 0.1, 3)
    with refused("MultiLayerConfiguration([]): give values by name, as in MultiLayerConfiguration(layers=[])"):
        network([])


def test_what_may_be_positional_is() -> None:
    assert Adam(0.1) == Adam(learning_rate=0.1)
    assert Adam(0.1, 0.8, 0.9, 0.01) == Adam(learning_rate=0.1, beta1=0.8, beta2=0.9, epsilon=0.01)
    assert LastTimeStep(LSTM(n_out=3)) == LastTimeStep(layer=LSTM(n_out=3))
    with refused("Adam: learning_rate is given twice, as 0.1 and 0.2; give it once"):
        Adam(0.1, learning_rate=0.2)  # type: ignore[misc]


def test_an_alias_is_a_name_of_its_field() -> None:
    assert LSTM(n_out=3, gate_activation_function="hardsigmoid").gate_activation == "hardsigmoid"  # type: ignore[call-arg]
    with refused("LSTM: gate_activation is given twice, as 'tanh' and 'relu'; give it once"):
        LSTM(n_out=3, gate_activation_function="tanh", gate_activation="relu")  # type: ignore[call-arg]


def test_a_field_that_does_not_exist_is_told_before_what_is_missing() -> None:
    with refused("LSTM has no field 'nIn'; write n_in\nLSTM has no field 'nOut'; write n_out"):
        LSTM(nIn=3, nOut=4)  # type: ignore[call-arg]
    owners = "Convolution1DLayer, ConvolutionLayer, DenseLayer, EmbeddingLayer, EmbeddingSequenceLayer, OutputLayer, RnnOutputLayer"
    with refused(f"LSTM has no field 'has_bias'; has_bias is a field of {owners}"):
        LSTM(n_out=3, has_bias=True)  # type: ignore[call-arg]
    with refused("SimpleRnn has no field 'gate_activation'; gate_activation is a field of GRU, GravesBidirectionalLSTM, GravesLSTM, LSTM"):
        rg.SimpleRnn(n_out=3, gate_activation="tanh")  # type: ignore[call-arg]


def test_several_mistakes_are_told_at_once() -> None:
    with refused(
        "LSTM: n_out=0: expected a number of at least 1 (values that go out at each step: the layer's width)\n"
        f"LSTM: gate_activation='tahn': expected one of {', '.join(ACTIVATIONS)}; did you mean 'tanh'?"
    ):
        LSTM(n_out=0, gate_activation="tahn")


@pytest.mark.parametrize("cls", [LSTM, LastTimeStep, Adam, MultiLayerConfiguration])
def test_builders_do_not_exist(cls: Any) -> None:
    name = cls.__name__
    with refused(f"{name}.Builder: there are no builders; give the settings as {name}(name=value, ...)"):
        cls.Builder().nIn(3)


def test_nothing_can_be_changed() -> None:
    layer: Any = LSTM(n_out=3)
    with refused("LSTM: n_out=4: it cannot be changed; make a new one, as by replaced(n_out=4)"):
        layer.n_out = 4
    with refused("LSTM: nonsense=4: it cannot be changed; make a new one, as by replaced(nonsense=4)"):
        layer.nonsense = 4
    with refused("LSTM: del n_out: it cannot be changed; make a new one"):
        del layer.n_out
    assert layer == LSTM(n_out=3)


def test_copies_with_changes_are_checked() -> None:
    layer = LSTM(n_out=3)
    assert layer.replaced(n_out=4) == LSTM(n_out=4) == layer.model_copy(update={"n_out": 4})
    assert layer.n_out == 3
    with pytest.raises(ConfigurationError, match="n_out=-4: expected a number of at least 1"):
        layer.replaced(n_out=-4)
    with pytest.raises(ConfigurationError, match="n_out=-4: expected a number of at least 1"):
        layer.model_copy(update={"n_out": -4})


def test_attributes_of_other_spellings_are_told() -> None:
    layer: Any = LSTM(n_out=3)
    for name, hint in {"nIn": "write n_in", "loss": "loss is a field of LossLayer, OutputLayer, RnnLossLayer, RnnOutputLayer"}.items():
        with pytest.raises(AttributeError, match=re.escape(f"LSTM has no field '{name}'; {hint}")):
            getattr(layer, name)
    assert not hasattr(layer, "loss")
    assert getattr(layer, "layer", layer) is layer


def test_methods_of_other_spellings_are_told() -> None:
    config: Any = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3)])
    with pytest.raises(AttributeError, match=r"^MultiLayerConfiguration has no attribute 'toJson'; write to_json$"):
        config.toJson()


@pytest.mark.parametrize(
    ("owner", "name", "message"),
    [
        (MultiLayerConfiguration, "fromJson", "MultiLayerConfiguration has no attribute 'fromJson'; write from_json"),
        (rg.InputType, "feedForward", "InputType has no attribute 'feedForward'; write feed_forward"),
        (rg.InputType, "recurent", "InputType has no attribute 'recurent'; did you mean recurrent?"),
        (rg.InputType, "convolutionalFlat", "InputType has no attribute 'convolutionalFlat'; write convolutional_flat"),
        (LSTM, "nOut", "LSTM.nOut: n_out is a field of its objects; make one first"),
        (Adam, "qqq", "Adam has no attribute 'qqq'; dir(Adam) lists its names"),
    ],
)
def test_classes_tell_the_spelling_too(owner: Any, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}$"):
        getattr(owner, name)


def test_equal_objects_have_equal_hashes_and_survive_pickle_and_copy() -> None:
    layer = LSTM(n_out=3, updater=Adam(0.1))
    twins = [LSTM(n_out=3, updater=Adam(0.1)), pickle.loads(pickle.dumps(layer)), copy.copy(layer), copy.deepcopy(layer)]  # noqa: S301
    assert all(twin == layer and hash(twin) == hash(layer) for twin in twins)
    assert layer.replaced(n_out=4) != layer
    other: Any = rg.GravesLSTM(n_out=3, updater=Adam(0.1))
    assert layer != other, "another class"


def test_help_works() -> None:
    assert "forget_gate_bias_init" in pydoc.render_doc(LSTM)
