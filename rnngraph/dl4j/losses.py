"""Losses: ``org.nd4j.linalg.lossfunctions.impl``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.support import accepted
from rnngraph.errors import ModelFileError
from rnngraph.names import shown

NAMES: Mapping[str, str] = {
    "LossBinaryXENT": "xent",
    "LossCosineProximity": "cosine_proximity",
    "LossHinge": "hinge",
    "LossKLD": "kl_divergence",
    "LossL1": "l1",
    "LossL2": "l2",
    "LossMAE": "mean_absolute_error",
    "LossMAPE": "mean_absolute_percentage_error",
    "LossMCXENT": "mcxent",
    "LossMSE": "mse",
    "LossMSLE": "mean_squared_logarithmic_error",
    "LossNegativeLogLikelihood": "negativeloglikelihood",
    "LossPoisson": "poisson",
    "LossSparseMCXENT": "sparse_mcxent",
    "LossSquaredHinge": "squared_hinge",
    "LossWasserstein": "wasserstein",
}
"""DL4J's classes and our names."""

CLIPPING: Mapping[str, tuple[str, float]] = {"softmaxClipEps": ("softmax_clip_eps", 1e-10), "clipEps": ("clip_eps", 1e-5)}
"""Bounds of logarithms by DL4J's name: ours, and the value that goes without saying."""


def loss(layer: Node) -> Any:
    """The loss of an output layer, as ours hold it. UnsupportedError for one that rnngraph lacks."""
    node = layer.node("lossFn")
    name = NAMES.get(node.kind)
    if name is None:
        raise UnsupportedError(layer.where, f"loss {node.kind}")
    given: dict[str, Any] = {}
    for theirs, (ours, usual) in CLIPPING.items():
        if node.number(theirs, usual) != usual:
            given[ours] = node.number(theirs, usual)
    if node.has("weights"):
        given["weights"] = _vector(node.node("weights"))
    element = f"loss {name}" + (f" with {', '.join(given)}" if given else "")
    width = len(given["weights"]) if "weights" in given else 2
    return accepted("loss", {"type": name, **given} if given else name, element, layer.where, "OutputLayer", width)


def _vector(node: Node) -> tuple[float, ...]:
    """An array of ND4J's that JSON holds as dataType, shape and data."""
    data = node.get("data", list, "a list of numbers")
    if not data or not all(type(v) in (int, float) for v in data):
        raise ModelFileError(f"{node.where}: data is {shown(data)}; expected a list of numbers: save the model again")
    numbers = Node({f"data[{k}]": value for k, value in enumerate(data)}, node.where)
    return tuple(numbers.number(key, 0.0) for key in numbers.values)
