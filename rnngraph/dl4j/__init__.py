"""Deeplearning4j's models: its JSON, its names of parameters and their layouts. Nothing of them is known elsewhere."""

from __future__ import annotations

from rnngraph.dl4j.configuration import read_configuration
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.dl4j.load import load
from rnngraph.dl4j.origin import Description, describe
from rnngraph.dl4j.table import from_table, table

__all__ = ["Description", "ImportNote", "UnsupportedError", "describe", "from_table", "load", "read_configuration", "table"]
