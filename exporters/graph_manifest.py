"""What the manifest says of a network that is a graph: several inputs and outputs, each with a time axis and a mask of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.padding import mask_of, reads_padding, reads_padding_of
from rnngraph.ir.steps import least_steps, time_axis

GRAPH = "graph"
"""What stands under the key "network" of such a file; the key is absent where the layers stand in a row."""

TIME_RULE = (
    "Each input with a time_axis is a series; series with the same name under steps have to be equally long, and each has to have at least "
    "least_steps. Feed any number of steps at once. To go on with the sequences, feed each next state as the state; to begin, feed the "
    "initial values. Inputs without a time_axis are given at every call. Whole, in pieces or step by step gives the same outputs where "
    "streams is true."
)
STEP_RULE = (
    "Feed one step of each input that has a time_axis at a time, and the other inputs at every call. To go on with the sequences, feed "
    "each next state as the state; to begin, feed the initial values."
)
NO_TIME_RULE = "There is no time axis: each row is an example of its own."

Labels = Mapping[str, Sequence[str]]
"""Class labels by the output that they name."""


def graph_parts(content: Mapping[str, Any], graph: Graph, names: Sequence[str], rule: str, labels: Labels) -> dict[str, Any]:
    """The manifest ``content`` as that of a graph; ``names`` are those of the layers' vertices, ``rule`` that of masks."""
    least, ports = least_steps(graph), {p.name: p for p in (*graph.inputs, *graph.outputs)}
    masks = [p["name"] for p in content["inputs"] if p["role"] == "mask"]
    time_rule = NO_TIME_RULE if not least else TIME_RULE if content["steps"] is None else STEP_RULE
    return {
        **content,
        "network": GRAPH,
        "inputs": [{**p, **_input(ports[p["name"]], graph, least)} for p in content["inputs"]],
        "outputs": [{**p, **_output(ports[p["name"]], labels)} for p in content["outputs"]],
        "states": [{**s, "name": names[s["layer"]]} for s in content["states"]],
        "mask": {"inputs": masks, "values": [0, 1], "padding_is_read": reads_padding(graph), "rule": rule if masks else None},
        "time": {"rule": time_rule},
        "layers": [{"index": layer["index"], "name": name, **layer} for name, layer in zip(names, content["layers"], strict=True)],
    }


def _input(port: Port, graph: Graph, least: Mapping[str, int]) -> dict[str, Any]:
    if port.role == "state":
        return {}
    series = _series(port)
    if port.role == "mask":
        return {**series, "masks": port.of}
    mask = mask_of(port, graph)
    needs = {} if series["steps"] is None else {"least_steps": least[series["steps"]]}
    return {**series, **needs, "mask": None if mask is None else mask.name, "padding_is_read": reads_padding_of(port, graph)}


def _output(port: Port, labels: Labels) -> dict[str, Any]:
    if port.role != "output":
        return {}
    named = {"class_labels": list(labels[port.name])} if port.name in labels else {}
    return {**_series(port), **named}


def _series(port: Port) -> dict[str, Any]:
    """Where the steps of a port stand, and how many there are, as an expression of the inputs' numbers."""
    axis = time_axis(port.value.shape)
    return {"time_axis": axis, "steps": None if axis is None else str(port.value.shape[axis])}
