"""What differs from DL4J in a network that was read: only what applies to it, for its owner to know before going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnngraph.dl4j.document import Node
from rnngraph.dl4j.legacy.walk import confs, layers, within

_PENALTIES = ("regularization", "regularizationBias")
_DESCENT = "STOCHASTIC_GRADIENT_DESCENT"

TRUNCATED = (
    "truncated BPTT: DL4J computes a segment's gradients as if its state had begun at 0; here they come from the state that was carried "
    "over, so training goes another way. Outputs are the same"
)
MASKED_LSTM = (
    "LSTM inside LastTimeStep or MaskZeroLayer: DL4J's gradients forget the mask, which matters where padding stands before the data; "
    "here they obey it"
)
ALL_MASKED = "LastTimeStep: for an example that is masked at all steps DL4J throws; here the output is 0"
TIME_DISTRIBUTED = "TimeDistributed: DL4J gives a mask to other steps than the data, unless either is one; here to the same steps"
LAYER_NORM = "SimpleRnn with layer normalisation: DL4J 1.0.0-M2.1 throws at every use; here it computes what is documented"
ADA_GRAD = "AdaGrad with a schedule: DL4J loses the schedule, and all parameters become NaN at the first update; here the schedule is used"
DRAWN = "dropout and weight noise are drawn by another generator than DL4J's: the same in the mean, other units"
DECAY = "l2 of this version acts as a weight decay behind the updater, not scaled by the learning rate, as DL4J loads it since 1.0.0-beta4"
POLICY = "the learning rate's policy starts at iteration 0 and at the first rate: the file does not say how many iterations were made"
ITERATIONS = "numIterations: DL4J made several updates with each minibatch; here fit makes one"
OPTIMIZER = "the optimisation algorithm is not gradient descent step by step; here fit makes such steps with the layers' updaters"
MAXIMIZE = "minimize is false: DL4J went up the score; here fit goes down"
PRETRAIN = "pretrain: DL4J trains layers by themselves first; here there is no such training"
STREAM_NWC = "SimpleRnn of data format NWC: DL4J's rnnTimeStep goes on from a wrong state; here from the last step's"
DROPOUT_NWC = "LSTM of data format NWC with dropout: DL4J's gradients leave the dropout out; here they are those of what was computed"


def notes(network: Node) -> list[str]:
    """The sentences that apply to ``network``, a document in today's words."""
    return [text for text, applies in _APPLIES.items() if applies(network)]


def _kinds(network: Node) -> set[str]:
    return {layer.kind for layer in layers(network)}


def _has_lstm_inside(network: Node) -> bool:
    masking = [layer for layer in layers(network) if layer.kind in ("LastTimeStep", "MaskZeroLayer")]
    return any(held.kind == "LSTM" for layer in masking for held in within(layer))


def _has_norm(network: Node) -> bool:
    return any(layer.kind == "SimpleRnn" and layer.flag("hasLayerNorm") for layer in layers(network))


def _has_scheduled_ada_grad(network: Node) -> bool:
    updaters = [layer.node(key) for layer in layers(network) for key in ("iupdater", "biasUpdater") if layer.has(key)]
    return any(updater.kind == "AdaGrad" and updater.has("learningRateSchedule") for updater in updaters)


def _has_noise(network: Node) -> bool:
    return any(layer.has("idropout") or layer.has("weightNoise") for layer in layers(network))


def _has_flat_decay(network: Node) -> bool:
    """Whether a layer's numbers, which stay in its document, became weight decays."""
    flat = [layer for layer in layers(network) if any(layer.number(key, 0.0) > 0 for key in ("l2", "l2Bias", "biasL2"))]
    return any(entry.kind == "WeightDecay" for layer in flat for key in _PENALTIES for entry in layer.nodes(key))


def _any_conf(holds: Callable[[Node], bool]) -> Callable[[Node], bool]:
    return lambda network: any(holds(conf) for _, conf in confs(network))


def _is_nwc(network: Node, kind: str) -> bool:
    return any(layer.kind == kind and layer.values.get("rnnDataFormat") == "NWC" for layer in layers(network))


_APPLIES: Mapping[str, Callable[[Node], bool]] = {
    TRUNCATED: lambda network: network.text("backpropType", "Standard") == "TruncatedBPTT",
    MASKED_LSTM: _has_lstm_inside,
    ALL_MASKED: lambda network: "LastTimeStep" in _kinds(network),
    TIME_DISTRIBUTED: lambda network: "TimeDistributed" in _kinds(network),
    LAYER_NORM: _has_norm,
    ADA_GRAD: _has_scheduled_ada_grad,
    DRAWN: _has_noise,
    DECAY: _has_flat_decay,
    POLICY: _any_conf(lambda conf: conf.text("learningRatePolicy", "None") != "None"),
    ITERATIONS: _any_conf(lambda conf: conf.number("numIterations", 1) > 1),
    OPTIMIZER: _any_conf(lambda conf: conf.text("optimizationAlgo", _DESCENT) != _DESCENT),
    MAXIMIZE: _any_conf(lambda conf: not conf.flag("minimize", True)),
    PRETRAIN: lambda network: network.flag("pretrain"),
    STREAM_NWC: lambda network: _is_nwc(network, "SimpleRnn"),
    DROPOUT_NWC: lambda network: _is_nwc(network, "LSTM") and _has_noise(network),
}
"""By sentence: whether it applies to a document."""
