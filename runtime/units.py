"""Raw values: a file with a normalizer inside takes and gives them, the network that it was exported from does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnngraph.errors import InputError, ModelFileError
from rnngraph.runtime.engine import Array

if TYPE_CHECKING:
    from rnngraph.data.columns import Columns


@dataclass(frozen=True)
class Raw:
    """``net``, which takes and gives normalised values, as a network of raw ones: x in units ``takes``, y in units ``gives``."""

    net: Any
    takes: Columns | None
    gives: Columns | None

    def output(self, x: Array, features_mask: Array | None = None, /) -> Array:
        """As that of a network."""
        return self._back(self.net.output(self._inside(x, features_mask), features_mask))

    def rnn_time_step(self, x: Array, features_mask: Array | None = None, /) -> Array:
        """As that of a network."""
        return self._back(self.net.rnn_time_step(self._inside(x, features_mask), features_mask))

    def snapshot(self) -> Any:
        """The state, which has no units."""
        return self.net.snapshot()

    def restore(self, snapshot: Any, /) -> None:
        """As that of a network."""
        self.net.restore(snapshot)

    def _inside(self, x: Array, mask: Array | None) -> Array:
        return x if self.takes is None else self.takes.scaled(x, mask)

    def _back(self, y: Array) -> Array:
        return y if self.gives is None else self.gives.unscaled(y)


def raw(net: Any, normalizer: Mapping[str, Any], x: str, y: str) -> Raw:
    """``net`` in the units of a file whose manifest tells of ``normalizer``, at ports ``x`` and ``y``. ModelFileError for what is none."""
    from rnngraph.data.columns import columns_from

    def units(side: str, name: str) -> Columns | None:
        found = normalizer[side].get(name)
        return None if found is None else columns_from(found)

    try:
        return Raw(net, units("inputs", x), units("outputs", y))
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"the manifest's normalizer is not as rnngraph writes it ({error!r}); export the network again") from error
