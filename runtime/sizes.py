"""Whether the sizes that a manifest tells are ones that a network can have: nothing is allocated for a file that declares more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnngraph.errors import ModelFileError

if TYPE_CHECKING:
    from rnngraph.runtime.manifest import Manifest, Port

LARGEST = 1 << 30
"""The most numbers of one step of one row, or of a fixed batch: 4 GiB in float32."""
_REMEDY = "The file was damaged, or rnngraph did not write it; export the network again"


def check_sizes(manifest: Manifest, path: object) -> None:
    """ModelFileError where an input, output or state is larger than LARGEST, a size is no positive number, or two do not agree."""
    for what, count in (("steps", manifest.steps), ("batch", manifest.batch)):
        if count is not None and not (_is_size(count) and count <= LARGEST):
            raise ModelFileError(
                f"{path}: its manifest says {what}={count!r}; expected a positive whole number, {LARGEST:,} at most, or null. {_REMEDY}"
            )
    for name, shape in _shapes(manifest):
        sizes = [size for size in shape if not isinstance(size, str)]
        if not all(map(_is_size, sizes)) or math.prod(sizes) > LARGEST:
            raise ModelFileError(
                f"{path}: its manifest says that {name} has the shape [{', '.join(map(str, shape))}]; expected positive whole numbers "
                f"whose product is {LARGEST:,} at most. {_REMEDY}"
            )
    for port in (*manifest.inputs, *manifest.outputs):
        _check_fixed(manifest, port, path)


def _check_fixed(manifest: Manifest, port: Port, path: object) -> None:
    """ModelFileError where a size of ``port`` is free and the manifest has it fixed, or a row of inputs is not the batch."""
    rows, *others = port.shape or ("N",)
    batch, steps = manifest.batch, manifest.steps
    odd = batch is not None and (isinstance(rows, str) or (port in manifest.inputs and rows != batch))
    if odd or (steps is not None and any(isinstance(size, str) for size in others)):
        told = f"batch={batch}" if odd else f"steps={steps}"
        raise ModelFileError(
            f"{path}: its manifest says {told}, and that {port.name} has the shape [{', '.join(map(str, port.shape))}], which does "
            f"not have it. {_REMEDY}"
        )


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _shapes(manifest: Manifest) -> Iterator[tuple[str, tuple[int | str, ...]]]:
    for port in (*manifest.inputs, *manifest.outputs):
        yield port.name, port.shape
    for state in manifest.states:
        yield f"the state {state.input}", state.shape if manifest.batch is None else (manifest.batch, *state.shape)
