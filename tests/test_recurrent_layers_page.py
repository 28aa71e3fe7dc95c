"""The page about recurrent layers: it shows each program, and its table has every name of DL4J's page and nothing that rnngraph lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from examples.recurrent_layers import PROGRAMS
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "recurrent_layers.md").read_text()
LISTED = (ROOT / "tests" / "fixtures" / "recurrent_layers_identifiers.txt").read_text().splitlines()
IDENTIFIERS = [line for line in LISTED if line and not line.startswith("#")]
SHOWN = re.findall(r'^--8<-- "(examples/recurrent_layers/(\w+)\.py):(\w+)"$', PAGE, re.MULTILINE)


def rows() -> list[tuple[list[str], list[str]]]:
    """The code in both columns of the table."""
    lines = PAGE[PAGE.index("\n## DL4J to rnngraph") :].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", left), re.findall(r"`([^`]+)`", right)) for left, right in cells]


def test_the_table_has_each_name_of_dl4js_page() -> None:
    left = {name for codes, _ in rows() for code in codes for name in re.findall(r"\w+", code)}
    assert len(IDENTIFIERS) == len(set(IDENTIFIERS)) > 120
    assert [name for name in IDENTIFIERS if name not in left] == []


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the right column speaks of."""
    lstm, head = rg.LSTM(n_in=4, n_out=4), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")
    config = rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=3, n_out=4), head])
    net, folder = rg.MultiLayerNetwork(config), tmp_path_factory.mktemp("page")
    export_onnx(net, folder / "net.onnx")
    (folder / "label_0.csv").write_text("1\n")
    split = rg.NumberedFileInputSplit(folder / "label_%d.csv", 0, 0)
    features, mask = np.random.default_rng(0).standard_normal((2, 3, 10)).astype(np.float32), np.ones((2, 10), np.float32)
    above = features.sum(axis=1) > 0
    labels = np.stack([~above, above], axis=1).astype(np.float32)
    data = rg.DataSet(features, labels, mask, mask)
    return {
        "rg": rg,
        "np": np,
        "net": net,
        "config": config,
        "session": StreamingSession(folder / "net.onnx"),
        "data": data,
        "batches": rg.MiniBatches(data, 2),
        "split": split,
        "feature_reader": rg.CollectionSequenceRecordReader([features[0].T]),
        "label_reader": rg.CSVSequenceRecordReader(0, ",").initialize(split),
        "features": features,
        "labels": labels,
        "features_mask": mask,
        "labels_mask": mask,
        "predictions": net.output(features),
        "x": features[:, :, 0],
        "evaluation": net.evaluate(data),
        "state": {"h": np.zeros((2, 4)), "c": np.zeros((2, 4))},
        "lstm": lstm,
        "head": head,
        "dense": rg.DenseLayer(n_in=4, n_out=4),
        "convolution": rg.ConvolutionLayer(3, 3, n_out=2),
    }


@pytest.mark.parametrize(("left", "right"), rows(), ids=lambda codes: codes[0])
def test_what_stands_on_the_right_runs(left: list[str], right: list[str], names: dict[str, Any]) -> None:
    assert left
    assert right
    names["net"].rnn_clear_previous_state()
    for code in right:
        eval(code, names)


def test_the_page_shows_each_program_in_the_order_of_dl4js() -> None:
    shown = list(dict.fromkeys(name for _, name, _ in SHOWN))
    assert shown == list(PROGRAMS)


def test_what_the_page_shows_is_there() -> None:
    for path, _, section in SHOWN:
        part = re.search(rf"--8<-- \[start:{section}\]\n(.+)# --8<-- \[end:{section}\]", (ROOT / path).read_text(), re.DOTALL)
        assert part is not None, (path, section)
        assert "--8<--" not in part.group(1)


def unmarked() -> Iterator[str]:
    """Sections of programs that no page shows."""
    for name in PROGRAMS:
        text = (ROOT / "examples" / "recurrent_layers" / f"{name}.py").read_text()
        yield from (
            f"{name}:{section}" for section in re.findall(r"\[start:(\w+)\]", text) if (name, section) not in {s[1:] for s in SHOWN}
        )


def test_no_mark_is_left_over() -> None:
    assert list(unmarked()) == []
