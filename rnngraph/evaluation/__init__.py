"""Evaluation: how good predictions are."""

from rnngraph.evaluation.classification import Evaluation as Evaluation

__all__ = ["Evaluation"]
