"""The pictures of ``rnngraph plot``: what is drawn, from a run's log or from predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.plotting.confusion import confusion_matrix
from rnngraph.plotting.curve import training_curve
from rnngraph.plotting.predictions import classes_over_time, values_over_time
from rnngraph.runs.evaluating import evaluate, predicted
from rnngraph.runs.folder import RunFolder
from rnngraph.runs.given import Asked
from rnngraph.runs.log import curve_of
from rnngraph.runs.models import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curve(path: Path) -> Figure:
    """The training curve of a run's folder, or of a log. InputError for a network, which does not know its course."""
    if path.suffix in (".rnng", ".onnx"):
        raise InputError(
            f"{path} is a network, which has no training curve; give the folder of a run, or ask for --confusion or --predictions"
        )
    return training_curve(curve_of(RunFolder(path).log if path.is_dir() else path))


def confusion(model: Model, asked: Asked) -> Figure:
    """The confusion matrix over the sequences. InputError for a network that is not of classes."""
    if asked.reading.task != "classification":
        raise InputError(
            f"--confusion is of classes; {model.path} predicts {'numbers' if asked.reading.task == 'regression' else 'yes or no'}"
        )
    (found,) = evaluate(model, asked.pairs, asked.reading, asked.batch_size, asked.class_labels)
    assert isinstance(found, rg.Evaluation)
    return confusion_matrix(found.confusion, found.labels)


def predictions(model: Model, asked: Asked, sequence: int) -> Figure:
    """Predictions and labels of one of the sequences over time."""
    if not 0 <= sequence < len(asked.pairs):
        raise InputError(f"--sequence {sequence}: there are {len(asked.pairs)} sequences; expected 0 to {len(asked.pairs) - 1}")
    pair = asked.pairs[sequence]
    (one,) = predicted(model, [pair], asked.reading, 1)
    steps = one.features.shape[2]
    outputs, labels, counts = one.outputs[0], one.labels[0], np.ones(steps, bool)
    if model.gives_time:
        counts = counts if one.counts is None else one.counts[0] != 0
    else:  # what it would say if the sequence ended here
        outputs, labels = model.by_steps(one.features)[0], np.repeat(labels[:, None], steps, axis=1)
    title = pair[0].name
    if asked.reading.task == "classification" and model.n_out > 1:
        return classes_over_time(outputs, labels, counts, asked.class_labels or [f"class {k}" for k in range(model.n_out)], title)
    return values_over_time(outputs, labels, counts, asked.class_labels or [f"output {k}" for k in range(model.n_out)], title)
