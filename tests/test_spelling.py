"""Names of DL4J, torch and Keras, and slips: each object tells rnngraph's spelling."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.names import squeezed
from rnngraph.spelling import FOREIGN, OF_ITERABLES, SENTENCES, Spelled, spelled

X, Y = np.zeros((2, 3, 4)), np.ones((2, 1, 4))
NET: Any = rg.MultiLayerNetwork(
    rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=3, n_out=2), rg.RnnOutputLayer(n_out=1, activation="tanh", loss="mse")])
)
DATA: Any = rg.DataSet(X, Y)
SNAPSHOT: Any = rg.StateSnapshot
GRAPH: Any = rg.ComputationGraph
CHECKPOINTS: Any = rg.CheckpointListener
VERTICES = "config.vertices holds the layers and vertices of a graph by name"
BUILT: tuple[Any, ...] = (rg.ComputationGraphConfiguration, rg.MultiLayerConfiguration, rg.ComputationGraph)
MADE = "write ComputationGraphConfiguration"
BUILDER = {
    "GraphBuilder": f"there are no builders; {MADE}(inputs=[...], vertices={{...}}, outputs=[...])",
    "graphBuilder": f"there are no builders; {MADE}(inputs=[...], vertices={{...}}, outputs=[...])",
    "addInputs": f"{MADE}(inputs=['a', 'b'], ...)",
    "addLayer": f"{MADE}(vertices={{'name': (layer, 'input'), ...}}, ...)",
    "addVertex": f"{MADE}(vertices={{'name': (vertex, 'a', 'b'), ...}}, ...)",
    "setOutputs": f"{MADE}(outputs=['a', 'b'], ...)",
    "setInputTypes": f"{MADE}(input_types={{'input': InputType.recurrent(12), ...}}, ...)",
}
"""What DL4J's builder of graphs has."""


@pytest.mark.parametrize(
    ("owner", "name", "message"),
    [
        (NET, "rnnTimeStep", "MultiLayerNetwork has no attribute 'rnnTimeStep'; write rnn_time_step"),
        (NET, "rnnClearPreviousState", "MultiLayerNetwork has no attribute 'rnnClearPreviousState'; write rnn_clear_previous_state"),
        (NET, "setListeners", "MultiLayerNetwork has no attribute 'setListeners'; write set_listeners"),
        (NET, "params", "MultiLayerNetwork has no attribute 'params'; write parameters"),
        (NET, "getEpochCount", "MultiLayerNetwork has no attribute 'getEpochCount'; write epoch"),
        (NET, "state_dict", "MultiLayerNetwork has no attribute 'state_dict'; write parameters"),
        (NET, "predict", "MultiLayerNetwork has no attribute 'predict'; write output"),
        (
            NET,
            "numParams",
            "MultiLayerNetwork has no attribute 'numParams'; parameters() gives all by name, and summary() their number",
        ),
        (NET, "outputs", "MultiLayerNetwork has no attribute 'outputs'; did you mean output?"),
        (NET, "qqqqq", "MultiLayerNetwork has no attribute 'qqqqq'; dir(MultiLayerNetwork) lists its names"),
        (DATA, "getFeatures", "DataSet has no attribute 'getFeatures'; write features"),
        (DATA, "getFeaturesMaskArray", "DataSet has no attribute 'getFeaturesMaskArray'; write features_mask"),
        (DATA, "numExamples", "DataSet has no attribute 'numExamples'; write num_examples"),
        (SNAPSHOT, "fromBytes", "StateSnapshot has no attribute 'fromBytes'; write from_bytes"),
        (SNAPSHOT(), "toBytes", "StateSnapshot has no attribute 'toBytes'; write to_bytes"),
        (rg.Evaluation(2), "falsePositives", "Evaluation has no attribute 'falsePositives'; write false_positives"),
        (rg.Evaluation(2), "getConfusionMatrix", "Evaluation has no attribute 'getConfusionMatrix'; write confusion"),
        (rg.ROC(), "calculateAUCPR", "ROC has no attribute 'calculateAUCPR'; write calculate_aucpr"),
        (rg.ROCMultiClass(), "getRocCurve", "ROCMultiClass has no attribute 'getRocCurve'; write roc_curve"),
        (rg.ROCBinary(), "numLabels", "ROCBinary has no attribute 'numLabels'; len(labels) is their number"),
        (
            rg.RegressionEvaluation(),
            "averagerootMeanSquaredError",
            "RegressionEvaluation has no attribute 'averagerootMeanSquaredError'; write average_root_mean_squared_error",
        ),
        (NET, "evaluateROC", "MultiLayerNetwork has no attribute 'evaluateROC'; write evaluate_roc"),
        (NET, "doEvaluation", "MultiLayerNetwork has no attribute 'doEvaluation'; write do_evaluation"),
        (
            rg,
            "EvaluationAveraging",
            "module 'rnngraph' has no attribute 'EvaluationAveraging'; write averaging='macro' or averaging='micro'",
        ),
        (rg.Evaluation, "fromJson", "Evaluation has no attribute 'fromJson'; write from_json"),
        (rg, "GRUs", "module 'rnngraph' has no attribute 'GRUs'; the nearest names are: GRU"),
        (
            rg,
            "NeuralNetConfiguration",
            "module 'rnngraph' has no attribute 'NeuralNetConfiguration'; "
            "write MultiLayerConfiguration, or of a graph ComputationGraphConfiguration",
        ),
        (rg, "GraphBuilder", "module 'rnngraph' has no attribute 'GraphBuilder'; write ComputationGraphConfiguration"),
        (
            rg,
            "EarlyStoppingTrainer",
            "module 'rnngraph' has no attribute 'EarlyStoppingTrainer'; "
            "write fit(..., listeners=[EarlyStopping(patience=..., target=..., max_minutes=...)])",
        ),
        (rg.CheckpointListener, "lastCheckpoint", "CheckpointListener has no attribute 'lastCheckpoint'; write last_checkpoint"),
        (
            rg.CheckpointListener,
            "Builder",
            "CheckpointListener has no attribute 'Builder'; there are no builders; its settings are keyword arguments",
        ),
        (NET, "getLayer", f"MultiLayerNetwork has no attribute 'getLayer'; config.layers holds the layers; {VERTICES}"),
        (GRAPH, "getVertex", f"ComputationGraph has no attribute 'getVertex'; {VERTICES}"),
        (GRAPH, "feedForward", "ComputationGraph has no attribute 'feedForward'; write output"),
        (NET, "getConfiguration", "MultiLayerNetwork has no attribute 'getConfiguration'; write config"),
        (
            GRAPH,
            "outputSingle",
            "ComputationGraph has no attribute 'outputSingle'; write output(features), and [0] of a graph's, which is a list",
        ),
        *((owner, name, f"{owner.__name__} has no attribute {name!r}; {told}") for owner in BUILT for name, told in BUILDER.items()),
    ],
)
def test_attributes(owner: Any, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}$"):
        getattr(owner, name)
    assert not hasattr(owner, name)


def test_a_session_tells_it_too(tmp_path: Path) -> None:
    from rnngraph.exporters import export_onnx
    from rnngraph.runtime import StreamingSession

    export_onnx(NET, tmp_path / "net.onnx")
    session: Any = StreamingSession(tmp_path / "net.onnx")
    with pytest.raises(AttributeError, match=r"^StreamingSession has no attribute 'rnnTimeStep'; write rnn_time_step$"):
        session.rnnTimeStep(X[:, :, 0])
    with pytest.raises(TypeError, match=r"^StreamingSession.output has no argument 'featuresMask'; write features_mask$"):
        session.output(X, featuresMask=None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rg.DataSet(X, Y, featuresMask=None), "DataSet has no argument 'featuresMask'; write features_mask"),  # type: ignore[call-arg]
        (lambda: rg.DataSet(x=X, labels=Y), "DataSet has no argument 'x'; write features"),  # type: ignore[call-arg]
        (lambda: NET.fit(DATA, epoch=3), "MultiLayerNetwork.fit has no argument 'epoch'; did you mean epochs?"),
        (lambda: NET.fit(DATA, numEpochs=3), "MultiLayerNetwork.fit has no argument 'numEpochs'; write epochs"),
        (lambda: NET.fit(DATA, callbacks=[]), "MultiLayerNetwork.fit has no argument 'callbacks'; write listeners"),
        (lambda: NET.score(DATA, training=True), "MultiLayerNetwork.score has no argument 'training'; its arguments are data"),
        (lambda: CHECKPOINTS("x", saveEveryNEpochs=2), "CheckpointListener has no argument 'saveEveryNEpochs'; write every_n_epochs"),
        (lambda: rg.EarlyStopping(min_delta=2), "EarlyStopping has no argument 'min_delta'; write min_improvement"),  # type: ignore[call-arg]
        (lambda: rg.Evaluation(numClasses=2), "Evaluation has no argument 'numClasses'; did you mean n_classes?"),  # type: ignore[call-arg]
    ],
)
def test_keywords(call: Any, message: str) -> None:
    before = NET.parameters()
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        call()
    assert NET.iteration == 0
    np.testing.assert_equal(NET.parameters(), before)


def test_every_foreign_name_is_squeezed_and_leads_somewhere() -> None:
    classes = (rg.MultiLayerNetwork, rg.DataSet, rg.NormalizerStandardize, rg.Evaluation, rg.CheckpointListener)
    own = {name for cls in classes for name in dir(cls)} | {*vars(NET), *vars(DATA)}
    own |= set(inspect.signature(rg.SequenceRecordReaderDataSetIterator.__init__).parameters)
    own |= {"epochs", "listeners", "validation", "progress"}  # arguments of fit
    for cls in (rg.CheckpointListener, rg.EarlyStopping, rg.EvaluativeListener, rg.ScoreIterationListener):
        own |= set(inspect.signature(cls).parameters)
    assert set(FOREIGN.values()) <= own
    assert all(key == squeezed(key) for key in (*FOREIGN, *SENTENCES, *OF_ITERABLES))


class Thing(Spelled):
    """Has one name."""

    def __init__(self) -> None:
        self.some_name = 1

    @spelled
    def double(self, some_value: int, *, plus: int = 0) -> int:
        """Twice the value."""
        return 2 * some_value + plus


def test_what_exists_works_as_ever() -> None:
    thing = Thing()
    assert thing.double(3) == thing.double(some_value=3) == 6
    assert thing.double(3, plus=1) == 7
    assert Thing.double.__doc__ == "Twice the value."
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'some_value'"):
        thing.double()  # type: ignore[call-arg]


def test_private_names_are_python_s_affair() -> None:
    for owner, message in ((Thing(), "'Thing' object has no attribute '_x'"), (Thing, "type object 'Thing' has no attribute '_x'")):
        with pytest.raises(AttributeError, match=f"^{message}$"):
            owner._x  # type: ignore[union-attr]  # noqa: B018
    assert copy.deepcopy(Thing()).some_name == 1
    assert pickle.loads(pickle.dumps(Thing())).some_name == 1  # noqa: S301


def test_telling_names_imports_nothing_heavy() -> None:
    code = "import sys, rnngraph.spelling; print([m for m in ('torch', 'onnx', 'pydantic', 'numpy', 'safetensors') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"


def test_a_snapshot_needs_numpy_only() -> None:
    code = (
        "import sys, rnngraph as r; r.StateSnapshot(); print([m for m in ('torch', 'onnx', 'pydantic', 'onnxruntime') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"
