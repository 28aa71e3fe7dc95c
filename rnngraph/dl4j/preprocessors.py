"""Preprocessors: ``org.deeplearning4j.nn.conf.preprocessor``."""

from __future__ import annotations

from typing import Any

from rnngraph.conf.family import MEMBERS
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.formats import check_format
from rnngraph.errors import ModelFileError

OF_TIME = ("FeedForwardToRnnPreProcessor", "RnnToFeedForwardPreProcessor")
"""Those that lay steps out as rows and back. rnngraph keeps the time axis, on every step of which a dense layer acts: nothing to do."""
OF_FRAMES = ("CnnToFeedForwardPreProcessor", "CnnToRnnPreProcessor", "FeedForwardToCnnPreProcessor", "RnnToCnnPreProcessor")
"""Those that lay out images."""


def preprocessors(network: Node) -> dict[int, dict[str, Any]]:
    """By layer index, as a configuration takes them. UnsupportedError for a class that rnngraph lacks."""
    if not network.has("inputPreProcessors"):
        return {}
    held, found = network.node("inputPreProcessors"), dict[int, dict[str, Any]]()
    for index in held.values:
        if not index.isdecimal():
            raise ModelFileError(f"{held.where}: the key {index!r} is no index of a layer; save the model again")
        preprocessor = read_preprocessor(Node(held.node(index).values, f"{held.where}[{index}]"))
        if preprocessor is not None:
            found[int(index)] = preprocessor
    return found


def read_preprocessor(node: Node) -> dict[str, Any] | None:
    """A preprocessor as a configuration takes it; None for one that has nothing to do. UnsupportedError for a class that rnngraph lacks."""
    check_format(node)
    if node.kind in OF_TIME:
        return None
    if node.kind not in OF_FRAMES or node.kind not in {cls.tag() for cls in MEMBERS}:
        raise UnsupportedError(node.where, f"preprocessor {node.kind}")
    size = {"height": node.count("inputHeight"), "width": node.count("inputWidth"), "channels": node.count("numChannels")}
    return {"type": node.kind, **size}
