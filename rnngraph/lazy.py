"""Public names that are imported when they are first used (PEP 562), so that the runtime never imports torch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from types import ModuleType

from rnngraph.errors import MissingDependencyError
from rnngraph.names import nearest

_STOPPING = "fit(..., listeners=[EarlyStopping(patience=..., target=..., max_minutes=...)])"
FOREIGN = {
    "BestScoreEpochTerminationCondition": "EarlyStopping(target=...)",
    "ClassificationScoreCalculator": 'EarlyStopping(monitor="accuracy"), or "precision", "recall", "f1"',
    "CollectScoresIterationListener": "CollectScoresListener",
    "DataSetLossCalculator": 'fit(..., validation=data) and EarlyStopping(monitor="validation")',
    "EarlyStoppingConfiguration": _STOPPING,
    "EarlyStoppingGraphTrainer": _STOPPING,
    "EarlyStoppingResult": "EarlyStopping, whose best_score and best_epoch tell, and network.stopped_by",
    "EarlyStoppingTrainer": _STOPPING,
    "EvaluationAveraging": "averaging='macro' or averaging='micro'",
    "GraphBuilder": "ComputationGraphConfiguration",
    "InMemoryModelSaver": "EarlyStopping(restore_best=True)",
    "InvalidScoreIterationTerminationCondition": "nothing: fit ends by a TrainingError where a score is not finite",
    "LocalFileModelSaver": 'EarlyStopping(save_best="best.rnng")',
    "MaxEpochsTerminationCondition": "fit(..., epochs=...)",
    "MaxScoreIterationTerminationCondition": "a TrainingListener whose iteration_done calls network.stop_fit(reason)",
    "MaxTimeIterationTerminationCondition": "EarlyStopping(max_minutes=...)",
    "ModelSerializer": "MultiLayerNetwork.save and MultiLayerNetwork.load",
    "NeuralNetConfiguration": "MultiLayerConfiguration, or of a graph ComputationGraphConfiguration",
    "ParamAndGradientIterationListener": "TensorBoardListener(log_dir, histograms=True)",
    "ScoreImprovementEpochTerminationCondition": "EarlyStopping(patience=..., min_improvement=...)",
    "StatsListener": "TensorBoardListener or JsonLinesListener",
    "UIServer": "TensorBoardListener, and run tensorboard --logdir",
}
"""Classes of Deeplearning4j that have no counterpart, and what does their work."""
EXTRAS = {"torch": "train", "onnxruntime": "cpu", "matplotlib": "plot"}
"""Optional packages and the extra of rnngraph that installs each."""


class _Package(ModuleType):
    """A package whose public names stay what they are when a submodule of the same name is imported, which would else be bound there."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in vars(self).get("__all__", ())):
            super().__setattr__(name, value)


def lazy_exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of ``package``, whose public names stand in the modules that ``homes`` gives.

    Reading a name raises ``AttributeError`` with the nearest names where there is none of that spelling, and
    :class:`MissingDependencyError` with the command to run where its module needs a package that is not installed.
    """
    sys.modules[package].__class__ = _Package

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; {_hint(package, name, homes)}", name=name)
        try:
            value: object = getattr(importlib.import_module(homes[name]), name)
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            remedy = f"is not installed; run: pip install 'rnngraph[{EXTRAS[error.name]}]'"
            raise MissingDependencyError(f"{package}.{name} needs the package {error.name!r}, which {remedy}") from error
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names


def _hint(package: str, name: str, homes: Mapping[str, str]) -> str:
    """What to write instead of ``name``."""
    if not name.startswith("_") and importlib.util.find_spec(f"{package}.{name}") is not None:
        return f"it is a module: write `import {package}.{name}` first"
    if name in FOREIGN:
        return f"write {FOREIGN[name]}"
    near = nearest(name, homes)
    return f"the nearest names are: {', '.join(near)}" if near else f"dir({package}) lists its names"
