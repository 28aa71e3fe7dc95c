"""``configuration.json``, as DL4J 1.0.0-M2.1 writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnngraph.conf import Backprop, ComputationGraphConfiguration, Layer, TruncatedBPTT, WeightLayer
from rnngraph.conf.layers import WrapperLayer, innermost
from rnngraph.conf.layers.windowed import Windows
from rnngraph.dl4j.layouts import keys
from rnngraph.dl4j.writing.arrays import NAMES
from rnngraph.dl4j.writing.layers import Place, layer_json
from rnngraph.dl4j.writing.problems import NotInDL4JError
from rnngraph.dl4j.writing.spots import Configuration, Spot, first_of, preprocessor_json, spots, with_format
from rnngraph.dl4j.writing.text import Json, object_, printed
from rnngraph.dl4j.writing.vertices import PACKAGE, vertex_json

LENGTH = 20
"""What DL4J notes for truncated BPTT where there is none."""


def configuration_json(config: Configuration, iteration: int = 0, epoch: int = 0) -> str:
    """The text of the file. NotInDL4JError, which names layer and element, for what DL4J lacks."""
    found = spots(config)
    own = _graph(config, found) if isinstance(config, ComputationGraphConfiguration) else _row(config, found)
    document = {**own, **_network(config, iteration, epoch)}
    return printed(dict(sorted(document.items())))


def _row(config: Configuration, found: Sequence[Spot]) -> Json:
    """What only a row of layers has."""
    between = {str(k): preprocessor_json(spot.preprocessor) for k, spot in enumerate(found) if spot.preprocessor is not None}
    return {"confs": [_layer_conf(config, spot) for spot in found], "inputPreProcessors": between}


def _graph(config: ComputationGraphConfiguration, found: Sequence[Spot]) -> Json:
    """What only a graph has. Vertices stand in topological order, but the merge that DL4J puts in front of a layer behind it."""
    held = {spot.name: spot for spot in found}
    merges = {name: f"{name}-merge" for name, node in config.vertices.items() if node.inputs == (f"{name}-merge",)}
    behind = set(merges.values()) & config.vertices.keys()
    names = [one for name in config.vertices if name not in behind for one in (name, merges.get(name)) if one in config.vertices]
    order, places = [*config.inputs, *config.vertices], [*config.inputs, *names]
    variables = [f"{name}_{key}" for name in config.vertices if name in held for key in keys(held[name].layer)]
    return {
        "defaultConfiguration": _conf(config, None, variables),
        "networkInputs": list(config.inputs),
        "networkOutputs": list(config.outputs),
        "topologicalOrder": [places.index(name) for name in order],
        "topologicalOrderStr": order,
        "vertexInputs": {name: list(node.inputs) for name, node in config.vertices.items()},
        "vertices": {name: _vertex(config, name, held) for name in names},
    }


def _vertex(config: ComputationGraphConfiguration, name: str, held: dict[str, Spot]) -> Json:
    """What stands under ``name``. DL4J marks no output."""
    if name not in held:
        return vertex_json(config.vertices[name].content, config.layer_label(config.layer_names.index(name)))
    between = held[name].preprocessor
    fields = {
        "layerConf": _layer_conf(config, held[name]),
        "outputVertex": False,
        "preProcessor": None if between is None else preprocessor_json(between),
    }
    return object_(PACKAGE, "LayerVertex", fields)


def _layer_conf(config: Configuration, spot: Spot) -> Json:
    layer = with_format(layer_json(spot.layer, _place(config, spot)), spot.preprocessor)
    return _conf(config, layer, _variables(spot.layer))


def _conf(config: Configuration, layer: Json | None, variables: Sequence[str]) -> Json:
    """What stands around a layer, and in a graph once around none."""
    return {
        "cacheMode": "NONE",
        "dataType": NAMES[config.data_type][0],
        "epochCount": 0,  # DL4J counts at the top alone
        "iterationCount": 0,
        "layer": layer,
        "maxNumLineSearchIterations": 5,
        "miniBatch": config.mini_batch,
        "minimize": True,
        "optimizationAlgo": "STOCHASTIC_GRADIENT_DESCENT",
        "seed": config.seed - 2**64 if config.seed >= 2**63 else config.seed,  # Java's is signed
        "stepFunction": None,
        "variables": list(variables),
    }


def _network(config: Configuration, iteration: int, epoch: int) -> Json:
    """What networks of both kinds have at the top."""
    segment = _segment(config.backprop)
    length = segment or LENGTH
    return {
        "backpropType": "TruncatedBPTT" if segment else "Standard",
        "cacheMode": "NONE",
        "dataType": NAMES[config.data_type][0],
        "epochCount": epoch,
        "inferenceWorkspaceMode": "ENABLED",
        "iterationCount": iteration,
        "tbpttBackLength": length,
        "tbpttFwdLength": length,
        "trainingWorkspaceMode": "ENABLED",
        "validateOutputLayerConfig": True,  # which DL4J looks at while a configuration is built, not when it is read
    }


def _segment(backprop: Backprop) -> int | None:
    """The steps of a segment; None where there are none. NotInDL4JError where only some of them give gradients."""
    if not isinstance(backprop, TruncatedBPTT):
        return None
    length, backward = backprop.length, backprop.backward_length
    if backward not in (None, length):
        raise NotInDL4JError(
            f"backprop=TruncatedBPTT(length={length}, backward_length={backward})",
            "backward length",
            f"its gradients go back whole segments whatever it is set to: config.replaced(backprop=TruncatedBPTT({length})) does too",
        )
    return length


def _place(config: Configuration, spot: Spot) -> Place:
    """Where a layer stands. The network's settings are those of the first layer that has all, since those have an effect."""
    first: Any = first_of((innermost(layer) for layer in config.layers), WeightLayer) or config
    return Place(
        where=spot.label,
        name=spot.name,
        data_type=NAMES[config.data_type][0],
        activation=first.activation or "sigmoid",
        updater=first.updater,
        weight_init=first.weight_init,
        vectors=spot.takes.tag() == "feed_forward",
    )


def _variables(layer: Layer) -> Sequence[str]:
    """The keys that DL4J notes of a layer's parameters: none of a wrapper's but Bidirectional, and of a convolution the weights first."""
    if isinstance(layer, WrapperLayer) and layer.tag() != "Bidirectional":
        return ()
    return sorted(keys(layer)) if isinstance(layer, Windows) else keys(layer)
