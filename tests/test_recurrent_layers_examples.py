"""The programs of DL4J's page on recurrent layers: each learns, and its file does what the network does."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import examples.recurrent_layers as page


@pytest.mark.parametrize("name", page.PROGRAMS)
def test_it_learns_and_its_file_agrees(name: str) -> None:
    found = import_module(f"examples.recurrent_layers.{name}").main()
    assert found.after < found.before / 2
    assert found.accuracy > 0.8  # chance is a half at most, mostly a third
    assert found.torch <= 1e-5
    if name.startswith("bidirectional"):
        assert found.stepped is None
        assert "layers[0] (Bidirectional(LSTM))" in found.refusal
        assert "its first output needs the last step of the sequence" in found.refusal
    else:
        assert found.stepped == 0


def test_each_program_is_in_the_list() -> None:
    files = {path.stem for path in Path(page.__path__[0]).glob("*.py")}
    assert files - {"__init__", "__main__", "shared"} == set(page.PROGRAMS)


def test_what_is_found_is_told() -> None:
    from examples.recurrent_layers.shared import Outcome

    assert str(Outcome(2.0, 0.5, 0.9, 3e-7, 0.0)) == (
        "score 2.000 -> 0.500, accuracy 0.900 on fresh data\ntorch against onnxruntime 3.0e-07; whole against stepped 0"
    )
    assert str(Outcome(2.0, 0.5, 0.9, 3e-7, None, "it needs the future")).endswith("cannot be stepped: it needs the future")
