"""The order of axes: time series are [N, F, T] (NCW), images [N, C, H, W] (NCHW).

DL4J 1.0.0-M1 and later have layers that take and give [N, T, F] (NWC). Such a layer computes the same, since DL4J swaps the axes on
the way in and out; so a network of which every layer does so can be read, and only the caller's arrays have other axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError

_OF_SERIES = ("rnnDataFormat", "rnndataFormat", "outputFormat")
_OF_IMAGES = ("cnn2dDataFormat", "cnn2DFormat", "dataFormat", "format")
_TIMED = frozenset({
    "Convolution1DLayer", "EmbeddingSequenceLayer", "GravesBidirectionalLSTM", "GravesLSTM", "LSTM", "RnnLossLayer", "RnnOutputLayer",
    "SimpleRnn",
})  # fmt: skip
"""Layers of time series: one without a format is NCW."""
_UNKNOWN = frozenset({"MaskZeroLayer", "Subsampling1DLayer"})
"""Layers that take time series and have no format: what they do in a network of NWC is not known."""
_POOLED: Mapping[bool, tuple[list[int] | None, ...]] = {False: (None, [], [2], [2, 3]), True: ([1],)}
"""The axes that a GlobalPoolingLayer takes in, without NWC and with it."""


def check_format(layer: Node) -> None:
    """Of a layer or preprocessor: UnsupportedError for axes of images, or of a time series, in an order that no network here has."""
    for keys, known in ((_OF_SERIES, ("NCW", "NWC")), (_OF_IMAGES, ("NCHW", "NCDHW", "NCW"))):
        for key in keys:
            if layer.text(key, known[0]) not in known:
                raise UnsupportedError(layer.where, f"data format {layer.text(key)}")


def steps_before_features(layers: Iterable[Node], preprocessors: Iterable[Node]) -> bool:
    """Whether a network's time series are [N, T, F] (NWC) in all of its layers, those inside wrappers among them.

    UnsupportedError where they are in some only, of which it names one.
    """
    found: dict[str, Node] = {}
    timed = list(layers)
    for node in (*timed, *preprocessors):
        given = [node.text(key) for key in _OF_SERIES if node.has(key)]
        for name in given or (["NCW"] if node.kind in _TIMED else []):
            found.setdefault(name, node)
    if {"NCW", "NWC"} <= set(found):
        raise UnsupportedError(found["NWC"].where, "data format NWC", f"{found['NCW'].where} has NCW")
    swapped = "NWC" in found
    for node in timed:
        if swapped and node.kind in _UNKNOWN:
            raise UnsupportedError(node.where, f"layer {node.kind} in a network of data format NWC")
        if node.kind == "GlobalPoolingLayer" and node.values.get("poolingDimensions") not in _POOLED[swapped]:
            raise UnsupportedError(node.where, f"poolingDimensions {node.values.get('poolingDimensions')}")
    return swapped
