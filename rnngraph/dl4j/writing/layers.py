"""Layers, from ours to DL4J's JSON. One entry of :data:`LAYERS` a class: what it says besides what all of its kind say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rnngraph.conf import Activation, Distribution, Layer, SpatialDropout, Updater, WeightLayer
from rnngraph.conf.layers import WrapperLayer
from rnngraph.dl4j.layouts import keys
from rnngraph.dl4j.writing.elements import activation_json, initializer_json, loss_json
from rnngraph.dl4j.writing.noise import dropout_json, weight_noise_json
from rnngraph.dl4j.writing.penalties import constraints_json, gradient_normalization_json, regularization_json
from rnngraph.dl4j.writing.problems import NotInDL4JError, require
from rnngraph.dl4j.writing.spots import OF_VECTORS, reached
from rnngraph.dl4j.writing.text import Json, object_
from rnngraph.dl4j.writing.updaters import updater_json

PACKAGE = "org.deeplearning4j.nn.conf.layers"
PACKAGES: Mapping[str, str] = {
    **dict.fromkeys(("Bidirectional", "LastTimeStep", "SimpleRnn", "TimeDistributed"), f"{PACKAGE}.recurrent"),
    "MaskZeroLayer": f"{PACKAGE}.util",
}
FIRST: Mapping[str, tuple[str, ...]] = {
    "MaskZeroLayer": ("maskingValue", "underlying"),
    "TimeDistributed": ("rnnDataFormat", "underlying"),
}
"""Keys that DL4J writes in front of the others."""


@dataclass(frozen=True)
class Place:
    """Where a layer stands, and what DL4J writes into layers that have no such setting: it has no effect there."""

    where: str
    name: str
    """The layer's name; what stands inside wrappers has the same."""
    data_type: str
    """ND4J's name of the network's."""
    activation: str | Activation
    updater: Updater
    weight_init: str | Distribution
    vectors: bool
    """Whether DL4J has vectors there, steps of a time series among them, and no third dimension."""
    unset: bool = False
    """Whether DL4J leaves open what nobody set: inside a LastTimeStep inside a Bidirectional."""


Fields = Callable[[Any, Place], Json]


def layer_json(layer: Layer, place: Place) -> Json:
    """The layer, its wrapper around it. NotInDL4JError, which names place and element, for what DL4J lacks."""
    kind = layer.tag()
    require(kind, LAYERS, place.where, "layer")
    fields = {**_any(layer, place), **LAYERS[kind](layer, place)}
    return object_(PACKAGES.get(kind, PACKAGE), kind, fields, FIRST.get(kind, ()))


def _any(layer: Any, place: Place) -> Json:
    """What all layers say."""
    held = keys(layer) if isinstance(layer, WeightLayer) else ()
    dropout = getattr(layer, "dropout", None)
    if place.vectors and isinstance(dropout, SpatialDropout):
        raise NotInDL4JError(place.where, "SpatialDropout of vectors", f"use Dropout(retain={dropout.retain})")
    normalization = gradient_normalization_json(layer)
    if place.unset and normalization["gradientNormalization"] == "None":
        normalization = {"gradientNormalization": None, "gradientNormalizationThreshold": math.nan}
    return {
        "constraints": constraints_json(getattr(layer, "constraints", None), held, place.where),
        **normalization,
        "idropout": dropout_json(dropout, place.where),
        "layerName": place.name,
    }


def _plain(layer: Layer, place: Place) -> Json:
    """What layers without weights say that DL4J does not count among those that may have some."""
    return {"gradientNormalizationThreshold": 0.0}


def _base(layer: Any, place: Place) -> Json:
    """What layers say that may have weights; those that have none, what the network's others say."""
    bias_updater = getattr(layer, "bias_updater", None)
    return {
        "activationFn": activation_json(getattr(layer, "activation", place.activation), place.where),
        "biasInit": getattr(layer, "bias_init", 0.0),
        "biasUpdater": None if bias_updater is None else updater_json(bias_updater, place.where),
        "gainInit": math.nan if place.unset else getattr(layer, "gain_init", 1.0),
        "iupdater": updater_json(getattr(layer, "updater", place.updater), place.where),
        "nin": layer.n_in if isinstance(layer, WeightLayer) else 0,
        "nout": layer.n_out if isinstance(layer, WeightLayer) else 0,
        "regularization": regularization_json(layer),
        "regularizationBias": regularization_json(layer, "_bias"),
        "timeDistributedFormat": None,
        "weightInitFn": initializer_json(getattr(layer, "weight_init", place.weight_init), place.where),
        "weightNoise": weight_noise_json(getattr(layer, "weight_noise", None), place.where),
    }


def _dense(layer: Any, place: Place) -> Json:
    return {**_base(layer, place), "hasBias": layer.has_bias, "hasLayerNorm": layer.has_layer_norm}


def _loss(layer: Any, place: Place) -> Json:
    return {**_base(layer, place), "lossFn": loss_json(layer.loss, place.data_type)}


def _output(layer: Any, place: Place) -> Json:
    _without_norm(layer, place)
    return {**_loss(layer, place), "hasBias": layer.has_bias}


def _of_series(fields: Fields) -> Fields:
    """With the layout of time series, [N, F, T]."""
    return lambda layer, place: {**fields(layer, place), "rnnDataFormat": "NCW"}


def _recurrent(layer: Any, place: Place) -> Json:
    own = layer.weight_init_recurrent
    if layer.initial_state is not None:
        raise NotInDL4JError(place.where, "initial state but zero", "train one without initial_state")
    return {
        **_base(layer, place),
        "rnnDataFormat": "NCW",
        "weightInitFnRecurrent": None if own is None else initializer_json(own, place.where),
    }


def _gated(layer: Any, place: Place) -> Json:
    return {
        **_recurrent(layer, place),
        "forgetGateBiasInit": layer.forget_gate_bias_init,
        "gateActivationFn": activation_json(layer.gate_activation, place.where),
        "helperAllowFallback": True,
    }


def _simple_rnn(layer: Any, place: Place) -> Json:
    _without_norm(layer, place)
    return {**_recurrent(layer, place), "hasLayerNorm": False}


def _without_norm(layer: Any, place: Place) -> None:
    """DL4J's layer has none, or as its SimpleRnn one that fails."""
    if layer.has_layer_norm:
        raise NotInDL4JError(place.where, f"layer normalisation in {layer.tag()}", "train one with has_layer_norm=False")


def _bidirectional(layer: Any, place: Place) -> Json:
    inner = layer.layer
    ends = inner.tag() == "LastTimeStep"
    if isinstance(inner.layer if ends else inner, WrapperLayer):
        raise NotInDL4JError(place.where, "MaskZeroLayer inside a Bidirectional", "put MaskZeroLayer around the Bidirectional")
    held = layer_json(inner, replace(place, unset=ends))
    out = inner.n_out if ends else layer.n_out
    unset = {key: held[key] for key in ("gradientNormalization", "gradientNormalizationThreshold")}
    return {**unset, "bwd": held, "fwd": held, "mode": layer.mode.upper(), "nin": layer.n_in, "nout": out, "rnndataFormat": "NCW"}


def _wrapper(layer: Any, place: Place) -> Json:
    """Around layers of time series; what wants vectors would get their steps as rows, of which there is no last one."""
    inner = reached(layer)
    if inner.tag() in OF_VECTORS:
        raise NotInDL4JError(
            place.where,
            f"{layer.tag()} around a {inner.tag()}",
            f"put TimeDistributed around the {inner.tag()}, or {layer.tag()} around less",
        )
    return {"underlying": layer_json(layer.layer, place)}


def _time_distributed(layer: Any, place: Place) -> Json:
    return {"rnnDataFormat": "NCW", "underlying": layer_json(layer.layer, replace(place, vectors=True))}


def _mask_zero(layer: Any, place: Place) -> Json:
    return {**_wrapper(layer, place), "maskingValue": layer.mask_value}


def _embedding(layer: Any, place: Place) -> Json:
    return {**_base(layer, place), "hasBias": layer.has_bias}


def _embedding_sequence(layer: Any, place: Place) -> Json:
    """The length that DL4J notes is that of the last series it saw, and has no effect."""
    return {**_embedding(layer, place), "inferInputLength": True, "inputLength": 1, "outputFormat": "NCW"}


def _window(layer: Any, pair: Callable[[Any, str], list[int]]) -> Json:
    return {
        "cnn2dDataFormat": "NCHW",
        "convolutionMode": layer.convolution_mode.capitalize(),
        "cudnnAllowFallback": True,
        "dilation": pair(layer, "dilation"),
        "kernelSize": pair(layer, "kernel_size"),
        "padding": pair(layer, "padding"),
        "stride": pair(layer, "stride"),
    }


def _convolution(pair: Callable[[Any, str], list[int]]) -> Fields:
    algorithms = {"cudnnAlgoMode": "PREFER_FASTEST", "cudnnBwdDataAlgo": None, "cudnnBwdFilterAlgo": None, "cudnnFwdAlgo": None}
    return lambda layer, place: {**_base(layer, place), **_window(layer, pair), **algorithms, "hasBias": layer.has_bias}


def _subsampling(pair: Callable[[Any, str], list[int]]) -> Fields:
    return lambda layer, place: {
        **_plain(layer, place),
        **_window(layer, pair),
        "avgPoolIncludePadInDivisor": layer.avg_pool_include_pad_in_divisor,
        "eps": 1e-8,
        "pnorm": layer.pnorm if layer.pooling_type == "pnorm" else 0,
        "poolingType": layer.pooling_type.upper(),
    }


def _both(layer: Any, field: str) -> list[int]:
    """Height and width."""
    return list(getattr(layer, field))


def _twice(layer: Any, field: str) -> list[int]:
    """Along time, as DL4J's convolution notes it."""
    return [getattr(layer, field)] * 2


def _beside(layer: Any, field: str) -> list[int]:
    """Along time, as DL4J's pooling notes it: what it would be across stays at what images have."""
    return [getattr(layer, field), {"kernel_size": 1, "stride": 2, "padding": 0, "dilation": 1}[field]]


def _global_pooling(layer: Any, place: Place) -> Json:
    return {
        **_plain(layer, place),
        "collapseDimensions": True,
        "pnorm": layer.pnorm,
        "poolingDimensions": None,
        "poolingType": layer.pooling_type.upper(),
    }


def _activation(layer: Any, place: Place) -> Json:
    return {**_plain(layer, place), "activationFn": activation_json(layer.activation, place.where)}


def _batch_normalization(layer: Any, place: Place) -> Json:
    return {
        **_base(layer, place),
        "beta": layer.beta,
        "cnn2DFormat": "NCHW",
        "cudnnAllowFallback": True,
        "decay": layer.decay,
        "eps": layer.epsilon,
        "gamma": layer.gamma,
        "lockGammaBeta": layer.lock_gamma_beta,
        "minibatch": True,
        "nin": layer.n_in,
        "nout": layer.n_out,
        "useLogStd": layer.use_log_std,
    }


LAYERS: Mapping[str, Fields] = {
    "ActivationLayer": _activation,
    "BatchNormalization": _batch_normalization,
    "Bidirectional": _bidirectional,
    "Convolution1DLayer": _of_series(_convolution(_twice)),
    "ConvolutionLayer": _convolution(_both),
    "DenseLayer": _dense,
    "DropoutLayer": _base,
    "EmbeddingLayer": _embedding,
    "EmbeddingSequenceLayer": _embedding_sequence,
    "GlobalPoolingLayer": _global_pooling,
    "GravesBidirectionalLSTM": _gated,
    "GravesLSTM": _gated,
    "LSTM": _gated,
    "LastTimeStep": _wrapper,
    "LossLayer": _loss,
    "MaskZeroLayer": _mask_zero,
    "OutputLayer": _output,
    "RnnLossLayer": _of_series(_loss),
    "RnnOutputLayer": _of_series(_output),
    "SimpleRnn": _simple_rnn,
    "Subsampling1DLayer": _subsampling(_beside),
    "SubsamplingLayer": _subsampling(_both),
    "TimeDistributed": _time_distributed,
}
"""By class: ``(layer, place) -> keys and values`` besides those of all layers, or in their place."""
