"""The arguments of export_onnx, checked before anything is computed or written."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rnngraph.errors import ExportError
from rnngraph.exporters.onnx.precision import KINDS
from rnngraph.exporters.onnx.targets import ACCEPTS
from rnngraph.files import SPECIAL, is_special

_SAVED = b"PK\x03\x04"
"""How a saved network begins, which is a zip."""
_SUFFIX = ".rnng"


def check_arguments(
    path: object,
    target: object,
    features_mask: object,
    streaming: object,
    steps: object,
    batch: object,
    precision: object = None,
    data_type: str = "float32",
    graph: bool = False,
) -> Path:
    """The path of the file to write. ExportError for an argument that is none of those that export_onnx takes.

    ``data_type`` is the network's; ``graph``: it is one, of which single inputs may have masks.
    """
    if not isinstance(target, str) or target not in ACCEPTS:
        raise ExportError(f"target={_shown(target)}: expected {' or '.join(repr(t) for t in ACCEPTS)}")
    if graph:
        _check_masked(features_mask)
    elif not isinstance(features_mask, bool):
        raise ExportError(
            f"features_mask={_shown(features_mask)}: expected True (the file takes a mask beside x) or False; "
            "the mask itself is given when the file is run"
        )
    if streaming is not None and not isinstance(streaming, bool):
        raise ExportError(f"streaming={_shown(streaming)}: expected True (refuse a network that cannot stream), False or None")
    if steps is not None and (not _is_count(steps) or steps != 1):
        raise ExportError(f"steps={_shown(steps)}: expected None (any number of steps) or 1 (the straight-line form of one step)")
    if precision is not None:
        _check_precision(precision, data_type)
    if batch is not None and not _is_count(batch):
        raise ExportError(f"batch={_shown(batch)}: expected None (any batch size) or a whole number of at least 1")
    return _check_path(path)


def _check_precision(precision: object, data_type: str) -> None:
    if not isinstance(precision, str) or precision not in KINDS:
        raise ExportError(f"precision={_shown(precision)}: expected None or one of {', '.join(map(repr, KINDS))}")
    if data_type != "float32":
        raise ExportError(
            f"precision={precision!r}: the network computes in {data_type}, which its file keeps; leave precision out, or build it with "
            "data_type='float32' and set these parameters"
        )


def check_labels(labels: object, n_out: int, name: str = "class_labels", owner: str = "the network") -> list[str] | None:
    """The class labels as a list. ExportError unless there is one string for each of ``n_out`` outputs, all different.

    ``name`` and ``owner`` are for messages.
    """
    if labels is None:
        return None
    remedy = f"expected a list of {n_out} different names, one for each output in its order"
    if isinstance(labels, str) or not isinstance(labels, Sequence) or not all(isinstance(one, str) and one for one in labels):
        raise ExportError(f"{name}={_shown(labels)}: {remedy}")
    if len(labels) != n_out:
        raise ExportError(f"{name} has {len(labels)} names, {owner} {n_out} outputs; {remedy}")
    if twice := sorted({one for one in labels if labels.count(one) > 1}):
        raise ExportError(f"{name} has {twice[0]!r} more than once; {remedy}")
    return list(labels)


def check_output_labels(labels: object, outputs: Mapping[str, int]) -> dict[str, list[str]]:
    """The class labels of a graph by the output that they name, each of which has a width.

    They are given by output, or, where there is one output, as a list. ExportError as :func:`check_labels`, and for an output that is none.
    """
    listed = ", ".join(map(repr, outputs))
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        if len(outputs) > 1:
            raise ExportError(
                f"class_labels={_shown(labels)}: the network has the outputs {listed}; give a mapping from their names to labels, "
                f"as {{{next(iter(outputs))!r}: [...]}}"
            )
        labels = dict.fromkeys(outputs, labels)
    if unknown := [name for name in labels if name not in outputs]:
        raise ExportError(f"class_labels: there is no output {_shown(unknown[0])}; the network's outputs are {listed}")
    checked = {name: check_labels(given, outputs[name], f"class_labels[{name!r}]", "the output") for name, given in labels.items()}
    return {name: given for name, given in checked.items() if given is not None}


def _check_masked(features_mask: object) -> None:
    """ExportError unless it says of which inputs of a graph the file takes masks."""
    names: Collection[object] = [None]
    if isinstance(features_mask, Collection) and not isinstance(features_mask, (str, bytes)):
        names = features_mask
    if not isinstance(features_mask, bool) and not all(isinstance(name, str) for name in names):
        raise ExportError(
            f"features_mask={_shown(features_mask)}: expected True (a mask for each input with a time axis), a list of inputs' names, or "
            "False; the masks themselves are given when the file is run"
        )


def _check_path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(name := os.fspath(path), str):
        raise ExportError(f"path={_shown(path)}: expected the name of the file to write, as 'net.onnx'")
    file = Path(name)
    if not file.parent.is_dir():
        raise ExportError(f"path={name!r}: there is no folder {str(file.parent)!r}; create it first")
    if file.is_dir():
        raise ExportError(f"path={name!r} is a folder; give the name of a file, as net.onnx")
    if is_special(file):
        raise ExportError(f"path={name!r} {SPECIAL}; give the name of a file, as net.onnx")
    if file.is_file() and _is_saved_network(file):
        raise ExportError(f"path={name!r} is a saved network, which the export would replace; write to another file, as net.onnx")
    return file


def _is_saved_network(file: Path) -> bool:
    if file.suffix.lower() == _SUFFIX:
        return True
    with file.open("rb") as opened:
        return opened.read(len(_SAVED)) == _SAVED


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _shown(value: object) -> str:
    """``value`` in few characters; what is large by its type."""
    text = repr(value) if isinstance(value, (str, int, float, list, tuple, type(None))) else type(value).__name__
    return text if len(text) <= 80 else f"{text[:77]}..."
