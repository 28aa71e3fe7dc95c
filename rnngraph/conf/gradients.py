"""Gradient normalisation: what is done to the gradients of a layer before updaters see them (DL4J's ``GradientNormalization``)."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from rnngraph.conf.names import spell

Mode = Literal[
    "none",
    "renormalize_l2_per_layer",
    "renormalize_l2_per_param_type",
    "clip_element_wise_absolute_value",
    "clip_l2_per_layer",
    "clip_l2_per_param_type",
]
GRADIENT_NORMALIZATIONS: tuple[str, ...] = get_args(Mode)

GradientNormalization = Annotated[Mode, BeforeValidator(lambda v: spell(v, GRADIENT_NORMALIZATIONS))]
