"""Layers: ``org.deeplearning4j.nn.conf.layers``. One entry of :data:`LAYERS` a class: what its JSON says, in the names of our fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnngraph.conf import Layer
from rnngraph.dl4j.activations import activation
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.formats import check_format
from rnngraph.dl4j.initializers import initializer
from rnngraph.dl4j.layouts import LAYOUTS
from rnngraph.dl4j.losses import loss
from rnngraph.dl4j.masks import mask_mode
from rnngraph.dl4j.noise import dropout, weight_noise
from rnngraph.dl4j.penalties import constraints, gradient_normalization, penalties
from rnngraph.dl4j.support import construct, has_field
from rnngraph.dl4j.updaters import updater

Fields = dict[str, Any]
"""Our fields by name; None where there is nothing to say."""


def read_layer(node: Node, mask_is_set: bool = False) -> Layer:
    """The layer that ``node`` describes. ``mask_is_set``: it stands inside a wrapper that sets the mask on what it holds.

    UnsupportedError for a class that rnngraph does not have.
    """
    kind = node.kind
    if kind not in LAYERS:
        raise UnsupportedError(node.where, f"layer {kind}")
    check_format(node)
    fields = {**LAYERS[kind](node, mask_is_set), "dropout": dropout(node), "weight_noise": weight_noise(node)}
    if has_field(kind, "gradient_normalization"):
        fields.update(gradient_normalization(node))
    if has_field(kind, "mask_mode"):
        fields["mask_mode"] = mask_mode(kind, mask_is_set)
    return construct(kind, fields, node.where)


def _sizes(node: Node) -> Fields:
    """DL4J writes 0 where a size was left open."""
    return {"n_in": node.count("nin") or None, "n_out": node.count("nout") or None}


def _weights(node: Node, mask_is_set: bool) -> Fields:
    """What all layers with weights have."""
    return {
        **_sizes(node),
        "activation": activation(node, "activationFn"),
        "weight_init": initializer(node, "weightInitFn"),
        "bias_init": node.number("biasInit", 0.0),
        "updater": updater(node, "iupdater", "updater"),
        "bias_updater": updater(node, "biasUpdater", "bias_updater"),
        **penalties(node),
        "constraints": constraints(node, _keys(node)) or None,
    }


def _keys(node: Node) -> set[str]:
    """DL4J's keys of the parameters that the layer has."""
    known = {part.key for part in LAYOUTS[node.kind]}
    return known - ({"g"} if not node.flag("hasLayerNorm") else set()) - ({"b"} if not node.flag("hasBias", True) else set())


def _dense(node: Node, mask_is_set: bool) -> Fields:
    norm = {"has_layer_norm": True, "gain_init": node.number("gainInit", 1.0)} if node.flag("hasLayerNorm") else {}
    return {**_weights(node, mask_is_set), "has_bias": node.flag("hasBias", True), **norm}


def _output(node: Node, mask_is_set: bool) -> Fields:
    return {**_dense(node, mask_is_set), "loss": loss(node)}


def _loss(node: Node, mask_is_set: bool) -> Fields:
    return {"activation": activation(node, "activationFn"), "loss": loss(node)}


def _recurrent(node: Node, mask_is_set: bool) -> Fields:
    own = initializer(node, "weightInitFnRecurrent") if node.has("weightInitFnRecurrent") else None
    return {**_weights(node, mask_is_set), "weight_init_recurrent": own}


def _gated(node: Node, mask_is_set: bool) -> Fields:
    """``biasInit`` has no effect on an LSTM."""
    return {
        **_recurrent(node, mask_is_set),
        "bias_init": None,
        "gate_activation": activation(node, "gateActivationFn"),
        "forget_gate_bias_init": node.number("forgetGateBiasInit", 1.0),
    }


def _graves_bidirectional(node: Node, mask_is_set: bool) -> Fields:
    """An initialiser for the recurrent weights has no effect."""
    return {**_gated(node, mask_is_set), "weight_init_recurrent": None}


def _simple_rnn(node: Node, mask_is_set: bool) -> Fields:
    norm = {"has_layer_norm": True, "gain_init": node.number("gainInit", 1.0)} if node.flag("hasLayerNorm") else {}
    return {**_recurrent(node, mask_is_set), **norm}


def _bidirectional(node: Node, mask_is_set: bool) -> Fields:
    forward, backward = (dict(node.node(key).values) for key in ("fwd", "bwd"))
    if {**forward, "layerName": None} != {**backward, "layerName": None}:
        raise UnsupportedError(node.where, "Bidirectional of two different layers")
    return {"mode": node.text("mode"), "layer": read_layer(node.node("fwd"), mask_is_set)}


def _masking(node: Node, mask_is_set: bool) -> Fields:
    """A wrapper that sets the mask on the layer inside."""
    return {"layer": read_layer(node.node("underlying"), mask_is_set=True)}


def _mask_zero(node: Node, mask_is_set: bool) -> Fields:
    return {**_masking(node, mask_is_set), "mask_value": node.number("maskingValue", 0.0)}


def _activation(node: Node, mask_is_set: bool) -> Fields:
    return {"activation": activation(node, "activationFn")}


def _nothing(node: Node, mask_is_set: bool) -> Fields:
    return {}


def _embedding(node: Node, mask_is_set: bool) -> Fields:
    return {**_weights(node, mask_is_set), "has_bias": node.flag("hasBias", True)}


def _window(node: Node, axes: int) -> Fields:
    """Kernel and steps: pairs of numbers (height, width), or one number along time."""
    names = {"kernelSize": "kernel_size", "stride": "stride", "padding": "padding", "dilation": "dilation"}
    window = {ours: node.counts(theirs, axes)[:axes] for theirs, ours in names.items()}
    return {
        **{name: values if axes == 2 else values[0] for name, values in window.items()},
        "convolution_mode": node.text("convolutionMode", "Truncate"),
    }


def _convolution(axes: int) -> Callable[[Node, bool], Fields]:
    return lambda node, mask_is_set: {**_embedding(node, mask_is_set), **_window(node, axes)}


def _pooling(node: Node) -> Fields:
    kind = node.text("poolingType")
    return {"pooling_type": kind, "pnorm": node.count("pnorm") if kind == "PNORM" else None}


def _subsampling(axes: int) -> Callable[[Node, bool], Fields]:
    def read(node: Node, mask_is_set: bool) -> Fields:
        divisor = node.flag("avgPoolIncludePadInDivisor")
        return {**_pooling(node), **_window(node, axes), "avg_pool_include_pad_in_divisor": divisor}

    return read


def _global_pooling(node: Node, mask_is_set: bool) -> Fields:
    return {**_pooling(node), "collapse_dimensions": None if node.flag("collapseDimensions", True) else False}


def _batch_normalization(node: Node, mask_is_set: bool) -> Fields:
    return {
        **_sizes(node),
        "decay": node.number("decay", 0.9),
        "epsilon": node.number("eps", 1e-5),
        "gamma": node.number("gamma", 1.0),
        "beta": node.number("beta", 0.0),
        "lock_gamma_beta": node.flag("lockGammaBeta"),
        "use_log_std": node.flag("useLogStd"),
        "updater": updater(node, "iupdater", "updater"),
    }


LAYERS: Mapping[str, Callable[[Node, bool], Fields]] = {
    "ActivationLayer": _activation,
    "BatchNormalization": _batch_normalization,
    "Bidirectional": _bidirectional,
    "Convolution1DLayer": _convolution(1),
    "ConvolutionLayer": _convolution(2),
    "DenseLayer": _dense,
    "DropoutLayer": _nothing,
    "EmbeddingLayer": _embedding,
    "EmbeddingSequenceLayer": _embedding,
    "GlobalPoolingLayer": _global_pooling,
    "GravesBidirectionalLSTM": _graves_bidirectional,
    "GravesLSTM": _gated,
    "LSTM": _gated,
    "LastTimeStep": _masking,
    "LossLayer": _loss,
    "MaskZeroLayer": _mask_zero,
    "OutputLayer": _output,
    "RnnLossLayer": _loss,
    "RnnOutputLayer": _output,
    "SimpleRnn": _simple_rnn,
    "Subsampling1DLayer": _subsampling(1),
    "SubsamplingLayer": _subsampling(2),
    "TimeDistributed": _masking,
}
"""What the JSON of a class says in our fields: ``(node, mask_is_set) -> fields``. Dropout and weight noise are read for all."""
