"""What flows between the layers and vertices of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnngraph.ir.cell import where
from rnngraph.ir.graph import Value


@dataclass(frozen=True)
class Flow:
    """A value, and what is known of it.

    ``mask`` is the features mask, bool [T, N, 1], None without one and where there is no time axis. ``clean`` says that the value is 0 at
    masked steps. ``given`` is the mask by which labels count that have none of their own: a features mask as it was given, or what became
    of it where the series became shorter.
    """

    value: Value
    mask: Value | None = None
    clean: bool = True
    given: Value | None = None

    def cleaned(self, mask_mode: str = "hold") -> Value:
        """The value with 0 at masked steps; as it is where masks are ignored."""
        if self.mask is None or self.clean or mask_mode == "ignore":
            return self.value
        return where(widened(self.mask, self.value), self.value, 0.0)

    def with_value(self, value: Value, *, clean: bool | None = None) -> Flow:
        """Another value with the same time axis."""
        return replace(self, value=value, clean=self.clean if clean is None else clean)


Flows = tuple[Flow, ...]
"""What one vertex gives: a flow, several where examples are stacked."""


def widened(mask: Value, x: Value) -> Value:
    """The mask with as many axes as ``x``: images have more than [T, N, F]."""
    while mask.type.rank < x.type.rank:
        mask = mask.block.add("unsqueeze", [mask], "mask", axis=-1)
    return mask


def either(masks: list[Value | None]) -> Value | None:
    """1 where any of the masks is; None where one of them is None, which masks nothing."""
    joined: Value | None = None
    for mask in dict.fromkeys(masks):
        if mask is None:
            return None
        joined = mask if joined is None else where(joined, joined, mask)
    return joined
