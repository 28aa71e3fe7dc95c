"""Deeplearning4j's models: its JSON, its names of parameters and their layouts. Nothing of them is known elsewhere."""

from __future__ import annotations

from rnngraph.dl4j.configuration import read_configuration
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.dl4j.load import load
from rnngraph.dl4j.normalizers import load_normalizer, save_normalizer
from rnngraph.dl4j.origin import Description, describe
from rnngraph.dl4j.save import save
from rnngraph.dl4j.table import from_table, table
from rnngraph.dl4j.writing.problems import DL4JWarning, NotInDL4JError

__all__ = [
    "DL4JWarning",
    "Description",
    "ImportNote",
    "NotInDL4JError",
    "UnsupportedError",
    "describe",
    "from_table",
    "load",
    "load_normalizer",
    "read_configuration",
    "save",
    "save_normalizer",
    "table",
]
