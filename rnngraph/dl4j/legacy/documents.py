"""Whole documents: networks of layers, and graphs of vertices."""

from __future__ import annotations

from collections.abc import Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.layers import modern_layer
from rnngraph.dl4j.legacy.names import PREPROCESSORS
from rnngraph.dl4j.legacy.objects import Json, unwrapped


def modern(network: Node) -> Node:
    """The document of a network or of a graph as DL4J 1.0.0-beta4 and later write it. Raises UnsupportedError, ModelFileError."""
    values = dict(network.values)
    if network.has("inputPreProcessors"):
        values["inputPreProcessors"] = _preprocessors(network.node("inputPreProcessors"))
    if network.has("confs"):
        where = f"{network.where}: layers"
        values["confs"] = [dict(modern_conf(conf, f"{where}[{k}]").values) for k, conf in enumerate(network.nodes("confs"))]
    if network.has("vertices"):
        held = network.node("vertices")
        values["vertices"] = {name: _vertex(held.node(name)) for name in held.values}
    return Node(values, network.where)


def modern_conf(conf: Node, where: str) -> Node:
    """``conf`` of a layer, which ``where`` names in messages. A layer in the place of ``layer`` that is no object is left to the reader."""
    if not isinstance(conf.values.get("layer"), dict):
        return conf
    layer = modern_layer(Node(conf.values["layer"], where), conf)
    return Node({**conf.values, "layer": dict(layer.values)}, conf.where)


def _vertex(vertex: Node) -> Json:
    """A vertex with its class inside; one that holds a layer has that layer, and the preprocessor before it, in today's words."""
    node = unwrapped(vertex)
    values = dict(node.values)
    if isinstance(values.get("layerConf"), dict):
        values["layerConf"] = dict(modern_conf(node.node("layerConf"), node.where).values)
    if isinstance(values.get("preProcessor"), dict):
        values["preProcessor"] = dict(unwrapped(node.node("preProcessor"), PREPROCESSORS).values)
    return values


def _preprocessors(held: Node) -> Mapping[str, object]:
    return {
        key: dict(unwrapped(held.node(key), PREPROCESSORS).values) if isinstance(value, dict) else value
        for key, value in held.values.items()
    }
