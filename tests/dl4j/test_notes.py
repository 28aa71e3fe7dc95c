"""What a description tells of a model: only what applies to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j import configuration, notes
from tests.dl4j.dialects import DIALECTS, FLAT, old_network
from tests.dl4j.documents import Json, layer, lstm, network, object_, output, updater, wrapper
from tests.dl4j.files import write_model

NWC: Json = {"rnnDataFormat": "NWC"}
DROPOUT: Json = {"idropout": object_("d", "Dropout", p=0.5)}
OLD: Json = {"LSTM": {**FLAT, "dropOut": 0.0, "l1": 0.0, "l2": 0.0, "activationFunction": "tanh", "nin": 3, "nout": 4}}
STEPS = object_("s", "StepSchedule", scheduleType="EPOCH", initialValue=0.9, decayRate=0.5, step=3)


def old(conf: Json | None = None, layers: Json | None = None, **fields: Any) -> str:
    return old_network({"LSTM": {**OLD["LSTM"], **(layers or {})}}, conf=conf, **{"backpropType": "Standard", **fields})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (network(lstm(), output()), []),
        (network(lstm(), output(), backpropType="TruncatedBPTT"), [notes.TRUNCATED]),
        (network(wrapper("LastTimeStep", lstm("GravesLSTM")), output("OutputLayer")), [notes.ALL_MASKED]),
        (network(wrapper("LastTimeStep", lstm()), output("OutputLayer")), [notes.MASKED_LSTM, notes.ALL_MASKED]),
        (network(wrapper("MaskZeroLayer", wrapper("Bidirectional", lstm(), mode="ADD")), output()), [notes.MASKED_LSTM]),
        (network(lstm(), wrapper("TimeDistributed", layer("DenseLayer", 4, 4)), output()), [notes.TIME_DISTRIBUTED]),
        (network(layer("SimpleRnn", hasLayerNorm=True), output()), [notes.LAYER_NORM]),
        (network(lstm(iupdater=updater("AdaGrad", learningRateSchedule=STEPS)), output()), [notes.ADA_GRAD]),
        (network(lstm(**DROPOUT), output()), [notes.DRAWN]),
        (network(layer("SimpleRnn", **NWC), output(**NWC)), [configuration.NWC, notes.STREAM_NWC]),
        (network(lstm(**NWC, **DROPOUT), output(**NWC)), [configuration.NWC, notes.DRAWN, notes.DROPOUT_NWC]),
        (network(lstm(), output(), dataType="HALF"), [configuration.HALF]),
        (old(), []),
        (old(layers={"l2": 0.1}), [notes.DECAY]),
        (old({"useRegularization": False}, {"l2": 0.1}), []),
        (old({"learningRatePolicy": "Exponential", "lrPolicyDecayRate": 0.5}), [notes.POLICY]),
        (old({"numIterations": 3}), [notes.ITERATIONS]),
        (old({"optimizationAlgo": "LBFGS"}), [notes.OPTIMIZER]),
        (old({"minimize": False}), [notes.MAXIMIZE]),
        (old(pretrain=True), [notes.PRETRAIN]),
    ],
    ids=lambda v: "; ".join(note[:20] for note in v) or "nothing" if isinstance(v, list) else "",
)
def test_notes(text: str, told: list[str], tmp_path: Path) -> None:
    found = dl4j.describe(write_model(tmp_path / "m.zip", configuration=text))
    assert (list(found.notes), found.lacking, found.parameters) == (told, "", 0)


def test_what_is_lacking_is_told_and_not_raised(tmp_path: Path) -> None:
    found = dl4j.describe(write_model(tmp_path / "m.zip", configuration=network(lstm(), layer("CenterLossOutputLayer"))))
    assert found.lacking.startswith("configuration.json: layers[1] (CenterLossOutputLayer): layer CenterLossOutputLayer is not supported")
    found = dl4j.describe(write_model(tmp_path / "m.zip", configuration=old(layers={"updater": "CUSTOM"})))
    assert "updater CUSTOM is not supported" in found.lacking


def test_what_comes_with_a_model_is_told(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=DIALECTS["M2.1"].text(), **{"normalizer.bin": b"0", "preprocessor.bin": b"0"})
    found = dl4j.describe(path)
    assert (found.normalizer, found.updater_state) == (True, False)
    assert found.entries == ("configuration.json", "normalizer.bin", "preprocessor.bin")
    assert found.data_type == "FLOAT"


def test_a_file_that_is_no_model_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(rg.ModelFileError, match=r"m\.zip: configuration\.json is missing"):
        dl4j.describe(write_model(tmp_path / "m.zip", other="{}"))
