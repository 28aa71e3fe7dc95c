"""Golden samples: inputs and the outputs that the reference backend gives for them, in the form of the ONNX model zoo.

``net.onnx.golden/test_data_set_K/input_J.pb`` and ``output_J.pb`` are serialised TensorProtos, named and in order as in the file's
manifest. Where the network reads no padding, an input is NaN at masked steps: a file that lets it through is found by its samples.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from rnngraph.backends.reference import run
from rnngraph.data.columns import Columns
from rnngraph.errors import ExportError
from rnngraph.exporters.onnx.builder import Array
from rnngraph.exporters.onnx.emit import inputs, outputs
from rnngraph.file_format import DATA_SET, INPUT, OUTPUT, tensor_file
from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.padding import mask_of, reads_padding_of
from rnngraph.ir.steps import least_steps
from rnngraph.ir.types import evaluate
from rnngraph.names import shown

SIZES = ((2, 7), (1, 1))
"""Rows and steps of the samples; of several series that may differ in length each is a step longer than the one before."""
GAPS = np.array([[1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 1, 1]])
"""The masks of samples, repeated where there are more rows or steps."""

SCALES = (1.0, 0.1, 0.01, 0.001, 0.0001)
LARGE = 10.0
"""Inputs and states are drawn smaller while an output or a next state is larger than this. Bounded activations seldom come there; others
grow from step to step, and float32 then differs from float64 by more than a check can allow."""

Sample = tuple[dict[str, Array], dict[str, Array]]


def samples(
    graph: Graph,
    parameters: Mapping[str, Array],
    *,
    steps: int | None = None,
    batch: int | None = None,
    units: Mapping[str, Columns] | None = None,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> list[Sample]:
    """Pairs of inputs and outputs of these ``sizes``, from states that random inputs lead to; the same at each call.

    Where states begin with what was learned or given, another pair begins there.

    Where ``steps`` or ``batch`` are fixed, all have that size. ``units`` has the statistics of inputs and outputs in units of their
    own, by name.
    """
    generator = np.random.default_rng(20260101)
    exact = {name: np.asarray(array, np.float64) for name, array in parameters.items()}  # once, not in each run
    made, least = [], least_steps(graph)
    at_start = list(sizes[:1]) if any(p.start is not None for p in inputs(graph)) else []
    for k, (rows, length) in enumerate([*sizes, *at_start]):
        times = {symbol: steps or max(needed, length + more) for more, (symbol, needed) in enumerate(least.items())}
        free = {"N": batch or rows, **times}
        first = {**free, **{symbol: max(needed, 2) for symbol, needed in least.items()}}
        before = {p.name: _draw(p, first, generator, exact) for p in inputs(graph)}
        drawn = {p.name: _draw(p, free, generator, exact) for p in inputs(graph)}
        made.append(_sample(graph, exact, before if k < len(sizes) else None, drawn, units or {}))
    return made


def _draw(port: Port, sizes: dict[str, int], generator: np.random.Generator, parameters: Mapping[str, Array]) -> Array:
    """Ids within their range, gaps in masks, states as they begin, normal values for all else."""
    shape = tuple(evaluate(d, sizes) for d in port.value.shape)
    if port.role == "state":
        return np.full(shape, port.initial if port.start is None else parameters[port.start])
    if port.role == "mask":
        return np.tile(GAPS, (-(-shape[0] // 2), -(-shape[1] // GAPS.shape[1])))[: shape[0], : shape[1]]
    if port.ids is not None:
        return generator.integers(0, port.ids, shape)
    return generator.standard_normal(shape)


def _sample(
    graph: Graph,
    parameters: Mapping[str, Array],
    before: Mapping[str, Array] | None,
    drawn: Mapping[str, Array],
    units: Mapping[str, Columns],
) -> Sample:
    """The inputs at the first of SCALES at which no result is LARGE, else at the last, and the results.

    The states are those to which ``before`` leads, none of its steps masked; left out, those that were ``drawn``. What y holds at masked
    steps may be NaN.
    """
    for scale in SCALES:
        given = {p.name: _scaled(p, drawn, scale, graph, units) for p in inputs(graph)}
        if before is not None:
            given |= _led(graph, parameters, before, scale, units)
        results = run(graph, {**parameters, **given})
        results = {p.name: np.asarray(results[p.name]) for p in outputs(graph)}
        sizes = {name: units[name].scaled(r) if name in units else r for name, r in results.items()}
        if all(np.abs(r[~np.isnan(r)]).max(initial=0.0) <= LARGE for r in sizes.values()):
            break
    with np.errstate(over="ignore"):  # what float32 cannot hold is inf there, in the file as well
        return given, {name: r.astype(graph.data_type) for name, r in results.items()}


def _led(
    graph: Graph, parameters: Mapping[str, Array], before: Mapping[str, Array], scale: float, units: Mapping[str, Columns]
) -> dict[str, Array]:
    """The states to which ``before`` leads."""
    states = [p.name for p in inputs(graph) if p.role == "state"]
    if not states:
        return {}
    real = {**before, **{p.name: np.ones_like(before[p.name]) for p in inputs(graph) if p.role == "mask"}}
    first = {p.name: _scaled(p, real, scale, graph, units) for p in inputs(graph)}
    results = run(graph, {**parameters, **first})
    return {name: results[f"next_{name}"].astype(graph.data_type) for name in states}


def _scaled(port: Port, drawn: Mapping[str, Array], scale: float, graph: Graph, units: Mapping[str, Columns]) -> Array:
    """What is fed to ``port``: numbers scaled and in its units, masks, ids and states as they are; at masked steps NaN, or an id that
    does not exist, where nothing may read them."""
    array = drawn[port.name]
    masking = mask_of(port, graph) if port.role == "input" else None
    mask = None if masking is None else drawn[masking.name]
    unread = mask is not None and not reads_padding_of(port, graph)
    if port.ids is not None:
        return np.where(mask != 0, array, -(2**62)) if unread else array
    if port.role == "input":
        array = array * scale
        array = units[port.name].unscaled(array) if port.name in units else array
        if unread:
            array = np.where(np.expand_dims(mask != 0, tuple(range(1, array.ndim - 1))), array, np.nan)
    return array.astype(graph.data_type)


@contextmanager
def replaced(folder: Path, content: list[Sample]) -> Iterator[None]:
    """Put the samples at ``folder``; those that were there come back if the block fails, and go when it ends well.

    ExportError where anything but samples is there.
    """
    _check_only_samples(folder)
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


def _check_only_samples(folder: Path) -> None:
    if folder.is_dir():
        other = next((one for one in folder.rglob("*") if not _is_of_samples(one, one.relative_to(folder).parts)), None)
        found = f"holds {shown(str(other.relative_to(folder)))} too" if other else ""
    else:
        found = "is no folder" if os.path.lexists(folder) else ""
    if found:
        raise ExportError(
            f"{folder}: {found}, and the export would replace it by a folder of golden samples; move it away, or write to another file"
        )


def _is_of_samples(path: Path, parts: tuple[str, ...]) -> bool:
    """Whether it is what an export writes: a folder of a data set, or a tensor in one."""
    if len(parts) == 1:
        return parts[0].startswith(DATA_SET) and path.is_dir()
    return len(parts) == 2 and path.is_file() and any(path.match(tensor_file(kind, "*")) for kind in (INPUT, OUTPUT))


def _write(folder: Path, content: list[Sample]) -> None:
    for k, pair in enumerate(content):
        data_set = folder / f"{DATA_SET}{k}"
        data_set.mkdir(parents=True)
        for kind, arrays in zip((INPUT, OUTPUT), pair, strict=True):
            for j, (name, array) in enumerate(arrays.items()):
                (data_set / tensor_file(kind, j)).write_bytes(numpy_helper.from_array(array, name).SerializeToString())
