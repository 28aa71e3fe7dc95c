"""The JSON schema of a configuration class, families included."""

from __future__ import annotations

from typing import Any

from rnngraph.conf.base import Configured
from rnngraph.conf.family import PLACE, Family, choices


def json_schema(cls: type[Configured]) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of ``cls``, with every member that its families have now under ``$defs``."""
    definitions: dict[str, Any] = {}
    schema = _filled(cls.model_json_schema(), definitions)
    definitions.update(schema.pop("$defs", {}))  # of parts that belong to no family
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": dict(sorted(definitions.items()))}


def _filled(node: Any, definitions: dict[str, Any]) -> Any:
    """``node`` with a choice of references at each place of a family; what they refer to goes into ``definitions``."""
    if isinstance(node, list):
        return [_filled(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: _filled(value, definitions) for key, value in node.items() if key != PLACE}
    if PLACE in node:
        family: type[Family] = node[PLACE]
        references = {tag: f"#/$defs/{member.__name__}" for tag, member in choices(family).items()}
        out["oneOf"] = [{"$ref": reference} for reference in references.values()]
        out["discriminator"] = {"propertyName": "type", "mapping": references}
        for member in choices(family).values():
            _define(member, definitions)
    return out


def _define(member: type[Family], definitions: dict[str, Any]) -> None:
    """Enter ``member`` into ``definitions`` once; ``type`` is required there, since nothing else tells the members apart."""
    if member.__name__ in definitions:
        return
    definitions[member.__name__] = {}
    schema = _filled(member.model_json_schema(), definitions)
    schema["required"] = ["type", *schema.get("required", [])]
    definitions[member.__name__] = schema
