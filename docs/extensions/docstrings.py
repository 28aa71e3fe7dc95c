"""What the API reference makes of sources: roles become code, and configuration classes get a table of the fields that they accept.

griffe reads sources and runs nothing. The tables are made of the classes themselves, which have most of their fields from their bases.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import griffe

from rnngraph.conf.base import Configured
from rnngraph.conf.layers.base import WeightLayer

ROLE = re.compile(r":(?:class|meth|func|attr|mod|data):`(?:~[\w.]*\.)?([\w.]+)`")
COMMON = "Besides: what [layers with weights have in common][rnngraph.conf.layers.base.WeightLayer]."


class Docstrings(griffe.Extension):
    """Changes docstrings and signatures when all sources have been read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """A role, as that of a method, is code; a docstring says everything where griffe sees the catch-all of configuration classes."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """The fields of a configuration class in the place of ``*values, **fields``."""
        if not cls.path.startswith("rnngraph.conf."):
            return
        made = getattr(importlib.import_module(cls.module.path), cls.name)
        if not (isinstance(made, type) and issubclass(made, Configured)):
            return
        init = cls.members.get("__init__")
        if isinstance(init, griffe.Function) and "values" in init.parameters and not init.overloads:
            cls.del_member("__init__")
        if cls.docstring is not None:
            cls.docstring.value += fields(made)


def fields(cls: type[Configured]) -> str:
    """What is accepted, as Markdown: a table of name, default and description; of a layer without what all have that have weights."""
    common = WeightLayer.model_fields if issubclass(cls, WeightLayer) and cls is not WeightLayer else {}
    own = {
        name: field
        for name, field in cls.model_fields.items()
        if name != "type" and (name not in common or name in ("n_in", "n_out") or repr(field) != repr(common[name]))
    }
    rows = [
        f"| `{name}` | {'required' if field.is_required() else default(field.get_default(call_default_factory=True))} "
        f"| {(field.description or '').replace('|', chr(92) + '|')} |"
        for name, field in own.items()
    ]
    unnamed = (
        [f"May be given without names, in this order: {', '.join(f'`{name}`' for name in cls.positional)}.", ""] if cls.positional else []
    )
    table = ["| field | default | what |", "| --- | --- | --- |", *rows, ""] if rows else []
    return "\n".join(["", "", *unnamed, *table, *([COMMON] if common else [])])


def default(value: object) -> str:
    """A default as code; None stands for what is inferred or inherited, as the description says."""
    return "" if value is None else f"`{value!r}`"
