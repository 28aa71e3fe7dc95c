"""What a network is for, by its last layer: that decides how labels are read and how it is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngraph.errors import InputError
from rnngraph.runs.record import Task

if TYPE_CHECKING:
    from rnngraph.conf import MultiLayerConfiguration
    from rnngraph.runtime import Manifest


def task_of(config: MultiLayerConfiguration, where: str, regression: bool = False, classes: int | None = None) -> tuple[Task, int | None]:
    """What a network of ``config`` is for, and how many classes its labels are numbers of; None where labels are read as they are.

    By its loss: cross entropies are of one class of several, ``xent`` of a yes or no, all others of numbers. ``classes`` says that labels
    are class numbers whatever the loss, ``regression`` that they are not. ``where`` names the file in messages.
    """
    from rnngraph.conf.layers.output import loss_of
    from rnngraph.conf.losses import CROSS_ENTROPIES, with_options

    last = loss_of(config.layers[-1])
    if last is None:
        raise InputError(
            f"{where}: {config.layer_label(len(config.layers) - 1)} at the end has no loss; end in an OutputLayer, RnnOutputLayer or RnnLossLayer"
        )
    loss, n_out = with_options(last[0]).name, config.n_out
    _check_classes(classes, regression, n_out, where)
    if loss in CROSS_ENTROPIES:
        return "classification", None if regression else n_out
    if loss == "xent":
        return ("classification" if n_out == 1 else "binary"), classes
    return ("classification", n_out) if classes is not None else ("regression", None)


def takes_class_numbers(config: MultiLayerConfiguration) -> bool:
    """Whether the loss itself takes class numbers, not one-hot labels."""
    from rnngraph.conf.layers.output import loss_of
    from rnngraph.conf.losses import with_options

    last = loss_of(config.layers[-1])
    return last is not None and with_options(last[0]).name == "sparse_mcxent"


def task_of_file(manifest: Manifest, where: str, regression: bool = False, classes: int | None = None) -> tuple[Task, int | None]:
    """The same of an exported file, which does not say its loss: softmax is of classes, sigmoid of a yes or no, all else of numbers."""
    activation, n_out = manifest.layers[-1].get("activation"), manifest.port("output").shape[1]
    assert isinstance(n_out, int)
    _check_classes(classes, regression, n_out, where)
    if classes is not None or (activation == "softmax" and not regression):
        return "classification", n_out
    if activation == "sigmoid" and not regression:
        return ("classification" if n_out == 1 else "binary"), None
    return "regression", None


def _check_classes(classes: int | None, regression: bool, n_out: int, where: str) -> None:
    if classes is None:
        return
    if regression:
        raise InputError(f"--classes {classes} and --regression exclude each other: labels are class numbers, or numbers as they are")
    if classes != n_out:
        raise InputError(f"--classes {classes}: {where} ends in n_out={n_out}; expected as many classes as the network has outputs")
