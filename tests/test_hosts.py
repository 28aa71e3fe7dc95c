"""The programs of docs/hosts.md against files of ours, and against each other: samples, streams, and streams handed from one to another.

They run where what they need is there; `make hosts` installs what the one in JavaScript needs.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import rnngraph as rg
from examples.hosts.python import host as python_host
from rnngraph.exporters import export_onnx
from rnngraph.file_format import FORMAT
from rnngraph.runtime import StateSnapshot, StreamingSession
from rnngraph.runtime.golden import read_samples
from tests.graph_networks import two_heads
from tests.pages import ROOT, dead_links

HOSTS = ROOT / "examples" / "hosts"
PAGE = ROOT / "docs" / "hosts.md"
PROGRAMS = {"python": "host.py", "javascript": "host.mjs", "cpp": "host.cpp", "java": "Host.java"}
Array = np.ndarray
Said = tuple[int, str, str]
Host = Callable[..., Said]
"""Exit code, output and errors of a program that is run with some arguments."""


def network(*layers: Any) -> rg.MultiLayerNetwork:
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=list(layers)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An LSTM; masks with a state that begins at the lowest number; ids; a graph with a series, a vector and two outputs; no stream."""
    head, whole = rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent"), rg.OutputLayer(n_out=3, loss="mse")
    nets: dict[str, tuple[Any, bool]] = {
        "lstm": (network(rg.LSTM(n_in=3, n_out=6), head), False),
        "mask": (network(rg.GravesLSTM(n_in=3, n_out=5), rg.GlobalPoolingLayer(pooling_type="max"), whole), True),
        "ids": (network(rg.EmbeddingSequenceLayer(n_in=9, n_out=4), rg.SimpleRnn(n_out=5), head), True),
        "graph": (two_heads(), True),
        "backwards": (network(rg.Bidirectional("concat", rg.LSTM(n_in=3, n_out=2)), head), False),
    }
    folder = tmp_path_factory.mktemp("hosts")
    for name, (net, mask) in nets.items():
        export_onnx(net, folder / f"{name}.onnx", features_mask=mask)
    return {name: folder / f"{name}.onnx" for name in nets}


STREAMS = ["mask", "ids", "graph"]


def said_by(*command: str) -> str | None:
    """What a program prints; None where there is none, or where it fails."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()


FLAGS = said_by("pkg-config", "--cflags", "--libs", "libonnxruntime", "libcrypto", "nlohmann_json")
COMPILER = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
JAR = os.environ.get("ONNXRUNTIME_JAR")


def missing(program: str) -> str | None:
    """What a program needs and does not find here."""
    if program == "javascript":
        if int((said_by("node", "--version") or "v0").removeprefix("v").partition(".")[0]) < 20:
            return "Node.js 20 or newer"
        there = (HOSTS / program / "node_modules" / "onnxruntime-node").is_dir()
        return None if there else "onnxruntime-node, which `make hosts` installs from npm's registry"
    if program == "cpp":
        found = COMPILER is not None and FLAGS is not None
        return None if found else "a C++ compiler, and libonnxruntime, libcrypto and nlohmann_json where pkg-config finds them"
    if program == "java":
        return None if JAR is not None and shutil.which("javac") else "a JDK, and onnxruntime's jar, named by ONNXRUNTIME_JAR"
    return None


MISSING = {program: what for program in PROGRAMS if (what := missing(program)) is not None}


def compiled(program: str, folder: Path) -> list[str]:
    """The command that runs a program."""
    source = str(HOSTS / program / PROGRAMS[program])
    if program == "cpp":
        flags = ["-std=c++17", "-Wall", "-Wextra", source, "-o", str(folder / "host"), *str(FLAGS).split()]
        subprocess.run([str(COMPILER), *flags], check=True)
        return [str(folder / "host")]
    if program == "java":
        sources = map(str, (HOSTS / program).glob("*.java"))
        subprocess.run(["javac", "-Xlint:all", "-Werror", "-cp", str(JAR), "-d", str(folder), *sources], check=True)
        return ["java", "-cp", os.pathsep.join([str(JAR), str(folder)]), "Host"]
    return ["node" if program == "javascript" else sys.executable, source]


@pytest.fixture(scope="module", params=[name for name in PROGRAMS if name not in MISSING])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Each program that can run here."""
    command = compiled(request.param, tmp_path_factory.mktemp("compiled"))

    def run(*arguments: object) -> Said:
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr.strip()

    return run


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_cannot_run_here_is_told(program: str) -> None:
    assert f"NEWEST = {FORMAT}" in (HOSTS / program / PROGRAMS[program]).read_text()
    if program in MISSING:
        pytest.skip(f"the host in {program} needs {MISSING[program]}")


def steps_of(text: str) -> list[tuple[str, list[float]]]:
    """The lines of a stream: step and output, and its values."""
    found = [re.fullmatch(r"(step \d+ \w+) (.*)", line) for line in text.splitlines()]
    return [(f.group(1), [float(v) for v in f.group(2).split()]) for f in found if f]


def streamed(session: StreamingSession, first: int, steps: int) -> Iterator[tuple[str, list[float]]]:
    """What a session gives for the steps that the programs stream."""
    manifest = session.manifest
    given, _ = read_samples(session.path, manifest)[0]
    for t in range(first, first + steps):
        now = {p.name: given[p.name] for role in ("input", "mask") for p in manifest.ports(role)}
        for p in (*manifest.ports("input"), *manifest.ports("mask")):
            if p.time_axis is not None:
                now[p.name] = now[p.name].take([t % now[p.name].shape[p.time_axis]], p.time_axis)
        ports = manifest.ports("input")
        xs = [now[p.name][:, None] if p.ids is not None else now[p.name] for p in ports]
        masks = [now[p.mask] if p.mask else None for p in ports]
        ys = session.rnn_time_step(xs, features_masks=masks) if manifest.is_graph else session.rnn_time_step(xs[0], masks[0])
        for p, y in zip(manifest.ports("output"), ys if manifest.is_graph else [ys], strict=True):
            yield f"step {t + 1} {p.name}", y.ravel().tolist()


@pytest.mark.parametrize("name", [*STREAMS, "backwards"])
def test_the_golden_samples_are_met(host: Host, files: dict[str, Path], name: str) -> None:
    code, text, errors = host("check", files[name])
    *rows, last = text.splitlines()
    manifest = StreamingSession(files[name]).manifest
    compared = [(k, p.name) for k in range(len(read_samples(files[name], manifest))) for p in manifest.outputs]
    assert (code, errors) == (0, "")
    assert [row.split()[:3] for row in rows] == [["golden", str(k), output] for k, output in compared]
    assert all(row.endswith(" ok") and float(row.split()[3]) < 1e-6 for row in rows)
    assert re.fullmatch(r"largest difference \d\.\d\de-\d+: all within the tolerance", last)
    assert max(float(row.split()[3]) for row in rows) == float(last.split()[2][:-1]) > 0


def altered(files: dict[str, Path], name: str, folder: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """A copy of a file and its samples, changed."""
    model, path = onnx.load(files[name]), folder / "changed.onnx"
    change(model)
    onnx.save(model, path)
    shutil.copytree(f"{files[name]}.golden", f"{path}.golden")
    return path


@pytest.mark.parametrize(("value", "said"), [(0.25, r"[1-9]\.\d\de-0?\d"), (np.nan, "nan")])
def test_a_weight_that_was_changed_is_found(host: Host, files: dict[str, Path], tmp_path: Path, value: float, said: str) -> None:
    def change(model: onnx.ModelProto) -> None:
        weights = next(one for one in reversed(model.graph.initializer) if len(one.dims) == 2)
        array = onnx.numpy_helper.to_array(weights).copy()
        array[0, 0] += value
        weights.CopyFrom(onnx.numpy_helper.from_array(array, weights.name))

    code, text, errors = host("check", altered(files, "lstm", tmp_path, change))
    assert (code, errors) == (1, "")
    assert re.search(r"^golden 0  y .* OFF$", text, re.MULTILINE)
    assert re.search(rf"^largest difference {said}: BEYOND the tolerance", text, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_goes_from_program_to_program(host: Host, files: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Three steps and four, in two processes, are seven of a session to the bit; the state in between is that of the session, both ways."""
    path, saved, ours = files[name], tmp_path / "saved", tmp_path / "ours"
    session = StreamingSession(path)
    whole = [*streamed(session, 0, 3)]
    between = session.snapshot()
    ours.write_bytes(between.to_bytes())
    rest = [*streamed(session, 3, 4)]

    code, text, errors = host("stream", path, "--steps", 3, "--save", saved)
    assert (code, errors, steps_of(text)) == (0, "", whole)
    theirs = StateSnapshot.from_bytes(saved.read_bytes())
    assert (theirs.model, theirs.steps, theirs.states.keys()) == (between.model, 3, between.states.keys())
    assert all(np.array_equal(theirs.states[k], between.states[k]) for k in between.states)
    for state in (saved, ours):
        code, text, errors = host("stream", path, "--steps", 4, "--restore", state)
        assert (code, errors, steps_of(text)) == (0, "", rest)


def test_the_tolerance_of_a_file_with_weights_in_fewer_bits_is_the_manifests(host: Host, files: dict[str, Path], tmp_path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        (entry,) = (p for p in model.metadata_props if p.key == "rnngraph")
        entry.value = json.dumps({**json.loads(entry.value), "precision": {"tolerance": {"y": 0.5, "next_state_00_h": 1e-12}}})

    code, text, errors = host("check", altered(files, "lstm", tmp_path, change))
    assert (code, errors) == (1, "")
    allowed = [(float(row.split()[5]), row.split()[6]) for row in text.splitlines()[:3]]
    assert allowed == [(0.5, "ok"), (1e-12, "OFF"), (1e-5, "ok")]


def test_the_initial_value_may_differ_by_element(host: Host, files: dict[str, Path], tmp_path: Path) -> None:
    values = np.linspace(-0.5, 0.5, 6, dtype=np.float32)

    def change(model: onnx.ModelProto) -> None:
        (entry,) = (p for p in model.metadata_props if p.key == "rnngraph")
        manifest = json.loads(entry.value)
        manifest["states"][0]["initial"] = values.tolist()
        entry.value = json.dumps(manifest)

    session = StreamingSession(files["lstm"])
    session.restore(StateSnapshot({"state_00_h": np.tile(values, (2, 1)), "state_00_c": np.zeros((2, 6), np.float32)}))
    code, text, errors = host("stream", altered(files, "lstm", tmp_path, change), "--steps", 2)
    assert (code, errors, steps_of(text)) == (0, "", [*streamed(session, 0, 2)])


def test_the_state_of_a_stream_that_has_not_begun_is_the_initial_one(host: Host, files: dict[str, Path], tmp_path: Path) -> None:
    session = StreamingSession(files["mask"])
    (tmp_path / "state").write_bytes(StateSnapshot(model=session.manifest.parameters_sha256).to_bytes())
    code, text, errors = host("stream", files["mask"], "--restore", tmp_path / "state", "--steps", 2)
    assert (code, errors, steps_of(text)) == (0, "", [*streamed(session, 0, 2)])


def wrong_state(tmp_path: Path, files: dict[str, Path], kind: str) -> Path:
    """The state of the LSTM's two streams, made wrong."""
    session = StreamingSession(files["mask" if kind == "other" else "lstm"])
    session.rnn_time_step(np.zeros((3 if kind == "rows" else 2, 3), np.float32))
    data = session.snapshot().to_bytes()
    (tmp_path / kind).write_bytes(
        {"cut": data[:-1], "altered": data[:-1] + b"\x99", "foreign": data.replace(b"sha256", b"sha255")}.get(kind, data)
    )
    return tmp_path / kind


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("other", r"other is the state of another network: of parameters [0-9a-f]{12}\.\.\., .*lstm\.onnx has [0-9a-f]{12}\.\.\."),
        ("rows", r"rows: state_00_[hc] has the shape \(3, 6\), the stream needs \(2, 6\)"),
        ("cut", r"cut is no state, or a truncated one"),
        ("altered", r"altered was altered: its values do not match its digest"),
        ("foreign", r"foreign is no state, or a truncated one"),
        ("nowhere", r"nowhere: there is no such file"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(host: Host, files: dict[str, Path], tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / kind if kind == "nowhere" else wrong_state(tmp_path, files, kind)
    code, text, errors = host("stream", files["lstm"], "--restore", path)
    assert (code, text) == (2, "")
    assert re.fullmatch(rf".*{said}", errors)


def test_a_file_that_does_not_fit_is_refused(host: Host, files: dict[str, Path], tmp_path: Path) -> None:
    def refused(command: str, path: Path) -> str:
        code, text, errors = host(command, path)
        assert (code, text) == (2, "")
        return errors.replace(str(path), "FILE")

    alone, foreign, newer = tmp_path / "alone.onnx", tmp_path / "foreign.onnx", tmp_path / "newer.onnx"
    shutil.copy(files["lstm"], alone)
    model = onnx.load(files["lstm"])
    manifest = model.metadata_props[0]
    manifest.value = manifest.value.replace('"format": 1', '"format": 99')
    onnx.save(model, newer)
    del model.metadata_props[:]
    onnx.save(model, foreign)
    (tmp_path / "text.onnx").write_text("no model")
    assert refused("check", tmp_path / "nowhere.onnx") == "FILE: there is no such file"
    assert refused("check", tmp_path / "text.onnx").startswith("onnxruntime cannot open FILE: ")
    assert refused("check", foreign) == "FILE was not exported by rnngraph: its metadata has no manifest"
    assert refused("check", newer) == f"FILE has a manifest of format 99, this program knows up to {FORMAT}"
    for command in ("check", "stream"):
        assert refused(command, alone) == "there are no golden samples in FILE.golden; copy that folder along with the file"
    assert refused("stream", files["backwards"]).startswith("FILE cannot be fed step by step: layers[0] (Bidirectional(LSTM)): ")
    shutil.copytree(f"{files['mask']}.golden", f"{alone}.golden")
    assert refused("check", alone).endswith("is of another file than FILE")


def test_a_command_that_does_not_exist_is_refused(host: Host, files: dict[str, Path]) -> None:
    for arguments in ([], ["stream", files["lstm"], "--steps", "x"], ["stream", files["lstm"], "--back", "3"]):
        code, text, errors = host(*arguments)
        assert (code, text) == (2, "")
        assert errors.startswith("usage: ")


def test_the_program_in_python_needs_numpy_and_onnxruntime_alone() -> None:
    imports = [
        node for node in ast.walk(ast.parse(Path(python_host.__file__).read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    names = {one.name for node in imports if isinstance(node, ast.Import) for one in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}


def test_the_page_shows_each_program() -> None:
    text = PAGE.read_text()
    programs = [*(f"{folder}/{name}" for folder, name in PROGRAMS.items()), "java/Tensor.java", "java/Json.java"]
    assert re.findall(r'^--8<-- "([^"]+)"$', text, re.MULTILINE) == [f"examples/hosts/{name}" for name in programs]
    assert dead_links(PAGE) == []


def test_what_the_page_says_of_manifest_and_state(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, session = PAGE.read_text(), StreamingSession(files["lstm"])
    session.rnn_time_step(np.zeros((2, 3), np.float32))
    data = session.snapshot().to_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    manifest = json.loads(session._engine.session.get_modelmeta().custom_metadata_map["rnngraph"])
    of_manifest, of_state = (
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", part, re.MULTILINE))) for part in text.split("## The commands")
    )
    assert set(of_manifest) <= set(manifest)
    assert {name for name in of_state if name in header["__metadata__"]} == set(header["__metadata__"])

    assert f"the newest is {FORMAT}," in text
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    shutil.copy(files["lstm"], tmp_path / "net.onnx")
    (tmp_path / "state.safetensors").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    exec(block, {"Path": Path, "StateSnapshot": StateSnapshot, "StreamingSession": StreamingSession})
    assert StateSnapshot.from_bytes((tmp_path / "state.safetensors").read_bytes()).steps == 1


def test_the_lock_of_npm_names_no_host() -> None:
    """Whoever installs takes the registry that is set up."""
    text = (HOSTS / "javascript" / "package-lock.json").read_text()
    assert "http" not in text
    assert "resolved" not in text
    assert (
        json.loads(text)["packages"][""]["dependencies"] == json.loads((HOSTS / "javascript" / "package.json").read_text())["dependencies"]
    )
