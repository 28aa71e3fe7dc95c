"""One network in the words of every version of DL4J: GravesLSTM(3 -> 4), RnnOutputLayer(4 -> 2), RmsProp, penalties, clipping, dropout."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from tests.dl4j import documents
from tests.dl4j.documents import Json
from tests.dl4j.files import array_bytes, write_model

COUNT = 3 * 16 + 4 * 19 + 16 + 4 * 2 + 2
VECTOR = np.arange(1, COUNT + 1, dtype=np.float32)
LAYERS = "org.deeplearning4j.nn.conf.layers"

SETTINGS: dict[str, Any] = {
    "updater": rg.RmsProp(0.15, 0.96),
    "l1": 0.1,
    "weight_decay": 0.2,
    "weight_decay_apply_lr": False,
    "gradient_normalization": "ClipElementWiseAbsoluteValue",
    "gradient_normalization_threshold": 1.5,
    "dropout": rg.Dropout(retain=0.6),
    "weight_init": rg.NormalDistribution(0.1, 1.2),
    "mask_mode": "ignore",
}
CONFIG = rg.MultiLayerConfiguration(
    seed=7,
    layers=[rg.GravesLSTM(n_in=3, n_out=4, activation="tanh", **SETTINGS), rg.RnnOutputLayer(n_in=4, n_out=2, loss="mcxent", **SETTINGS)],
    backprop=rg.TruncatedBPTT(length=12),
)
"""What every version means by it."""

FLAT: Json = {
    "adamMeanDecay": "NaN", "adamVarDecay": "NaN", "biasInit": 0.0, "biasLearningRate": 0.15, "dist": {"normal": {"mean": 0.1, "std": 1.2}},
    "dropOut": 0.6, "epsilon": "NaN", "gradientNormalization": "ClipElementWiseAbsoluteValue", "gradientNormalizationThreshold": 1.5,
    "l1": 0.1, "l2": 0.2, "layerName": None, "learningRate": 0.15, "learningRateSchedule": None, "momentum": "NaN",
    "momentumSchedule": None, "rho": "NaN", "rmsDecay": 0.96, "updater": "RMSPROP", "weightInit": "DISTRIBUTION",
}  # fmt: skip
"""A layer's fields until 0.8."""
OBJECTS: Json = {**FLAT, "iupdater": documents.updater("RmsProp", learningRate=0.15, rmsDecay=0.96, epsilon=1e-8)}
"""In 0.9 both; since 1.0.0-alpha objects only."""
WITHOUT = (
    "updater",
    "rmsDecay",
    "rho",
    "learningRate",
    "biasLearningRate",
    "momentum",
    "adamMeanDecay",
    "adamVarDecay",
    "dropOut",
    "epsilon",
)
ALPHA: Json = {
    **{key: value for key, value in OBJECTS.items() if key not in WITHOUT},
    "idropout": documents.object_("org.deeplearning4j.nn.conf.dropout", "Dropout", p=0.6),
    "biasUpdater": None,
    "constraints": None,
    "weightNoise": None,
}
PENALTIES = [
    documents.regularization("L1Regularization", "l1", 0.1),
    documents.regularization("WeightDecay", "coeff", 0.2, applyLR=False),
]
TODAY: Json = {
    **{key: value for key, value in ALPHA.items() if key not in ("l1", "l2", "dist", "weightInit")},
    "regularization": PENALTIES,
    "regularizationBias": [],
    "weightInitFn": documents.initializer("Distribution", distribution={"type": "normal", "mean": 0.1, "std": 1.2}),
}


def old_network(*layers: Json, conf: Json | None = None, **fields: Any) -> str:
    """The text of a network of 0.5 to 1.0.0-alpha; ``conf`` are the fields of each layer's surroundings."""
    usual = {"learningRatePolicy": "None", "lrPolicyDecayRate": "NaN", "miniBatch": True, "minimize": True, "numIterations": 1}
    around = {**usual, "optimizationAlgo": "STOCHASTIC_GRADIENT_DESCENT", "seed": 7, "useDropConnect": False, "useRegularization": True}
    confs = [{**around, **(conf or {}), "layer": layer} for layer in layers]
    top = {"backprop": True, "backpropType": "TruncatedBPTT", "pretrain": False, "tbpttBackLength": 12, "tbpttFwdLength": 12}
    return json.dumps({**top, "confs": confs, "inputPreProcessors": {}, **fields})


def _wrapped(fields: Json, lstm: Json, output: Json) -> Callable[[], str]:
    sizes = ({"nin": 3, "nout": 4, "forgetGateBiasInit": 1.0}, {"nin": 4, "nout": 2})
    layers = ({"gravesLSTM": {**fields, **sizes[0], **lstm}}, {"rnnoutput": {**fields, **sizes[1], **output}})
    return lambda: old_network(*layers)


def _classes(fields: Json, **own: Any) -> Callable[[], str]:
    """``own``: what only layers of time series have."""
    tbptt: Json = {"backpropType": "TruncatedBPTT", "tbpttFwdLength": 12, "tbpttBackLength": 12}
    gates = {"gateActivationFn": documents.activation("Sigmoid"), "forgetGateBiasInit": 1.0}
    common = {**fields, **own}
    lstm = {**common, "nin": 3, "nout": 4, "activationFn": documents.activation("TanH"), **gates}
    output = {**common, "nin": 4, "nout": 2, "activationFn": documents.activation("Softmax"), "lossFn": documents.loss("MCXENT")}
    layers = (documents.object_(LAYERS, "GravesLSTM", **lstm), documents.object_(LAYERS, "RnnOutputLayer", **output))
    return lambda: documents.network(*({k: v for k, v in layer.items() if k != "layerName"} for layer in layers), **tbptt)


@dataclass(frozen=True)
class Dialect:
    """A version: what ``describe`` calls it, its JSON, and how it writes arrays."""

    version: str
    text: Callable[[], str]
    mode: str = "JAVACPP"
    rank: int = 2

    def write(self, path: Path, updater: np.ndarray | None = None, **fields: Any) -> Path:
        """A model file at ``path`` with the parameters 1, 2, 3, ...; ``fields`` are further ones of the network."""
        text = json.dumps({**json.loads(self.text()), **fields})
        entries: Any = {"configuration": text, "coefficients": self.array(VECTOR)}
        return write_model(path, **entries, **({} if updater is None else {"updater": self.array(updater)}))

    def array(self, vector: np.ndarray) -> bytes:
        return array_bytes(vector.reshape((1,) * (self.rank - 1) + (-1,)), self.mode)


_TANH, _SIGMOID, _SOFTMAX, _MCXENT = ({name: dict[str, Any]()} for name in ("TanH", "Sigmoid", "Softmax", "MCXENT"))
_NAMES = ({"activationFunction": "tanh"}, {"activationFunction": "softmax", "lossFunction": "MCXENT"})
_FUNCTIONS = ({"activationFn": _TANH, "gateActivationFn": _SIGMOID}, {"activationFn": _SOFTMAX, "lossFn": _MCXENT})

DIALECTS: dict[str, Dialect] = {
    "0.5": Dialect("0.5", _wrapped(FLAT, *_NAMES), "HEAP"),
    "0.6": Dialect("0.6", _wrapped({**FLAT, "biasL1": 0.0, "biasL2": 0.0}, _NAMES[0], {**_NAMES[1], "lossFn": _MCXENT})),
    "0.8": Dialect("0.7 or 0.8", _wrapped({**FLAT, "l1Bias": 0.0, "l2Bias": 0.0}, *_FUNCTIONS), "DIRECT"),
    "0.9.1": Dialect("0.9", _wrapped(OBJECTS, *_FUNCTIONS)),
    "alpha": Dialect("1.0.0-alpha", _wrapped(ALPHA, *_FUNCTIONS)),
    "beta": Dialect("1.0.0-beta to beta3", _classes(ALPHA), "LONG_SHAPE"),
    "beta4": Dialect("1.0.0-beta4 to beta7", _classes(TODAY), "MIXED_DATA_TYPES"),
    "M1": Dialect("1.0.0-M1 or M1.1", _classes(TODAY, rnnDataFormat="NCW", timeDistributedFormat=None), "MIXED_DATA_TYPES"),
    "M2.1": Dialect("1.0.0-M2 or M2.1", _classes(TODAY, rnnDataFormat="NCW", timeDistributedFormat=None), "MIXED_DATA_TYPES", rank=1),
}
