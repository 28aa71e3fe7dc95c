"""JSON as DL4J writes it, made by hand."""

from __future__ import annotations

import json
from typing import Any

LAYERS = "org.deeplearning4j.nn.conf.layers"
PACKAGES = {
    "Bidirectional": f"{LAYERS}.recurrent",
    "LastTimeStep": f"{LAYERS}.recurrent",
    "MaskZeroLayer": f"{LAYERS}.util",
    "SimpleRnn": f"{LAYERS}.recurrent",
    "TimeDistributed": f"{LAYERS}.recurrent",
}
Json = dict[str, Any]


def object_(package: str, kind: str, **fields: Any) -> Json:
    """An object with its class."""
    return {"@class": f"{package}.{kind}", **fields}


def activation(kind: str, **fields: Any) -> Json:
    """``activation("TanH")``."""
    return object_("org.nd4j.linalg.activations.impl", f"Activation{kind}", **fields)


def loss(kind: str, **fields: Any) -> Json:
    """``loss("MCXENT")``."""
    return object_("org.nd4j.linalg.lossfunctions.impl", f"Loss{kind}", **fields)


def initializer(kind: str, **fields: Any) -> Json:
    """``initializer("Xavier")``."""
    return object_("org.deeplearning4j.nn.weights", f"WeightInit{kind}", **fields)


def updater(kind: str, **fields: Any) -> Json:
    """``updater("Sgd", learningRate=0.1)``."""
    return object_("org.nd4j.linalg.learning.config", kind, **fields)


def regularization(kind: str, key: str, value: float, **fields: Any) -> Json:
    """``regularization("L2Regularization", "l2", 0.01)``."""
    schedule = object_("org.nd4j.linalg.schedule", "FixedSchedule", value=value)
    return object_("org.nd4j.linalg.learning.regularization", kind, **{key: schedule}, **fields)


def layer(kind: str, n_in: int = 3, n_out: int = 4, **fields: Any) -> Json:
    """A layer with weights."""
    return object_(
        PACKAGES.get(kind, LAYERS),
        kind,
        **{
            "activationFn": activation("TanH"),
            "biasInit": 0.0,
            "biasUpdater": None,
            "constraints": None,
            "gainInit": 1.0,
            "gradientNormalization": "None",
            "gradientNormalizationThreshold": 1.0,
            "idropout": None,
            "iupdater": updater("Adam", beta1=0.9, beta2=0.999, epsilon=1e-8, learningRate=0.01),
            "nin": n_in,
            "nout": n_out,
            "regularization": [],
            "regularizationBias": [],
            "weightInitFn": initializer("Xavier"),
            "weightNoise": None,
            **fields,
        },
    )


def lstm(kind: str = "LSTM", **fields: Any) -> Json:
    """An LSTM, or another layer with gates."""
    own = {"gateActivationFn": activation("Sigmoid"), "forgetGateBiasInit": 1.0, "weightInitFnRecurrent": None, "rnnDataFormat": "NCW"}
    return layer(kind, **{**own, **fields})


def output(kind: str = "RnnOutputLayer", n_in: int = 4, n_out: int = 2, **fields: Any) -> Json:
    """An output layer."""
    return layer(kind, n_in, n_out, **{"activationFn": activation("Softmax"), "lossFn": loss("MCXENT"), "hasBias": True, **fields})


def wrapper(kind: str, inner: Json, **fields: Any) -> Json:
    """A wrapper around ``inner``."""
    held = {"fwd": inner, "bwd": inner} if kind == "Bidirectional" else {"underlying": inner}
    return object_(PACKAGES[kind], kind, idropout=None, constraints=None, gradientNormalization="None", **held, **fields)


def network(*layers: Json, **fields: Any) -> str:
    """The text of a MultiLayerNetwork's configuration.json; ``fields`` are those of the network."""
    confs = [{"layer": {"layerName": f"layer{k}", **one}, "miniBatch": True, "seed": 7, "variables": []} for k, one in enumerate(layers)]
    usual = {"backpropType": "Standard", "dataType": "FLOAT", "inputPreProcessors": {}, "tbpttBackLength": 20, "tbpttFwdLength": 20}
    return json.dumps({**usual, "confs": confs, "validateOutputLayerConfig": True, **fields})
