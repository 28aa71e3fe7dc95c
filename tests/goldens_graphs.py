"""The recorded graphs of DL4J: each is read from its model file, and compared like the networks of :mod:`tests.goldens`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.backends.reference import run
from rnngraph.exporters import export_onnx
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession
from tests.goldens import Array, Case, Errors, everything, largest_error, parameter_error

Outputs = Callable[..., list[Array]]


def graph_errors(case: Case, folder: Path) -> Errors:
    """The largest relative error of every quantity that the case has; ``folder`` is for the exported file."""
    net = case.network()
    assert isinstance(net, rg.ComputationGraph)
    xs, masks = listed(case, "x"), listed(case, "features_mask", len(listed(case, "x")))
    net.output(xs)  # which tells the widths of inputs that the file does not
    export_onnx(net, folder / "net.onnx", features_mask=any(mask is not None for mask in masks))
    session = StreamingSession(folder / "net.onnx")
    ways: dict[str, Outputs] = {"torch": net.output, "reference": reference_outputs(net), "onnxruntime": session.output}
    found: Errors = {}
    for way, output in ways.items():
        given = {"features_masks": masks} if any(mask is not None for mask in masks) else {}
        outputs = zip(output(xs, **given), listed(case, "output"), comparable(case), strict=True)
        found[f"output, {way}"] = max(largest_error(y, theirs, where=where) for y, theirs, where in outputs)
    if "step_0_0" in case.arrays:
        found["steps, torch"] = steps_error(case, net, xs)
        found["steps, onnxruntime"] = steps_error(case, session, xs)
    found.update(training_errors(case, net, xs, masks))
    return found


def listed(case: Case, prefix: str, count: int | None = None) -> list[Any]:
    """The arrays ``prefix_<i>`` in order; with ``count`` None where there is none."""
    names = [f"{prefix}_{k}" for k in range(len(case.arrays))]
    if count is not None:
        return [case.arrays.get(name) for name in names[:count]]
    return [case.arrays[name] for name in names if name in case.arrays]


def comparable(case: Case) -> list[Array]:
    """Where each output is compared: where its labels' mask, and each features mask of its length, is 1."""
    found, outputs = [], listed(case, "output")
    for k, output in enumerate(outputs):
        counts: Array = np.ones(output.shape, bool)
        masks = [case.arrays.get(f"labels_mask_{k}"), *listed(case, "features_mask")]
        for mask in masks:
            if mask is not None and output.ndim == 3 and mask.shape[-1] == output.shape[2]:
                counts &= mask[:, None, :] != 0
        found.append(counts)
    return found


def reference_outputs(net: rg.ComputationGraph) -> Outputs:
    """What the reference backend computes in float64."""

    def output(xs: list[Array], features_masks: list[Array | None] | None = None) -> list[Array]:
        x, masks = net._inputs.features(xs, features_masks or [None] * len(xs))
        graph = lower(net.config, features_mask=net._mask_names(masks))
        sizes = net._inputs.sizes(x)
        states = {p.name: np.full([evaluate(d, sizes) for d in p.value.shape], p.initial) for p in graph.ports("state")}
        results = run(graph, {**net._fed(x, masks), **everything(net), **states})
        return [results[head.name] for head in net.config.heads]

    return output


def steps_error(case: Case, stepper: Any, xs: list[Array]) -> float:
    """Single steps from a cleared state, and the state after them; ``stepper`` has the rnn_* verbs."""
    found = [0.0]
    stepper.rnn_clear_previous_state()
    for t in range(xs[0].shape[2]):
        for k, y in enumerate(stepper.rnn_time_step([x[:, :, t] for x in xs])):
            found.append(largest_error(y, case.arrays[f"step_{k}_{t}"]))
    for key, theirs in case.named("state").items():
        vertex, _, name = key.rpartition("_")
        found.append(largest_error(stepper.rnn_get_previous_state(vertex)[{"prevAct": "h", "prevMem": "c"}[name]], theirs))
    return max(found)


def training_errors(case: Case, net: rg.ComputationGraph, xs: list[Array], masks: list[Array | None]) -> Errors:
    """Score, gradient, and the parameters after the fits that the case has; where gradients do not count, the scores alone."""
    labels = listed(case, "y")
    labels_masks = listed(case, "labels_mask", len(labels))
    for k, y in enumerate(labels):  # DL4J's RnnOutputLayer counts every step where there is a features mask alone
        if y.ndim == 3 and labels_masks[k] is None and any(mask is not None for mask in masks):
            labels_masks[k] = np.ones((len(y), y.shape[2]))
    data, found = rg.MultiDataSet(xs, labels, masks, labels_masks), Errors()
    score, gradient = net.gradient(data)
    found["score"] = max(largest_error(score, case.arrays["score"]), largest_error(net.score(data), case.arrays["score_inference"]))
    scores, parameters, told = [], [0.0], rg.CollectScoresListener()
    for k, theirs in case.counted("fit_score"):
        net.fit(data, listeners=told, progress=False)
        scores.append(largest_error(told.scores[-1][1], theirs))
        if k == 1:
            parameters.append(parameter_error(case, net, "fit1_param"))
    if not case.gradients_count:
        return found
    ours = dl4j.table(net, gradient)
    found["gradient"] = max(largest_error(ours[key].reshape(theirs.shape), theirs) for key, theirs in case.named("grad").items())
    if scores:
        found["score during fits"] = max(scores)
    found["parameters after fits"] = max(*parameters, parameter_error(case, net, "fit_param"))
    return found
