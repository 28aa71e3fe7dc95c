"""``configuration.json`` of a ComputationGraph: vertices by name, what comes into each, and in which order DL4J's vector has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Set
from typing import Any

from rnngraph.conf import GraphNode, InputType
from rnngraph.conf.family import choices
from rnngraph.conf.graph_inputs import divided_evenly, inferred_types
from rnngraph.conf.topology import is_topological, topological_order
from rnngraph.conf.vertices import GraphVertex
from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.dl4j.preprocessors import read_preprocessor
from rnngraph.dl4j.series import Step, as_series, check_outputs, of_ids, series
from rnngraph.dl4j.whole import WHERE, read_conf, shared
from rnngraph.errors import ConfigurationError, ModelFileError

AS_THEY_STAND = {"mask_mode": "ignore"}
"""DL4J joins what stands at masked steps too."""


def _of_input(key: str) -> Callable[[Node], dict[str, Any]]:
    return lambda node: {"input": node.text(key)}


VERTICES: Mapping[str, Callable[[Node], dict[str, Any]]] = {
    "DuplicateToTimeSeriesVertex": _of_input("inputName"),
    "ElementWiseVertex": lambda node: {"op": node.text("op"), **AS_THEY_STAND},
    "L2NormalizeVertex": lambda node: {"epsilon": node.number("eps", 1e-8), **AS_THEY_STAND},
    "LastTimeStepVertex": _of_input("maskArrayInputName"),
    "MergeVertex": lambda node: AS_THEY_STAND,
    "PreprocessorVertex": lambda node: {"preprocessor": _preprocessor_of_vertex(node.node("preProcessor"))},
    "ReverseTimeSeriesVertex": lambda node: {"input": node.text("maskArrayInputName", "") or None},
    "ScaleVertex": lambda node: {"factor": node.number("scaleFactor", 1.0)},
    "ShiftVertex": lambda node: {"shift": node.number("shiftFactor", 0.0)},
    "StackVertex": lambda node: {},
    "SubsetVertex": lambda node: {"first": node.count("from"), "last": node.count("to")},
    "UnstackVertex": lambda node: {"index": node.count("from"), "count": node.count("stackSize")},
}
"""What the JSON of a class says in our fields."""
USUAL: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "MergeVertex": {"mergeAxis": (None, 1)},
    "L2NormalizeVertex": {"dimension": (None, [])},
}
"""Settings that have no other value here."""


def graph_fields(network: Node, input_types: Mapping[str, InputType]) -> dict[str, Any]:
    """The fields of the configuration of the graph that a document in today's words describes.

    DL4J writes the widths of layers and not of inputs. Where those of several inputs that a merge joins do not follow, they are taken as
    equal, which an ImportNote tells; ``input_types`` tells them. Raises as ``read_configuration``.
    """
    inputs = network.texts("networkInputs")
    for name in input_types:
        if name not in inputs:
            raise ModelFileError(f"{WHERE}: there is no input {name!r} as input_types has it; the graph's are {', '.join(inputs)}")
    held = network.node("vertices")
    confs = [held.node(name).node("layerConf") for name in held.values if held.node(name).has("layerConf")]
    whole, nodes = shared(network, confs), _ordered(network, inputs)
    steps = [Step(name, node.inputs, node.content, _between(held.node(name)), _label(name, node)) for name, node in nodes.items()]
    timed = series(steps)
    nodes = {name: node if node.layer is None else node.replaced(layer=of_ids(node.layer, name in timed)) for name, node in nodes.items()}
    guessed = _open_inputs(inputs, nodes, input_types)
    if guessed:
        warnings.warn(ImportNote(_note(guessed)), stacklevel=4)
    types = _types(inputs, nodes, {**guessed, **input_types}, timed - input_types.keys())
    check_outputs(steps, {name for name, flow in types.items() if flow.has_time})
    return {**whole, "inputs": inputs, "vertices": nodes, "outputs": network.texts("networkOutputs"), "input_types": types}


def _types(
    inputs: tuple[str, ...], nodes: Mapping[str, GraphNode], given: Mapping[str, InputType], timed: Set[str]
) -> dict[str, InputType]:
    """What comes in, those that are ``timed`` as series; ``given`` where the rest does not follow."""
    try:
        found = inferred_types(inputs, nodes, given)
    except ConfigurationError:  # which the configuration tells
        return dict(given)
    return {name: as_series(flow, name in timed) or flow for name, flow in found.items()}


def _between(vertex: Node) -> str:
    """DL4J's class of the preprocessor in front of a vertex."""
    return vertex.node("preProcessor").kind if vertex.kind == "LayerVertex" and vertex.has("preProcessor") else ""


def _label(name: str, node: GraphNode) -> str:
    return f"{WHERE}: vertex {name!r} ({node.content.tag()})"


def _note(guessed: Mapping[str, InputType]) -> str:
    widths = " and ".join(f"{name!r} {flow.size}" for name, flow in guessed.items())
    told = ", ".join(f"{name!r}: InputType.recurrent(...)" for name in guessed)
    return (
        f"{WHERE}: the file does not say how many features each of these inputs has; {widths} are taken until the "
        f"first arrays tell. To say it: dl4j.load(path, input_types={{{told}}})"
    )


def open_inputs(network: Node, input_types: Mapping[str, InputType]) -> tuple[str, ...]:
    """The inputs of a graph whose width the file does not tell."""
    inputs = network.texts("networkInputs")
    return tuple(_open_inputs(inputs, _ordered(network, inputs), input_types))


def _open_inputs(inputs: tuple[str, ...], nodes: Mapping[str, GraphNode], given: Mapping[str, InputType]) -> dict[str, InputType]:
    try:
        inferred_types(inputs, nodes, given)
    except ConfigurationError:
        return divided_evenly(inputs, nodes, given)
    return {}


def _ordered(network: Node, inputs: tuple[str, ...]) -> dict[str, GraphNode]:
    """The vertices in the order in which the vector has their parameters: that of the file, else the one that DL4J would find."""
    held, sources = network.node("vertices"), network.node("vertexInputs")
    edges = {name: sources.texts(name) for name in held.values}
    for name, given in edges.items():
        if not given:
            raise ModelFileError(f"{sources.where}: {name!r} has no input; expected names, as DL4J writes them: save the model again")
    try:
        order = topological_order(inputs, edges)
    except ConfigurationError as error:
        raise ModelFileError(f"{WHERE}: {error}") from error
    noted = [name for name in network.texts("topologicalOrderStr") if name not in inputs]
    if noted and (sorted(noted) != sorted(order) or not is_topological(inputs, {name: edges[name] for name in noted})):
        raise ModelFileError(
            f"{WHERE}: topologicalOrderStr is {', '.join(noted[:5])} ...; expected each of the vertices once, behind what comes into it"
        )
    return {name: _node(held.node(name), name, edges[name]) for name in noted or order}


def _node(vertex: Node, name: str, inputs: tuple[str, ...]) -> GraphNode:
    """A layer or vertex with what comes in."""
    where = f"{WHERE}: vertex {name!r}"
    if vertex.kind == "LayerVertex":
        layer = read_conf(vertex.node("layerConf"), where, name)
        between = read_preprocessor(Node(vertex.node("preProcessor").values, where)) if vertex.has("preProcessor") else None
        fields: dict[str, Any] = {"layer": layer, "inputs": inputs, "preprocessor": between}
        return GraphNode(**fields)
    return GraphNode(vertex=_vertex(Node(vertex.values, where)), inputs=inputs)


def _vertex(node: Node) -> GraphVertex:
    if node.kind not in VERTICES:
        raise UnsupportedError(node.where, f"vertex {node.kind}")
    for key, usual in USUAL.get(node.kind, {}).items():
        if node.values.get(key) not in usual:
            raise UnsupportedError(node.where, f"vertex {node.kind} with {key} {node.values[key]}")
    fields = VERTICES[node.kind](node)
    members: Mapping[str, Any] = choices(GraphVertex)
    try:
        made: GraphVertex = members[node.kind](**fields)
        return made
    except ConfigurationError as error:
        raise ModelFileError(f"{node.where} ({node.kind}): {error}") from error


def _preprocessor_of_vertex(node: Node) -> dict[str, Any]:
    """One that has nothing to do stands there all the same."""
    return read_preprocessor(node) or {"type": node.kind}
