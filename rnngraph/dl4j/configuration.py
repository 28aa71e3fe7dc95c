"""``configuration.json`` of a MultiLayerNetwork, as DL4J 1.0.0-beta4 to M2.1 write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnngraph.conf import Backprop, InputType, Layer, MultiLayerConfiguration, StandardBackprop, TruncatedBPTT
from rnngraph.dl4j.document import Node, parse
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.layers import read_layer
from rnngraph.dl4j.preprocessors import preprocessors
from rnngraph.errors import ConfigurationError, ModelFileError

DATA_TYPES: Mapping[str, str] = {"FLOAT": "float32", "DOUBLE": "float64"}
WHERE = "configuration.json"


def read_configuration(text: str, input_type: InputType | None = None) -> MultiLayerConfiguration:
    """The network that DL4J's ``configuration.json`` describes, from the file's ``text``.

    It computes what DL4J computes from the same parameters: each layer's ``mask_mode`` is what DL4J does at masked steps. ``input_type``
    tells what comes in where DL4J did not write it down, as of frames: ``InputType.convolutional(height, width, channels)``.

    Raises UnsupportedError, which names layer and class, for what this version of rnngraph does not have, ModelFileError for text that
    DL4J does not write.
    """
    network = parse(text, WHERE)
    _check_dialect(network)
    confs = network.nodes("confs")
    if not confs:
        raise ModelFileError(f"{WHERE}: confs is empty; expected a network of at least one layer: save the model again")
    fields: dict[str, Any] = {
        "seed": confs[0].count("seed") % 2**64,  # Java's is signed
        "layers": [_layer(conf, index) for index, conf in enumerate(confs)],
        "input_type": input_type,
        "preprocessors": preprocessors(network) or None,
        "backprop": _backprop(network),
        "data_type": _data_type(network),
        **_mini_batch(confs),
    }
    try:
        config = MultiLayerConfiguration(**fields, validate_output_layer=False)
    except ConfigurationError as error:
        raise ModelFileError(f"{WHERE}: {error}") from error
    return _validated(config) if network.flag("validateOutputLayerConfig", True) else config


def _validated(config: MultiLayerConfiguration) -> MultiLayerConfiguration:
    """``config`` with the check of its output layer on, if it passes: DL4J's files say that it is on where it was off, too."""
    try:
        return config.replaced(validate_output_layer=True)
    except ConfigurationError:
        return config


def _mini_batch(confs: list[Node]) -> dict[str, bool]:
    """Whether scores and gradients are divided by the minibatch, where they are not."""
    if all(conf.flag("miniBatch", True) for conf in confs):
        return {}
    if "mini_batch" not in MultiLayerConfiguration.model_fields:
        raise UnsupportedError(WHERE, "miniBatch=false", "scores and gradients are divided by the number of examples")
    return {"mini_batch": False}


def _layer(conf: Node, index: int) -> Layer:
    """The layer of ``conf``, with its index in messages, and its name unless DL4J made one up."""
    node = replace(conf.node("layer"), where=f"{WHERE}: layers[{index}]")
    if "@class" not in node.values:
        raise UnsupportedError(node.where, "the JSON of DL4J before 1.0.0-beta4")
    layer = read_layer(replace(node, where=f"{node.where} ({node.kind})"))
    name = node.text("layerName", f"layer{index}")
    return layer if name == f"layer{index}" else layer.replaced(name=name)


def _check_dialect(network: Node) -> None:
    if "vertices" in network.values:
        raise UnsupportedError(WHERE, "a ComputationGraph")
    if "confs" not in network.values:
        keys = ", ".join(sorted(network.values)[:5]) or "none"
        raise ModelFileError(f"{WHERE}: it has the keys {keys}, but not confs; expected what DL4J writes for a MultiLayerNetwork")


def _backprop(network: Node) -> Backprop:
    """DL4J reads ``tbpttBackLength``, but gradients go back the whole segment whatever it is."""
    kind = network.text("backpropType", "Standard")
    if kind == "Standard":
        return StandardBackprop()
    if kind != "TruncatedBPTT":
        raise ModelFileError(f"{WHERE}: backpropType is {kind!r}; expected 'Standard' or 'TruncatedBPTT': save the model again")
    try:
        return TruncatedBPTT(length=network.count("tbpttFwdLength"))
    except ConfigurationError as error:
        raise ModelFileError(f"{WHERE}: tbpttFwdLength: {error}") from error


def _data_type(network: Node) -> str:
    name = network.text("dataType", "FLOAT")
    if name not in DATA_TYPES:
        raise UnsupportedError(WHERE, f"data type {name}")
    return DATA_TYPES[name]
