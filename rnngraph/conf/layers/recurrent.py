"""Recurrent layers: time series in, time series out, a state carried from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rnngraph.conf.activations import ActivationName
from rnngraph.conf.fields import Real
from rnngraph.conf.initializers import InitializerName
from rnngraph.conf.layers.base import WeightLayer
from rnngraph.conf.starts import InitialState, Start, Starts
from rnngraph.errors import ConfigurationError


class RecurrentLayer(WeightLayer):
    """Base of the recurrent layers, [N, n_in, T] -> [N, n_out, T]. The activation is tanh where neither layer nor network has one.

    ``initial_state`` is what every row begins with: "learned" (parameters ``0.h0``, ``0.c0`` [H], zero before training, trained by
    gradient as biases are), a number for all units, a list of one for each (buffers of these names, not trained), or a mapping from states
    to these, ``{"h": "learned", "c": 0.5}``, in which states left out begin at zero.
    """

    noun: ClassVar[str] = "a recurrent layer"
    is_recurrent: ClassVar[bool] = True
    takes_time: ClassVar[bool | None] = True
    default_activation: ClassVar[str] = "tanh"

    weight_init_recurrent: InitializerName | None = Field(
        default=None, description="initialiser of the recurrent weights; weight_init where left out"
    )
    initial_state: InitialState = Field(
        default=None,
        description="what every row's state begins with: 'learned', a number, a list, or a mapping from states; zero where left out",
    )

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The width of each state, by its name; a layer with another cell says its own."""
        return {"h": self.n_out}

    @property
    def starts(self) -> Mapping[str, Start]:
        """What each state begins with, those left out that begin at zero."""
        given: Any = self.initial_state
        if given is None or isinstance(given, Starts):
            return given or {}
        return dict.fromkeys(self.state_sizes, given)

    def is_bias(self, key: str) -> bool:
        """Initial states too count as biases for updaters, penalties and constraints."""
        return super().is_bias(key) or key in map(start_key, self.starts)

    @model_validator(mode="after")
    def _starts_fit(self) -> Self:
        sizes = self.state_sizes
        for key, start in self.starts.items():
            if key not in sizes:
                raise ConfigurationError(
                    f"{self.tag()}: initial_state: it has no state {key!r}; expected {' and '.join(map(repr, sizes))}, or one value for all"
                )
            if isinstance(start, tuple) and len(start) != sizes[key]:
                raise ConfigurationError(
                    f"{self.tag()}: initial_state: a list of {len(start)} for the state {key!r}, which has {sizes[key]} units; "
                    "give a number for each, or a single one for all"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_zeros(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """States that begin at zero are not told: text and files without are those that earlier versions wrote and read."""
        told: dict[str, Any] = handler(self)
        return {name: value for name, value in told.items() if name != "initial_state" or value is not None}


def start_key(state: str) -> str:
    """The key of the parameter or buffer with which a state begins: ``h0`` of ``h``."""
    return f"{state}0"


class SimpleRnn(RecurrentLayer):
    """h = activation(W x + R h + b); with ``has_layer_norm`` h = activation(g0 LN(W x) + g1 LN(R h) + b).

    LN(v) = (v - mean) / sqrt(variance + 1e-5) over the n_out values (Ba, Kiros and Hinton 2016).
    """

    type: Literal["SimpleRnn"] = "SimpleRnn"
    has_layer_norm: bool = Field(default=False, description="whether both products are normalised, each by itself")
    gain_init: Real = Field(default=1.0, description="start value of the gains g behind the normalisation")


class GRU(RecurrentLayer):
    """Gated recurrent unit (Cho et al. 2014), h = (1 - z) n + z h.

    ``reset_after``: the reset gate acts on the product R h + bR, as in torch, Keras and cuDNN; False: on h, before the product, as in the
    paper. The weights of a torch.nn.GRU go in as they are: weight_ih is W, weight_hh R, bias_ih b, bias_hh bR.
    """

    aliases: ClassVar[Mapping[str, str]] = {"gate_activation_function": "gate_activation"}

    type: Literal["GRU"] = "GRU"
    gate_activation: ActivationName = Field(default="sigmoid", description="activation of the gates r and z")
    reset_after: bool = Field(default=True, description="whether the reset gate acts after the product with R")


def _not_used(value: float) -> float:
    if value:
        raise ValueError("the biases of an LSTM start at 0; set those of the forget gate by forget_gate_bias_init")
    return value


class _GatedLayer(RecurrentLayer):
    """What the LSTMs share."""

    aliases: ClassVar[Mapping[str, str]] = {"gate_activation_function": "gate_activation"}

    bias_init: Annotated[Real, AfterValidator(_not_used)] = Field(default=0.0, description="has no effect on an LSTM, as in DL4J")
    gate_activation: ActivationName = Field(default="sigmoid", description="activation of the three gates")
    forget_gate_bias_init: Real = Field(default=1.0, description="start value of the forget gate's biases")

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The output h and the cell c."""
        return {"h": self.n_out, "c": self.n_out}


class LSTM(_GatedLayer):
    """Long short-term memory without peepholes (Gers, Schmidhuber and Cummins 2000).

    ``activation`` acts twice, on the candidate and on the cell's state on its way out.
    """

    type: Literal["LSTM"] = "LSTM"


class GravesLSTM(_GatedLayer):
    """Long short-term memory with peepholes (Graves 2013, eqs. 7-11)."""

    type: Literal["GravesLSTM"] = "GravesLSTM"


def _none_of_its_own(value: str | None) -> str | None:
    if value is not None:
        raise ValueError(
            "all weights are drawn by weight_init, as in DL4J; leave it out, or use Bidirectional('add', GravesLSTM(...)), which has both"
        )
    return value


class GravesBidirectionalLSTM(_GatedLayer):
    """GravesLSTM in both directions, their outputs added: [N, n_in, T] -> [N, n_out, T].

    The same as ``Bidirectional("add", GravesLSTM(...))`` with parameters of the same names; DL4J's older layer.
    """

    type: Literal["GravesBidirectionalLSTM"] = "GravesBidirectionalLSTM"
    weight_init_recurrent: Annotated[InitializerName | None, AfterValidator(_none_of_its_own)] = Field(
        default=None, description="has no effect here, as in DL4J"
    )

    @property
    def causal(self) -> bool:
        """Never: the first output needs the last step."""
        return False
