from __future__ import annotations

import json
import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf import Layer
from tests.dl4j.documents import activation, initializer, layer, loss, lstm, network, object_, output, regularization, updater, wrapper


def first(text: str) -> Any:
    return dl4j.read_configuration(text).layers[0]


def test_a_network_is_read_whole() -> None:
    gates = {"gateActivationFn": activation("HardSigmoid"), "forgetGateBiasInit": 5.0, "weightInitFnRecurrent": initializer("Relu")}
    text = network(
        lstm("GravesLSTM", activationFn=activation("SoftSign"), regularization=[regularization("L2Regularization", "l2", 0.5)], **gates),
        lstm(n_in=4, n_out=4, layerName="second"),
        output(iupdater=updater("Sgd", learningRate=0.25), biasInit=0.5),
        seed=3,
    )
    assert dl4j.read_configuration(text) == rg.MultiLayerConfiguration(
        seed=7,
        layers=[
            rg.GravesLSTM(
                n_in=3, n_out=4, activation="softsign", gate_activation="hardsigmoid", forget_gate_bias_init=5.0, l2=0.5,
                weight_init_recurrent="relu", updater=rg.Adam(0.01), mask_mode="ignore",
            ),
            rg.LSTM(n_in=4, n_out=4, activation="tanh", updater=rg.Adam(0.01), mask_mode="ignore", name="second"),
            rg.RnnOutputLayer(n_in=4, n_out=2, updater=rg.Sgd(0.25), bias_init=0.5, mask_mode="ignore"),
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "mode"),
    [
        (lstm(), "ignore"),
        (lstm("GravesLSTM"), "ignore"),
        (layer("SimpleRnn"), "reset"),
        (layer("DenseLayer"), "reset"),
        (output(n_in=3), "ignore"),
        (wrapper("LastTimeStep", lstm()), "reset"),
        (wrapper("LastTimeStep", layer("SimpleRnn")), "reset"),
    ],
    ids=lambda v: v if isinstance(v, str) else v["@class"].rpartition(".")[2],
)
def test_a_layer_does_at_masked_steps_what_dl4j_does(stored: dict[str, Any], mode: str) -> None:
    assert first(network(stored)).mask_mode == mode


def test_truncated_bptt_goes_by_its_forward_length_alone() -> None:
    text = network(lstm(), output(), backpropType="TruncatedBPTT", tbpttFwdLength=5, tbpttBackLength=3)
    assert dl4j.read_configuration(text).backprop == rg.TruncatedBPTT(length=5)


def test_double_is_float64() -> None:
    assert dl4j.read_configuration(network(lstm(), output(), dataType="DOUBLE")).data_type == "float64"


def test_a_negative_seed_is_javas_signed_one() -> None:
    text = network(lstm(), output()).replace('"seed": 7', '"seed": -1')
    assert dl4j.read_configuration(text).seed == 2**64 - 1


def test_the_check_of_the_output_layer_is_off_where_dl4j_had_let_it_pass() -> None:
    odd = output(activationFn=activation("Sigmoid"))
    assert not dl4j.read_configuration(network(lstm(), odd)).validate_output_layer
    assert dl4j.read_configuration(network(lstm(), output())).validate_output_layer
    assert not dl4j.read_configuration(network(lstm(), output(), validateOutputLayerConfig=False)).validate_output_layer


def test_preprocessors_of_time_have_nothing_to_do() -> None:
    kinds = {"1": "RnnToFeedForwardPreProcessor", "2": "FeedForwardToRnnPreProcessor"}
    given = {k: object_("org.deeplearning4j.nn.conf.preprocessor", kind, rnnDataFormat="NCW") for k, kind in kinds.items()}
    read = dl4j.read_configuration(network(lstm(), layer("DenseLayer", 4, 5), output(n_in=5), inputPreProcessors=given))
    assert read.heads[0].has_time


def test_penalties_of_a_kind_add_up() -> None:
    twice = [regularization("L2Regularization", "l2", 0.25), regularization("L2Regularization", "l2", 0.5)]
    assert first(network(lstm(regularization=twice), output())).l2 == 0.75


def test_constants_are_initialisers_of_their_own() -> None:
    assert first(network(lstm(weightInitFn=initializer("Constant", value=0.0)), output())).weight_init == "zero"
    assert first(network(lstm(weightInitFn=initializer("Constant", value=1.0)), output())).weight_init == "ones"


@pytest.mark.parametrize(
    ("stored", "element"),
    [
        (layer("CenterLossOutputLayer"), "layer CenterLossOutputLayer"),
        (lstm(activationFn=activation("PReLU")), "activation ActivationPReLU"),
        (lstm(activationFn=object_("com.example", "Own")), "activation Own"),
        (output(lossFn=loss("FMeasure", beta=1.0)), "loss LossFMeasure"),
        (lstm(weightInitFn=initializer("Embedding")), "initialiser WeightInitEmbedding"),
        (lstm(weightInitFn=initializer("Distribution", distribution={"type": "cauchy"})), "distribution cauchy"),
        (lstm(iupdater=updater("Own", learningRate=0.1)), "updater Own"),
        (lstm(iupdater=updater("Sgd", learningRate="NaN", learningRateSchedule=object_("s", "Own"))), "updater Sgd with Own"),
        (lstm(regularization=[object_("r", "Elastic")]), "regularisation Elastic"),
        (lstm(regularization=[object_("r", "L1Regularization", l1=object_("s", "Step"))]), "Step of a regularisation"),
        (lstm(idropout=object_("d", "Own", p=0.5)), "dropout Own"),
        (lstm(constraints=[object_("c", "Own", params=["W"])]), "constraint Own"),
        (lstm(constraints=[object_("c", "Own")]), "constraint Own"),
        (lstm(constraints=[object_("c", "Own", params=[])]), "constraint Own"),
        (lstm(constraints=[{"Own": {"params": ["W"]}}]), "constraint Own"),
        (lstm(constraints=[object_("c", "NonNegativeConstraint", params=["P"])]), "constraint NonNegativeConstraint on P"),
        (
            lstm(constraints=[object_("c", "NonNegativeConstraint", params=["W"], epsilon=0.5)]),
            "constraint NonNegativeConstraint with epsilon 0.5",
        ),
        (
            lstm(regularization=[regularization("WeightDecay", "coeff", 0.1, applyLR=a) for a in (True, False)]),
            "weight decay with and without applyLR",
        ),
        (lstm(weightNoise=object_("d", "Own", p=0.5)), "weight noise Own"),
        (lstm(rnnDataFormat="NWC"), "data format NWC"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_rnngraph_lacks_is_named_with_its_layer(stored: dict[str, Any], element: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=rf"layers\[1\].*: {re.escape(element)} is not supported in this version of") as caught:
        dl4j.read_configuration(network(lstm(), stored))
    assert caught.value.element == element
    assert "pip install --upgrade rnngraph" in str(caught.value)


def test_a_layer_inside_a_wrapper_is_found() -> None:
    with pytest.raises(dl4j.UnsupportedError, match=r"layers\[0\] \(LastTimeStep\): underlying: layer Own is not supported"):
        dl4j.read_configuration(network(wrapper("LastTimeStep", layer("Own"))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataType": "INT"}, "data type INT is not supported"),
        ({"inputPreProcessors": {"0": object_("p", "Own")}}, r"inputPreProcessors\[0\]: preprocessor Own is not supported"),
    ],
    ids=["type", "preprocessor"],
)
def test_what_rnngraph_lacks_of_networks_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=message):
        dl4j.read_configuration(network(lstm(), output(), **changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"^configuration.json: not JSON \(.*\); expected the file that DL4J writes: save the model again$"),
        ("[" * 10_000, "^configuration.json: not JSON"),
        ("[]", "^configuration.json: a list at the top; expected the object"),
        ('{"layers": 1}', "^configuration.json: it has the keys layers, but not confs"),
        ('{"confs": 3}', "^configuration.json: confs is 3; expected a list of objects"),
        ('{"vertices": {}}', "^configuration.json: vertices is empty; expected a network of at least one layer"),
        ('{"confs": [3]}', r"^configuration.json: confs holds something that is no object"),
        ('{"confs": []}', "^configuration.json: confs is empty; expected a network of at least one layer"),
        ('{"confs": [{}]}', r"confs\[0\]: seed is missing; expected a whole number"),
        ('{"confs": [{"seed": 1}]}', r"confs\[0\]: layer is missing; expected an object"),
        (network(lstm(nout="7")), r"layers\[0\] \(LSTM\): nout is '7'; expected a whole number"),
        (network(lstm(nout=-7)), r"layers\[0\] \(LSTM\): LSTM: n_out=-7: expected a number of at least 1"),
        (network(lstm(nout=10**12)), r"layers\[0\] \(LSTM\): LSTM: n_out=1000000000000: expected a number of at most"),
        (network(lstm(activationFn=None)), r"activationFn is None; expected an object"),
        (network(lstm(activationFn={"@class": 3})), r"activationFn: @class is 3; expected a class name"),
        (
            network(layer("Convolution1DLayer", kernelSize=[], stride=[1], padding=[0], dilation=[1])),
            r"layers\[0\] \(Convolution1DLayer\): kernelSize is \[\]; expected a list of 1 whole numbers",
        ),
        (network(lstm(biasInit=1e999), output()), r"not JSON|biasInit is inf; expected a finite number"),
        (network(lstm(biasUpdater=3)), r"biasUpdater is 3; expected an object"),
        (network(output(n_in=3, hasBias=1)), r"hasBias is 1; expected true or false"),
        (network(output(n_in=3, lossFn=loss("MSE", weights={"data": ["a"]}))), r"weights: data is \['a'\]; expected a list of numbers"),
        (network(lstm(), output(n_in=5)), r"layers\[1\] \(RnnOutputLayer\): n_in=5, but layers\[0\] \(LSTM\) gives 4 values"),
        (network(lstm(), output(), backpropType="Own"), r"backpropType is 'Own'; expected 'Standard' or 'TruncatedBPTT'"),
        (network(lstm(), output(), backpropType="TruncatedBPTT", tbpttFwdLength=0), r"tbpttFwdLength: TruncatedBPTT: length=0"),
        (network(lstm(), output(), inputPreProcessors={"x": {}}), r"inputPreProcessors: the key 'x' is no index of a layer"),
    ],
)  # fmt: skip
def test_what_dl4j_does_not_write_is_told(text: str, message: str) -> None:
    with pytest.raises(rg.ModelFileError, match=message) as caught:
        dl4j.read_configuration(text)
    assert not isinstance(caught.value, dl4j.UnsupportedError)


def test_text_is_expected() -> None:
    with pytest.raises(
        rg.ModelFileError, match=r"expected JSON text as a str, not a bytes; read a file with Path\(\.\.\.\)\.read_text\(\)"
    ):
        dl4j.read_configuration(b"{}")  # type: ignore[arg-type]


def test_unknown_fields_do_not_matter() -> None:
    data = json.loads(network(lstm(), output()))
    data["confs"][0]["layer"]["addedLater"] = {"@class": "x"}
    assert isinstance(dl4j.read_configuration(json.dumps(data)).layers[0], Layer)


def test_an_updater_of_biases_is_read_or_named() -> None:
    text = network(lstm(biasUpdater=updater("Sgd", learningRate=0.5)), output())
    if "bias_updater" in rg.LSTM.model_fields:
        assert first(text).bias_updater == rg.Sgd(0.5)
    else:
        with pytest.raises(dl4j.UnsupportedError, match=r"layers\[0\] \(LSTM\): bias updater Sgd is not supported"):
            dl4j.read_configuration(text)


RATES = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "learningRate": 0.01}
SGD = {"learningRate": "NaN"}


def stepped(**fields: Any) -> dict[str, Any]:
    """A layer whose rate has a schedule by steps."""
    usual = {"scheduleType": "ITERATION", "initialValue": 0.1, "decayRate": 0.5, "step": 3.0}
    return lstm(iupdater=updater("Sgd", **SGD, learningRateSchedule=object_("s", "StepSchedule", **{**usual, **fields})))


def mapped(values: dict[str, Any]) -> dict[str, Any]:
    """A layer whose rate has a schedule by a map."""
    held = object_("s", "MapSchedule", scheduleType="ITERATION", values=values)
    return lstm(iupdater=updater("Sgd", **SGD, learningRateSchedule=held))


LONG = "1" * 5000


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (lstm(forgetGateBiasInit=10**400), r"layers\[0\] \(LSTM\): forgetGateBiasInit is 1000+\.\.\.; expected a finite number"),
        (output(n_in=3, biasInit=-(10**400)), r"layers\[0\] \(RnnOutputLayer\): biasInit is -1000+\.\.\.; expected a finite number"),
        (output(n_in=3, lossFn=loss("MSE", weights={"data": [1, 10**400]})), r"weights: data\[1\] is 1000+\.\.\.; expected a finite"),
        (lstm(iupdater=updater("Sgd", learningRate=10**400)), r"iupdater: learningRate is 1000+\.\.\.; expected a finite number"),
        (stepped(initialValue=10**400), r"layers\[0\] \(LSTM\): .*StepSchedule: initial_value=1000+\.\.\.: expected a number"),
        (mapped({"0": 0.1, LONG: 0.2}), r"values: the key '1111+\.\.\. is no iteration or epoch; expected a whole number of at most 9"),
        (mapped({"0": 0.1, "٣": 0.2}), r"values: the key '٣' is no iteration or epoch"),
        (mapped({"0": 0.1, "5": None}), r"values: 5 is None, which DL4J would train with; expected a number: save the model again"),
        (mapped({"0": 0.1, "5": "NaN"}), r"values: 5 is 'NaN', which DL4J would train with; expected a number"),
        (
            lstm(iupdater=updater("Adam", **{**RATES, "learningRate": -1})),
            r"layers\[0\] \(LSTM\): updater: Adam: learning_rate=-1\.0: expected a number greater than 0 .*; correct it in DL4J and save",
        ),
        (lstm(iupdater=updater("Adam", **{**RATES, "beta1": 1.0})), r"updater: Adam: beta1=1\.0: expected a number .* 1.*; correct it in"),
        (stepped(step=0), r"updater: learning_rate: StepSchedule: step=0: expected a number greater than 0 .*; correct it in DL4J and"),
        (lstm(idropout=object_("d", "Dropout", p=2.0)), r"dropout: Dropout: retain=2\.0: expected a number of at most 1"),
    ],
    ids=lambda v: v[:30] if isinstance(v, str) else "",
)  # fmt: skip
def test_numbers_that_no_such_thing_has_are_told(stored: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ModelFileError, match=message) as caught:
        dl4j.read_configuration(network(stored))
    assert not isinstance(caught.value, dl4j.UnsupportedError)


def test_a_learning_rate_of_0_is_lacking_here() -> None:
    message = r"updater Sgd with learningRate 0 is not supported in this version of rnngraph \(updaters here ask for more than 0; NoOp"
    with pytest.raises(dl4j.UnsupportedError, match=message):
        dl4j.read_configuration(network(lstm(iupdater=updater("Sgd", learningRate=0.0))))


@pytest.mark.parametrize("key", [LONG, "٣", "-1"])
def test_a_key_that_counts_no_layer_is_told(key: str) -> None:
    with pytest.raises(rg.ModelFileError, match=r"inputPreProcessors: the key '.* is no index of a layer; save the model again"):
        dl4j.read_configuration(network(lstm(), output(), inputPreProcessors={key: {"@class": "p"}}))


@pytest.mark.parametrize("value", ["NaN", None])
def test_an_updater_whose_number_is_open_is_told(value: Any) -> None:
    """As DL4J writes an AdaGrad with a schedule, which it loses."""
    text = network(lstm(iupdater=updater("AdaGrad", learningRate=value, epsilon=1e-6)), output())
    with pytest.warns(dl4j.ImportNote, match=r"an updater of this network has a number that is NaN or null, and no schedule in its place"):
        assert first(text).updater == rg.AdaGrad()


def test_a_constraint_inside_its_name_is_read() -> None:
    wrapped = {"MaxNormConstraint": {"maxNorm": 0.5, "dimensions": [0], "params": ["W", "RW"], "epsilon": 1e-6}}
    assert first(network(lstm(constraints=[wrapped]), output())).constraints == (rg.MaxNormConstraint(0.5, dimensions=(0,), on="weights"),)
