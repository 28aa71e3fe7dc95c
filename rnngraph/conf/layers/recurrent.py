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
    """h = activation(W x + R h + b)."""

    type: Literal["SimpleRnn"] = "SimpleRnn"


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
