"""Exported files on a GPU: every layer against the reference backend, and what a step takes beside torch with cuDNN.

    python -m benchmarks.gpu_check [--rounds 15]

Writes gpu.json and gpu.md into benchmarks/results. Exit code 1: a number is off. 2: there is no GPU here; nothing was checked or written.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

import rnngraph as rg
from benchmarks.gpu_cases import CASES
from benchmarks.measure import Row, Run, alternate, network, void
from benchmarks.steps import in_turn, single_cell, whole_module
from rnngraph.errors import ExportError, MissingDependencyError
from rnngraph.exporters import export_onnx
from rnngraph.files import atomic_write
from rnngraph.runtime import StreamingSession, verify
from rnngraph.runtime.device import Device
from rnngraph.runtime.verify import compare

RESULTS = Path("benchmarks/results")
FORMS: dict[str, dict[str, Any]] = {
    "free": {},
    "masked": {"features_mask": True},
    "one step": {"features_mask": True, "steps": 1, "batch": 2},
}
"""How each network is exported: the arguments of export_onnx."""


def parity(folder: Path, device: Device, names: Iterable[str] = CASES) -> Iterator[Row]:
    """Each network in each form against its golden samples, which the reference backend wrote, whole against chunked and stepped."""
    for name in names:
        net = CASES[name]()
        for form, options in FORMS.items():
            with suppress(ExportError):  # a network that cannot stream has no form of one step, one without time no mask
                export_onnx(net, folder / "net.onnx", **options)
                report = verify(folder / "net.onnx", device=device)
                yield _row(f"{name}, {form}", report.rows)
                if form == "one step" and report.device == "cuda":
                    yield _row(f"{name}, recorded", [replayed(folder / "net.onnx")])


def _row(what: str, rows: Iterable[Any]) -> Row:
    """The comparison that uses most of its tolerance."""
    told = list(rows)
    worst = max(told, key=lambda row: (not row.ok, row.absolute / max(row.tolerance, 1e-30)))
    keys = ("absolute", "relative", "tolerance")
    return {"what": what, "worst": worst.what, **{k: getattr(worst, k) for k in keys}, "ok": all(r.ok for r in told), "count": len(told)}


def replayed(path: Path) -> Any:
    """A recorded step against the same step run as it is, over twenty steps."""
    sessions = [StreamingSession(path, "cuda", cuda_graph=graph) for graph in (True, False)]
    given = [_steps(sessions[0], seed) for seed in range(20)]
    one, other = ([np.concatenate([np.ravel(y) for y in _listed(s.rnn_time_step(x))]) for x in given] for s in sessions)
    return compare("recorded = run: y", np.stack(one), np.stack(other))


def _steps(session: StreamingSession, seed: int, rows: int = 2) -> Any:
    """Random inputs of one step."""
    draw = np.random.default_rng(seed)
    ports = session.manifest.ports("input")
    xs: list[Any] = [
        draw.integers(0, p.ids, rows)
        if p.ids
        else draw.standard_normal([rows, *(d for d in p.shape[1:] if isinstance(d, int))][: len(p.shape) - 1]).astype(p.data_type)
        for p in ports
    ]
    return xs if session.manifest.is_graph else xs[0]


def _listed(y: Any) -> list[Any]:
    return y if isinstance(y, list) else [y]


def tf32(folder: Path) -> Row:
    """What TF32 costs in exactness, which nothing checks: LSTM(128) over 100 steps against the same in float32."""
    export_onnx(network(rg.LSTM(n_in=12, n_out=128)), folder / "net.onnx")
    x = np.random.default_rng(0).standard_normal((8, 12, 100)).astype(np.float32)
    got, expected = (StreamingSession(folder / "net.onnx", "cuda", tf32=on).output(x) for on in (True, False))
    return _row("LSTM(128) over 100 steps, tf32=True", [compare("y", got, expected, tolerance=np.inf)])


def latency(rounds: int, folder: Path, device: Device, sizes: Iterable[tuple[int, int]], repeat: int = 200) -> Iterator[Row]:
    """Seconds of one step, from an array to an array, for rows and hidden units; peers in alternation."""
    for n, h in sizes:
        for layer in (rg.LSTM(n_in=12, n_out=h), rg.GravesLSTM(n_in=12, n_out=h)):
            times = alternate(dict(peers(layer, n, folder, device)), rounds, repeat)
            medians = {name: statistics.median(seconds) for name, seconds in times.items()}
            yield {"what": f"{layer.tag()}({h}), N={n}", "seconds": medians}


def peers(layer: Any, n: int, folder: Path, device: Device) -> Iterator[tuple[str, Run]]:
    """The same step in several ways; torch has no GravesLSTM."""
    net, x = network(layer), np.random.default_rng(0).standard_normal((n, 12)).astype(np.float32)
    free, single = folder / "free.onnx", folder / "single.onnx"
    export_onnx(net, free)
    export_onnx(net, single, steps=1, batch=n)
    yield "session.run", fed_back(StreamingSession(free, device), n)
    sessions = {"bound": StreamingSession(free, device), "bound, steps=1": StreamingSession(single, device)}
    if device == "cuda":
        sessions["recorded"] = StreamingSession(single, device, cuda_graph=True)
    sessions["on the CPU"] = StreamingSession(free)
    for name, session in sessions.items():
        yield name, lambda session=session: void(session.rnn_time_step(x))  # type: ignore[misc]
    place = "cuda" if device == "cuda" and torch.cuda.is_available() else "cpu"
    if isinstance(layer, rg.LSTM) and place == device:
        h = layer.n_out or 0
        yield "torch nn.LSTM", in_turn(whole_module(h, place), x, (1, n, h), place)
        yield "torch LSTMCell", in_turn(single_cell(h, place), x, (n, h), place)


def fed_back(session: StreamingSession, n: int) -> Run:
    """The file's session with arrays in and arrays out, states too, as one drives it without bindings."""
    manifest, bare = session.manifest, session._engine.session
    feeds = {p.name: np.zeros([d if isinstance(d, int) else n if d == "N" else 1 for d in p.shape], p.data_type) for p in manifest.inputs}

    def run() -> None:
        results = bare.run(None, feeds)
        feeds.update(zip((s.input for s in manifest.states), results[1:], strict=True))

    return run


def page(content: dict[str, Any]) -> str:
    """All of it in Markdown."""
    names = list(dict.fromkeys(name for row in content["latency"] for name in row["seconds"]))
    lines = [f"# On a GPU\n\nWritten by `make gpu-check`. {content['machine']}. {content['versions']}.\n\n## A step, in microseconds\n"]
    lines += [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for row in content["latency"]:
        cells = (f"{1e6 * row['seconds'][name]:.0f}" if name in row["seconds"] else "" for name in names)
        lines.append(f"| {row['what']} | {' | '.join(cells)} |")
    lines += [
        "\n## Against the reference backend\n",
        "| network | comparisons | largest error | tolerance | of | |",
        "| --- |" + " --- |" * 5,
    ]
    for row in [*content["parity"], content["tf32"]]:
        verdict = "ok" if row["ok"] else "OFF"
        lines.append(f"| {row['what']} | {row['count']} | {row['absolute']:.2g} | {row['tolerance']:.2g} | {row['worst']} | {verdict} |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    """The GPU and its driver."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
    return "unknown GPU"


def write(content: dict[str, Any], folder: Path) -> None:
    """gpu.json and gpu.md."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / "gpu.json") as file:
        file.write(json.dumps(_finite(content), indent=1, allow_nan=False).encode())
    with atomic_write(folder / "gpu.md") as file:
        file.write(page(content).encode())


def _finite(content: Any) -> Any:
    """The same with null for what JSON cannot hold: an infinite error."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def main() -> int:
    """Check, measure, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_onnx(network(rg.LSTM(n_in=12, n_out=4)), folder / "net.onnx")
        try:
            StreamingSession(folder / "net.onnx", "cuda")
        except MissingDependencyError as error:
            print(f"Nothing was checked: {error}")
            return 2
        content = {
            "machine": machine(),
            "versions": f"python {platform.python_version()}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}",
            "rounds": args.rounds,
            "parity": list(parity(folder, "cuda")),
            "tf32": tf32(folder),
            "latency": list(latency(args.rounds, folder, "cuda", [(1, 128), (64, 128), (1, 512), (64, 512)])),
        }
    write(content, RESULTS)
    print(page(content))
    return 0 if all(row["ok"] for row in content["parity"]) else 1


if __name__ == "__main__":
    sys.exit(main())
