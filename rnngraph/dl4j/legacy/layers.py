"""A layer of an older dialect with the fields of beta4 and later; those that it has already stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.legacy import names
from rnngraph.dl4j.legacy.objects import Json, is_wrapped, unwrapped, unwrapped_fields
from rnngraph.dl4j.legacy.updaters import updaters

_HELD = ("fwd", "bwd", "underlying")
"""Where wrappers hold layers."""
_GATED = ("GravesBidirectionalLSTM", "GravesLSTM", "LSTM")
_WRAPPED = {
    "activationFn": names.ACTIVATIONS,
    "gateActivationFn": names.ACTIVATIONS,
    "lossFn": names.LOSSES,
    "idropout": {},
    "weightNoise": {},
}
_LISTS = ("constraints", "regularization", "regularizationBias")
"""Lists of objects, whose names are those of classes."""


def modern_layer(layer: Node, conf: Node) -> Node:
    """``layer`` of ``conf``, which has what is common to all of the layer's parameters, as beta4 and later write it."""
    node = unwrapped(layer, names.LAYERS)
    node = Node(node.values, f"{layer.where} ({str(node.values.get('@class')).rpartition('.')[2]})")
    values = {**node.values, **unwrapped_fields(node, _WRAPPED), **_unwrapped_lists(node)}
    for key in _HELD:
        if node.has(key):
            values[key] = dict(modern_layer(node.node(key), conf).values)
    for section in (_activations, _loss, _initializers, updaters, _penalties, _dropout, _window):
        values.update(section(Node(values, node.where), conf))
    return Node(values, layer.where)


def _unwrapped_lists(layer: Node) -> Json:
    """Those that hold objects only; what else stands there is the reader's to tell."""
    held = {key: layer.values.get(key) for key in _LISTS}
    of_objects = [key for key, value in held.items() if isinstance(value, list) and all(isinstance(one, dict) for one in value)]
    return {key: [dict(unwrapped(entry).values) for entry in layer.nodes(key)] for key in of_objects}


def _named(layer: Node, key: str, known: Mapping[str, str], what: str) -> Json:
    """The object of the class that the name in ``key`` stands for."""
    name = layer.text(key)
    if name not in known:
        raise UnsupportedError(layer.where, f"{what} {name}")
    return {"@class": known[name]}


def _activations(layer: Node, conf: Node) -> Json:
    """0.5 and 0.6 have names, and sigmoid gates without saying so."""
    out: Json = {}
    if not layer.has("activationFn") and layer.has("activationFunction"):
        made = _named(layer, "activationFunction", names.ACTIVATION_NAMES, "activation")
        slope = conf.number("leakyreluAlpha", 0.0)
        out["activationFn"] = {**made, "alpha": slope} if slope and made["@class"] == "ActivationLReLU" else made
    if not layer.has("gateActivationFn") and str(layer.values.get("@class")).rpartition(".")[2] in _GATED:
        out["gateActivationFn"] = {"@class": "ActivationSigmoid"}
    return out


def _loss(layer: Node, conf: Node) -> Json:
    """A name in 0.5; weights of outputs were a plain list until beta3."""
    if layer.has("lossFn"):
        held = layer.node("lossFn")
        weights = held.values.get("weights")
        return {"lossFn": {**held.values, "weights": {"data": weights}}} if isinstance(weights, list) else {}
    return {"lossFn": _named(layer, "lossFunction", names.LOSS_NAMES, "loss")} if layer.has("lossFunction") else {}


def _initializers(layer: Node, conf: Node) -> Json:
    """Names, with the distribution apart."""
    fields = (("weightInitFn", "weightInit", "dist"), ("weightInitFnRecurrent", "weightInitRecurrent", "distRecurrent"))
    return {key: _initializer(layer, name, held) for key, name, held in fields if layer.has(name) and not layer.has(key)}


def _initializer(layer: Node, key: str, held: str) -> Json:
    name = layer.text(key)
    if name in ("ZERO", "ONES"):
        return {"@class": "WeightInitConstant", "value": float(name == "ONES")}
    if name == "DISTRIBUTION":
        return {"@class": "WeightInitDistribution", "distribution": _distribution(layer.node(held))}
    return _named(layer, key, names.INITIALIZERS, "initialiser")


def _distribution(node: Node) -> Json:
    """``{"normal": {"mean": 0, "std": 1}}``, or with its class, as ``{"type": "normal", ...}``."""
    held = unwrapped(node)
    return {"type": held.values["@class"], **held.values} if is_wrapped(node) or "@class" in node.values else dict(node.values)


def _penalties(layer: Node, conf: Node) -> Json:
    """DL4J loads ``l2`` as a weight decay that the learning rate does not scale."""
    flat = ("l1", "l2", "l1Bias", "l2Bias", "biasL1", "biasL2")
    if layer.has("regularization") or not any(layer.has(key) for key in flat):
        return {}
    used = conf.flag("useRegularization", True)
    weights, biases = (("l1",), ("l2",)), (("l1Bias", "biasL1"), ("l2Bias", "biasL2"))
    return {
        key: _entries(layer, *sources) if used else [] for key, sources in (("regularization", weights), ("regularizationBias", biases))
    }


def _entries(layer: Node, l1: tuple[str, ...], l2: tuple[str, ...]) -> list[Json]:
    """The penalties of one kind of parameters, from the first of the names that the layer has."""
    first, second = (next((layer.number(key, 0.0) for key in keys if layer.has(key)), 0.0) for keys in (l1, l2))
    found: list[Json] = []
    if first > 0:
        found.append({"@class": "L1Regularization", "l1": _fixed(first)})
    if second > 0:
        found.append({"@class": "WeightDecay", "coeff": _fixed(second), "applyLR": False})
    return found


def _fixed(value: float) -> Json:
    return {"@class": "FixedSchedule", "value": value}


def _dropout(layer: Node, conf: Node) -> Json:
    """A number, which acts on weights where the network says so; 0 is none."""
    amount = layer.number("dropOut", 0.0)
    if amount <= 0 or layer.has("idropout") or layer.has("weightNoise"):
        return {}
    if conf.flag("useDropConnect") and layer.has("weightInitFn"):
        return {"weightNoise": {"@class": "DropConnect", "weightRetainProb": amount}}
    return {"idropout": {"@class": "Dropout", "p": amount}}


def _window(layer: Node, conf: Node) -> Json:
    """Filters had no dilation before 0.9."""
    return {"dilation": [1, 1]} if layer.has("kernelSize") and not layer.has("dilation") else {}
