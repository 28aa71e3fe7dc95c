"""The losses' names, and which activations they go with (DL4J's ``OutputLayerUtil``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from rnngraph.conf.activations import PROBABILITIES
from rnngraph.conf.names import spell

LOSSES = ("mcxent", "mse", "negativeloglikelihood")
LOSS_ALIASES = {"squared_loss": "mse"}
FOREIGN = (
    "binary_xent", "cosine_proximity", "hinge", "kl_divergence", "kld", "l1", "l2", "mae", "mape", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "msle", "poisson", "reconstruction_crossentropy", "sparse_mcxent",
    "squared_hinge", "wasserstein", "xent",
)  # fmt: skip
"""DL4J's that are not there yet: the nearest of those above would be another loss."""
CROSS_ENTROPIES = ("mcxent", "negativeloglikelihood")
"""Those that take the output for probabilities; both are the same numbers."""

LossName = Annotated[
    str,
    BeforeValidator(lambda v: spell(v, LOSSES, LOSS_ALIASES, FOREIGN)),
    WithJsonSchema({"type": "string", "enum": [*LOSSES, *LOSS_ALIASES]}),
]


def misfit(loss: str, activation: str, n_out: int, has_weights: bool) -> str | None:
    """Why an output layer with these settings cannot learn what it says, or None where it can."""
    if activation == "softmax" and n_out == 1:
        return (
            "activation='softmax' with n_out=1 gives 1 whatever comes in; "
            "for two classes use n_out=2, for one number activation='identity' and loss='mse'"
        )
    if loss not in CROSS_ENTROPIES:
        return None
    if activation == "identity" and not has_weights:
        return None  # a loss layer without weights may stand behind a layer that ends in softmax
    if activation not in PROBABILITIES:
        return (
            f"loss={loss!r} expects outputs between 0 and 1, which activation={activation!r} does not give; "
            "use activation='softmax', or loss='mse'"
        )
    if activation == "sigmoid":
        return (
            f"loss={loss!r} expects one probability per class, which sum to 1; activation='sigmoid' gives each its own; "
            "use activation='softmax', or loss='mse'"
        )
    return None
