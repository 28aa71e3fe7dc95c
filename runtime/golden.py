"""Reading the golden samples that lie beside an exported file: inputs, and the outputs that the reference backend gave for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnngraph.errors import InputError, MissingDependencyError, ModelFileError
from rnngraph.file_format import DATA_SET, INPUT, OUTPUT, golden_folder, tensor_file
from rnngraph.runtime.engine import Array, check_feeds
from rnngraph.runtime.manifest import Manifest, Port

Sample = tuple[dict[str, Array], dict[str, Array]]
"""Inputs and expected outputs, by name."""

_REMEDY = "copy the whole folder along with the file, or export the network again (export_onnx writes both)"


def read_samples(path: str | os.PathLike[str], manifest: Manifest) -> list[Sample]:
    """The samples of the exported file ``path``, at least one.

    ModelFileError: there are none, one cannot be read, or one does not fit the file. MissingDependencyError without onnx.
    """
    folder = golden_folder(path)
    if not folder.is_dir():
        raise ModelFileError(f"there are no golden samples beside the file: {folder} is not there; {_REMEDY}")
    sets = sorted(folder.glob(f"{DATA_SET}*"), key=_number)
    if not sets:
        raise ModelFileError(f"{folder} has no {DATA_SET}0; {_REMEDY}")
    return [_read_set(one, manifest) for one in sets]


def _read_set(folder: Path, manifest: Manifest) -> Sample:
    inputs = _read_tensors(folder, INPUT, manifest.inputs)
    outputs = _read_tensors(folder, OUTPUT, manifest.outputs)
    try:
        check_feeds(manifest, inputs)
    except InputError as error:
        raise ModelFileError(f"{folder} does not fit the file: {error}; {_REMEDY}") from error
    return inputs, outputs


def _read_tensors(folder: Path, kind: str, ports: Iterable[Port]) -> dict[str, Array]:
    """The tensors of a set by name, in the manifest's order."""
    numpy_helper, tensor_proto = _onnx()
    arrays: dict[str, Array] = {}
    for file in sorted(folder.glob(tensor_file(kind, "*")), key=_number):
        try:
            tensor = tensor_proto.FromString(file.read_bytes())
            arrays[tensor.name] = numpy_helper.to_array(tensor)
        except Exception as error:  # protobuf's, numpy's and the system's
            raise ModelFileError(f"{file} cannot be read: it is truncated, or no tensor ({error}); {_REMEDY}") from error
    names = [p.name for p in ports]
    if set(arrays) != set(names):
        raise ModelFileError(f"{folder} has the {kind}s {', '.join(arrays) or 'none'}, the file has {', '.join(names)}; {_REMEDY}")
    return {name: arrays[name] for name in names}


def _number(path: Path) -> tuple[int, str]:
    """2 before 10."""
    found = re.search(r"\d+$", path.stem)
    return (int(found.group()) if found else -1, path.name)


def _onnx() -> tuple[Any, Any]:
    try:
        from onnx import TensorProto, numpy_helper
    except ModuleNotFoundError as error:
        raise MissingDependencyError("verify reads golden samples with onnx, which is not installed; run: pip install onnx") from error
    return numpy_helper, TensorProto
