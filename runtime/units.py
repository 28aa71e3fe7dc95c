"""Raw values: a file with a normalizer inside takes and gives them, the network that it was exported from does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngraph.errors import InputError, ModelFileError
from rnngraph.runtime.driven import Arrays, Driven
from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import Manifest

if TYPE_CHECKING:
    from rnngraph.data.columns import Columns


@dataclass(frozen=True)
class RawDriven(Driven):
    """A network of normalised values, fed and read in raw ones; ``units`` has the statistics of inputs and outputs by name."""

    units: Mapping[str, Columns]

    def _call(self, verb: Any, given: Arrays) -> dict[str, Array]:
        masks = {p.name: None if p.mask is None else given[p.mask] for p in self.manifest.ports("input")}
        inside = {name: self.units[name].scaled(given[name], mask) for name, mask in masks.items() if name in self.units}
        results = super()._call(verb, {**given, **inside})
        return {name: self.units[name].unscaled(y) if name in self.units else y for name, y in results.items()}


def in_units(driven: Driven) -> Driven:
    """``driven`` in the units of the file; as it is where that has no normalizer inside, or the network is a file that has one too.

    ModelFileError: the manifest's normalizer is none.
    """
    told: Manifest | None = getattr(driven.net, "manifest", None)
    if driven.manifest.normalizer is None or (told is not None and told.normalizer is not None):
        return driven
    return RawDriven(driven.net, driven.manifest, {**_units(driven.manifest, "inputs"), **_units(driven.manifest, "outputs")})


RESOLUTION = 0.02
"""The share of its mean that counts to a column's size: 1e-5 of it is twice the 1e-7 to which float32 holds numbers near the mean."""


def evened(manifest: Manifest, name: str, got: Array, expected: Array) -> tuple[Array, Array]:
    """Both centred and in shares of each column's size, where the result ``name`` is in raw values: one tolerance then fits all columns.

    ModelFileError as :func:`in_units`.
    """
    units = _units(manifest, "outputs").get(name)
    if units is None or got.shape != expected.shape:
        return got, expected
    along = (-1, *[1] * (got.ndim - 2))
    shift, size = (one.reshape(along) for one in (units.shift, units.width + RESOLUTION * np.abs(units.shift)))
    return (got - shift) / size, (expected - shift) / size


def _units(manifest: Manifest, side: str) -> dict[str, Columns]:
    """The statistics of "inputs" or "outputs" by name."""
    from rnngraph.data.columns import columns_from

    try:
        return {name: columns_from(told) for name, told in (manifest.normalizer or {side: {}})[side].items()}
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"the manifest's normalizer is not as rnngraph writes it ({error!r}); export the network again") from error
