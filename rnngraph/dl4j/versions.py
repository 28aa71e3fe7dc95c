"""Which version of DL4J wrote a file, as far as its words tell; several where they do not tell more."""

from __future__ import annotations

from rnngraph.dl4j.arrays import Header
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.objects import is_wrapped
from rnngraph.dl4j.legacy.walk import confs, layers

_FLAT = ("weightInit", "l1", "l2")
_FORMATS = ("rnnDataFormat", "rnndataFormat", "timeDistributedFormat", "outputFormat")


def version(network: Node, parameters: Header | None) -> str:
    """The version, or the first and the last, that writes a document and parameters like these: "0.7 or 0.8"."""
    keys = {key for layer in layers(network) for key in layer.values}
    if any(is_wrapped(conf.node("layer")) for _, conf in confs(network)):
        return _wrapped(keys)
    if not keys.isdisjoint(_FLAT):
        return "1.0.0-beta to beta3"
    if parameters is not None and len(parameters.shape) == 1:
        return "1.0.0-M2 or M2.1"
    if not keys.isdisjoint(_FORMATS):
        return "1.0.0-M1 or M1.1"
    recurrent = any("LSTM" in layer.kind or layer.kind == "SimpleRnn" for layer in layers(network))
    return "1.0.0-beta4 to beta7" if recurrent else "1.0.0-beta4 to M1.1"


def _wrapped(keys: set[str]) -> str:
    """Objects took the place of names and numbers one kind after the other: losses, activations, updaters, dropout."""
    if "idropout" in keys:
        return "1.0.0-alpha"
    if not keys.isdisjoint(("iupdater", "iUpdater")):
        return "0.9"
    if "activationFn" in keys:
        return "0.7 or 0.8"
    if "lossFn" in keys:
        return "0.6"
    return "0.5" if "lossFunction" in keys else "0.5 to 1.0.0-alpha"
