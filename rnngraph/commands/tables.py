"""A manifest for people: its ports and layers as tables, the rest in lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rnngraph.runtime import Manifest


def ports_table(manifest: Manifest) -> Table:
    """The inputs and outputs of a manifest, states beside their initial values, inputs of a graph beside their masks."""
    initial = {s.input: _initial(s.initial) for s in manifest.states}
    masks = {p.name: p.mask or "" for p in manifest.ports("input")}
    table = Table(title="inputs and outputs")
    for column in ("", "name", "role", "shape", "type", "starts as", *(["mask"] * manifest.is_graph)):
        table.add_column(column)
    for side, ports in (("in", manifest.inputs), ("out", manifest.outputs)):
        for port in ports:
            shape = escape(f"[{', '.join(map(str, port.shape))}]")
            mask = [escape(masks.get(port.name, ""))] * manifest.is_graph
            table.add_row(side, escape(port.name), port.role, shape, port.data_type, initial.get(port.name, ""), *mask)
    return table


def _initial(value: float | tuple[float, ...]) -> str:
    """What a state begins with; of a row its range."""
    return f"{min(value):g} to {max(value):g}" if isinstance(value, tuple) else f"{value:g}"


def layers_table(manifest: Manifest) -> Table:
    """The layers of a manifest: of a wrapper what it wraps, and what each does at masked steps."""
    table = Table(title="layers")
    for column in ("", *(["name"] * manifest.is_graph), "type", "n_in", "n_out", "activation", "gates", "masked steps", "streams"):
        table.add_column(column)
    for layer in manifest.layers:
        cells = [layer.get(key, "") for key in ("n_in", "n_out", "activation", "gate_activation", "mask_mode")]
        name = [escape(str(layer.get("name", "")))] * manifest.is_graph
        table.add_row(str(layer["index"]), *name, _type(layer), *map(str, cells), "no" if layer.get("streams") is False else "yes")
    return table


def _type(layer: Mapping[str, Any]) -> str:
    return f"{layer['type']}({layer['layer']})" if "layer" in layer else str(layer["type"])


def facts(manifest: Manifest) -> list[str]:
    """What a manifest says besides its ports and layers, a line each."""
    streams = "yes" if manifest.streams else f"no: {manifest.why_not}"
    inputs = manifest.ports("input")
    timed = any(p.time_axis is not None for p in inputs)
    none = "none: export with features_mask=True" if timed else "none: there is no time axis"
    read = ", ".join(escape(p.name) for p in inputs if p.padding_is_read)
    padding = [f"padding     is read: {read} has to be finite at masked steps too"] if read else []
    labels = [
        f"classes     {f'{escape(p.name)}: ' if manifest.is_graph else ''}{escape(', '.join(p.class_labels))}"
        for p in manifest.ports("output")
        if p.class_labels is not None
    ]
    normalizer = [f"normalizer  {line}" for line in _units(manifest)]
    return [
        f"parameters  {manifest.parameters_count}, sha-256 {manifest.parameters_sha256[:16]}",
        f"streams     {streams}",
        f"mask        {manifest.mask.rule or none}",
        *padding,
        f"time        {manifest.time.rule}",
        *normalizer,
        *precision_lines(manifest),
        *labels,
        f"target      {manifest.target}, written by {manifest.producer}",
    ]


def precision_lines(manifest: Manifest) -> list[str]:
    """How weights are stored and what that costs, a line for each output and state; nothing where they are stored as they are."""
    told = manifest.precision
    if told is None:
        return []
    integers = f", integer products in layers {', '.join(map(escape, told.integer_layers))}" if told.integer_layers else ""
    bits = "whole, in pieces and step by step the same bits" if told.same_bits else "not the same bits whole and in pieces"
    errors = [
        f"error       {escape(name)}: at most {error['absolute']:.2g}, relative {error['relative']:.2g}; allowed {told.tolerance[name]:g}"
        for name, error in told.error.items()
    ]
    return [f"precision   weights as {told.kind}{integers}; {bits}", *errors]


def _units(manifest: Manifest) -> list[str]:
    """What a normalizer inside the file does, a line each."""
    told = manifest.normalizer or {}
    takes = [f"{name} takes raw values: {_kind(one)}" for name, one in told.get("inputs", {}).items()]
    return takes + [f"{name} gives raw values: {_kind(one)} undone" for name, one in told.get("outputs", {}).items()]


def _kind(statistics: Mapping[str, Any]) -> str:
    """The type of statistics, and of how many columns they are."""
    columns = next(len(values) for values in statistics.values() if isinstance(values, list))
    return f"{statistics['type']} of {columns} columns"
