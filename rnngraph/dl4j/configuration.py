"""``configuration.json``, as DL4J 0.5 to 1.0.0-M2.1 write it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from rnngraph.conf import ComputationGraphConfiguration, InputType, MultiLayerConfiguration
from rnngraph.dl4j.document import Node, parse
from rnngraph.dl4j.errors import ImportNote
from rnngraph.dl4j.formats import steps_before_features
from rnngraph.dl4j.graphs import graph_fields
from rnngraph.dl4j.legacy import modern, walk
from rnngraph.dl4j.preprocessors import preprocessor_classes, preprocessors
from rnngraph.dl4j.series import Step, as_series, check_outputs, of_ids, series, start_of_row
from rnngraph.dl4j.updaters import has_open_number
from rnngraph.dl4j.whole import HALVES, WHERE, made, read_conf, shared
from rnngraph.errors import InputError, ModelFileError
from rnngraph.names import shown

START = "-1"
"""What comes into a row of layers, by the name that the layer before the first would have."""
MOST_LAYERS = 1000
"""More than any network has; each takes some time to read."""
NWC = (
    "this network takes and gives time series as [N, T, F] in DL4J (NWC); here they are [N, F, T], as in all networks: "
    "give np.swapaxes(x, 1, 2), and swap what comes out. Its numbers are the same"
)
HALF = "this network computes in 16 bits in DL4J; here it computes in float32, from the same parameters: its outputs are more exact"
OPEN = (
    "an updater of this network has a number that is NaN or null, and no schedule in its place, with which DL4J would train; here the "
    "default of its class is used"
)


def read_configuration(
    text: str, input_type: InputType | None = None, input_types: Mapping[str, InputType] | None = None
) -> MultiLayerConfiguration | ComputationGraphConfiguration:
    """The network, or the graph, that DL4J's ``configuration.json`` describes, from the file's ``text``.

    It computes what DL4J computes from the same parameters: each layer's ``mask_mode`` is what DL4J does at masked steps. ``input_type``
    tells what comes in where DL4J did not write it down, as of frames: ``InputType.convolutional(height, width, channels)``; of a graph
    ``input_types`` does so, by input.

    Raises UnsupportedError, which names layer and class, for what this version of rnngraph does not have, ModelFileError for text that
    DL4J does not write, InputError for the one kind of types where the other is asked for. Warns with an ImportNote where the network
    takes its arrays otherwise than in DL4J.
    """
    return configuration(document(text), input_type, input_types)


def document(text: str) -> Node:
    """The document of a network or a graph in the words of DL4J 1.0.0-beta4 and later, whichever version wrote it."""
    network = parse(text, WHERE)
    key = "vertices" if "vertices" in network.values else "confs"
    if key not in network.values:
        keys = ", ".join(sorted(network.values)[:5]) or "none"
        raise ModelFileError(f"{WHERE}: it has the keys {keys}, but not confs; expected what DL4J writes for a MultiLayerNetwork")
    count = len(network.nodes("confs")) if key == "confs" else len(network.node("vertices").values)
    if not count:
        raise ModelFileError(f"{WHERE}: {key} is empty; expected a network of at least one layer: save the model again")
    if count > MOST_LAYERS:
        raise ModelFileError(f"{WHERE}: {key} has {count} layers; expected at most {MOST_LAYERS}: the file is altered, copy it again")
    return modern(network)


def configuration(
    network: Node, input_type: InputType | None = None, input_types: Mapping[str, InputType] | None = None
) -> MultiLayerConfiguration | ComputationGraphConfiguration:
    """The network that :func:`document` has read, as :func:`read_configuration` gives it."""
    _check_types({"input_type": input_type} if input_type is not None else {}, "")
    _check_types({} if input_types is None else input_types, "input_types: ")
    is_graph = "vertices" in network.values
    if is_graph and input_type is not None:
        raise InputError(f"input_type={input_type!r}: the file holds a graph; tell what comes in by input_types={{name: InputType...}}")
    if input_types and not is_graph:
        raise InputError(f"input_types={dict(input_types)!r}: the file holds a network of one input: tell it by input_type=...")
    fields = graph_fields(network, input_types or {}) if is_graph else _of_layers(network, input_type)
    for note in notes_of_use(network):
        warnings.warn(ImportNote(f"{WHERE}: {note}"), stacklevel=2)
    return made(ComputationGraphConfiguration, network, fields) if is_graph else made(MultiLayerConfiguration, network, fields)


def _check_types(given: Mapping[str, InputType], where: str) -> None:
    """InputError for anything but input types by name."""
    example = "such as rg.InputType.recurrent(3)"
    if not isinstance(given, Mapping):
        raise InputError(f"input_types={shown(given)}: expected a mapping from the graph's inputs to their types, {example}")
    for name, flow in given.items():
        if not isinstance(flow, InputType):
            raise InputError(f"{where}{name}={shown(flow)}: expected an input type, {example}")


def _of_layers(network: Node, input_type: InputType | None) -> dict[str, Any]:
    """The fields of a network of layers in a row."""
    confs = network.nodes("confs")
    whole, between, classes = shared(network, confs), preprocessors(network), preprocessor_classes(network)
    layers = [read_conf(conf, f"{WHERE}: layers[{index}]", f"layer{index}") for index, conf in enumerate(confs)]
    steps = [
        Step(str(k), (str(k - 1),), layer, classes.get(k, ""), f"{WHERE}: layers[{k}] ({layer.tag()})") for k, layer in enumerate(layers)
    ]
    timed = series(steps)
    layers = [of_ids(layer, str(k) in timed) for k, layer in enumerate(layers)]
    start = input_type or (None if 0 in between else as_series(start_of_row(layers), START in timed))
    check_outputs(steps, {START} if start is not None and start.has_time else ())
    return {**whole, "layers": layers, "input_type": start, "preprocessors": between or None}


def notes_of_use(network: Node) -> list[str]:
    """What a user of the network has to know before the first array."""
    swapped = steps_before_features(walk.layers(network), walk.preprocessors(network))
    open_ = any(has_open_number(layer) for layer in walk.layers(network))
    notes = {NWC: swapped, OPEN: open_, HALF: network.text("dataType", "FLOAT") in HALVES}
    return [note for note, holds in notes.items() if holds]
