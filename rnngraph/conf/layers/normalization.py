"""BatchNormalization: each feature brought to mean beta and deviation gamma over the minibatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.fields import DecayRate, Positive, Real
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import SameWidth, TrainedLayer, to_images
from rnngraph.conf.preprocessors import PreProcessor


class BatchNormalization(SameWidth, TrainedLayer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each feature (Ioffe and Szegedy 2015); shapes stay.

    Of images each channel is a feature.

    In training mean and variance (of the population) are those of the minibatch, over its rows and all steps that exist, and the running
    statistics move: ``mean = decay mean + (1 - decay) batch mean``, and so the variance. Otherwise the running statistics are used.
    """

    aliases: ClassVar[Mapping[str, str]] = {"eps": "epsilon"}

    def preprocessor(self, flow: InputType) -> PreProcessor | None:
        """What makes images of flat ones."""
        return to_images(flow)

    type: Literal["BatchNormalization"] = "BatchNormalization"
    decay: DecayRate = Field(default=0.9, description="how much of the running statistics stays at each update")
    epsilon: Positive = Field(default=1e-5, description="added to the variance")
    gamma: Real = Field(default=1.0, description="start value of gamma, or its value where it is locked")
    beta: Real = Field(default=0.0, description="start value of beta, or its value where it is locked")
    lock_gamma_beta: bool = Field(default=False, description="whether gamma and beta are fixed numbers and no parameters")
    use_log_std: bool = Field(default=True, description="how DL4J stores the variance; the numbers are the same")
