"""The examples in docstrings give what they say; on the way, every module is imported under its installed name."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rnngraph
import rnngraph.exporters
import rnngraph.runtime

# pytest's --doctest-modules would import exporters/ and runtime/ a second time, under names that nobody installs.
MODULES = sorted(
    module.name
    for package in (rnngraph, rnngraph.exporters, rnngraph.runtime)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
