from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from rnngraph.conf import (
    LSTM,
    Adam,
    Backprop,
    InputType,
    LastTimeStep,
    Layer,
    MultiLayerConfiguration,
    RecurrentLayer,
    Sgd,
    SimpleRnn,
    TruncatedBPTT,
    Updater,
    WeightLayer,
)
from rnngraph.conf.family import MEMBERS, choices, member
from rnngraph.errors import ConfigurationError

LAYER: Any = Layer  # the type checker takes no abstract class for a type
LAYERS, RECURRENT, UPDATERS = (", ".join(choices(cls)) for cls in (LAYER, RecurrentLayer, Updater))


def test_choices_are_the_members_of_a_class() -> None:
    assert set(choices(RecurrentLayer)) == {"LSTM", "GravesLSTM", "SimpleRnn", "GRU", "GravesBidirectionalLSTM"}
    assert set(choices(LAYER)) > {*choices(RecurrentLayer), "DenseLayer", "LastTimeStep", "OutputLayer", "Bidirectional"}
    assert {name: cls for name, cls in choices(Updater).items() if name in ("Sgd", "Adam")} == {"Sgd": Sgd, "Adam": Adam}
    assert set(choices(InputType)) == {"recurrent", "feed_forward", "convolutional", "convolutional_flat"}
    assert set(choices(Backprop)) == {"StandardBackprop", "TruncatedBPTT"}


def test_a_member_is_an_instance_or_a_mapping() -> None:
    layer = LSTM(n_out=3)
    assert member(LAYER, layer) is layer
    assert member(LAYER, {"type": "LSTM", "n_out": 3}) == layer
    assert member(LAYER, {"type": "lstm", "n_out": 3}) == layer


@pytest.mark.parametrize(
    ("family", "value", "message"),
    [
        (Updater, "adam", f"expected an updater ({UPDATERS})"),
        (Updater, Adam, f"expected an updater ({UPDATERS}); this is the class, write Adam(...)"),
        (Updater, TruncatedBPTT(), f"expected an updater ({UPDATERS}), not a way of backpropagation of type TruncatedBPTT"),
        (Updater, {"learning_rate": 1}, f"expected an updater ({UPDATERS}); the mapping needs the key 'type' that tells which"),
        (Updater, {"type": "Adom"}, f"expected an updater ({UPDATERS}) as 'type', not 'Adom'; did you mean Adam or Nadam or AdaMax?"),
        (Updater, {"type": 3}, f"expected an updater ({UPDATERS}) as 'type', not 3"),
        (Updater, {"type": "Adam", 3: 4}, "the key 3 is not a string; expected names of fields as keys"),
        (Layer, None, f"expected a layer ({LAYERS})"),
        (
            RecurrentLayer,
            {"type": "DenseLayer", "n_out": 3},
            f"expected a recurrent layer ({RECURRENT}) as 'type', not 'DenseLayer'",
        ),
        (InputType, [3], "expected an input type (recurrent, feed_forward, convolutional, convolutional_flat)"),
    ],
)
def test_anything_else_is_refused(family: Any, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        member(family, value)


@pytest.mark.parametrize("base", [RecurrentLayer, WeightLayer, Updater, Backprop, InputType])
def test_a_base_describes_nothing(base: type[Any]) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{base.__name__} is a base and describes nothing; use one of \w+"):
        base(n_out=3)


def test_the_class_name_stands_for_the_type_in_the_repr() -> None:
    assert repr(Sgd(0.1)) == "Sgd(learning_rate=0.1)"


@pytest.mark.usefixtures("registry")
def test_a_layer_from_outside_is_a_layer() -> None:
    class Tanh2Rnn(RecurrentLayer):
        """A made-up cell."""

        type: Literal["Tanh2Rnn"] = "Tanh2Rnn"
        default_activation: ClassVar[str] = "softsign"
        gain: float = Field(default=2.0, description="of the cell")

    config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3), LastTimeStep(Tanh2Rnn(n_out=4))])
    inner = config.layers[1]
    assert isinstance(inner, LastTimeStep)
    assert isinstance(inner.layer, Tanh2Rnn)
    assert (inner.layer.n_in, inner.layer.activation, inner.layer.updater, inner.layer.gain) == (3, "softsign", Sgd(), 2.0)
    assert MultiLayerConfiguration.from_json(config.to_json()) == config
    assert "Tanh2Rnn" in MultiLayerConfiguration.json_schema()["$defs"]
    with pytest.raises(ConfigurationError, match="LSTM has no field 'gain'; gain is a field of OrthogonalDistribution, Tanh2Rnn"):
        LSTM(n_out=3, gain=2.0)  # type: ignore[call-arg]


@pytest.mark.usefixtures("registry")
def test_a_type_belongs_to_one_class() -> None:
    with pytest.raises(
        ConfigurationError, match=r"type='SimpleRnn' belongs to rnngraph.conf.layers.recurrent.SimpleRnn already; give the new"
    ):

        class Another(RecurrentLayer):
            """Takes a name that is taken."""

            type: Literal["SimpleRnn"] = "SimpleRnn"

    assert choices(LAYER)["SimpleRnn"] is SimpleRnn


@pytest.mark.usefixtures("registry")
def test_a_class_that_is_defined_again_takes_its_own_place() -> None:
    def define() -> type[Updater]:
        class Momentum(Updater):
            """A made-up updater."""

            type: Literal["Momentum"] = "Momentum"

        return Momentum

    define()
    second = define()
    assert choices(Updater)["Momentum"] is second
    assert sum(cls.tag() == "Momentum" for cls in MEMBERS) == 1
