"""Whether the sizes that a manifest tells are ones that a network can have: nothing is allocated for a file that declares more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnngraph.errors import ModelFileError

if TYPE_CHECKING:
    from rnngraph.runtime.manifest import Manifest

LARGEST = 1 << 30
"""The most numbers of one step of one row, or of a fixed batch: 4 GiB in float32."""


def check_sizes(manifest: Manifest, path: object) -> None:
    """ModelFileError where an input, output or state is larger than LARGEST, or a size is no positive number."""
    for name, shape in _shapes(manifest):
        sizes = [size for size in shape if not isinstance(size, str)]
        whole = all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes)
        if not whole or math.prod(sizes) > LARGEST:
            raise ModelFileError(
                f"{path}: its manifest says that {name} has the shape [{', '.join(map(str, shape))}]; expected whole numbers whose product "
                f"is {LARGEST:,} at most. The file was damaged, or rnngraph did not write it; export the network again"
            )


def _shapes(manifest: Manifest) -> Iterator[tuple[str, tuple[int | str, ...]]]:
    for port in (*manifest.inputs, *manifest.outputs):
        yield port.name, port.shape
    for state in manifest.states:
        yield f"the state {state.input}", state.shape if manifest.batch is None else (manifest.batch, *state.shape)
    yield "a batch", ("N",) if manifest.batch is None else (manifest.batch,)
