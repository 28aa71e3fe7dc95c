"""Recurrent layers: time series in, time series out, a state carried from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from rnngraph.conf.activations import ActivationName
from rnngraph.conf.fields import Real
from rnngraph.conf.initializers import InitializerName
from rnngraph.conf.layers.base import WeightLayer


class RecurrentLayer(WeightLayer):
    """Base of the recurrent layers, [N, n_in, T] -> [N, n_out, T]. The activation is tanh where neither layer nor network has one."""

    noun: ClassVar[str] = "a recurrent layer"
    is_recurrent: ClassVar[bool] = True
    takes_time: ClassVar[bool | None] = True
    default_activation: ClassVar[str] = "tanh"

    weight_init_recurrent: InitializerName | None = Field(
        default=None, description="initialiser of the recurrent weights; weight_init where left out"
    )


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
