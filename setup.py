"""Says which packages there are: those below ``rnngraph/``, and ``exporters/`` and ``runtime/``, which are installed inside it;
and what is compiled.

Everything else about the distribution stands in ``pyproject.toml``.
"""

from setuptools import Extension, find_packages, setup

OWN = find_packages(include=["rnngraph", "rnngraph.*"])
INSIDE = find_packages(include=["exporters", "exporters.*", "runtime", "runtime.*"])

# Where there is no compiler, Python does the same, slower. Compiled once for all versions of Python (the stable ABI).
READING = Extension(
    "rnngraph.data._csv",
    ["rnngraph/data/_csv.c"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    py_limited_api=True,
    optional=True,
)

setup(
    packages=[*OWN, *(f"rnngraph.{name}" for name in INSIDE)],
    ext_modules=[READING],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
