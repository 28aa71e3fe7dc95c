"""Golden samples: inputs and the outputs that the reference backend gives for them, in the form of the ONNX model zoo.

``net.onnx.golden/test_data_set_K/input_J.pb`` and ``output_J.pb`` are serialised TensorProtos, named and in order as in the file's
manifest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from rnngraph.backends.reference import run
from rnngraph.exporters.onnx.builder import Array
from rnngraph.exporters.onnx.emit import inputs, outputs
from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.types import evaluate

SIZES = ({"N": 2, "T": 7}, {"N": 1, "T": 1})
GAPS = np.array([[1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 1, 1]])
"""The masks of samples, repeated where there are more rows or steps."""

Sample = tuple[dict[str, Array], dict[str, Array]]


def golden_folder(path: Path) -> Path:
    """Where the samples of the file ``path`` lie."""
    return path.with_name(f"{path.name}.golden")


def samples(graph: Graph, parameters: Mapping[str, Array], *, steps: int | None = None, batch: int | None = None) -> list[Sample]:
    """At least two pairs of inputs and outputs, from states that random inputs lead to; the same at each call.

    Where ``steps`` or ``batch`` are fixed, all have that size.
    """
    generator = np.random.default_rng(20260101)
    masks = {p.name for p in inputs(graph) if p.role == "mask"}
    made = []
    for sizes in SIZES:
        sizes = {"N": batch or sizes["N"], "T": steps or sizes["T"]}
        before = {p.name: _draw(p, sizes, graph, generator) for p in inputs(graph)}
        before.update((name, np.ones_like(array)) for name, array in before.items() if name in masks)
        led = run(graph, {**parameters, **before})
        given = {p.name: _draw(p, sizes, graph, generator) for p in inputs(graph)}
        given.update((p.name, led[f"next_{p.name}"].astype(graph.data_type)) for p in inputs(graph) if p.role == "state")
        results = run(graph, {**parameters, **given})
        made.append((given, {p.name: np.asarray(results[p.name]).astype(graph.data_type) for p in outputs(graph)}))
    return made


def _draw(port: Port, sizes: dict[str, int], graph: Graph, generator: np.random.Generator) -> Array:
    """Normal values, gaps in masks, states as they begin."""
    shape, data_type = tuple(evaluate(d, sizes) for d in port.value.shape), graph.data_type
    if port.role == "state":
        return np.full(shape, port.initial, data_type)
    if port.role == "mask":
        return np.tile(GAPS, (-(-shape[0] // 2), -(-shape[1] // GAPS.shape[1])))[: shape[0], : shape[1]].astype(data_type)
    return generator.standard_normal(shape).astype(data_type)


@contextmanager
def replaced(folder: Path, content: list[Sample]) -> Iterator[None]:
    """Put the samples at ``folder``; what was there comes back if the block fails, and goes when it ends well."""
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    old = fresh / "old"
    try:
        _write(fresh / "new", content)
        if folder.exists():
            folder.rename(old)
        try:
            (fresh / "new").rename(folder)
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(folder: Path, content: list[Sample]) -> None:
    for k, pair in enumerate(content):
        data_set = folder / f"test_data_set_{k}"
        data_set.mkdir(parents=True)
        for prefix, arrays in zip(("input", "output"), pair, strict=True):
            for j, (name, array) in enumerate(arrays.items()):
                (data_set / f"{prefix}_{j}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
