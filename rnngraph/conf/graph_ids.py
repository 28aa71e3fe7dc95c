"""Which inputs of a graph take ids: those that embeddings read, alone or stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnngraph.conf.vertices import StackVertex
from rnngraph.errors import ConfigurationError

if TYPE_CHECKING:
    from rnngraph.conf.graph import GraphNode


def ids_of(inputs: Sequence[str], nodes: Mapping[str, GraphNode]) -> dict[str, int]:
    """How many ids there are, for each input that takes ids; ``nodes`` in topological order.

    Raises ConfigurationError where one vertex reads an input as ids and another as numbers, and for an embedding that reads numbers.
    """
    starts = _whole_inputs(inputs, nodes)
    ids: dict[str, int] = {}
    for name, node in nodes.items():
        if _reads_ids(node):
            if node.inputs[0] not in starts:
                raise ConfigurationError(
                    f"vertex {name!r} ({node.content.tag()}): reads ids, which only inputs of the network can be, but "
                    f"{node.inputs[0]!r} gives numbers; let it read an input"
                )
            ids.update(dict.fromkeys(starts[node.inputs[0]], node.layer.n_in))
    for name, node in nodes.items():
        read = [start for source in node.inputs for start in starts.get(source, ())]
        if name not in starts and not _reads_ids(node) and (taken := [start for start in read if start in ids]):
            raise ConfigurationError(
                f"vertex {name!r} ({node.content.tag()}): reads numbers, but its input {taken[0]!r} takes ids, since an embedding reads "
                "it; give one of the two an input of its own"
            )
    return ids


def _whole_inputs(inputs: Sequence[str], nodes: Mapping[str, GraphNode]) -> dict[str, tuple[str, ...]]:
    """The inputs, and the vertices that do nothing but stack them, each with what is in it."""
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in inputs}
    for name, node in nodes.items():
        if isinstance(node.content, StackVertex) and all(source in found for source in node.inputs):
            found[name] = tuple(start for source in node.inputs for start in found[source])
    return found


def _reads_ids(node: GraphNode) -> bool:
    return bool(getattr(node.content, "reads_ids", False))
