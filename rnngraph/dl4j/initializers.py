"""Initialisers of weights: ``org.deeplearning4j.nn.weights`` and ``org.deeplearning4j.nn.conf.distribution``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.errors import UnsupportedError
from rnngraph.dl4j.support import accepted

NAMES: Mapping[str, str] = {
    "WeightInitIdentity": "identity",
    "WeightInitLecunUniform": "lecun_uniform",
    "WeightInitNormal": "normal",  # also what DL4J writes for XAVIER_FAN_IN and LECUN_NORMAL, which are the same
    "WeightInitRelu": "relu",
    "WeightInitReluUniform": "relu_uniform",
    "WeightInitSigmoidUniform": "sigmoid_uniform",
    "WeightInitUniform": "uniform",
    "WeightInitVarScalingNormalFanAvg": "var_scaling_normal_fan_avg",
    "WeightInitVarScalingNormalFanIn": "var_scaling_normal_fan_in",
    "WeightInitVarScalingNormalFanOut": "var_scaling_normal_fan_out",
    "WeightInitVarScalingUniformFanAvg": "var_scaling_uniform_fan_avg",
    "WeightInitVarScalingUniformFanIn": "var_scaling_uniform_fan_in",
    "WeightInitVarScalingUniformFanOut": "var_scaling_uniform_fan_out",
    "WeightInitXavier": "xavier",
    "WeightInitXavierLegacy": "xavier_legacy",
    "WeightInitXavierUniform": "xavier_uniform",
}
"""DL4J's classes and our names."""

DISTRIBUTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "binomial": ("BinomialDistribution", {"numberOfTrials": "trials", "probabilityOfSuccess": "probability"}),
    "constant": ("ConstantDistribution", {"value": "value"}),
    "gaussian": ("NormalDistribution", {"mean": "mean", "std": "std"}),
    "lognormal": ("LogNormalDistribution", {"mean": "mean", "std": "std"}),
    "normal": ("NormalDistribution", {"mean": "mean", "std": "std"}),
    "orthogonal": ("OrthogonalDistribution", {"gain": "gain"}),
    "truncatednormal": ("TruncatedNormalDistribution", {"mean": "mean", "std": "std"}),
    "uniform": ("UniformDistribution", {"lower": "lower", "upper": "upper"}),
}
"""Distributions by DL4J's name without case: our type, and its fields by theirs."""


def initializer(layer: Node, key: str) -> Any:
    """The initialiser that field ``key`` of a layer holds, as ours hold it. UnsupportedError for one that rnngraph lacks."""
    node = layer.node(key)
    if node.kind == "WeightInitDistribution":
        return distribution(node.node("distribution"), layer.where)
    if node.kind == "WeightInitConstant":
        value = node.number("value", 0.0)
        name = {0.0: "zero", 1.0: "ones"}.get(value)
        return name or accepted("weight_init", {"type": "ConstantDistribution", "value": value}, "initialiser constant", layer.where)
    name = NAMES.get(node.kind)
    if name is None:
        raise UnsupportedError(layer.where, f"initialiser {node.kind}")
    return accepted("weight_init", name, f"initialiser {name}", layer.where)


def distribution(node: Node, where: str) -> Any:
    """The distribution that ``node`` describes; its ``type`` is a short name or the class with its package, by version."""
    short = node.text("type").rpartition(".")[2].lower().removesuffix("distribution").replace("_", "")
    if short not in DISTRIBUTIONS:
        raise UnsupportedError(where, f"distribution {node.text('type')}")
    name, fields = DISTRIBUTIONS[short]
    given = {ours: node.number(theirs, 0.0) for theirs, ours in fields.items() if node.has(theirs)}
    value = {"type": name, **{ours: int(number) if ours == "trials" else number for ours, number in given.items()}}
    return accepted("weight_init", value, f"distribution {short}", where)
