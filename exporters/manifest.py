"""The manifest: all that a host must know of an exported file, as JSON in the file's metadata.

The digest beside it, of the file's bytes without its own digits, makes the file checkable without onnx.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy.typing as npt

from rnngraph import __version__
from rnngraph.errors import ExportError
from rnngraph.exporters.graph_manifest import Labels, graph_parts
from rnngraph.exporters.onnx.emit import frozen, inputs, outputs
from rnngraph.file_format import DIGEST_KEY, DIGEST_PREFIX, EMPTY_DIGEST, KEY
from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.padding import reads_padding
from rnngraph.ir.steps import steps_of, time_axis
from rnngraph.ir.streaming import not_streaming, why_not
from rnngraph.ir.types import Shape, evaluate, is_known
from rnngraph.serialization import parameters_digest

MASK_RULE = (
    "A masked step (0) does not exist for layers whose mask_mode is hold: no state changes, whatever stands in the input; "
    "reset sets the state to 0; ignore runs over it. Where padding_is_read is true, a layer computes with what the input holds at masked "
    "steps: feed finite values there, as what follows is silently wrong or NaN otherwise; where it is false anything may stand there, NaN "
    "included. What the output holds at masked steps is unspecified."
)
TIME_RULE = (
    "Feed any number of steps at once, at least least_steps. To go on with a sequence, feed each next state as the state; "
    "to begin one, feed the initial values. Whole, in pieces or step by step gives the same outputs where streams is true."
)
STEP_RULE = "Feed one step at a time. To go on with a sequence, feed each next state as the state; to begin one, feed the initial values."
NO_TIME_RULE = "There is no time axis: each row is an example of its own."


def manifest(
    graph: Graph,
    parameters: Mapping[str, npt.NDArray[Any]],
    layers: Sequence[Any],
    *,
    target: str,
    steps: Literal[1] | None,
    batch: int | None,
    class_labels: Sequence[str] | None = None,
    normalizer: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    output_labels: Labels | None = None,
) -> dict[str, Any]:
    """The manifest of ``graph`` as it is written with ``steps`` and ``batch``; ``layers`` are the configuration's, for people to read.

    ``parameters`` are the network's: all its files share their digest, those with a normalizer too. A network that is a graph has
    ``names`` of its layers' vertices, and ``output_labels`` in the place of ``class_labels``.
    """
    sizes = frozen(graph, steps, batch)
    stuck = not_streaming(graph, names)
    reason = why_not(graph, [getattr(layer, "title", type(layer).__name__) for layer in layers], names)
    content = {
        "format": 3 if names is not None else 2 if _is_new(graph) else 1,
        "producer": f"rnngraph {__version__}",
        "data_type": graph.data_type,
        "target": target,
        "steps": steps,
        "batch": batch,
        "parameters": {"count": sum(a.size for a in parameters.values()), "sha256": parameters_digest(parameters, graph.data_type)},
        "inputs": [_port(p, graph, sizes) for p in inputs(graph)],
        "outputs": [_port(p, graph, sizes) for p in outputs(graph)],
        "states": [_state(p, graph) for p in inputs(graph) if p.role == "state"],
        "mask": _mask(graph),
        "time": _time(graph, steps) if names is None else {},
        "streams": reason is None,
        "why_not": reason,
        "layers": [_layer(k, layer, k not in stuck) for k, layer in enumerate(layers)],
        "class_labels": None if class_labels is None else list(class_labels),
        "normalizer": normalizer,
    }
    return content if names is None else graph_parts(content, graph, names, MASK_RULE, output_labels or {})


def _is_new(graph: Graph) -> bool:
    """Whether the file takes what readers of format 1 do not know: ids, images, sequences of a least length."""
    (x,) = graph.ports("input")
    return x.ids is not None or x.value.type.rank > 3 or steps_of(graph).least > 1


def metadata(content: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of the file, the digest still empty."""
    return {KEY: json.dumps(content, ensure_ascii=False), DIGEST_KEY: EMPTY_DIGEST}


def seal(data: bytes) -> bytes:
    """The file's bytes with the digest filled in. ExportError where the digest's place is not unique."""
    before, found, after = data.partition(EMPTY_DIGEST.encode())
    if not found or EMPTY_DIGEST.encode() in after or DIGEST_KEY.encode() not in before[-2 * len(DIGEST_KEY) :]:
        raise ExportError(
            f"the place of {DIGEST_KEY!r} in the file is not unique: a name or a label of the network holds {EMPTY_DIGEST!r}; rename it"
        )
    return before + f"{DIGEST_PREFIX}{hashlib.sha256(data).hexdigest()}".encode() + after


def _port(port: Port, graph: Graph, sizes: dict[str, int]) -> dict[str, Any]:
    content = {"name": port.name, "role": port.role, "shape": _shape(port.value.shape, sizes), "data_type": _data_type(port, graph)}
    return content if port.ids is None else {**content, "ids": port.ids}


def _shape(shape: Shape, sizes: dict[str, int]) -> list[int | str]:
    return [evaluate(d, sizes) if is_known(d, sizes) else str(d) for d in shape]


def _data_type(port: Port, graph: Graph) -> str:
    return graph.data_type if port.value.type.element == "float" else port.value.type.element


def _state(port: Port, graph: Graph) -> dict[str, Any]:
    return {
        "layer": port.layer,
        "key": port.name.split("_", 2)[2],
        "input": port.name,
        "output": f"next_{port.name}",
        "shape": _shape(port.value.shape[1:], {}),  # of one row
        "batch_axis": 0,
        "data_type": _data_type(port, graph),
        "initial": port.initial,
    }


def _mask(graph: Graph) -> dict[str, Any]:
    name = next((p.name for p in inputs(graph) if p.role == "mask"), None)
    rule = None if name is None else MASK_RULE
    return {"input": name, "values": [0, 1], "padding_is_read": reads_padding(graph), "rule": rule}


def _time(graph: Graph, steps: Literal[1] | None) -> dict[str, Any]:
    axes = [time_axis(p.value.shape) for p in graph.ports("input")[:1] + graph.ports("output")[:1]]
    rule = NO_TIME_RULE if axes[0] is None else TIME_RULE if steps is None else STEP_RULE
    return {"input_axis": axes[0], "output_axis": axes[1], "least_steps": steps_of(graph).least, "rule": rule}


def _layer(index: int, layer: Any, streams: bool) -> dict[str, Any]:
    """Widths are those of the whole, activations those of the layer inside all wrappers; ``layer`` tells what a wrapper holds."""
    inner = layer
    while hasattr(inner, "layer"):
        inner = inner.layer
    content = {"index": index, "type": type(layer).__name__}
    if inner is not layer:
        content["layer"] = layer.layer.title
    fields = {k: getattr(layer, k, getattr(inner, k, None)) for k in ("n_in", "n_out")}
    fields |= {k: getattr(inner, k, None) for k in ("activation", "gate_activation", "mask_mode")}
    known = {k: v if isinstance(v, int) else str(v) for k, v in fields.items() if v is not None}
    return {**content, **known, "streams": streams}
