"""The layers of a document, whether it is a network's or a graph's, in today's words or in those of an older version."""

from __future__ import annotations

from collections.abc import Iterator

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.objects import unwrapped


def confs(network: Node) -> Iterator[tuple[str, Node]]:
    """What a document says of each layer, with the layer's name in messages: ``layers[0]``, or the vertex in a graph."""
    for index, conf in enumerate(network.nodes("confs")):
        yield f"layers[{index}]", conf
    held = network.node("vertices") if network.has("vertices") else Node({}, network.where)
    for name in held.values:
        vertex = unwrapped(held.node(name))
        if vertex.has("layerConf"):
            yield name, vertex.node("layerConf")


def layers(network: Node) -> Iterator[Node]:
    """All layers of a document, those inside of wrappers too."""
    for name, conf in confs(network):
        layer = unwrapped(conf.node("layer"))
        yield from within(Node(layer.values, f"{network.where}: {name}"))


def within(layer: Node) -> Iterator[Node]:
    """``layer`` and the layers that it holds."""
    yield layer
    for key in ("underlying", "fwd", "bwd"):
        if layer.has(key):
            yield from within(unwrapped(layer.node(key)))
