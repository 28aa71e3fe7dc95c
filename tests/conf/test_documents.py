from __future__ import annotations

import re
from typing import Any

import pytest

from rnngraph.conf import documents
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "JSON: line 1, column 2: Expecting property name enclosed in double quotes"),
        ('{"a": 1,\n "b" 2}', "JSON: line 2, column 6: Expecting ':' delimiter"),
        ("", "JSON: line 1, column 1: Expecting value"),
        ("[1]", "JSON: expected a mapping of settings at the top, not a list"),
        ("null", "JSON: expected a mapping of settings at the top, not a NoneType"),
        ("[" * 100_000, "JSON: nested too deeply to be a configuration"),
        ('{"a": {"b": 1, "c": 2, "b": 1}}', "JSON: the key 'b' stands twice in one mapping; give it once"),
        (b"{}", "JSON: expected text as a str, not a bytes; read a file with Path(...).read_text()"),
    ],
)
def test_json_that_cannot_be_read(text: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        documents.from_json(text)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^JSON: Exceeds the limit"):
        documents.from_json('{"seed": ' + "9" * 10_000 + "}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "YAML: line 1, column 5: mapping values are not allowed here"),
        ("a: 1\nb: [1", "YAML: line 2, column 6: expected ',' or ']', but got '<stream end>'"),
        ("a: {b: 1}\nc: 2\na: 3", "YAML: line 3, column 1: the key 'a' stands twice in one mapping; give it once"),
        ("a: {b: 1, c: 2, b: 1}", "YAML: line 1, column 17: the key 'b' stands twice in one mapping; give it once"),
        ("", "YAML: expected a mapping of settings at the top, not a NoneType"),
        ("1: b", "YAML: the key 1 is not a string; expected names of fields as keys"),
        (
            "!!python/object:os.system {}",
            "YAML: line 1, column 1: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("[" * 10_000, "YAML: nested too deeply to be a configuration"),
        ("a: 2001-99-99", "YAML: month must be in 1..12"),
        (None, "YAML: expected text as a str, not a NoneType; read a file with Path(...).read_text()"),
    ],
)
def test_yaml_that_cannot_be_read(text: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        documents.from_yaml(text)


def test_yaml_merges_mappings_as_ever() -> None:
    assert documents.from_yaml("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}") == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}


def test_characters_that_yaml_has_not() -> None:
    with pytest.raises(ConfigurationError, match=r"^YAML: unacceptable character #x0000"):
        documents.from_yaml("a: \0")


@pytest.mark.parametrize(("text", "number"), [("1e-3", 1e-3), ("1E3", 1e3), ("-2e+5", -2e5), (".5e1", 5.0), ("1.0e-3", 1e-3), ("0.5", 0.5)])
def test_yaml_knows_numbers_as_people_write_them(text: str, number: float) -> None:
    assert documents.from_yaml(f"rate: {text}") == {"rate": number}


@pytest.mark.parametrize("text", ["1e-3", "1E3", "null", "yes", "0.5", "a: b", "", "#", "\x85", "\ufeff", "é", "😀", "\x00", "2001-01-01"])
def test_strings_come_back_as_strings(text: str) -> None:
    for write, read in ((documents.to_json, documents.from_json), (documents.to_yaml, documents.from_yaml)):
        assert read(write({"name": text})) == {"name": text}


def test_keys_keep_their_order() -> None:
    data = {"b": 1, "a": {"z": 2, "y": 3}}
    assert documents.to_yaml(data) == "b: 1\na:\n  z: 2\n  y: 3\n"
    assert documents.to_json(data) == '{\n  "b": 1,\n  "a": {\n    "z": 2,\n    "y": 3\n  }\n}'


def test_the_key_on_is_text_in_yaml() -> None:
    """PyYAML takes it for true, and a constraint has a field of that name."""
    assert documents.from_yaml("a: {on: biases}\nb: on") == {"a": {"on": "biases"}, "b": True}
