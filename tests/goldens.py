"""DL4J's recorded cases as networks of ours: what the parity tests and the fidelity report share.

A case is read by ``rnngraph.dl4j`` and compared in every quantity that it has arrays of. What rnngraph lacks makes its case *unsupported*;
each such element has to be listed in :data:`NOT_YET`, and is compared by itself as soon as rnngraph has it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf import InputType
from rnngraph.conf.family import member
from rnngraph.conf.parameters import updater_of

FAMILIES = (
    "recurrent",
    "bidirectional",
    "wrappers",
    "losses",
    "masks",
    "streaming",
    "examples",
    "regularisation",
    "updaters",
    "tbptt",
    "graphs",
    "tables",
)
"""The families that are compared. ``tables`` holds no networks: its arrays are compared where the elements are tested."""

LIMITS = {"gradient": 3e-5, "parameters after fits": 1e-4}
"""The accepted relative error by quantity; 1e-5 for the rest."""

NOT_YET: frozenset[str] = frozenset()
"""Elements of unsupported cases, as ``dl4j.UnsupportedError`` names them; empty once no case lacks anything."""

DIFFERENCES = {
    "timedistributed_dense_masked": "DL4J gives the mask of TimeDistributed to other steps than its data, which changes what is trained",
    "updater_schedule_adagrad_step": "DL4J loses the schedule of AdaGrad: its learning rate is NaN, and all parameters after the first fit",
}
"""Cases where DL4J does not do what it documents, besides those of ``gradient_defects.json``: they count by their outputs alone."""

ADAPTIVE = ("AMSGrad", "AdaDelta", "AdaGrad", "AdaMax", "Adam", "Nadam", "RmsProp")
"""Updaters that turn a gradient of any size into a step of full size, and so rounding errors of a tiny one."""

Array = np.ndarray
Errors = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A recorded case: its family and its folder."""

    folder: Path
    family: str
    gradients_count: bool = True
    """Whether DL4J's gradients are those of its score."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def is_network(self) -> bool:
        """Whether it has a network, and not arrays alone."""
        return (self.folder / "configuration.json").is_file()

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        with np.load(self.folder / "arrays.npz") as file:
            return {k: file[k] for k in file.files}

    @property
    def is_graph(self) -> bool:
        """Whether its network is a ComputationGraph, whose layers have names and not numbers."""
        return self.family == "graphs"

    @property
    def rows(self) -> int:
        """N of the minibatch."""
        return len(self.arrays["x_0" if self.is_graph else "x"])

    def named(self, prefix: str) -> dict[str, Array]:
        """The arrays ``prefix_<layer>_<key>`` by what follows the prefix."""
        start = f"{prefix}_"
        found = {k[len(start) :]: v for k, v in self.arrays.items() if k.startswith(start)}
        return {k: v for k, v in found.items() if self.is_graph or k[0].isdecimal()}

    def counted(self, prefix: str) -> Iterator[tuple[int, Array]]:
        """The arrays ``prefix_<k>`` in order."""
        yield from sorted((int(k), v) for k, v in self.named(prefix).items())

    @property
    def input_type(self) -> InputType | None:
        """The size of frames, where the network begins with them: DL4J's file does not tell it."""
        x = self.arrays.get("x")
        if x is None or x.ndim != 4:
            return None
        return member(InputType, {"type": "convolutional", **dict(zip(("channels", "height", "width"), x.shape[1:], strict=True))})

    @cached_property
    def config(self) -> Any:
        """What DL4J's JSON describes. UnsupportedError where rnngraph lacks something."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dl4j.ImportNote)
            return dl4j.read_configuration((self.folder / "configuration.json").read_text(), self.input_type)

    @cached_property
    def lacking(self) -> str:
        """The element that rnngraph lacks, empty where it has all that the case needs."""
        try:
            _ = self.config
            if not self.is_graph:
                self.data()
        except dl4j.UnsupportedError as error:
            return error.element
        return ""

    def network(self) -> Any:
        """The network as DL4J saved it, its parameters those that were recorded; made of these where DL4J cannot save it."""
        if not (self.folder / "model.zip").is_file():
            made = rg.MultiLayerNetwork(self.config)
            made.set_parameters(dl4j.from_table(made, self.named("param")))
            return made
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dl4j.ImportNote)
            net = dl4j.load(self.folder / "model.zip", self.input_type)
        recorded = dl4j.from_table(net, self.named("param"))
        for name, array in {**net.parameters(), **net.buffers()}.items():
            np.testing.assert_array_equal(array, recorded[name].astype(array.dtype), f"{self.name}: {name}")
        return net

    def data(self) -> rg.DataSet:
        """The minibatch. Where DL4J's RnnOutputLayer gets a features mask alone, every step counts, which here a labels mask says."""
        arrays = self.arrays
        labels_mask = arrays.get("labels_mask")
        if "features_mask" in arrays and labels_mask is None and isinstance(self.config.layers[-1], rg.RnnOutputLayer):
            labels_mask = np.ones_like(arrays["features_mask"])
        try:
            return rg.DataSet(arrays["x"], arrays["y"], arrays.get("features_mask"), labels_mask)
        except rg.InputError as error:
            if labels_mask is not None and labels_mask.ndim == 3:
                raise dl4j.UnsupportedError(self.name, "labels mask of each output", str(error)) from error
            raise

    def comparable(self) -> Array:
        """Where outputs are compared, shaped as ``output``: where both masks are 1."""
        arrays = self.arrays
        counts: Array = np.ones(arrays["output"].shape, bool)
        for name in ("features_mask", "labels_mask"):
            mask = arrays.get(name)
            if mask is not None and counts.ndim == 3 and mask.shape[-1] == counts.shape[2]:
                counts &= (mask if mask.ndim == 3 else mask[:, None, :]) != 0
        if self.name in DIFFERENCES and "features_mask" in arrays:  # the mask as DL4J lays it over the data
            n, t = arrays["features_mask"].shape
            counts &= arrays["features_mask"].T.reshape(n, 1, t) != 0
        return counts


def root(beside: Path, committed: Path) -> Path:
    """The whole collection where it stands beside the clone, else the four committed cases."""
    return beside if (beside / "index.json").is_file() else committed


def cases(folder: Path) -> list[Case]:
    """All cases of the families that are compared."""
    index = json.loads((folder / "index.json").read_text())
    known = folder / "gradient_defects.json"
    defects = {*DIFFERENCES, *(json.loads(known.read_text())["cases"] if known.is_file() else ())}
    return [
        Case(folder / name, entry["family"], gradients_count=name not in defects)
        for name, entry in sorted(index.items())
        if entry["family"] in FAMILIES
    ]


def largest_error(ours: Any, theirs: Array, floor: float = 0.1, where: Array | bool = True) -> float:
    """The largest difference, relative to max(floor, the array's largest value)."""
    ours = np.asarray(ours, np.float64)
    assert ours.shape == theirs.shape, f"{list(ours.shape)} for DL4J's {list(theirs.shape)}"
    difference = np.where(where, np.abs(ours - theirs), 0.0)
    return float(difference.max() / max(floor, float(np.abs(np.where(where, theirs, 0.0)).max())))


def errors(case: Case, folder: Path) -> Errors:
    """The largest relative error of every quantity that ``case`` has, which lacks nothing; ``folder`` is for the exported file."""
    if case.is_graph:
        from tests.goldens_graphs import graph_errors

        return graph_errors(case, folder)
    net = case.network()
    found = _output_errors(case, net, folder)
    if "score" in case.arrays and (case.gradients_count or case.family == "tbptt"):
        found.update(_training_errors(case, net))
    return found


def _output_errors(case: Case, net: rg.MultiLayerNetwork, folder: Path) -> Errors:
    """Outputs and steps in torch, in the reference (outputs alone) and in onnxruntime."""
    from rnngraph.exporters import export_onnx
    from rnngraph.runtime import StreamingSession

    export_onnx(net, folder / "net.onnx", features_mask="features_mask" in case.arrays)
    session = StreamingSession(folder / "net.onnx")
    found: Errors = {}
    ways: dict[str, Callable[..., Array]] = {
        "torch": net.output,
        "reference": lambda x, mask: reference_output(net, x, mask),
        "onnxruntime": session.output,
    }
    for way, output in ways.items():
        y = output(case.arrays["x"], case.arrays.get("features_mask"))
        found[f"output, {way}"] = largest_error(y, case.arrays["output"], where=case.comparable())
    if "step_0" in case.arrays or "chunk_0" in case.arrays:
        found["steps, torch"] = _streaming_error(case, net)
        found["steps, onnxruntime"] = _streaming_error(case, session)
    if "output_masked" in case.arrays:
        masked = net.output(case.arrays["x"], case.arrays["features_mask_for_masked"])
        found["output, torch"] = max(found["output, torch"], largest_error(masked, case.arrays["output_masked"]))
    return found


def reference_output(net: rg.MultiLayerNetwork, x: Array, mask: Array | None) -> Array:
    """The output that the reference backend computes in float64."""
    from rnngraph.backends.reference import run
    from rnngraph.ir.types import evaluate
    from rnngraph.lowering import lower

    graph = lower(net.config, features_mask=mask is not None)
    (x,), (mask,) = net._inputs.features([x], [mask])
    sizes = {"N": len(x)}
    states = {p.name: np.full([evaluate(d, sizes) for d in p.value.shape], p.initial) for p in graph.ports("state")}
    masks = {} if mask is None else {"features_mask": mask}
    return run(graph, {"x": x, **masks, **everything(net), **states})["y"]


def everything(net: Any) -> dict[str, Array]:
    """Parameters and, where the network has any, buffers."""
    return {**net.parameters(), **net.buffers()}


def _streaming_error(case: Case, stepper: Any) -> float:
    """Steps, chunks, the state between and after them, and what follows on a state that was set; ``stepper`` has the rnn_* verbs."""
    x, found = case.arrays["x"], [0.0]

    def compare(ours: Any, theirs: Array) -> None:
        found.append(largest_error(ours, theirs))

    def compare_states(prefix: str) -> None:
        for key, theirs in case.named(prefix).items():
            layer, name = key.split("_")
            compare(stepper.rnn_get_previous_state(int(layer))[{"prevAct": "h", "prevMem": "c"}[name]], theirs)

    stepper.rnn_clear_previous_state()
    for k, theirs in case.counted("step"):
        compare(stepper.rnn_time_step(x[:, :, k]), theirs)
    compare_states("state")
    stepper.rnn_clear_previous_state()
    at = 0
    for k, theirs in case.counted("chunk"):
        compare(stepper.rnn_time_step(x[:, :, at : at + theirs.shape[2]]), theirs)
        at += theirs.shape[2]
        if k == 1:
            compare_states("mid_state")
    compare_states("chunk_state")
    stepper.rnn_clear_previous_state()
    for layer in sorted({int(key.split("_")[0]) for key in case.named("mid_state")}):
        stepper.rnn_set_previous_state(layer, {k.split("_")[1]: v for k, v in case.named("mid_state").items() if k.startswith(f"{layer}_")})
    for k, theirs in case.counted("continued"):
        compare(stepper.rnn_time_step(x[:, :, k]), theirs)
    return max(found)


def _training_errors(case: Case, net: rg.MultiLayerNetwork) -> Errors:
    """Score, gradient, and the parameters and scores of the fits that the case has; where gradients do not count, score and iterations.

    The score of a fit is that of its last update, of which a fit with truncated BPTT has several.
    """
    data, found = case.data(), Errors()
    score, gradient = net.gradient(data)
    found["score"] = largest_error(score, case.arrays["score"])
    if "score_inference" in case.arrays:
        found["score"] = max(found["score"], largest_error(net.score(data), case.arrays["score_inference"]))
    scores, parameters, told = [], [], rg.CollectScoresListener()
    for k, theirs_score in case.counted("fit_score"):
        net.fit(data, listeners=told, progress=False)
        scores.append(largest_error(told.scores[-1][1], theirs_score))
        if k == 1:
            parameters.append(parameter_error(case, net, "fit1_param"))
    if "fit_iterations" in case.arrays:
        found["iterations"] = abs(net.iteration - int(case.arrays["fit_iterations"]))
    if not case.gradients_count:
        return found
    ours = dl4j.table(net, gradient)
    theirs = {k: v for k, v in case.named("grad").items() if k.rpartition("_")[2] not in ("mean", "log10stdev")}
    found["gradient"] = max(largest_error(ours[k].reshape(v.shape), v) for k, v in theirs.items())
    if scores:
        found["score during fits"] = max(scores)
        found["parameters after fits"] = max(*parameters, parameter_error(case, net, "fit_param"))
    return found


def parameter_error(case: Case, net: Any, prefix: str) -> float:
    """Parameters after fits; where an adaptive updater has turned a tiny gradient into a step, up to 3e-3 are no error."""
    ours, gradients, found = dl4j.table(net, everything(net)), case.named("grad"), [0.0]
    for key, theirs in case.named(prefix).items():
        exact = np.ones(theirs.shape, bool)
        if any(updater_of(net.config, name).tag() in ADAPTIVE for name in net.parameters()):
            tiny = np.abs(gradients[key].reshape(theirs.shape)) / case.rows < 2e-5
            exact = ~(tiny & (np.abs(ours[key] - theirs) <= 3e-3))
        found.append(largest_error(ours[key], theirs, 1.0, exact))
    return max(found)
