"""From a graph to a checked ONNX model.

Opset 21, the last one in which CUDA has kernels for all that is emitted, and the IR version that goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

import numpy as np
import onnx
from onnx import helper

from rnngraph.errors import ExportError
from rnngraph.exporters.onnx.builder import Array, Builder
from rnngraph.exporters.onnx.context import Context
from rnngraph.exporters.onnx.precision import Precision, smaller
from rnngraph.exporters.onnx.rows import ROWS
from rnngraph.ir.graph import Graph, InputRole, Port
from rnngraph.ir.steps import least_steps

OPSET = 21
CONSTANT: tuple[InputRole, ...] = ("parameter", "buffer")
"""Roles of inputs that are known at export."""
IR_VERSION = 10


def build_model(
    graph: Graph,
    parameters: Mapping[str, Array],
    *,
    steps: Literal[1] | None = None,
    batch: int | None = None,
    precision: Precision | None = None,
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """The model of ``graph``, which must have been through the target's passes.

    ``parameters`` holds an array for each parameter and buffer; the other inputs, by :func:`inputs` and :func:`outputs`, are the model's.
    ``steps=1`` writes cells in line, ``batch`` freezes N, ``precision`` tells how weights are stored, which were rounded to it. The model
    has passed the full checker, strict shape inference among it. ExportError: a parameter is missing or does not fit.
    """
    data_type = np.dtype(graph.data_type)
    ctx = Context(Builder(store=partial(smaller, precision=precision)), ROWS, data_type, steps, frozen(graph, steps, batch))
    for port in graph.inputs:
        ctx.known[port.value] = parameter(port, parameters).astype(data_type) if port.role in CONSTANT else ctx.builder.unique(port.name)
    ctx.builder.used.update(p.name for p in graph.outputs)
    ctx.emit(graph)
    given = inputs(graph)
    wanted = {p.name: ctx.name(p.value) for p in outputs(graph)}
    ctx.builder.name_outputs(wanted, {ctx.name(p.value) for p in given})
    takes, gives = ([ctx.describe(p.name, p.value.type) for p in ports] for ports in (given, outputs(graph)))
    proto = helper.make_graph(ctx.builder.nodes, "rnngraph", takes, gives, initializer=ctx.builder.initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(proto, opset_imports=[opset], ir_version=IR_VERSION, producer_name="rnngraph")
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model, full_check=True)  # which infers all shapes, strictly
    return model


def frozen(graph: Graph, steps: int | None, batch: int | None) -> dict[str, int]:
    """The numbers of the symbols that a file with these ``steps`` and ``batch`` fixes."""
    times = {} if steps is None else dict.fromkeys(least_steps(graph), steps)
    return times if batch is None else {**times, "N": batch}


def inputs(graph: Graph) -> list[Port]:
    """The file's inputs in their order: data, masks, states."""
    return _of_roles(graph.inputs, ("input", "mask", "state"))


def outputs(graph: Graph) -> list[Port]:
    """The file's outputs in their order: results, then the next states in the order of the states."""
    next_states = {p.name: p for p in graph.outputs if p.role == "next_state"}
    states = [next_states[f"next_{p.name}"] for p in inputs(graph) if p.role == "state"]
    return [*_of_roles(graph.outputs, ("output",)), *states]


def _of_roles(ports: Iterable[Port], roles: tuple[str, ...]) -> list[Port]:
    ports = list(ports)
    return [p for role in roles for p in ports if p.role == role]


def parameter(port: Port, parameters: Mapping[str, Array]) -> Array:
    """The array for a parameter or buffer. ExportError where it is missing or does not fit."""
    if port.name not in parameters:
        raise ExportError(
            f"the network has no parameter {port.name!r}; it has {', '.join(sorted(parameters)) or 'none'}; set all parameters "
            f"before exporting"
        )
    array = np.asarray(parameters[port.name])
    if array.shape != port.value.shape:
        raise ExportError(
            f"parameter {port.name!r} has the shape {array.shape}, the configuration asks for {port.value.shape}; give an array of "
            f"that shape"
        )
    return array
