"""Says which packages there are: those below ``rnngraph/``, and ``exporters/`` and ``runtime/``, which are installed inside it.

Everything else about the distribution stands in ``pyproject.toml``.
"""

from setuptools import find_packages, setup

OWN = find_packages(include=["rnngraph", "rnngraph.*"])
INSIDE = find_packages(include=["exporters", "exporters.*", "runtime", "runtime.*"])

setup(packages=[*OWN, *(f"rnngraph.{name}" for name in INSIDE)])
