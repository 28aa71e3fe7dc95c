"""DL4J's recorded cases as networks of ours: what the parity tests and the fidelity report share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.conf.layers import WrapperLayer, innermost
from rnngraph.exporters import export_onnx
from rnngraph.ir.types import evaluate
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession

ACTIVATIONS = {
    "ActivationTanH": "tanh",
    "ActivationSigmoid": "sigmoid",
    "ActivationReLU": "relu",
    "ActivationELU": "elu",
    "ActivationSoftSign": "softsign",
    "ActivationHardSigmoid": "hardsigmoid",
    "ActivationRationalTanh": "rationaltanh",
    "ActivationSoftmax": "softmax",
    "ActivationIdentity": "identity",
}
LOSSES = {"LossMCXENT": "mcxent", "LossNegativeLogLikelihood": "negativeloglikelihood", "LossMSE": "mse"}
RECURRENT = ("LSTM", "GravesLSTM", "SimpleRnn", "GravesBidirectionalLSTM")
KNOWN = {*RECURRENT, "Bidirectional", "LastTimeStep", "MaskZeroLayer", "TimeDistributed", "DenseLayer"}
KNOWN |= {"OutputLayer", "RnnOutputLayer", "RnnLossLayer"}
"""The layers whose cases are tried here."""
EXCLUDED = {"timedistributed_dense_masked": "TimeDistributed applies the mask of other rows and steps in DL4J (see differences.md)"}
FAMILIES = ("recurrent", "bidirectional", "wrappers", "masks")


@dataclass(frozen=True)
class Case:
    """One recorded case: its network with DL4J's initial parameters, its minibatch and its arrays."""

    name: str
    net: rg.MultiLayerNetwork
    data: rg.DataSet
    arrays: dict[str, np.ndarray]

    def ours(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays ``prefix_<layer>_<key>`` in our layout and under our names."""
        out: dict[str, np.ndarray] = {}
        for index, layer in enumerate(self.net.config.layers):
            keys = {k.removeprefix(f"{prefix}_{index}_"): v for k, v in self.arrays.items() if k.startswith(f"{prefix}_{index}_")}
            out.update({f"{index}.{k}": v for k, v in _layer_from_dl4j(layer, keys).items()})
        return out

    @property
    def trained(self) -> rg.DataSet:
        """The minibatch as DL4J scores it: a features mask alone masks no loss at the end of a time series."""
        data = self.data
        if data.features_mask is None or data.labels_mask is not None or data.labels.ndim != 3 or self.reads_features_mask:
            return data
        return rg.DataSet(data.features, data.labels, data.features_mask, np.ones_like(data.features_mask))

    @property
    def reads_features_mask(self) -> bool:
        """RnnLossLayer takes the features mask for its loss."""
        return isinstance(self.net.config.layers[-1], rg.RnnLossLayer)

    def at_real_steps(self, y: np.ndarray) -> np.ndarray:
        """The values of an output [N, C, T] at which both masks are 1, [steps, C]; of an output [N, C] all."""
        masks = [m for m in (self.data.features_mask, self.data.labels_mask) if m is not None]
        if y.ndim != 3 or not masks:
            return y
        return y.transpose(0, 2, 1)[np.logical_and.reduce([m > 0 for m in masks])]


def _layer_from_dl4j(layer: Any, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same for a layer as it stands in the network: both directions apart, whatever wraps it."""
    while isinstance(layer, WrapperLayer) and not isinstance(layer, rg.Bidirectional):
        layer = layer.layer
    if isinstance(layer, rg.Bidirectional):
        kind = type(innermost(layer)).__name__
        halves = {direction: {k[1:]: v for k, v in table.items() if k[0] == direction[0]} for direction in ("forward", "backward")}
    elif isinstance(layer, rg.GravesBidirectionalLSTM):
        kind = "GravesLSTM"
        halves = {d: {k[:-1]: v for k, v in table.items() if k[-1] == d[0].upper()} for d in ("forward", "backward")}
    else:
        return from_dl4j(type(layer).__name__, table)
    return {f"{d}.{k}": v for d, half in halves.items() for k, v in from_dl4j(kind, half).items()}


def from_dl4j(kind: str, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """DL4J's arrays of a layer in our layout: transposed; gates candidate, f, o, i -> i, f, g, o; peepholes f, o, i -> i, f, o."""
    if kind not in ("LSTM", "GravesLSTM"):
        return {{"RW": "R"}.get(k, k): np.ascontiguousarray(v.reshape(-1) if k == "b" else v.T) for k, v in table.items()}
    if not table:
        return {}
    h = table["RW"].shape[0]

    def gates(w: np.ndarray) -> np.ndarray:
        g, f, o, i = np.split(w[..., : 4 * h], 4, axis=-1)
        return np.ascontiguousarray(np.concatenate([i, f, g, o], axis=-1).T)

    out = {"W": gates(table["W"]), "R": gates(table["RW"]), "b": gates(table["b"].reshape(-1))}
    if kind == "GravesLSTM":
        out["P"] = np.ascontiguousarray(table["RW"][:, [4 * h + 2, 4 * h, 4 * h + 1]].T)
    return out


def _class(value: dict[str, Any]) -> str:
    return str(value["@class"]).rsplit(".", 1)[1]


def _layer(conf: dict[str, Any], inside: bool = False) -> Any:
    """``inside``: a mask reaches the layer, which DL4J's LSTMs do not read otherwise."""
    kind = _class(conf)
    if kind == "Bidirectional":
        return rg.Bidirectional(conf["mode"], _layer(conf["fwd"], inside))
    if kind == "MaskZeroLayer":
        return rg.MaskZeroLayer(_layer(conf["underlying"], True), float(conf["maskingValue"]))
    if "underlying" in conf:
        return getattr(rg, kind)(_layer(conf["underlying"], inside or kind == "LastTimeStep"))
    fields: dict[str, Any] = {"activation": ACTIVATIONS[_class(conf["activationFn"])]}
    if kind != "RnnLossLayer":
        fields |= {"n_in": conf["nin"], "n_out": conf["nout"]}
    if kind in RECURRENT:
        fields["mask_mode"] = "reset" if inside or kind in ("SimpleRnn", "GravesBidirectionalLSTM") else "ignore"
    if "gateActivationFn" in conf:
        fields["gate_activation"] = ACTIVATIONS[_class(conf["gateActivationFn"])]
    if "lossFn" in conf:
        fields["loss"] = LOSSES[_class(conf["lossFn"])]
    if kind in ("RnnOutputLayer", "RnnLossLayer"):
        fields["mask_mode"] = "ignore"
    if kind == "RnnLossLayer":
        return rg.RnnLossLayer(**fields)
    updater = conf["iupdater"]
    rates = {"Adam": ("learningRate", "beta1", "beta2", "epsilon"), "Sgd": ("learningRate",)}[_class(updater)]
    fields["updater"] = getattr(rg, _class(updater))(*(float(updater[r]) for r in rates[:1]))
    return getattr(rg, kind)(**fields)


def load(folder: Path) -> Case:
    """The case in ``folder``."""
    confs = json.loads((folder / "configuration.json").read_text())["confs"]
    with np.load(folder / "arrays.npz") as file:
        arrays = {k: file[k] for k in file.files}
    config = rg.MultiLayerConfiguration(seed=1, layers=[_layer(c["layer"]) for c in confs])
    data = rg.DataSet(arrays["x"], arrays["y"], arrays.get("features_mask"), arrays.get("labels_mask"))
    case = Case(folder.name, rg.MultiLayerNetwork(config), data, arrays)
    case.net.set_parameters(case.ours("param"))
    return case


def cases(root: Path) -> list[Path]:
    """The folders of the families that this version has layers for."""
    index = json.loads((root / "index.json").read_text())
    names = [name for name, entry in sorted(index.items()) if entry["family"] in FAMILIES and name not in EXCLUDED]
    return [root / name for name in names if _classes(root / name) <= KNOWN]


def _classes(folder: Path) -> set[str]:
    """The layers of a case, those inside others too."""
    found = re.findall(r'"@class" : "org\.deeplearning4j\.nn\.conf\.layers\.(?:\w+\.)*(\w+)"', (folder / "configuration.json").read_text())
    return set(found)


def defects(root: Path) -> set[str]:
    """The cases whose gradients DL4J computed wrongly."""
    return set(json.loads((root / "gradient_defects.json").read_text())["cases"])


def largest_error(ours: np.ndarray, theirs: np.ndarray, floor: float) -> float:
    """The largest difference, relative to max(floor, the array's largest value)."""
    return float(np.abs(np.asarray(ours, np.float64) - theirs).max() / max(floor, float(np.abs(theirs).max())))


def errors(case: Case, folder: Path, defect: bool = False) -> dict[str, float]:
    """Every quantity of a case against ours: the largest relative error by kind. Outputs also through the reference and onnxruntime.

    Of a case with a ``defect`` the gradients and what follows from them are left out.
    """
    found = _outputs(case, folder)
    if "score" not in case.arrays:
        return found
    net, data, arrays = case.net, case.trained, case.arrays
    score, gradient = net.gradient(data)
    found["score"] = largest_error(np.array(score), arrays["score"], 0.1)
    if defect:
        return found
    found["gradient"] = max(largest_error(gradient[k], v, 0.1) for k, v in case.ours("grad").items())
    scores = []
    for k in range(1, 100):
        if f"fit_score_{k}" not in arrays:
            break
        scores.append(largest_error(np.array(net.score(data)), arrays[f"fit_score_{k}"], 0.1))
        net.fit(data, progress=False)
    if scores:
        found["score during fits"] = max(scores)
        found["parameters after fits"] = _parameter_error(case, gradient)
    return found


def _outputs(case: Case, folder: Path) -> dict[str, float]:
    net, arrays, x = case.net, case.arrays, case.data.features
    pairs: list[tuple[np.ndarray | None, str]] = [(case.data.features_mask, "output")]
    if "output_masked" in arrays:
        pairs.append((arrays["features_mask_for_masked"], "output_masked"))
    found: dict[str, float] = {}
    for mask, name in pairs:
        graph = lower(net.config, features_mask=mask is not None)
        given = {p.name: np.zeros((len(x), evaluate(p.value.shape[1], {}))) for p in graph.ports("state")}
        given |= {"x": x, **net.parameters(), **({} if mask is None else {"features_mask": mask})}
        export_onnx(net, folder / "net.onnx", features_mask=mask is not None)
        session = StreamingSession(folder / "net.onnx")
        ours = {"torch": net.output(x, mask), "reference": run(graph, given)["y"], "onnxruntime": session.output(x, mask)}
        for backend, y in ours.items():
            error = largest_error(case.at_real_steps(y), case.at_real_steps(arrays[name]), 0.1)
            found[f"output, {backend}"] = max(found.get(f"output, {backend}", 0.0), error)
    for k in range(x.shape[2]):
        if f"step_{k}" in arrays:
            error = largest_error(session.rnn_time_step(x[:, :, k]), arrays[f"step_{k}"], 0.1)
            found["step, onnxruntime"] = max(found.get("step, onnxruntime", 0.0), error)
    return found


def _parameter_error(case: Case, gradient: dict[str, np.ndarray]) -> float:
    """Of the parameters after fits; where a gradient is tiny, an adaptive updater may take a step of full size the other way."""
    worst, rows = 0.0, case.data.num_examples()
    for name, theirs in case.ours("fit_param").items():
        ours = case.net.parameters()[name]
        close = (np.abs(gradient[name]) / rows < 2e-5) & (np.abs(ours - theirs) <= 3e-3)
        worst = max(worst, largest_error(np.where(close, theirs, ours), theirs, 1.0))
    return worst


LIMITS = {"gradient": 3e-5, "parameters after fits": 1e-4}
"""The accepted relative error by kind; 1e-5 for the rest."""
