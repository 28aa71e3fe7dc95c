"""Preprocessors: ``org.deeplearning4j.nn.conf.preprocessor``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rnngraph.conf.family import MEMBERS
from rnngraph.dl4j.document import INDEX, Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.formats import check_format
from rnngraph.errors import ModelFileError
from rnngraph.names import shown

OF_TIME = ("FeedForwardToRnnPreProcessor", "RnnToFeedForwardPreProcessor")
"""Those that lay steps out as rows and back. rnngraph keeps the time axis, on every step of which a dense layer acts: nothing to do."""
OF_FRAMES = ("CnnToFeedForwardPreProcessor", "CnnToRnnPreProcessor", "FeedForwardToCnnPreProcessor", "RnnToCnnPreProcessor")
"""Those that lay out images."""


def preprocessors(network: Node) -> dict[int, dict[str, Any]]:
    """By layer index, as a configuration takes them. UnsupportedError for a class that rnngraph lacks."""
    found = {index: read_preprocessor(node) for index, node in _by_index(network)}
    return {index: preprocessor for index, preprocessor in found.items() if preprocessor is not None}


def preprocessor_classes(network: Node) -> dict[int, str]:
    """DL4J's classes by layer index, of those too that have nothing to do here."""
    return {index: node.kind for index, node in _by_index(network)}


def _by_index(network: Node) -> Iterator[tuple[int, Node]]:
    held = network.node("inputPreProcessors") if network.has("inputPreProcessors") else Node({}, network.where)
    for index in held.values:
        if not re.fullmatch(INDEX, index, re.ASCII):
            raise ModelFileError(f"{held.where}: the key {shown(index)} is no index of a layer; save the model again")
        yield int(index), Node(held.node(index).values, f"{held.where}[{index}]")


def read_preprocessor(node: Node) -> dict[str, Any] | None:
    """A preprocessor as a configuration takes it; None for one that has nothing to do. UnsupportedError for a class that rnngraph lacks."""
    check_format(node)
    if node.kind in OF_TIME:
        return None
    if node.kind not in OF_FRAMES or node.kind not in {cls.tag() for cls in MEMBERS}:
        raise UnsupportedError(node.where, f"preprocessor {node.kind}")
    size = {"height": node.count("inputHeight"), "width": node.count("inputWidth"), "channels": node.count("numChannels")}
    return {"type": node.kind, **size}
