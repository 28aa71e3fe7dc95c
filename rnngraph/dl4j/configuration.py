"""``configuration.json`` of a MultiLayerNetwork, as DL4J 0.5 to 1.0.0-M2.1 write it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnngraph.conf import Backprop, InputType, Layer, MultiLayerConfiguration, StandardBackprop, TruncatedBPTT
from rnngraph.dl4j.document import Node, parse
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.dl4j.formats import steps_before_features
from rnngraph.dl4j.layers import read_layer
from rnngraph.dl4j.legacy import modern, walk
from rnngraph.dl4j.preprocessors import preprocessors
from rnngraph.errors import ConfigurationError, ModelFileError

DATA_TYPES: Mapping[str, str] = {"BFLOAT16": "float32", "DOUBLE": "float64", "FLOAT": "float32", "HALF": "float32"}
"""DL4J's data types and those that networks compute in here."""
HALVES = ("BFLOAT16", "HALF")
WHERE = "configuration.json"
MOST_LAYERS = 1000
"""More than any network has; each takes some time to read."""
NWC = (
    "this network takes and gives time series as [N, T, F] in DL4J (NWC); here they are [N, F, T], as in all networks: "
    "give np.swapaxes(x, 1, 2), and swap what comes out. Its numbers are the same"
)
HALF = "this network computes in 16 bits in DL4J; here it computes in float32, from the same parameters: its outputs are more exact"


def read_configuration(text: str, input_type: InputType | None = None) -> MultiLayerConfiguration:
    """The network that DL4J's ``configuration.json`` describes, from the file's ``text``.

    It computes what DL4J computes from the same parameters: each layer's ``mask_mode`` is what DL4J does at masked steps. ``input_type``
    tells what comes in where DL4J did not write it down, as of frames: ``InputType.convolutional(height, width, channels)``.

    Raises UnsupportedError, which names layer and class, for what this version of rnngraph does not have, ModelFileError for text that
    DL4J does not write. Warns with an ImportNote where the network takes its arrays otherwise than in DL4J.
    """
    return configuration(document(text), input_type)


def document(text: str) -> Node:
    """The document of a MultiLayerNetwork in the words of DL4J 1.0.0-beta4 and later, whichever version wrote it."""
    network = parse(text, WHERE)
    if "vertices" in network.values:
        raise UnsupportedError(WHERE, "a ComputationGraph")
    if "confs" not in network.values:
        keys = ", ".join(sorted(network.values)[:5]) or "none"
        raise ModelFileError(f"{WHERE}: it has the keys {keys}, but not confs; expected what DL4J writes for a MultiLayerNetwork")
    count = len(network.nodes("confs"))
    if not count:
        raise ModelFileError(f"{WHERE}: confs is empty; expected a network of at least one layer: save the model again")
    if count > MOST_LAYERS:
        raise ModelFileError(f"{WHERE}: confs has {count} layers; expected at most {MOST_LAYERS}: the file is altered, copy it again")
    return modern(network)


def configuration(network: Node, input_type: InputType | None = None) -> MultiLayerConfiguration:
    """The network that :func:`document` has read, as :func:`read_configuration` gives it."""
    confs = network.nodes("confs")
    fields: dict[str, Any] = {
        "seed": confs[0].count("seed") % 2**64,  # Java's is signed
        "layers": [read_conf(conf, f"{WHERE}: layers[{index}]", f"layer{index}") for index, conf in enumerate(confs)],
        "input_type": input_type,
        "preprocessors": preprocessors(network) or None,
        "backprop": _backprop(network),
        "data_type": data_type(network),
        **_mini_batch(confs),
    }
    for note in notes_of_use(network):
        warnings.warn(ImportNote(f"{WHERE}: {note}"), stacklevel=2)
    try:
        config = MultiLayerConfiguration(**fields, validate_output_layer=False)
    except ConfigurationError as error:
        raise ModelFileError(f"{WHERE}: {error}") from error
    return _validated(config) if network.flag("validateOutputLayerConfig", True) else config


def notes_of_use(network: Node) -> list[str]:
    """What a user of the network has to know before the first array."""
    swapped = steps_before_features(walk.layers(network), walk.preprocessors(network))
    notes = {NWC: swapped, HALF: network.text("dataType", "FLOAT") in HALVES}
    return [note for note, holds in notes.items() if holds]


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
