"""Files of every version are read alike: the same network, the same parameters, the same state of updaters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.document import parse
from rnngraph.dl4j.legacy import modern, walk
from rnngraph.dl4j.whole import read_conf
from tests.dl4j.dialects import CONFIG, COUNT, DIALECTS, FLAT, VECTOR, Dialect, old_network
from tests.dl4j.documents import Json
from tests.dl4j.files import array_bytes, write_model
from tests.dl4j.fuzz import graphs

each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


@each_dialect
def test_a_network_of_every_version(dialect: Dialect, tmp_path: Path) -> None:
    """The vector holds W, RW and b of the GravesLSTM by columns, then W and b of the output; RmsProp keeps as many numbers."""
    net = dl4j.load(dialect.write(tmp_path / "m.zip", VECTOR / 8))
    assert net.config == CONFIG
    found = dl4j.table(net, net.parameters())
    kept = dl4j.table(net, {key: held["G"].numpy() for key, held in net.updater_state.items()})
    shapes = {"0_W": (3, 16), "0_RW": (4, 19), "0_b": (16,), "1_W": (4, 2), "1_b": (2,)}
    at = 1
    for key, shape in shapes.items():
        wanted = np.arange(at, at + np.prod(shape), dtype=np.float32).reshape(shape, order="F")
        np.testing.assert_array_equal(found[key], wanted)
        np.testing.assert_array_equal(kept[key], wanted / 8)
        at += wanted.size
    assert at == COUNT + 1


@each_dialect
def test_every_version_computes_the_same(dialect: Dialect, tmp_path: Path) -> None:
    first = dl4j.load(DIALECTS["M2.1"].write(tmp_path / "first.zip"))
    net = dl4j.load(dialect.write(tmp_path / "m.zip"))
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    np.testing.assert_array_equal(net.output(x), first.output(x))


@each_dialect
def test_a_description_tells_the_version(dialect: Dialect, tmp_path: Path) -> None:
    path = dialect.write(tmp_path / "m.zip", VECTOR)
    found = dl4j.describe(path)
    assert found.version == dialect.version
    assert (found.path, found.kind, found.parameters, found.data_type) == (path, "MultiLayerNetwork", COUNT, "FLOAT")
    assert (found.updater_state, found.normalizer, found.lacking) == (True, False, "")
    assert found.entries == ("configuration.json", "coefficients.bin", "updaterState.bin")


def test_counts_are_those_of_the_file_and_0_where_it_has_none(tmp_path: Path) -> None:
    net = dl4j.load(DIALECTS["0.6"].write(tmp_path / "m.zip"))
    assert (net.iteration, net.epoch) == (0, 0)
    path = DIALECTS["beta"].write(tmp_path / "m.zip", iterationCount=12, epochCount=3)
    net, found = dl4j.load(path), dl4j.describe(path)
    assert (net.iteration, net.epoch) == (found.iteration, found.epoch) == (12, 3)
    held = json.loads(DIALECTS["alpha"].text())
    held["confs"][0].update(iterationCount=5, epochCount=2)  # by layer
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=json.dumps(held), coefficients=array_bytes(VECTOR)))
    assert (net.iteration, net.epoch) == (5, 2)


def first(layer: Json, conf: Json | None = None, kind: str = "gravesLSTM") -> Any:
    """The layer that ``layer`` in 0.6's words is."""
    fields: Json = {**FLAT, "activationFunction": "tanh", "nin": 3, "nout": 4, **layer}
    return dl4j.read_configuration(old_network({kind: fields}, conf=conf)).layers[0]


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"updater": "SGD"}, rg.Sgd(0.15)),
        ({"updater": "NONE"}, rg.NoOp()),
        ({"updater": "ADAM"}, rg.Adam(0.15)),
        ({"updater": "ADAM", "adamMeanDecay": 0.8, "adamVarDecay": 0.99, "epsilon": 1e-5}, rg.Adam(0.15, 0.8, 0.99, 1e-5)),
        ({"updater": "ADAMAX", "adamMeanDecay": 0.8}, rg.AdaMax(0.15, 0.8)),
        ({"updater": "NADAM", "adamVarDecay": 0.99}, rg.Nadam(0.15, beta2=0.99)),
        ({"updater": "NESTEROVS", "momentum": 0.5}, rg.Nesterovs(0.15, 0.5)),
        ({"updater": "NESTEROVS"}, rg.Nesterovs(0.15)),
        ({"updater": "ADAGRAD", "epsilon": 1e-3}, rg.AdaGrad(0.15, 1e-3)),
        ({"updater": "ADADELTA", "rho": 0.5, "epsilon": 1e-3}, rg.AdaDelta(0.5, 1e-3)),
        ({"updater": "RMSPROP", "rmsDecay": "NaN", "epsilon": 1e-4}, rg.RmsProp(0.15, epsilon=1e-4)),
        ({"iUpdater": {"Adam": {"learningRate": 0.5, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-4}}}, rg.Adam(0.5, 0.8, 0.99, 1e-4)),
    ],
    ids=lambda v: repr(v) if isinstance(v, rg.conf.Updater) else "",
)
def test_updaters_as_fields(fields: Json, ours: Any) -> None:
    got = first({"biasLearningRate": fields.get("iUpdater", {}).get("Adam", FLAT).get("learningRate"), **fields})
    assert (got.updater, got.bias_updater) == (ours, None)


def test_biases_with_a_rate_of_their_own() -> None:
    got = first({"biasLearningRate": 0.5})
    assert (got.updater, got.bias_updater) == (rg.RmsProp(0.15, 0.96), rg.RmsProp(0.5, 0.96))
    assert first({"biasLearningRate": 0.5, "updater": "ADADELTA"}).bias_updater is None
    assert first({"biasLearningRate": "NaN"}).bias_updater is None


@pytest.mark.parametrize(
    ("conf", "schedule"),
    [
        ({"learningRatePolicy": "Exponential", "lrPolicyDecayRate": 0.5}, rg.ExponentialSchedule("iteration", 0.15, 0.5)),
        (
            {"learningRatePolicy": "Inverse", "lrPolicyDecayRate": 0.5, "lrPolicyPower": 2.0},
            rg.InverseSchedule("iteration", 0.15, 0.5, 2.0),
        ),
        ({"learningRatePolicy": "Step", "lrPolicyDecayRate": 0.5, "lrPolicySteps": 10.0}, rg.StepSchedule("iteration", 0.15, 0.5, 10)),
        (
            {"learningRatePolicy": "Sigmoid", "lrPolicyDecayRate": 0.5, "lrPolicySteps": 10.0},
            rg.SigmoidSchedule("iteration", 0.15, 0.5, 10),
        ),
        ({"learningRatePolicy": "Poly", "lrPolicyPower": 2.0}, rg.PolySchedule("iteration", 0.15, 2.0, 1)),
        ({"learningRatePolicy": "Schedule"}, rg.MapSchedule("iteration", {0: 0.15, 5: 0.1, 40: 0.01})),
    ],
    ids=lambda v: v["learningRatePolicy"] if isinstance(v, dict) else "",
)
def test_policies_of_learning_rates(conf: Json, schedule: Any) -> None:
    got = first({"learningRateSchedule": {"40": 0.01, "5": 0.1}, "biasLearningRate": 0.3}, conf)
    assert got.updater == rg.RmsProp(schedule, 0.96)
    assert got.bias_updater.learning_rate.value_at(0, 0) == schedule.value_at(0, 0) * 2


def test_a_schedule_of_momentum() -> None:
    got = first({"updater": "NESTEROVS", "momentum": 0.5, "momentumSchedule": {"10": 0.9}}).updater
    assert got == rg.Nesterovs(0.15, rg.MapSchedule("iteration", {0: 0.5, 10: 0.9}))


def test_penalties_as_numbers() -> None:
    got = first({"l1Bias": 0.3, "l2Bias": 0.4})
    assert (got.l1, got.l2, got.weight_decay, got.weight_decay_apply_lr) == (0.1, 0.0, 0.2, False)
    assert (got.l1_bias, got.l2_bias, got.weight_decay_bias, got.weight_decay_bias_apply_lr) == (0.3, 0.0, 0.4, False)
    assert first({"biasL1": 0.3, "biasL2": 0.4}) == got  # as 0.6 calls them
    none = first({"l1Bias": 0.3, "l2Bias": 0.4}, {"useRegularization": False})
    assert (none.l1, none.weight_decay, none.l1_bias, none.weight_decay_bias) == (0.0, 0.0, 0.0, 0.0)


def test_dropout_as_a_number() -> None:
    assert first({}).dropout == rg.Dropout(retain=0.6)
    assert first({"dropOut": 0.0}).dropout is None
    assert first({"dropOut": "NaN"}).dropout is None
    dropped = first({}, {"useDropConnect": True})
    assert (dropped.dropout, dropped.weight_noise) == (None, rg.DropConnect(retain=0.6))


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        ({"weightInit": "XAVIER"}, "xavier"),
        ({"weightInit": "XAVIER_FAN_IN"}, "normal"),
        ({"weightInit": "SIGMOID_UNIFORM"}, "sigmoid_uniform"),
        ({"weightInit": "ZERO"}, "zero"),
        ({"weightInit": "ONES"}, "ones"),
        ({"dist": {"uniform": {"lower": -1.0, "upper": 1.0}}}, rg.UniformDistribution(-1.0, 1.0)),
        ({"dist": {"type": "gaussian", "mean": 0.0, "std": 2.0}}, rg.NormalDistribution(0.0, 2.0)),
        (
            {"dist": {"@class": "org.deeplearning4j.nn.conf.distribution.UniformDistribution", "lower": 0.0, "upper": 1.0}},
            rg.UniformDistribution(0.0, 1.0),
        ),
    ],
    ids=str,
)
def test_initialisers_as_names(stored: Json, ours: Any) -> None:
    got = first(stored)
    assert (got.weight_init, got.weight_init_recurrent) == (ours, None)
    own = {f"{key}Recurrent": value for key, value in {"weightInit": "DISTRIBUTION", **stored}.items()}
    got = first({**own, "weightInit": "XAVIER"})
    assert (got.weight_init, got.weight_init_recurrent) == ("xavier", ours)


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        ({"activationFunction": "hardsigmoid"}, "hardsigmoid"),
        ({"activationFunction": "leakyrelu"}, "leakyrelu"),
        ({"activationFn": {"HardTanh": {}}}, "hardtanh"),
        ({"activationFn": {"SWISH": {}}}, "swish"),
        ({"activationFn": {"ReLU": {}}}, "relu"),
    ],
    ids=str,
)
def test_activations(stored: Json, ours: str) -> None:
    assert first({"activationFunction": None, **stored}).activation == ours


def test_gates_of_old_layers_are_sigmoid_unless_they_say_otherwise() -> None:
    assert first({}).gate_activation == "sigmoid"
    assert first({"gateActivationFn": {"HardSigmoid": {}}}).gate_activation == "hardsigmoid"


def test_a_leaky_relu_with_the_networks_slope() -> None:
    assert first({"activationFunction": "leakyrelu"}, {"leakyreluAlpha": 0.25}).activation.alpha == 0.25


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        ({"lossFunction": "NEGATIVELOGLIKELIHOOD"}, "negativeloglikelihood"),
        ({"lossFunction": "SQUARED_LOSS"}, "mse"),
        ({"lossFunction": "RECONSTRUCTION_CROSSENTROPY"}, "kl_divergence"),
        ({"lossFn": {"BinaryXENT": {}}, "lossFunction": "MCXENT"}, "xent"),
    ],
    ids=str,
)
def test_losses(stored: Json, ours: str) -> None:
    got = first({"activationFunction": "sigmoid", **stored}, kind="rnnoutput")
    assert got.loss == ours


def test_weights_of_a_loss_as_a_plain_list() -> None:
    loss = first({"lossFn": {"MCXENT": {"weights": [0.5, 1.0, 1.0, 2.0]}}, "activationFunction": "softmax"}, kind="rnnoutput").loss
    assert loss.weights == (0.5, 1.0, 1.0, 2.0)


SIZED: Json = {**FLAT, "nin": 3, "nout": 4}
OUTPUT = {"output": {**FLAT, "activationFunction": "softmax", "lossFunction": "MCXENT", "nin": 4, "nout": 2}}
LSTM = {"LSTM": {**FLAT, "activationFunction": "tanh", "nin": 3, "nout": 4}}


def test_other_layers() -> None:
    pooling = {"GlobalPooling": {"collapseDimensions": True, "poolingType": "MAX", "pnorm": 2, "dropOut": 0.0, "layerName": "pool"}}
    dense = {"dense": {**FLAT, "activationFunction": "relu", "nin": 4, "nout": 4}}
    noise = {"dropout": {**FLAT, "dropOut": 0.5, "activationFunction": "identity", "nin": 4, "nout": 4}}
    curve = {"activation": {**FLAT, "activationFn": {"SELU": {}}, "nin": 4, "nout": 4}}
    layers: Any = dl4j.read_configuration(old_network(LSTM, pooling, dense, noise, curve, OUTPUT, backpropType="Standard")).layers
    kinds = ["LSTM", "GlobalPoolingLayer", "DenseLayer", "DropoutLayer", "ActivationLayer", "OutputLayer"]
    assert [layer.tag() for layer in layers] == kinds
    assert (layers[1].name, layers[2].has_bias, layers[3].dropout, layers[4].activation) == ("pool", True, rg.Dropout(retain=0.5), "selu")


def test_wrappers_of_alpha() -> None:
    inner = {"LSTM": {**FLAT, "activationFn": {"TanH": {}}, "nin": 3, "nout": 4}}
    both = {"Bidirectional": {"fwd": inner, "bwd": inner, "mode": "CONCAT"}}
    zero = {"MaskZeroLayer": {"underlying": {"SimpleRnn": {**inner["LSTM"], "nin": 8}}}}
    layers: Any = dl4j.read_configuration(old_network(both, zero, backpropType="Standard")).layers
    assert (layers[0].mode, layers[0].layer.updater) == ("concat", rg.RmsProp(0.15, 0.96))
    assert (layers[1].tag(), layers[1].layer.tag(), layers[1].layer.mask_mode) == ("MaskZeroLayer", "SimpleRnn", "reset")


def test_preprocessors() -> None:
    frames = {"inputHeight": 4, "inputWidth": 4, "numChannels": 1}
    convolution = {
        "convolution": {
            **FLAT,
            "activationFunction": "relu",
            "nin": 1,
            "nout": 2,
            "kernelSize": [2, 2],
            "stride": [2, 2],
            "padding": [0, 0],
        }
    }
    lstm = {"gravesLSTM": {**LSTM["LSTM"], "nin": 8}}
    given = {
        "0": {"rnnToCnn": frames},
        "1": {"cnnToRnn": {"inputHeight": 2, "inputWidth": 2, "numChannels": 2}},
        "2": {"rnnToFeedForward": {}},
    }
    config: Any = dl4j.read_configuration(old_network(convolution, lstm, {"rnnoutput": OUTPUT["output"]}, inputPreProcessors=given))
    assert [type(config.preprocessors[k]).__name__ for k in (0, 1)] == ["RnnToCnnPreProcessor", "CnnToRnnPreProcessor"]
    assert (config.layers[0].dilation, config.layers[0].convolution_mode) == ((1, 1), "truncate")


@pytest.mark.parametrize(
    ("layer", "conf", "message"),
    [
        ({"autoEncoder": dict(FLAT)}, {}, r"layers\[0\].*: layer autoEncoder is not supported"),
        ({"com.example.Own": dict(FLAT)}, {}, r"layers\[0\].*: layer Own is not supported"),
        ({"dense": {**FLAT, "activationFunction": "own"}}, {}, r"layers\[0\] \(DenseLayer\): activation own is not supported"),
        (
            {"dense": {**FLAT, "activationFn": {"PReLU": {}}, "nin": 3, "nout": 4}},
            {},
            r"layers\[0\] \(DenseLayer\): activation PReLU is not supported",
        ),
        ({"output": {**FLAT, "lossFunction": "RMSE_XENT"}}, {}, r"layers\[0\] \(OutputLayer\): loss RMSE_XENT is not supported"),
        ({"dense": {**FLAT, "weightInit": "VI"}}, {}, r"layers\[0\] \(DenseLayer\): initialiser VI is not supported"),
        ({"LSTM": {**LSTM["LSTM"], "updater": "CUSTOM"}}, {}, r"layers\[0\] \(LSTM\): updater CUSTOM is not supported"),
        (LSTM, {"learningRatePolicy": "Score"}, r"layers\[0\] \(LSTM\): learning rate policy Score is not supported"),
        (
            LSTM,
            {"learningRatePolicy": "Poly", "lrPolicyPower": 1.0, "numIterations": 5},
            "learning rate policy Poly with numIterations 5 is not supported",
        ),
    ],
    ids=lambda v: v[:50] if isinstance(v, str) else "",
)
def test_what_rnngraph_lacks_is_named_with_its_layer(layer: Json, conf: Json, message: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=message):
        dl4j.read_configuration(old_network(layer, conf=conf))


@pytest.mark.parametrize(
    ("layer", "conf", "message"),
    [
        ({"LSTM": 3}, {}, r"layers\[0\]: @class is missing; expected a class name"),
        ({"LSTM": {**LSTM["LSTM"], "learningRate": "fast"}}, {}, "learningRate is 'fast'; expected a number"),
        (LSTM, {"learningRatePolicy": "Step", "lrPolicyDecayRate": 0.5}, "lrPolicySteps is missing; expected a number"),
        (
            LSTM,
            {"learningRatePolicy": "Sigmoid", "lrPolicyDecayRate": 0.5, "lrPolicySteps": 1.5},
            r"lrPolicySteps is 1\.5; expected a whole number",
        ),
        ({"dense": {**FLAT, "dist": None}}, {}, "dist is None; expected an object"),
    ],
    ids=lambda v: v[:50] if isinstance(v, str) else "",
)
def test_what_no_version_writes_is_told(layer: Json, conf: Json, message: str) -> None:
    with pytest.raises(rg.ModelFileError, match=message):
        dl4j.read_configuration(old_network(layer, conf=conf))


def adam(dialect: str, tmp_path: Path, state: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """The tables of m and v of a network with Adam, in a dialect with flat updaters."""
    held = json.loads(DIALECTS[dialect].text())
    for conf in held["confs"]:
        for layer in conf["layer"].values():
            layer["updater"] = "ADAM"
    entries = {"coefficients": array_bytes(VECTOR, "JAVACPP"), "updater": array_bytes(state, "JAVACPP")}
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=json.dumps(held), **entries))
    return {name: dl4j.table(net, {key: kept[name].numpy() for key, kept in net.updater_state.items()}) for name in ("m", "v")}


SIZES = {"0_W": 48, "0_RW": 76, "0_b": 16, "1_W": 8, "1_b": 2}
BY_PARAMETER = np.concatenate([np.concatenate([np.full(n, -1), np.full(n, 1)]) for n in SIZES.values()]).astype(np.float32)
BY_BLOCK = np.concatenate([np.full(COUNT, -1), np.full(COUNT, 1)]).astype(np.float32)


@pytest.mark.parametrize(("dialect", "state"), [("0.5", BY_PARAMETER), ("0.6", BY_PARAMETER), ("0.8", BY_PARAMETER), ("0.8", BY_BLOCK)])
def test_the_state_of_updaters_in_both_orders(dialect: str, state: np.ndarray, tmp_path: Path) -> None:
    """A mean of -1 and a square of 1 everywhere: in the wrong order some squares are negative."""
    kept = adam(dialect, tmp_path, state)
    for key in SIZES:
        assert (kept["m"][key] == -1).all()
        assert (kept["v"][key] == 1).all()


def test_an_updater_state_of_java_objects_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    entries: Any = {"configuration": DIALECTS["0.5"].text(), "coefficients": array_bytes(VECTOR), "updater.bin": b"\xac\xed\x00\x05"}
    write_model(path, **entries)
    with pytest.warns(dl4j.ImportNote, match=r"updater\.bin: what updaters keep stands there as Java objects, which are not read"):
        net = dl4j.load(path)
    assert net.updater_state == {}
    assert any("Java objects" in note for note in dl4j.describe(path).notes)


@pytest.mark.parametrize("entries", graphs(), ids=["0.6", "M2.1"])
def test_layers_of_a_graphs_vertices_are_read_like_those_of_a_network(entries: dict[str, bytes]) -> None:
    document = modern(parse(entries["configuration.json"].decode(), "configuration.json"))
    layers = [read_conf(conf, f"vertex {key}", f"layer{key}") for key, conf in walk.confs(document)]
    assert rg.MultiLayerConfiguration(seed=7, layers=layers, backprop=CONFIG.backprop) == CONFIG
    assert {vertex["@class"].rpartition(".")[2] for vertex in document.values["vertices"].values()} == {"LayerVertex"}
    assert [layer.where for layer in walk.layers(document)] == ["configuration.json: 0", "configuration.json: 1"]


def test_preprocessors_of_vertices_and_of_networks_are_found_alike() -> None:
    stored: Json = {"rnnToFeedForward": {}}
    graph = parse(json.dumps({"vertices": {"a": {"LayerVertex": {"layerConf": {"layer": LSTM}, "preProcessor": stored}}}}), "x")
    network = parse(old_network(LSTM, inputPreProcessors={"0": stored}), "x")
    for held in (graph, network):
        assert [node.kind for node in walk.preprocessors(modern(held))] == ["RnnToFeedForwardPreProcessor"]
