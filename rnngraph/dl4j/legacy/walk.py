"""The layers of a document, whether it is a network's or a graph's, in today's words or in those of an older version."""

from __future__ import annotations

from collections.abc import Iterator

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.objects import unwrapped


def confs(network: Node) -> Iterator[tuple[str, Node]]:
    """What a document says of each layer, by the layer's index, or by the vertex in a graph: what DL4J's keys of parameters begin with."""
    for index, conf in enumerate(network.nodes("confs")):
        yield str(index), conf
    for name, vertex in _vertices(network):
        if vertex.has("layerConf"):
            yield name, vertex.node("layerConf")


def layers(network: Node) -> Iterator[Node]:
    """All layers of a document, those inside of wrappers too."""
    in_a_row = network.has("confs")
    for key, conf in confs(network):
        where = f"{network.where}: layers[{key}]" if in_a_row else f"{network.where}: {key}"
        yield from within(Node(unwrapped(conf.node("layer")).values, where))


def within(layer: Node) -> Iterator[Node]:
    """``layer`` and the layers that it holds."""
    yield layer
    for key in ("underlying", "fwd", "bwd"):
        if layer.has(key):
            yield from within(unwrapped(layer.node(key)))


def preprocessors(network: Node) -> Iterator[Node]:
    """What stands before layers."""
    if network.has("inputPreProcessors"):
        held = network.node("inputPreProcessors")
        yield from (held.node(key) for key in held.values)
    yield from (vertex.node("preProcessor") for _, vertex in _vertices(network) if vertex.has("preProcessor"))


def _vertices(network: Node) -> Iterator[tuple[str, Node]]:
    held = network.node("vertices") if network.has("vertices") else Node({}, network.where)
    yield from ((name, unwrapped(held.node(name))) for name in held.values)
