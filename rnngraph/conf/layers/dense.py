"""DenseLayer: fully connected, on each example or each step."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rnngraph.conf.fields import Real
from rnngraph.conf.layers.base import WeightLayer


class DenseLayer(WeightLayer):
    """y = activation(W x + b), [N, n_in] -> [N, n_out]; behind a layer that gives time series it acts on each step.

    With ``has_layer_norm`` y = activation(g LN(W x) + b), where LN brings a row to mean 0 and variance 1 (Ba, Kiros and Hinton 2016).
    """

    type: Literal["DenseLayer"] = "DenseLayer"
    has_bias: bool = Field(default=True, description="whether there is a b")
    has_layer_norm: bool = Field(default=False, description="whether W x is normalised, and has a gain g")
    gain_init: Real = Field(default=1.0, description="start value of the gain")
