"""Evaluation: how good predictions are."""

from rnngraph.evaluation.base import BaseEvaluation as BaseEvaluation
from rnngraph.evaluation.binary import EvaluationBinary as EvaluationBinary
from rnngraph.evaluation.classification import Evaluation as Evaluation
from rnngraph.evaluation.curves import PrecisionRecallCurve as PrecisionRecallCurve
from rnngraph.evaluation.curves import RocCurve as RocCurve
from rnngraph.evaluation.regression import RegressionEvaluation as RegressionEvaluation
from rnngraph.evaluation.roc import ROC as ROC
from rnngraph.evaluation.several_rocs import ROCBinary as ROCBinary
from rnngraph.evaluation.several_rocs import ROCMultiClass as ROCMultiClass

__all__ = [
    "BaseEvaluation",
    "Evaluation",
    "EvaluationBinary",
    "PrecisionRecallCurve",
    "ROC",
    "ROCBinary",
    "ROCMultiClass",
    "RegressionEvaluation",
    "RocCurve",
]
