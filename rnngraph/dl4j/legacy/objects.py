"""Objects with their class around them, and inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node

Json = dict[str, Any]


def is_wrapped(node: Node) -> bool:
    """Whether ``node`` is one name with an object: ``{"TanH": {}}``."""
    return "@class" not in node.values and len(node.values) == 1 and all(isinstance(v, dict) for v in node.values.values())


def unwrapped(node: Node, names: Mapping[str, str] | None = None) -> Node:
    """``node`` with its class inside, by ``names`` where they know it; anything else stays, for the reader to judge."""
    if not is_wrapped(node):
        return node
    (name,) = node.values
    return Node({**node.values[name], "@class": (names or {}).get(name, name)}, node.where)


def unwrapped_fields(node: Node, fields: Mapping[str, Mapping[str, str]]) -> Json:
    """Those of ``fields`` that ``node`` has, unwrapped by the names of each."""
    return {key: dict(unwrapped(node.node(key), names).values) for key, names in fields.items() if isinstance(node.values.get(key), dict)}
