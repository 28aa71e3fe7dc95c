"""What a document says of a network or graph as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from rnngraph.conf import Backprop, Layer, NetworkConfiguration, StandardBackprop, TruncatedBPTT
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.entries import CONFIGURATION
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.layers import read_layer
from rnngraph.errors import ConfigurationError, ModelFileError

DATA_TYPES: Mapping[str, str] = {"BFLOAT16": "float32", "DOUBLE": "float64", "FLOAT": "float32", "HALF": "float32"}
"""DL4J's data types and those that networks compute in here."""
HALVES = ("BFLOAT16", "HALF")
WHERE = CONFIGURATION

ConfigurationT = TypeVar("ConfigurationT", bound=NetworkConfiguration)


def shared(network: Node, confs: Sequence[Node]) -> dict[str, Any]:
    """What a document and its ``confs`` say of the whole, in our fields."""
    return {
        "seed": (confs[0].count("seed") if confs else 0) % 2**64,  # Java's is signed
        "backprop": _backprop(network),
        "data_type": data_type(network),
        "mini_batch": all(conf.flag("miniBatch", True) for conf in confs),
    }


def made(cls: type[ConfigurationT], network: Node, fields: Mapping[str, Any]) -> ConfigurationT:
    """The configuration of class ``cls`` with ``fields``."""
    try:
        config = cls(**fields, validate_output_layer=False)
    except ConfigurationError as error:
        raise ModelFileError(f"{WHERE}: {error}") from error
    return _validated(config) if network.flag("validateOutputLayerConfig", True) else config


def _validated(config: ConfigurationT) -> ConfigurationT:
    """``config`` with the check of its output layer on, if it passes: DL4J's files say that it is on where it was off, too."""
    try:
        return config.replaced(validate_output_layer=True)
    except ConfigurationError:
        return config


def read_conf(conf: Node, where: str, usual_name: str) -> Layer:
    """The layer of ``conf``, called ``where`` in messages, with its name unless that is the ``usual_name`` that DL4J makes up."""
    node = replace(conf.node("layer"), where=where)
    layer = read_layer(replace(node, where=f"{where} ({node.kind})"))
    name = node.text("layerName", usual_name)
    try:
        return layer if name == usual_name else layer.replaced(name=name)
    except ConfigurationError as error:
        raise ModelFileError(f"{where}: {error}") from error


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


def data_type(network: Node) -> str:
    """What the network computes in. UnsupportedError for a type that rnngraph has no network of."""
    name = network.text("dataType", "FLOAT")
    if name not in DATA_TYPES:
        raise UnsupportedError(WHERE, f"data type {name}")
    return DATA_TYPES[name]
