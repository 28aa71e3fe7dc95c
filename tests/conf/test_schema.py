from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from rnngraph.conf import ComputationGraphConfiguration, GraphVertex, MultiLayerConfiguration
from rnngraph.conf.family import MEMBERS
from tests.conf.strategies import configurations

SCHEMA = MultiLayerConfiguration.json_schema()
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def conforms(value: Any, schema: Any) -> bool:
    """Whether ``value`` is what ``schema`` describes: the part of JSON schema that occurs here."""
    if schema is True:  # anything
        return True
    if "$ref" in schema:
        return conforms(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    if "anyOf" in schema:
        return any(conforms(value, s) for s in schema["anyOf"])
    if "oneOf" in schema:
        return sum(conforms(value, s) for s in schema["oneOf"]) == 1
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return (
            set(schema.get("required", [])) <= set(value)
            and (set(value) <= set(properties) or schema.get("additionalProperties", True) is not False)
            and all(conforms(v, properties[k] if k in properties else schema["additionalProperties"]) for k, v in value.items())
        )
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(conforms(v, schema["items"]) for v in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and not value <= schema.get("exclusiveMinimum", -float("inf"))
            and not value >= schema.get("exclusiveMaximum", float("inf"))
        )
    return True


@settings(max_examples=50)
@given(configurations())
def test_what_is_written_conforms(config: MultiLayerConfiguration) -> None:
    assert conforms(config.model_dump(mode="json"), SCHEMA)


def test_what_is_wrong_does_not_conform() -> None:
    good = {"layers": [{"type": "LSTM", "n_in": 2, "n_out": 3}], "updater": {"type": "Adam"}}
    assert conforms(good, SCHEMA)
    mistakes: tuple[dict[str, Any], ...] = (
        {"layers": []},
        {"layers": [{"n_out": 3}]},
        {"layers": [{"type": "LSTM"}]},
        {"layers": [{"type": "LSTM", "n_out": 0}]},
        {"layers": [{"type": "LSTM", "n_out": 3, "nIn": 2}]},
        {"layers": [{"type": "LSTM", "n_out": 3, "activation": "tahn"}]},
        {"layers": [{"type": "LSTM", "n_out": 3, "initial_state": "lerned"}]},
        {"layers": [{"type": "LSTM", "n_out": 3, "initial_state": {"h": []}}]},
        {"layers": [{"type": "LastTimeStep", "layer": {"type": "DenseLayer"}}]},
        {"layers": [{"type": "Bidirectional", "mode": "both", "layer": {"type": "LSTM", "n_out": 3}}]},
        {"updater": {"type": "Adam", "learning_rate": 0}},
        {"updater": {"type": "TruncatedBPTT"}},
        {"seed": -1},
        {"seed": 1.5},
    )
    for wrong in mistakes:
        assert not conforms({**good, **wrong}, SCHEMA), wrong


def test_every_member_is_defined_once_under_its_name() -> None:
    vertices = {cls.__name__ for cls in MEMBERS if issubclass(cls, GraphVertex)}
    assert set(MultiLayerConfiguration.json_schema()["$defs"]) == {cls.__name__ for cls in MEMBERS} - vertices
    nodes = {"GraphNode"}
    assert set(ComputationGraphConfiguration.json_schema()["$defs"]) - nodes == {cls.__name__ for cls in MEMBERS}
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["required"] == ["layers"]
    assert SCHEMA["properties"]["seed"]["minimum"] == 0
    assert SCHEMA["$defs"]["LSTM"]["required"] == ["type", "n_out"]


def test_fields_are_described() -> None:
    for schema in (SCHEMA, *SCHEMA["$defs"].values()):
        assert all("description" in field for name, field in schema["properties"].items() if name != "type")
