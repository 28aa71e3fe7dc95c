"""Evaluating a network: one pass over data, its outputs told to any number of evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnngraph.data.iteration import Data, epochs_over
from rnngraph.errors import InputError
from rnngraph.evaluation.base import BaseEvaluation
from rnngraph.names import shown

if TYPE_CHECKING:
    from rnngraph.base_network import Network


def evaluate(network: Network, data: Data, evaluations: Sequence[Any], output: int = 0) -> None:
    """Add output number ``output`` over ``data`` to the ``evaluations``.

    Labels count by the labels mask, in a time series without one by the features mask. Raises InputError for what is no evaluation, for
    data that do not fit the network, and for labels or masks that do not fit an evaluation; then none of them is changed.
    """
    _check_evaluations(evaluations)
    fresh = [one._empty() for one in evaluations]
    for one in next(epochs_over(data, 1)):
        arrays = one._arrays
        xs, masks = network._inputs.features(arrays.features, arrays.features_masks)
        outputs, _ = network._run(xs, masks, None)
        labels, counts = network._inputs.dense_labels(arrays, network._inputs.sizes(xs))
        for evaluation in fresh:
            evaluation._eval(labels[output], outputs[output], counts[output], "labels_mask")
    for evaluation, found in zip(evaluations, fresh, strict=True):
        evaluation.merge(found)


def _check_evaluations(evaluations: Sequence[Any]) -> None:
    """InputError where there is none, and for anything else."""
    if not evaluations:
        raise InputError("do_evaluation: there is no evaluation; give one or more, as do_evaluation(data, rg.Evaluation(2), rg.ROC())")
    for one in evaluations:
        if not isinstance(one, BaseEvaluation):
            raise InputError(f"do_evaluation: {shown(one)} is no evaluation; give objects such as rg.Evaluation(2) behind the data")
