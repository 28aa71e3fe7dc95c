"""A normalizer as part of the file: raw values go in, and where labels were normalised come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnngraph.conf.layers.output import loss_of
from rnngraph.data.columns import Columns
from rnngraph.data.multi_normalizer import MultiNormalizer
from rnngraph.data.normalizer import Normalizer
from rnngraph.errors import ExportError, InputError
from rnngraph.exporters.onnx.builder import Array
from rnngraph.ir.graph import Graph, Port
from rnngraph.ir.passes.normalise import normalise

RULE = (
    "Feed raw values: the file computes (x - mean) / std of each column, of type min_max (x - min) / (max - min) * (max_range - min_range) "
    "+ min_range, where a std and a max - min count as 1e-5 at least. Outputs that are listed come out in raw values too, by the opposite."
)


@dataclass(frozen=True)
class Baked:
    """A graph that takes raw values.

    ``statistics`` are the arrays of its new buffers, in the graph's data type. ``units`` has the statistics of inputs and outputs that are
    raw, by name.
    """

    graph: Graph
    statistics: Mapping[str, Array]
    units: Mapping[str, Columns]

    @property
    def manifest(self) -> dict[str, Any] | None:
        """What the manifest tells of it."""
        if not self.units:
            return None
        taken, given = (
            {p.name: self.units[p.name].to_dict() for p in ports if p.name in self.units}
            for ports in (self.graph.ports("input"), self.graph.ports("output"))
        )
        return {"inputs": taken, "outputs": given, "reverts_labels": bool(given), "rule": RULE}


def bake(graph: Graph, normalizer: object, layers: Sequence[Any]) -> Baked:
    """``graph`` with ``normalizer`` (None: as it is) inside; ``layers`` are the configuration's.

    ExportError for what is no normalizer, one that is not fitted, and one that does not fit the network.
    """
    if normalizer is None:
        return Baked(graph, {}, {})
    if not isinstance(normalizer, (Normalizer, MultiNormalizer)):
        raise ExportError(
            f"normalizer: expected a fitted NormalizerStandardize or NormalizerMinMaxScaler, got {type(normalizer).__name__}; "
            "NormalizerStandardize.from_statistics(mean, std) makes one of known numbers"
        )
    try:
        features, labels = _statistics(normalizer)
    except InputError as error:
        raise ExportError(f"normalizer: {error}") from error
    inputs, outputs = _named(graph.ports("input"), features), _named(graph.ports("output"), labels)
    for port in graph.ports("output"):
        if port.name in outputs and port.layer is not None:
            _check_regression(port.name, layers[port.layer])
    return baked(graph, inputs, outputs)


def _statistics(normalizer: Normalizer[Any] | MultiNormalizer) -> tuple[list[Columns | None], list[Columns | None]]:
    """Those of each input and of each output, in order; no outputs where labels stay as they are. InputError where it is not fitted."""
    if isinstance(normalizer, Normalizer):
        return [normalizer.statistics("features")], [normalizer.statistics("labels")] if normalizer.is_fit_label else []
    sides = normalizer.features, normalizer.labels
    features, labels = ([None if one is None else one.statistics("features") for one in side] for side in sides)
    return features, labels


def _named(ports: Sequence[Port], units: Sequence[Columns | None]) -> dict[str, Columns]:
    """By the names of ``ports``. ExportError where there are more or fewer."""
    if units and len(units) != len(ports):
        names = ", ".join(p.name for p in ports)
        raise ExportError(
            f"normalizer: it is for {len(units)} {ports[0].role}s, but the network has {len(ports)} ({names}); "
            "rg.MultiNormalizer(features=[...], labels=[...]) has a normalizer, or None, for each"
        )
    return {port.name: one for port, one in zip(ports, units, strict=False) if one is not None}


def baked(graph: Graph, inputs: Mapping[str, Columns], outputs: Mapping[str, Columns]) -> Baked:
    """``graph`` with these statistics of ``inputs`` and ``outputs`` by name. ExportError where they do not fit."""
    units = {**inputs, **outputs}
    for port in graph.ports("input", "output"):
        if port.name in units:
            _check(port, units[port.name])
    offsets = ({name: one.offset for name, one in side.items()} for side in (inputs, outputs))
    made = normalise(graph, *offsets)
    return Baked(made, dict(_arrays(made, units)), units)


def _check_regression(name: str, layer: Any) -> None:
    """ExportError where ``layer``, which gives output ``name``, tells classes, whose labels were normalised as if they were numbers."""
    found = loss_of(layer)
    if found is not None and found[1] == "softmax":
        raise ExportError(
            f"normalizer: it normalises labels too, but {name} is a softmax: it gives probabilities of classes, which have no units "
            f"({type(layer).__name__}); leave labels out of it (fit_label=False)"
        )


def _check(port: Port, units: Columns) -> None:
    """ExportError where ``units`` are not those of the columns of ``port``."""
    shape = port.value.shape
    if port.ids is not None:
        raise ExportError(
            f"normalizer: {port.name} takes ids of an embedding, which stand for themselves and have no mean; leave the normalizer out"
        )
    if len(shape) > 3:
        what = ", ".join(map(str, shape))
        raise ExportError(
            f"normalizer: {port.name} [{what}] is images or video, whose pixels have no statistics of their own; leave the normalizer out"
        )
    if len(units) != shape[1]:
        what = "features" if port.role == "input" else "labels"
        raise ExportError(
            f"normalizer: it was fitted on {len(units)} {what}, but {port.name} of the network has {shape[1]}; fit it on the data that the "
            "network was trained with"
        )


def _arrays(graph: Graph, units: Mapping[str, Columns]) -> Iterable[tuple[str, Array]]:
    """Shift and width of each port that has units, by the names that :func:`normalise` gives them, in the graph's data type."""
    for port in graph.ports("buffer"):
        owner, _, key = port.name.rpartition(".")
        if owner in units and key in ("shift", "width"):
            exact = getattr(units[owner], key)
            with np.errstate(over="ignore"):
                array = exact.astype(graph.data_type)
            if not np.isfinite(array).all():
                worst = exact[~np.isfinite(array)][0]
                raise ExportError(f"normalizer: {worst} among the statistics of {owner} is beyond {graph.data_type}; scale the data before")
            yield port.name, array.reshape(port.value.shape)
