"""The documentation: every page is in the navigation, every public name in the reference, and what is wrong fails the build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from pymdownx.snippets import SnippetMissingError

import rnngraph as rg
import rnngraph.dl4j
import rnngraph.exporters
import rnngraph.runtime
from docs.extensions.docstrings import ROLE, fields
from docs.extensions.outside import loaded

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def pages(entries: list[Any]) -> list[str]:
    """The files of a navigation."""
    targets = [target for entry in entries for target in entry.values()]
    return [page for target in targets for page in ([target] if isinstance(target, str) else pages(target))]


def test_each_page_is_in_the_navigation_once() -> None:
    listed = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_each_public_name_is_in_the_reference_once() -> None:
    text = "\n".join(path.read_text() for path in sorted((DOCS / "api").glob("*.md")))
    named = [name.rpartition(".")[2] for name in re.findall(r"^::: (rnngraph\.[\w.]+)$", text, re.MULTILINE)]
    public = {name for package in (rg, rnngraph.exporters, rnngraph.runtime, rnngraph.dl4j) for name in package.__all__} - {"__version__"}
    assert public - set(named) == set(), "write these into a file of docs/api"
    assert set(named) - public == {"fit", "RecurrentLayer", "WeightLayer"}
    assert len(named) == len(set(named))


def test_what_has_the_name_of_its_module_is_named_inside_it() -> None:
    """The reference is made of sources, where ``rnngraph.runtime.verify`` is the module."""
    text = "\n".join(path.read_text() for path in (DOCS / "api").glob("*.md"))
    folders = {"exporters": ROOT / "exporters", "runtime": ROOT / "runtime"}
    for name in re.findall(r"^::: rnngraph\.([\w.]+)$", text, re.MULTILINE):
        first, *rest = name.split(".")
        path = Path(folders.get(first, ROOT / "rnngraph" / first), *rest)
        assert not path.with_suffix(".py").exists(), name
        assert not path.is_dir(), name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page, which tests make wrong."""
    (tmp_path / "docs").mkdir()
    return tmp_path


def built(folder: Path, text: str) -> str:
    """A site of one page, with the settings of ours."""
    (folder / "docs" / "index.md").write_text(f"# A page\n\n{text}\n")
    settings: dict[str, Any] = {
        "docs_dir": str(folder / "docs"),
        "site_dir": str(folder / "site"),
        "nav": [{"Page": "index.md"}],
        "extra_css": [],
    }
    build(load_config(str(ROOT / "mkdocs.yml"), **settings))
    return (folder / "site" / "index.html").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "[a](nowhere.md)",
        "[a](#nowhere)",
        "[a](../README.md)",
        '```python\n--8<-- "examples/nowhere.py:shown"\n```',
        '```python\n--8<-- "examples/recurrent_layers/lstm.py:nowhere"\n```',
        "![a](https://example.org/a.png)",
        "::: rnngraph.Nothing",
    ],
)
def test_what_leads_nowhere_fails_the_build(folder: Path, text: str) -> None:
    with pytest.raises((Abort, SnippetMissingError)):
        built(folder, text)


def test_a_page_shows_code_of_the_examples(folder: Path) -> None:
    text = built(folder, '```python\n--8<-- "examples/recurrent_layers/rnn_loss_layer.py:shown"\n```')
    assert "RnnLossLayer" in text
    assert loaded(text) == []


def test_what_is_loaded_from_other_hosts_is_found() -> None:
    html = """<link rel="stylesheet" href="https://a.example/x.css"><a href="https://b.example">b</a><script src=//c.example/x.js></script>
    <img alt="" src='http://d.example/x.png'><script src="assets/x.js"></script><svg xmlns="http://www.w3.org/2000/svg"></svg>"""
    assert loaded(html) == ["https://a.example/x.css", "//c.example/x.js", "http://d.example/x.png"]


def test_fields_of_a_layer_are_told() -> None:
    table = fields(rg.LSTM)
    assert "| `n_out` | required | values that go out at each step: the layer's width |" in table
    assert "| `gate_activation` | `'sigmoid'` | activation of the three gates |" in table
    assert "`l2`" not in table  # it stands with what all layers with weights have
    assert "Without names" not in table
    assert "May be given without names, in this order: `mode`, `layer`." in fields(rg.Bidirectional)
    assert fields(rg.NoOp).strip() == ""


def test_roles_are_code() -> None:
    text = "as :meth:`output`, of :class:`~rnngraph.data.DataSet` and :func:`rnngraph.training.fit.fit`"
    assert ROLE.sub(r"`\1`", text) == "as `output`, of `DataSet` and `rnngraph.training.fit.fit`"
