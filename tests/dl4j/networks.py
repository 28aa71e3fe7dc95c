"""Networks of ours that DL4J has all of, and what of a layer's settings has an effect in both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph.conf.layers import WrapperLayer
from rnngraph.conf.losses import CLIP_EPS, with_options
from rnngraph.dl4j.layouts import BIAS_KEYS, keys
from rnngraph.dl4j.noise import UNDISTURBED
from rnngraph.ir.activations import lookup

SAME_INITIALIZERS = {
    "lecun_normal": "normal",
    "xavier_fan_in": "normal",
    rg.ConstantDistribution(0.0): "zero",
    rg.ConstantDistribution(1.0): "ones",
}


def effective(layer: Any) -> dict[str, Any]:
    """The settings of a filled layer that change a number, each in one spelling. Masks are no setting in DL4J."""
    found = {"type": layer.tag(), **{name: value for name, value in layer if name not in ("mask_mode", "name", "gain_init")}}
    for name, value in found.items():
        if name in ("activation", "gate_activation"):
            found[name] = lookup(str(value))
        if name.startswith("weight_init"):
            found[name] = SAME_INITIALIZERS.get(value, value)
        if name in ("updater", "bias_updater", "dropout", "weight_noise"):
            found[name] = _plain(value)
    if layer.tag() in UNDISTURBED:
        found.update(dropout=None, weight_noise=None)
    if getattr(layer, "has_layer_norm", False):
        found["gain_init"] = layer.gain_init
    if getattr(layer, "gradient_normalization", "none") == "none":
        found.pop("gradient_normalization_threshold", None)
    if getattr(layer, "pooling_type", "pnorm") != "pnorm":
        found.pop("pnorm")
    for decay in ("weight_decay", "weight_decay_bias"):
        if not found.get(decay):
            found.pop(f"{decay}_apply_lr", None)
    if "loss" in found:
        loss = with_options(layer.loss)
        found["loss"] = loss.name, loss.weights, loss.clip_eps or CLIP_EPS.get(loss.name)
    if "constraints" in found:
        found["constraints"] = [one for c in layer.constraints or () for one in _acts(c, keys(layer))]
    if isinstance(layer, WrapperLayer):
        found["layer"] = effective(layer.layer)
    return found


def _plain(value: Any) -> Any:
    """As a mapping, the length that a cycle leaves open filled in."""
    if value is None:
        return None
    if isinstance(value, rg.CycleSchedule) and value.annealing_length is None:
        value = value.replaced(annealing_length=value.cycle_length // 10)
    if hasattr(value, "tag"):
        return {name: _plain(one) for name, one in value}
    return value


def _acts(constraint: Any, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The constraint on each of DL4J's arrays, one by one."""
    settings = tuple((name, value) for name, value in constraint if name != "on")
    acts: dict[str, Callable[[str], bool]] = {
        "all": lambda key: True,
        "weights": lambda key: key not in BIAS_KEYS,
        "biases": lambda key: key in BIAS_KEYS,
        "input_weights": lambda key: key.rstrip("FB") == "W",
        "recurrent_weights": lambda key: key.rstrip("FB") == "RW",
    }
    return sorted((key, settings) for key in names if acts[constraint.on](key))


Stack = list[Any]
SERIES = rg.InputType.recurrent(3)
RNN_OUT = rg.RnnOutputLayer(n_out=2)
OUT = rg.OutputLayer(n_out=2)
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm_adam": {"layers": [rg.LSTM(n_out=4), RNN_OUT], "updater": rg.Adam(0.01)},
    "graves_amsgrad": {"layers": [rg.GravesLSTM(n_out=4), RNN_OUT], "updater": rg.AMSGrad(0.01), "l2": 0.01},
    "graves_bidirectional": {"layers": [rg.GravesBidirectionalLSTM(n_out=4), RNN_OUT], "updater": rg.Nadam(0.01)},
    "simple_rnn_rms_prop": {"layers": [rg.SimpleRnn(n_out=4, activation="relu"), RNN_OUT], "updater": rg.RmsProp(0.01)},
    "bidirectional_ada_max": {
        "layers": [rg.Bidirectional(rg.LSTM(n_out=4)), rg.Bidirectional("add", rg.GravesLSTM(n_out=3)), RNN_OUT],
        "updater": rg.AdaMax(0.01),
    },
    "bidirectional_last_step": {"layers": [rg.Bidirectional(rg.LastTimeStep(rg.SimpleRnn(n_out=3))), OUT], "updater": rg.AdaDelta()},
    "last_step_of_both": {"layers": [rg.LastTimeStep(rg.Bidirectional(rg.LSTM(n_out=3))), rg.DenseLayer(n_out=3), OUT]},
    "mask_zero": {"layers": [rg.LastTimeStep(rg.MaskZeroLayer(rg.LSTM(n_out=3), 0.5)), OUT], "updater": rg.AdaGrad(0.1)},
    "dense_in_time": {"layers": [rg.LSTM(n_out=4), rg.DenseLayer(n_out=3, has_layer_norm=True), rg.SimpleRnn(n_out=3), RNN_OUT]},
    "time_distributed": {"layers": [rg.DenseLayer(n_out=3), rg.TimeDistributed(rg.DenseLayer(n_out=3)), rg.LSTM(n_out=2), RNN_OUT]},
    "pooled": {"layers": [rg.LSTM(n_out=4), rg.GlobalPoolingLayer("pnorm", pnorm=3), rg.ActivationLayer("tanh"), OUT]},
    "causal": {
        "layers": [
            rg.Convolution1DLayer(3, n_out=4, convolution_mode="causal", activation="tanh"),
            rg.Subsampling1DLayer("avg", 2, 2),
            rg.GlobalPoolingLayer("max"),
            OUT,
        ],
        "updater": rg.Adam(0.01),
    },
    "normalized": {
        "layers": [rg.LastTimeStep(rg.LSTM(n_out=4)), rg.BatchNormalization(use_log_std=False), rg.DenseLayer(n_out=3), OUT],
        "updater": rg.Adam(0.01),
    },
    "two_updaters": {
        "layers": [rg.LSTM(n_out=4), rg.RnnOutputLayer(n_out=2, updater=rg.Nesterovs(0.1, rg.StepSchedule("iteration", 0.9, 0.5, 3)))],
        "updater": rg.Adam(rg.ExponentialSchedule("iteration", 0.01, 0.9)),
        "bias_updater": rg.Sgd(0.1),
    },
    "noisy": {
        "layers": [rg.LSTM(n_out=4, weight_noise=rg.DropConnect(retain=0.9)), rg.DropoutLayer(rg.GaussianNoise(0.1)), RNN_OUT],
        "dropout": rg.Dropout(retain=0.8),
        "l1": 0.01,
        "weight_decay_bias": 0.01,
    },
    "constrained": {
        "layers": [rg.GravesLSTM(n_out=4), RNN_OUT],
        "constraints": [rg.MinMaxNormConstraint(0.5, 0.8, 0.5), rg.NonNegativeConstraint(on="biases")],
        "gradient_normalization": "clip_l2_per_layer",
        "gradient_normalization_threshold": 0.5,
    },
    "double": {"layers": [rg.LSTM(n_out=4), rg.RnnLossLayer(activation="identity", loss="mse")], "data_type": "float64"},
}


def network(name: str) -> rg.MultiLayerNetwork:
    """A network of :data:`NETWORKS`, which does at masked steps what DL4J does there."""
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(input_type=SERIES, seed=2**63 + 5, **NETWORKS[name]))


def data(net: rg.MultiLayerNetwork) -> rg.DataSet:
    """Five series of six steps with labels."""
    generator = np.random.default_rng(3)
    x = generator.normal(size=(5, 3, 6)).astype(net.config.data_type)
    y = net.output(x)
    return rg.DataSet(x, (y == y.max(axis=1, keepdims=True)).astype(x.dtype))
