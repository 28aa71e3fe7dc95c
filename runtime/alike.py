"""Whether a file can have been exported from a network, by what its manifest tells: said before anything is fed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnngraph.errors import InputError
from rnngraph.runtime.manifest import Manifest

Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Form:
    """What a network is made of: a line for each layer, and the shapes of what it takes, gives and holds, by name."""

    layers: tuple[str, ...]
    ports: Mapping[str, Mapping[str, Shape]]
    """Of the roles "input", "output" and "state"."""


def check_alike(net: Any, manifest: Manifest, path: str) -> None:
    """InputError where ``net`` has other layers, inputs, outputs or states than the file ``path`` tells; weights are not looked at."""
    known = _form_of(net, manifest)
    different = None if known is None else next(_differences(_form(manifest), known), None)
    if different is not None:
        raise InputError(f"net: {path} was exported from another network: {different}; give the network that the file was exported from")


def _differences(file: Form, net: Form) -> Iterator[str]:
    """What differs, in words; a size that only one of both has fixed does not."""
    if len(file.layers) != len(net.layers):
        yield f"the file has {len(file.layers)} layers ({', '.join(file.layers)}), net has {len(net.layers)} ({', '.join(net.layers)})"
    for k, (ours, given) in enumerate(zip(file.layers, net.layers, strict=False)):
        if ours != given:
            yield f"layers[{k}] of the file is {ours}, of net {given}"
    for role, ports in file.ports.items():
        others = net.ports[role]
        if list(ports) != list(others):
            yield f"the file has the {role}s {', '.join(ports) or 'none'}, net has {', '.join(others) or 'none'}"
        for name, shape in ports.items():
            if name in others and not _fits(shape, others[name]):
                yield f"the {role} {name} of the file has the shape {_shown(shape)}, of net {_shown(others[name])}"


def _fits(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(one, other, strict=True))


def _shown(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _form_of(net: Any, manifest: Manifest) -> Form | None:
    """The form of a network, or of a session of another file; None of what tells neither."""
    if hasattr(net, "manifest"):
        return _form(net.manifest)
    config = getattr(net, "config", None)
    if config is None:
        return None
    from rnngraph.lowering import lower

    masks = {p.name for p in manifest.ports("input") if p.mask is not None}
    masked = [entry.name for entry in config.entries if entry.has_time and entry.name in masks]
    graph = lower(config, features_mask=masked if manifest.is_graph else bool(masked))
    ports = {role: {p.name: p.value.shape for p in graph.ports(role)} for role in ("input", "output", "state")}
    lines = tuple(_line(*_told(layer)) for layer in config.layers)
    return Form(lines, {role: _sizes(named.items()) for role, named in ports.items()})


def _form(manifest: Manifest) -> Form:
    lines = tuple(_line(str(one["type"]), one.get("layer"), one.get("n_in"), one.get("n_out")) for one in manifest.layers)
    ports: dict[str, Mapping[str, Shape]] = {role: {p.name: p.shape for p in manifest.ports(role)} for role in ("input", "output")}
    return Form(lines, {**ports, "state": {s.input: ("N", *s.shape) for s in manifest.states}})


def _told(layer: Any) -> tuple[str, str | None, int | None, int | None]:
    """What a manifest tells of a layer: its type, what it wraps, its widths."""
    inner = layer
    while hasattr(inner, "layer"):
        inner = inner.layer
    n_in, n_out = (getattr(layer, key, getattr(inner, key, None)) for key in ("n_in", "n_out"))
    return type(layer).__name__, None if inner is layer else layer.layer.title, n_in, n_out


def _line(kind: str, wrapped: str | None, n_in: object, n_out: object) -> str:
    """A layer in words, as ``LSTM (3 to 4)``."""
    title = kind if wrapped is None else f"{kind}({wrapped})"
    return title if n_out is None else f"{title} (to {n_out})" if n_in is None else f"{title} ({n_in} to {n_out})"


def _sizes(ports: Iterable[tuple[str, Iterable[Any]]]) -> dict[str, Shape]:
    """Shapes in which what is free is a name."""
    return {name: tuple(size if isinstance(size, int) else str(size) for size in shape) for name, shape in ports}
