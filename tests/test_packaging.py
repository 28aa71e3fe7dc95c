"""The distribution: what an import costs, what a wheel holds, that the pins are complete."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import itertools
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

import rnngraph
import rnngraph.exporters
import rnngraph.lazy
import rnngraph.runtime

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"rnngraph": "rnngraph", "exporters": "rnngraph/exporters", "runtime": "rnngraph/runtime"}


def run(code: str, folder: Path) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("statement", ["import rnngraph", "import rnngraph.exporters", "from rnngraph.runtime import StreamingSession"])
def test_import_is_light(statement: str, tmp_path: Path) -> None:
    heavy = ("torch", "onnx", "pydantic", "safetensors", "typer", "rich", "matplotlib")
    assert run(f"{statement}\nimport sys; print([m for m in {heavy} if m in sys.modules])", tmp_path) == "[]\n"


def test_version_is_the_installed_one() -> None:
    assert rnngraph.__version__ == importlib.metadata.version("rnngraph")


@pytest.mark.parametrize("package", [rnngraph, rnngraph.exporters, rnngraph.runtime], ids=lambda p: p.__name__)
def test_every_public_name_is_there(package: ModuleType) -> None:
    for name in set(package.__all__) - {"__version__"}:
        assert getattr(package, name).__name__ == name
        assert name in dir(package)


@pytest.mark.parametrize("folder", FOLDERS)
def test_type_checkers_see_the_same_names(folder: str) -> None:
    tree = ast.parse((ROOT / folder / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {a.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    package = importlib.import_module(FOLDERS[folder].replace("/", "."))
    assert seen.keys() == set(package.__all__) - {"__version__"}
    for name, module in seen.items():
        assert getattr(package, name) is getattr(importlib.import_module(str(module)), name)


@pytest.mark.parametrize("first", ["", "import pack.tell", "from pack import other"])
def test_public_name_is_not_hidden_by_a_module_of_its_name(first: str, tmp_path: Path) -> None:
    init = ["from rnngraph.lazy import lazy_exports", "__all__ = ['tell', 'other']"]
    init += ["__getattr__, __dir__ = lazy_exports('pack', dict.fromkeys(__all__, 'pack.tell'))"]
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("\n".join(init))
    (tmp_path / "pack" / "tell.py").write_text("def tell(): return 42\nother = 1\n")
    assert run(f"{first}\nfrom pack import tell\nprint(tell())", tmp_path) == "42\n"


def test_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"^module 'rnngraph' has no attribute 'graves_lstm'; the nearest names are: GravesLSTM"):
        rnngraph.graves_lstm  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"has no attribute 'zzz'; dir\(rnngraph\) lists its names"):
        rnngraph.zzz  # type: ignore[attr-defined]  # noqa: B018


def test_unimported_module_is_named_as_one(tmp_path: Path) -> None:
    code = "import rnngraph\ntry: rnngraph.exporters\nexcept AttributeError as e: print(e)"
    expected = "module 'rnngraph' has no attribute 'exporters'; it is a module: write `import rnngraph.exporters` first\n"
    assert run(code, tmp_path) == expected


def test_missing_package_gives_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "needs_torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    (tmp_path / "broken.py").write_text("import a_module_of_nobody\n")
    monkeypatch.syspath_prepend(tmp_path)
    get, _ = rnngraph.lazy.lazy_exports("rnngraph", {"Net": "needs_torch", "Other": "broken"})
    expected = r"^rnngraph.Net needs the package 'torch', which is not installed; run: pip install 'rnngraph\[train\]'$"
    with pytest.raises(rnngraph.MissingDependencyError, match=expected):
        get("Net")
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'a_module_of_nobody'$"):
        get("Other")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, unpacked. Built from a copy, because setuptools leaves files beside what it builds."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "-w", str(out), str(source)], check=True, capture_output=True)
    (built,) = out.glob("rnngraph-*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(out / "unpacked")
    return out / "unpacked"


def test_wheel_holds_every_file_in_its_place(wheel: Path) -> None:
    expected = {
        Path(inside, path.relative_to(ROOT / folder))
        for folder, inside in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".so", ".c")
    }
    if shutil.which(str(sysconfig.get_config_var("CC")).split()[0]):
        expected.add(Path("rnngraph/data/_csv.abi3.so"))  # one for all versions of Python
    assert {path.relative_to(wheel) for path in (wheel / "rnngraph").rglob("*") if path.is_file()} == expected
    assert {path.name for path in wheel.iterdir()} == {"rnngraph", f"rnngraph-{rnngraph.__version__}.dist-info"}
    assert all(Path(inside, "py.typed") in expected for inside in FOLDERS.values())


def test_wheel_is_imported_from_its_place(wheel: Path) -> None:
    code = "import rnngraph as r, rnngraph.exporters, rnngraph.runtime\nfor m in (r, r.exporters, r.runtime): print(m.__file__)"
    assert run(code, wheel).split("\n")[:-1] == [str(wheel / inside / "__init__.py") for inside in FOLDERS.values()]


def test_wheel_says_what_it_is(wheel: Path) -> None:
    about = importlib.metadata.Distribution.at(next(wheel.glob("*.dist-info")))
    assert about.metadata["License-Expression"] == "Apache-2.0"
    assert about.metadata["Requires-Python"] == "<3.14,>=3.11"
    assert set(about.metadata.get_all("Provides-Extra", [])) == {"train", "cpu", "gpu", "all", "plot", "tensorboard", "docs", "dev"}
    assert [(e.name, e.value) for e in about.entry_points] == [("rnngraph", "rnngraph.cli:main")]


def pins() -> dict[str, str]:
    """Normal name -> version of constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {normal(name): version for name, version in (line.split("==") for line in lines)}


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(name: str, extras: frozenset[str], seen: set[str]) -> set[str]:
    """The distributions that ``name`` with ``extras`` brings along on this machine; torch's own pins of CUDA's libraries are its affair."""
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        inner = normal(requirement.name)
        wanted = requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""})
        if wanted and inner not in seen and not (name == "torch" and inner.startswith(("cuda-", "nvidia-", "triton"))):
            seen.add(inner)
            closure(inner, frozenset(requirement.extras), seen)
    return seen


def test_everything_that_is_installed_is_pinned() -> None:
    needed = closure("rnngraph", frozenset({"train", "plot", "tensorboard", "docs", "dev"}), set())
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in needed}
    assert installed == {name: pins().get(name) for name in needed}


def test_every_extra_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(r) for r in [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]]
    assert {normal(r.name) for r in asked} - {"rnngraph"} <= pins().keys()
    assert [str(r) for r in asked if normal(r.name) in pins() and not r.specifier.contains(pins()[normal(r.name)])] == []
