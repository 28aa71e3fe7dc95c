"""Losses: a name (``"mcxent"``), or ``Loss("mcxent", weights=[1, 5])`` with options; and which activations they go with.

What they compute stands in ``rnngraph.lowering.losses``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rnngraph.conf.activations import ACTIVATIONS as BUILT_IN
from rnngraph.conf.activations import PROBABILITIES
from rnngraph.conf.base import Configured
from rnngraph.conf.family import keywords
from rnngraph.conf.fields import Positive
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

CROSS_ENTROPIES = ("mcxent", "negativeloglikelihood", "sparse_mcxent")
"""Those of one class of several; the same numbers, but ``sparse_mcxent`` takes class numbers for labels."""

LOSSES = (
    "cosine_proximity",
    "hinge",
    "kl_divergence",
    "l1",
    "l2",
    "mcxent",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "mse",
    "negativeloglikelihood",
    "poisson",
    "sparse_mcxent",
    "squared_hinge",
    "wasserstein",
    "xent",
)
"""DL4J's, by name."""
LOSS_ALIASES = {
    "binary_xent": "xent",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "reconstruction_crossentropy": "kl_divergence",
    "squared_loss": "mse",
}
WEIGHTED = (
    *CROSS_ENTROPIES,
    *("l1", "l2", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "mse", "xent"),
)
"""Those that take a weight for each output."""
CLIP_EPS = {**dict.fromkeys(CROSS_ENTROPIES, 1e-10), "xent": 1e-5}
"""Those that keep outputs away from 0 and 1 before the logarithm, and by how much."""


def _weights(value: object) -> object:
    """A sequence or an array of numbers, not negative and not all 0."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        raise ValueError("expected one number for each output, as [1.0, 2.0]")
    numbers = [v.item() if isinstance(v, np.generic) else v for v in value]
    if not numbers or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in numbers):
        raise ValueError("expected one number for each output, as [1.0, 2.0]")
    if any(not 0 <= v < float("inf") for v in numbers) or not any(numbers):
        raise ValueError("expected finite numbers of at least 0, one of them above")
    return [float(v) for v in numbers]


class Loss(Configured):
    """A loss with options: a weight for each output, and how far outputs are kept from 0 and 1 in the score.

    ``Loss("mcxent", weights=[1.0, 5.0])`` counts errors on the second class five times.
    """

    positional: ClassVar[tuple[str, ...]] = ("name",)
    aliases: ClassVar[Mapping[str, str]] = {"softmax_clip_eps": "clip_eps", "type": "name"}

    name: Annotated[str, BeforeValidator(lambda v: spell(v, LOSSES, LOSS_ALIASES))] = Field(kw_only=False, description="which loss")
    weights: Annotated[Sequence[float] | None, BeforeValidator(_weights), AfterValidator(lambda v: None if v is None else tuple(v))] = (
        Field(default=None, description="one weight for each output")
    )
    clip_eps: Annotated[Positive, Field(lt=0.5)] | None = Field(
        default=None, description="outputs are kept this far from 0 and 1; left out: 1e-10 for cross entropies, 1e-5 for xent"
    )

    if TYPE_CHECKING:

        def __init__(self, name: str, *, weights: Sequence[float] | np.ndarray | None = None, clip_eps: float | None = None) -> None: ...

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.weights is not None and self.name not in WEIGHTED:
            raise ConfigurationError(f"Loss: weights={list(self.weights)}: {self.name!r} takes none; those that do: {', '.join(WEIGHTED)}")
        if self.clip_eps is not None and self.name not in CLIP_EPS:
            raise ConfigurationError(f"Loss: clip_eps={self.clip_eps:g}: {self.name!r} clips nothing; those that do: {', '.join(CLIP_EPS)}")
        return self


class _Chosen:
    """Takes a name, a :class:`Loss`, or a mapping with ``name``."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(chosen)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> JsonSchemaValue:
        options = Loss.model_json_schema()
        options["properties"]["name"]["enum"] = [*LOSSES, *LOSS_ALIASES]
        return {"anyOf": [{"type": "string", "enum": [*LOSSES, *LOSS_ALIASES]}, options]}


LossName = Annotated[str | Loss, _Chosen()]
"""The type of a field that holds a loss; :func:`with_options` gives it as an object."""


def chosen(value: object) -> str | Loss:
    """``value`` as a name of a loss or as an object. Raises ValueError that offers the nearest names."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, dict):
        return Loss(**keywords(value))
    return spell(value, LOSSES, LOSS_ALIASES)


@cache
def with_options(loss: str | Loss) -> Loss:
    """The loss as an object, whichever way it was given; asked for at every update."""
    return loss if isinstance(loss, Loss) else Loss(loss)


def misfit(loss: str | Loss, activation: str, n_out: int, has_weights: bool) -> str | None:
    """Why an output layer with these settings cannot learn what it says, or None where it can; ``has_weights`` of the layer."""
    name = with_options(loss).name
    if activation == "softmax" and n_out == 1:
        return (
            "activation='softmax' with n_out=1 gives 1 whatever comes in; "
            "for two classes use n_out=2, for one number activation='identity' and loss='mse'"
        )
    if name not in (*CROSS_ENTROPIES, "xent"):
        return None
    remedy = "use activation='sigmoid', or loss='mse'" if name == "xent" else "use activation='softmax', or loss='mse'"
    if activation == "identity" and not has_weights:
        return None  # a loss layer without weights may stand behind a layer that ends in softmax
    if activation in BUILT_IN and activation not in PROBABILITIES:
        return f"loss={name!r} expects outputs between 0 and 1, which activation={activation!r} does not give; {remedy}"
    if activation == "sigmoid" and name != "xent":
        return (
            f"loss={name!r} expects one probability per class, which sum to 1; activation='sigmoid' gives each its own; "
            "use activation='softmax', or loss='xent'"
        )
    if activation == "softmax" and name == "xent":
        return (
            "loss='xent' takes each output for a yes or no of its own; activation='softmax' makes them sum to 1; "
            "use activation='sigmoid', or loss='mcxent'"
        )
    return None


def weights_misfit(loss: str | Loss, n_out: int) -> str | None:
    """Why the loss's weights do not go with this number of outputs, or None where they do."""
    weights = with_options(loss).weights
    if weights is None or len(weights) == n_out:
        return None
    return f"loss has {len(weights)} weights ({', '.join(f'{w:g}' for w in weights)}), but n_out={n_out}; give one for each output"
