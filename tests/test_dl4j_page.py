"""The Python on the page about DL4J runs from top to bottom, beside a model file such as DL4J leaves."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from tests.pages import ROOT, dead_links, run_python

DOCS = ROOT / "docs"
PAGE = (DOCS / "dl4j.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a trained ``model.zip``."""
    monkeypatch.chdir(tmp_path)
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-2), layers=layers, mask_mode="ignore"))
    x = np.random.default_rng(1).normal(size=(2, 3, 5))
    net.fit(rg.DataSet(x, np.stack([x[:, 0] > 0, x[:, 0] <= 0], axis=1) * 1.0), progress=False)
    dl4j.save(net, tmp_path / "model.zip")
    return tmp_path


def test_the_python_runs(folder: Path) -> None:
    count, _ = run_python(DOCS / "dl4j.md")
    assert count > 15
    assert (folder / "for_dl4j.zip").is_file()


def tables(section: str = "") -> list[str]:
    """The code that stands in tables, of all of the page or of one section; what has dots in it is no whole."""
    part = PAGE[PAGE.index(f"## {section}") :] if section else PAGE
    part = part[: part.find("\n## ", 3)] if section else part
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split(" | ", 1)[-1]) if "..." not in code]


def test_what_stands_in_tables_can_be_made() -> None:
    names = {"rg": rg, "lstm": rg.LSTM(n_out=4), "dense": rg.DenseLayer(n_out=4)}
    made = [eval(code, names) for code in tables() if re.match(r"rg\.\w+\(", code) and "features" not in code]
    assert len(made) > 20


def test_settings_in_the_table_of_updaters_are_accepted() -> None:
    layers = [rg.LSTM(n_in=3, n_out=4), rg.RnnOutputLayer(n_out=2)]
    settings = [code for code in tables("Updaters") if re.match(r"\w+=", code)]
    assert len(settings) > 6
    for code in settings:
        given = eval(f"dict({code})", {"rg": rg})
        config = rg.MultiLayerConfiguration(seed=1, layers=layers, **given)
        assert config != rg.MultiLayerConfiguration(seed=1, layers=layers), code


def test_names_in_the_text_say_what_upper_case_says() -> None:
    layers = [rg.LSTM(n_in=3, n_out=4, activation="TANH"), rg.RnnOutputLayer(n_out=2, loss="MCXENT")]
    assert rg.MultiLayerConfiguration(seed=1, layers=layers, weight_init="XAVIER") == rg.MultiLayerConfiguration(
        seed=1, layers=[rg.LSTM(n_in=3, n_out=4, activation="tanh"), rg.RnnOutputLayer(n_out=2, loss="mcxent")], weight_init="xavier"
    )


def test_names_of_rnngraph_in_the_text_exist() -> None:
    for name in set(re.findall(r"\brg\.(\w+)", PAGE)):
        assert hasattr(rg, name), name
    for name in set(re.findall(r"\bdl4j\.(\w+)\(", PAGE)):
        assert hasattr(dl4j, name), name


def test_what_the_page_calls_lacking_is_lacking() -> None:
    for name in ("RecordReaderMultiDataSetIterator", "L2Vertex", "ReshapeVertex"):
        assert name in PAGE
        assert not hasattr(rg, name), f"{name} has come: tell how it is used"


def test_links_lead_somewhere() -> None:
    assert dead_links(DOCS / "dl4j.md") == []
