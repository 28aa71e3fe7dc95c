"""The way from a network to its ONNX file: lower, passes for the target, emit, check, write."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from onnx import helper

from rnngraph.conf import MultiLayerConfiguration
from rnngraph.data.columns import Columns
from rnngraph.data.multi_normalizer import MultiNormalizer
from rnngraph.data.normalizer import Normalizer
from rnngraph.errors import ExportError, GraphError
from rnngraph.exporters.golden import replaced, samples
from rnngraph.exporters.loss import LONGER, loss
from rnngraph.exporters.manifest import manifest, metadata, seal
from rnngraph.exporters.onnx.arguments import check_arguments, check_labels, check_output_labels
from rnngraph.exporters.onnx.builder import Array
from rnngraph.exporters.onnx.emit import CONSTANT, build_model
from rnngraph.exporters.onnx.normalise import bake
from rnngraph.exporters.onnx.precision import Precision, rounded
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.file_format import FORMAT, golden_folder
from rnngraph.files import atomic_write
from rnngraph.ir.graph import Graph
from rnngraph.ir.passes.integer_products import integer_layers
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.streaming import why_not
from rnngraph.lowering import lower

_MUCH = 0.5
"""Of the largest value or of 1: a tolerance that a file of other weights would meet as well."""


class ExportWarning(UserWarning):
    """A file that was written as asked, and may not be what was meant."""


@runtime_checkable
class Network(Protocol):
    """What is exported: a MultiLayerNetwork or a ComputationGraph, or anything with its configuration and parameters."""

    @property
    def config(self) -> Any:
        """The configuration."""

    def parameters(self) -> Mapping[str, Array]:
        """The parameters by name."""


def export_onnx(
    net: Network,
    path: str | os.PathLike[str],
    target: Target = "portable",
    features_mask: bool | Collection[str] = False,
    streaming: bool | None = None,
    steps: Literal[1] | None = None,
    batch: int | None = None,
    class_labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    normalizer: Normalizer[Any] | MultiNormalizer | None = None,
    precision: Precision | None = None,
) -> None:
    """Write ``net`` as the ONNX file ``path``, and golden samples beside it in ``path`` + ".golden".

    The file takes ``x`` [N, F, T], with ``features_mask`` a mask [N, T] of 0 and 1, and the states [N, H]; it gives ``y`` and the next
    states. N and T are free unless ``batch`` fixes N, or ``steps=1`` writes the straight-line form of one step.

    ``target="portable"`` runs everywhere, under CUDA without a fallback to the CPU; ``"cpu"`` uses all that onnxruntime's CPU kernels
    have. ``streaming=True`` refuses a network that cannot be fed step by step, and so does ``steps=1``; otherwise such a network is
    written too, for whole sequences.

    ``class_labels`` names the outputs, in their order: the file's manifest then holds them for hosts that show results.

    ``normalizer``, fitted, goes into the file: it takes raw values and normalises them inside; where labels were normalised too
    (``fit_label``), its outputs are in their units. States and the digest of parameters are those of the file without.

    ``precision`` stores weights in fewer bits: "float16" and "bfloat16" halve the file, "int8" leaves a quarter of it. Inputs, states and
    outputs stay float32, so a state may move between files of different precision. What it costs is measured over the golden samples and
    stands in the manifest, with the tolerance that ``verify`` then uses. With int8 and ``target="cpu"`` cells whose h lies between -1 and 1
    have recurrent products of whole numbers, which are faster where layers are wide.

    A ComputationGraph's file takes its inputs under their names and gives its outputs under the names of their vertices. There
    ``features_mask=True`` gives each input with a time axis a mask ``features_mask_<input>``, a list of names single ones, and
    ``class_labels`` is a mapping from outputs to labels (a list, where there is one output). A MultiNormalizer has a normalizer for each.

    ExportError: an argument that is none of the above, a network that cannot stream, a normalizer of other data, weights that a precision
    cannot hold, a path where a saved network lies or whose folder is not there, or anything but samples where those go; nothing is written
    then. MissingDependencyError: a lower precision without onnxruntime. ExportWarning: the network was fitted with a features mask and the
    file has none, or none for some input with a time axis; a lower precision loses so much that ``verify`` tells little.
    """
    if not isinstance(net, Network):
        raise ExportError(
            f"net: expected a MultiLayerNetwork or a ComputationGraph, got {type(net).__name__}; "
            "build one with rnngraph.MultiLayerNetwork(config), or a graph with rnngraph.ComputationGraph(config)"
        )
    names = None if isinstance(net.config, MultiLayerConfiguration) else tuple(net.config.layer_names)
    getattr(net, "_check_settled", _settled)("export_onnx")
    file = check_arguments(path, target, features_mask, streaming, steps, batch, precision, net.config.data_type, names is not None)
    labels = check_labels(class_labels, net.config.n_out) if names is None else None
    graph = _lower(net, features_mask)
    output_labels = None if names is None else check_output_labels(class_labels, _widths(graph))
    reason = why_not(graph, [layer.title for layer in net.config.layers], names)
    if reason and (streaming or steps == 1):
        asked = "streaming=True" if streaming else "steps=1"
        raise ExportError(f"{asked}: the network cannot stream: {reason}; leave {asked} out to export it for whole sequences")
    baked = bake(graph, normalizer, net.config.layers)
    unmasked = _unmasked(net.config, features_mask)
    if unmasked and getattr(net, "fitted_with_mask", False):
        warnings.warn(_mask_is_missing(unmasked if features_mask else []), ExportWarning, stacklevel=2)
    arrays = {**net.parameters(), **getattr(net, "buffers", dict)()}
    parameters = {p.name: np.asarray(arrays[p.name]) for p in graph.ports(*CONSTANT) if p.name in arrays}
    content = manifest(
        baked.graph,
        parameters,
        net.config.layers,
        target=target,
        steps=steps,
        batch=batch,
        class_labels=labels,
        normalizer=baked.manifest,
        names=names,
        output_labels=output_labels,
    )
    known = {**parameters, **baked.statistics}
    write_file(file, baked.graph, known, content, target=target, steps=steps, batch=batch, units=baked.units, precision=precision)


def write_file(
    file: Path,
    graph: Graph,
    parameters: Mapping[str, Array],
    content: Mapping[str, Any],
    *,
    target: Target = "portable",
    steps: Literal[1] | None = None,
    batch: int | None = None,
    units: Mapping[str, Columns] | None = None,
    precision: Precision | None = None,
) -> None:
    """Write ``graph`` with the manifest ``content`` as ``file``, and its golden samples (``units`` as there); both or neither."""
    passed = transform(graph, target, steps, precision)
    trained = {p.name: parameters[p.name] for p in graph.ports("parameter") if p.name in parameters}
    weights = {**parameters, **rounded(trained, precision)}
    model = build_model(passed, weights, steps=steps, batch=batch, precision=precision, metadata=metadata(content))
    made = samples(graph, parameters, steps=steps, batch=batch, units=units)
    if precision not in (None, "float32"):
        longer = samples(graph, parameters, batch=batch, units=units, steps=steps and LONGER[1], sizes=[LONGER])
        content = {**content, "format": FORMAT, "precision": loss(model, content, [*made, *longer], precision, integer_layers(passed))}
        helper.set_model_props(model, metadata(content))
        _tell_of_loss(content["precision"])
    data = seal(model.SerializeToString())
    with replaced(golden_folder(file), made), atomic_write(file) as out:
        out.write(data)


def _tell_of_loss(told: Mapping[str, Any]) -> None:
    """Warn where so much is lost that the tolerance, which follows it, tells little."""
    worst = max(told["tolerance"], key=told["tolerance"].get)
    if told["tolerance"][worst] < _MUCH:
        return
    warnings.warn(
        f"precision={told['kind']!r}: over {LONGER[1]} steps {worst} is off by up to {told['error'][worst]['absolute']:.2g}, so verify "
        "allows nearly everything: what the network computes turns on less than its weights are rounded by. "
        + ("Leave precision out" if told["kind"] == "float16" else "Try precision='float16', or leave it out"),
        ExportWarning,
        stacklevel=4,
    )


def _unmasked(config: Any, features_mask: bool | Collection[str]) -> list[str]:
    """The inputs with a time axis to which the file gives no mask."""
    if features_mask is True:
        return []
    masked = features_mask or ()
    return [entry.name for entry in config.entries if entry.has_time and entry.name not in masked]


def _mask_is_missing(inputs: Sequence[str]) -> str:
    """The warning for a file without masks, or without those of some ``inputs``."""
    if not inputs:
        return (
            "the network was fitted with a features mask and is exported without one: the file treats every step as real, padding "
            "included; pass features_mask=True to give it a mask input"
        )
    return (
        f"the network was fitted with features masks and the file has none for {', '.join(map(repr, inputs))}, of which it treats every "
        "step as real, padding included; pass features_mask=True to give every input with a time axis a mask input"
    )


def _widths(graph: Graph) -> dict[str, int]:
    """How many numbers each output has at a step."""
    return {p.name: width for p in graph.ports("output") if isinstance(width := p.value.shape[1], int)}


def _lower(net: Network, features_mask: bool | Collection[str]) -> Graph:
    try:
        return prune(lower(net.config, features_mask=features_mask))
    except GraphError as error:
        raise ExportError(str(error)) from error


def _settled(what: str) -> None:
    """What is no network of ours has nothing to settle."""
