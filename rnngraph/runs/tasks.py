"""What a network is for, by its last layer: that decides how labels are read and how it is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngraph.errors import InputError
from rnngraph.runs.record import Reading, Task

if TYPE_CHECKING:
    from rnngraph.conf import MultiLayerConfiguration
    from rnngraph.runtime import Manifest


def reading_of(config: MultiLayerConfiguration, where: str, regression: bool = False, classes: int | None = None) -> Reading:
    """How labels of a network of ``config`` are read, all else as usual.

    By its loss: cross entropies are of one class of several, ``xent`` of a yes or no, all others of numbers. ``classes`` says that labels
    are class numbers whatever the loss, ``regression`` that they are not. ``where`` names the file in messages.
    """
    from rnngraph.conf.losses import CROSS_ENTROPIES

    loss, n_out = _loss(config, where), config.n_out
    _check_classes(classes, regression, n_out, where)
    task: Task
    if loss in CROSS_ENTROPIES:
        task, known = "classification", None if regression else n_out
    elif loss == "xent":
        task, known = ("classification" if n_out == 1 else "binary"), classes
    else:
        task, known = ("regression" if classes is None else "classification"), classes
    return Reading(task, n_out, known, per_sequence=not config.ends_in_time_series)


def takes_class_numbers(config: MultiLayerConfiguration) -> bool:
    """Whether the loss itself takes class numbers, not one-hot labels."""
    return _loss(config, "the configuration") == "sparse_mcxent"


def reading_of_file(manifest: Manifest, where: str, regression: bool = False, classes: int | None = None) -> Reading:
    """The same of an exported file, which does not say its loss: softmax is of classes, sigmoid of a yes or no, all else of numbers."""
    output, activation = manifest.ports("output")[0], manifest.layers[-1].get("activation")
    n_out = output.shape[1]
    assert isinstance(n_out, int)
    _check_classes(classes, regression, n_out, where)
    task: Task
    if classes is not None or (activation == "softmax" and not regression):
        task, known = "classification", n_out
    elif activation == "sigmoid" and not regression:
        task, known = ("classification" if n_out == 1 else "binary"), None
    else:
        task, known = "regression", None
    return Reading(task, n_out, known, per_sequence=output.time_axis is None)


def _loss(config: MultiLayerConfiguration, where: str) -> str:
    """The name of the loss. InputError where there is none."""
    from rnngraph.conf.layers.output import loss_of
    from rnngraph.conf.losses import with_options

    found = loss_of(config.layers[-1])
    if found is None:
        last = config.layer_label(len(config.layers) - 1)
        raise InputError(f"{where}: {last} at the end has no loss; end in an OutputLayer, RnnOutputLayer or RnnLossLayer")
    return with_options(found[0]).name


def _check_classes(classes: int | None, regression: bool, n_out: int, where: str) -> None:
    if classes is None:
        return
    if regression:
        raise InputError(f"--classes {classes} and --regression exclude each other: labels are class numbers, or numbers as they are")
    if classes != n_out:
        raise InputError(f"--classes {classes}: {where} ends in n_out={n_out}; expected as many classes as the network has outputs")
