"""What all tests share: where DL4J's numbers lie, and how hypothesis draws."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from rnngraph.conf.base import Configured
from rnngraph.conf.family import MEMBERS

ROOT = Path(__file__).resolve().parent.parent

# "ci", the default, draws the same examples in every run: a failure is then of the change at hand. "explore" looks further:
# HYPOTHESIS_PROFILE=explore .venv/bin/python -m pytest
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of arrays that DL4J computed: the whole collection where it stands beside the clone, else the four committed cases."""
    whole = ROOT.parent / "shared" / "dl4j_goldens"
    return whole if (whole / "index.json").is_file() else ROOT / "tests" / "fixtures" / "dl4j_goldens"


@pytest.fixture
def registry() -> Iterator[None]:
    """Classes that a test defines are forgotten after it."""
    members, fields = list(MEMBERS), dict(Configured.known_fields)
    yield
    MEMBERS[:] = members
    Configured.known_fields.clear()
    Configured.known_fields.update(fields)
