"""DenseLayer: fully connected, on each example or each step."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rnngraph.conf.layers.base import WeightLayer


class DenseLayer(WeightLayer):
    """y = activation(W x + b), [N, n_in] -> [N, n_out]; behind a layer that gives time series it acts on each step."""

    type: Literal["DenseLayer"] = "DenseLayer"
    has_bias: bool = Field(default=True, description="whether there is a b")
