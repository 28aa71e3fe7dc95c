"""JSON and YAML text of configurations. What cannot be read is a ConfigurationError that tells where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import yaml

from rnngraph.conf.family import keywords
from rnngraph.errors import ConfigurationError
from rnngraph.names import shown


class _Loader(yaml.SafeLoader):
    """Knows 1e-3 for a number and the key ``on`` for text, as YAML 1.2 does; PyYAML itself wants 1.0e-3, and takes ``on`` for true.

    Refuses a key that stands twice; PyYAML takes the last.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:bool":
                key.tag = "tag:yaml.org,2002:str"
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
            if name in seen:
                raise yaml.constructor.ConstructorError(problem=_twice(key.value), problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes strings that :class:`_Loader` would take for numbers."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789"))


def to_json(data: Mapping[str, Any]) -> str:
    """``data`` as JSON, indented."""
    return json.dumps(data, indent=2, allow_nan=False)


def to_yaml(data: Mapping[str, Any]) -> str:
    """``data`` as YAML, keys in their order; escaped to ASCII, since PyYAML loses rare line breaks (U+0085) otherwise."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False))


def from_json(text: str) -> dict[str, Any]:
    """The settings that JSON ``text`` holds."""
    return _parsed("JSON", text, lambda t: json.loads(t, object_pairs_hook=_mapping))


def from_yaml(text: str) -> dict[str, Any]:
    """The settings that YAML ``text`` holds."""
    return _parsed("YAML", text, lambda t: yaml.load(t, Loader=_Loader))


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values, each key once."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(_twice(key))
        made[key] = value
    return made


def _twice(key: object) -> str:
    return f"the key {shown(key)} stands twice in one mapping; give it once"


def _parsed(kind: str, text: str, parse: Callable[[str], object]) -> dict[str, Any]:
    """What ``parse`` gives, if it is a mapping with string keys."""
    if not isinstance(text, str):
        raise ConfigurationError(f"{kind}: expected text as a str, not a {type(text).__name__}; read a file with Path(...).read_text()")
    try:
        data = parse(text)
        if not isinstance(data, dict):
            raise ValueError(f"expected a mapping of settings at the top, not a {type(data).__name__}")
        return keywords(data)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{kind}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"{kind}: {_yaml_position(error)}{error.problem or error.context}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{kind}: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{kind}: nested too deeply to be a configuration") from error


def _yaml_position(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
