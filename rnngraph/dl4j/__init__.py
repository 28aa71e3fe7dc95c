"""Deeplearning4j's models: its JSON, its names of parameters and their layouts. Nothing of them is known elsewhere."""

from __future__ import annotations

from rnngraph.dl4j.configuration import read_configuration
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.load import load
from rnngraph.dl4j.save import save
from rnngraph.dl4j.table import from_table, table
from rnngraph.dl4j.writing.problems import DL4JWarning, NotInDL4JError

__all__ = ["DL4JWarning", "NotInDL4JError", "UnsupportedError", "from_table", "load", "read_configuration", "save", "table"]
