"""MultiNormalizer: a normalizer for each input, and on request for each output, of a network that has several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnngraph.data.normalizer import Normalizer
from rnngraph.data.normalizers import normalizer_from
from rnngraph.errors import InputError
from rnngraph.names import shown
from rnngraph.spelling import Spelled, spelled


class MultiNormalizer(Spelled):
    """One normalizer for each input, in the network's order; ``labels`` has one for each output, or none where labels stay as they are.

    Each sees the arrays of its input or output alone, as features. None stands for one that is left as it is, as ids are.

    Raises InputError for anything but normalizers, and for one that has ``fit_label`` itself.
    """

    @spelled
    def __init__(self, features: Sequence[Normalizer[Any] | None], labels: Sequence[Normalizer[Any] | None] = ()) -> None:
        self.features, self.labels = _several(features, "features"), _several(labels, "labels")
        if not self.features:
            raise InputError("MultiNormalizer: features is empty; expected one normalizer, or None, for each input")

    def __repr__(self) -> str:
        return f"MultiNormalizer({list(self.features)}, labels={list(self.labels)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MultiNormalizer) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its parts can be fitted anew

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it, without loss; :func:`multi_normalizer_from` reads it. InputError before all are fitted."""
        features, labels = ([None if one is None else one.to_dict() for one in side] for side in (self.features, self.labels))
        return {"type": "multi", "features": features, "labels": labels}


def multi_normalizer_from(content: Mapping[str, Any]) -> MultiNormalizer:
    """What :meth:`MultiNormalizer.to_dict` told of. InputError for anything else."""
    if not isinstance(content, Mapping) or content.get("type") != "multi" or content.keys() != {"type", "features", "labels"}:
        raise InputError(f"{shown(content)} is no normalizer; expected what to_dict() gave")
    sides = ([None if one is None else normalizer_from(one) for one in content[name]] for name in ("features", "labels"))
    return MultiNormalizer(*sides)


def _several(given: object, name: str) -> tuple[Normalizer[Any] | None, ...]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise InputError(f"MultiNormalizer: {name} is {shown(given)}; expected a list with a normalizer, or None, for each")
    for k, one in enumerate(given):
        if one is not None and (not isinstance(one, Normalizer) or one.is_fit_label):
            raise InputError(
                f"MultiNormalizer: {name}[{k}] is {shown(one)}; expected a normalizer without fit_label, or None: "
                "those of outputs stand in labels=[...]"
            )
    return tuple(given)
