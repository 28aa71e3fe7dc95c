"""A normalizer as part of the file: raw values go in, and where labels were normalised come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnngraph.conf.layers.output import loss_of
from rnngraph.data.columns import Columns
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


def bake(graph: Graph, normalizer: object, last: Any) -> Baked:
    """``graph`` with ``normalizer`` (None: as it is) inside; ``last`` is the layer that its output comes from.

    ExportError for what is no normalizer, one that is not fitted, and one that does not fit the network.
    """
    if normalizer is None:
        return Baked(graph, {}, {})
    if not isinstance(normalizer, Normalizer):
        raise ExportError(
            f"normalizer: expected a fitted NormalizerStandardize or NormalizerMinMaxScaler, got {type(normalizer).__name__}; "
            "NormalizerStandardize.from_statistics(mean, std) makes one of known numbers"
        )
    try:
        inputs = {p.name: normalizer.statistics("features") for p in graph.ports("input")}
        outputs = {p.name: normalizer.statistics("labels") for p in graph.ports("output") if normalizer.is_fit_label}
    except InputError as error:
        raise ExportError(f"normalizer: {error}") from error
    return baked(graph, inputs, outputs if _is_regression(last, outputs) else {})


def baked(graph: Graph, inputs: Mapping[str, Columns], outputs: Mapping[str, Columns]) -> Baked:
    """``graph`` with these statistics of ``inputs`` and ``outputs`` by name. ExportError where they do not fit."""
    units = {**inputs, **outputs}
    for port in graph.ports("input", "output"):
        if port.name in units:
            _check(port, units[port.name])
    offsets = ({name: one.offset for name, one in side.items()} for side in (inputs, outputs))
    made = normalise(graph, *offsets)
    return Baked(made, dict(_arrays(made, units)), units)


def _is_regression(last: Any, outputs: Mapping[str, Columns]) -> bool:
    """Whether outputs are numbers in units. ExportError where classes were normalised like numbers."""
    found = loss_of(last)
    if outputs and found is not None and found[1] == "softmax":
        raise ExportError(
            f"normalizer: it normalises labels too (fit_label=True), but the network ends in softmax: it gives probabilities of classes, "
            f"which have no units ({type(last).__name__}); give a normalizer that was fitted with fit_label=False"
        )
    return True


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
