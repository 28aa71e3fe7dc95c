"""DL4J's recorded cases as networks of ours: what the parity tests and the fidelity report share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph.training import objective

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
    "ActivationSoftPlus": "softplus",
}
LOSSES = {
    "LossBinaryXENT": "xent",
    "LossCosineProximity": "cosine_proximity",
    "LossHinge": "hinge",
    "LossKLD": "kl_divergence",
    "LossL1": "l1",
    "LossL2": "l2",
    "LossMAE": "mean_absolute_error",
    "LossMAPE": "mean_absolute_percentage_error",
    "LossMCXENT": "mcxent",
    "LossMSE": "mse",
    "LossMSLE": "mean_squared_logarithmic_error",
    "LossNegativeLogLikelihood": "negativeloglikelihood",
    "LossPoisson": "poisson",
    "LossSparseMCXENT": "sparse_mcxent",
    "LossSquaredHinge": "squared_hinge",
    "LossWasserstein": "wasserstein",
}
EXCLUDED = {
    "graves_bidirectional_lstm": "GravesBidirectionalLSTM is not part of this version",
    "loss_mcxent_peroutput_mask": "refused, as by DL4J; tested by hand",
}


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
            out.update({f"{index}.{k}": v for k, v in from_dl4j(type(layer).__name__, keys).items()})
        return out


def from_dl4j(kind: str, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """DL4J's arrays of a layer in our layout: transposed; gates candidate, f, o, i -> i, f, g, o; peepholes f, o, i -> i, f, o."""
    if kind not in ("LSTM", "GravesLSTM"):
        return {{"RW": "R"}.get(k, k): np.ascontiguousarray(v.T) for k, v in table.items()}
    h = table["RW"].shape[0]

    def gates(w: np.ndarray) -> np.ndarray:
        g, f, o, i = np.split(w[..., : 4 * h], 4, axis=-1)
        return np.ascontiguousarray(np.concatenate([i, f, g, o], axis=-1).T)

    out = {"W": gates(table["W"]), "R": gates(table["RW"]), "b": gates(table["b"])}
    if kind == "GravesLSTM":
        out["P"] = np.ascontiguousarray(table["RW"][:, [4 * h + 2, 4 * h, 4 * h + 1]].T)
    return out


def _class(value: dict[str, Any]) -> str:
    return str(value["@class"]).rsplit(".", 1)[1]


def _layer(conf: dict[str, Any]) -> Any:
    kind = _class(conf)
    fields: dict[str, Any] = {"n_in": conf["nin"], "n_out": conf["nout"], "activation": ACTIVATIONS[_class(conf["activationFn"])]}
    if kind in ("LSTM", "GravesLSTM"):
        fields["gate_activation"] = ACTIVATIONS[_class(conf["gateActivationFn"])]
    if "lossFn" in conf:
        weights = conf["lossFn"].get("weights")
        clip = conf["lossFn"].get("softmaxClipEps", conf["lossFn"].get("clipEps"))
        fields["loss"] = rg.Loss(LOSSES[_class(conf["lossFn"])], weights=weights and weights["data"], clip_eps=clip)
    fields["l2"] = sum(r["l2"]["value"] for r in conf["regularization"])
    updater = conf["iupdater"]
    rates = {"Adam": ("learningRate", "beta1", "beta2", "epsilon"), "Sgd": ("learningRate",)}[_class(updater)]
    fields["updater"] = getattr(rg, _class(updater))(*(float(updater[r]) for r in rates[:1]))
    return getattr(rg, kind)(**fields)


def load(folder: Path) -> Case:
    """The case in ``folder``."""
    confs = json.loads((folder / "configuration.json").read_text())["confs"]
    with np.load(folder / "arrays.npz") as file:
        arrays = {k: file[k] for k in file.files}
    layers = [_layer(c["layer"]) for c in confs]
    config = rg.MultiLayerConfiguration(seed=1, layers=layers, mini_batch=confs[0]["miniBatch"], validate_output_layer=False)
    data = rg.DataSet(arrays["x"], arrays["y"], arrays.get("features_mask"), arrays.get("labels_mask"))
    case = Case(folder.name, rg.MultiLayerNetwork(config), data, arrays)
    case.net.set_parameters(case.ours("param"))
    return case


def cases(root: Path, family: str) -> list[Path]:
    """The folders of the cases of a family that this version has layers for."""
    index = json.loads((root / "index.json").read_text())
    return [root / name for name, entry in sorted(index.items()) if entry["family"] == family and name not in EXCLUDED]


def largest_error(ours: np.ndarray, theirs: np.ndarray, floor: float) -> float:
    """The largest difference, relative to max(floor, the array's largest value)."""
    return float(np.abs(np.asarray(ours, np.float64) - theirs).max() / max(floor, float(np.abs(theirs).max())))


def errors(case: Case, folder: Path) -> dict[str, float]:
    """Every quantity of a case against ours: the largest relative error by kind. Outputs also through the reference and onnxruntime."""
    return {**_output_errors(case, folder), **_training_errors(case)}


def _output_errors(case: Case, folder: Path) -> dict[str, float]:
    from rnngraph.backends.reference import run
    from rnngraph.exporters import export_onnx
    from rnngraph.ir.types import evaluate
    from rnngraph.lowering import lower
    from rnngraph.runtime import StreamingSession

    net, data, arrays = case.net, case.data, case.arrays
    mask = data.labels_mask  # by which DL4J multiplies the output
    real = slice(None) if mask is None else np.broadcast_to(mask if mask.ndim == 3 else mask[:, None], arrays["output"].shape) > 0

    def error(ours: np.ndarray) -> float:
        return largest_error(ours[real], arrays["output"][real], 0.1)

    found: dict[str, float] = {"output, torch": error(net.output(data.features))}
    graph = lower(net.config)
    states = {p.name: np.zeros((len(data.features), evaluate(p.value.shape[1], {}))) for p in graph.ports("state")}
    found["output, reference"] = error(run(graph, {"x": data.features, **net.parameters(), **states})["y"])
    export_onnx(net, folder / "net.onnx")
    session = StreamingSession(folder / "net.onnx")
    found["output, onnxruntime"] = error(session.output(data.features))
    for k in range(data.features.shape[2]):
        if f"step_{k}" in arrays:
            found["step, onnxruntime"] = max(
                found.get("step, onnxruntime", 0.0), largest_error(session.rnn_time_step(data.features[:, :, k]), arrays[f"step_{k}"], 0.1)
            )
    return found


def _training_errors(case: Case) -> dict[str, float]:
    net, data, arrays = case.net, case.data, case.arrays
    score, gradient = net.gradient(data)
    found = {"score": largest_error(np.array([score, net.score(data)]), np.array([arrays["score"], arrays["score_inference"]]), 0.1)}
    if "score_examples" in arrays:
        penalties = objective.penalty(net, objective.penalties(net))  # which DL4J leaves out here
        each = [net.score(data.rows(k)) - penalties for k in range(data.num_examples())]
        if "mean_absolute_error" in case.name:  # there DL4J forgets to divide by the number of outputs
            each = [value * data.labels.shape[1] for value in each]
        found["score of each example"] = largest_error(np.array(each), arrays["score_examples"].ravel(), 0.1)
    theirs = case.ours("grad")
    found["gradient"] = max(largest_error(gradient[k], v, 0.1) for k, v in theirs.items())
    scores = []
    for k in range(1, 100):
        if f"fit_score_{k}" not in arrays:
            break
        scores.append(largest_error(np.array(net.score(data)), arrays[f"fit_score_{k}"], 0.1))
        net.fit(data, progress=False)
    found["score during fits"] = max(scores)
    found["parameters after fits"] = max(largest_error(net.parameters()[k], v, 1.0) for k, v in case.ours("fit_param").items())
    return found


LIMITS = {"gradient": 3e-5, "parameters after fits": 1e-4}
"""The accepted relative error by kind; 1e-5 for the rest."""
