"""verify: what it compares, and that it notices what is off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from rnngraph.errors import ModelFileError
from rnngraph.runtime import StreamingSession, verify
from rnngraph.runtime.verify import compare
from tests.deployment.exported import classifier, edit, export, tagger


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", [{}, {"target": "cpu"}, {"steps": 1}, {"batch": 3}])
@pytest.mark.parametrize("make", [tagger, classifier])
def test_exported_files_hold(make: Callable[[], Any], options: dict[str, Any], masked: bool, tmp_path: Path) -> None:
    report = verify(export(tmp_path, make(), features_mask=masked, **options))
    assert report, str(report)
    told = [row.what for row in report.rows]
    assert {"golden 0: y", "golden 1: next_state_00_h", "whole = chunked: y", "whole = stepped: state_01_h"} <= set(told)
    assert ("whole = row alone: y" in told) == ("batch" not in options)
    assert {row.absolute for row in report.rows if row.what.startswith("whole")} == {0.0}


def test_the_report_for_people_and_programs(tmp_path: Path) -> None:
    file = export(tmp_path)
    report = verify(file)
    lines = str(report).splitlines()
    assert lines[0] == f"{file} on cpu"
    assert lines[-1] == f"all {len(report.rows)} comparisons within tolerance"
    told = json.loads(report.to_json())
    assert (told["path"], told["device"], told["ok"], len(told["rows"])) == (str(file), "cpu", True, len(report.rows))
    assert set(told["rows"][0]) == {"what", "absolute", "relative", "tolerance", "ok"}


def spoil(file: Path, value: float) -> None:
    """Change one value of the first sample's y by ``value``."""
    sample = Path(f"{file}.golden") / "test_data_set_0" / "output_0.pb"
    tensor = onnx.TensorProto.FromString(sample.read_bytes())
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] += value
    sample.write_bytes(numpy_helper.from_array(array, tensor.name).SerializeToString())


@pytest.mark.parametrize(("value", "ok"), [(5e-6, True), (2e-5, False), (np.nan, False)])
def test_the_tolerance(value: float, ok: bool, tmp_path: Path) -> None:
    file = export(tmp_path)
    spoil(file, value)
    report = verify(file)
    assert bool(report) is ok
    assert [row.what for row in report.rows if not row.ok] == ([] if ok else ["golden 0: y"])
    if not ok:
        assert str(report).endswith(f"1 of {len(report.rows)} comparisons OFF")
    assert json.loads(report.to_json())["ok"] is ok


def test_the_tolerance_grows_with_the_largest_value() -> None:
    big = np.array([100.0])
    assert compare("y", big + 9e-4, big).ok
    assert not compare("y", big + 11e-4, big).ok
    assert not compare("y", big, np.zeros((1, 1))).ok


@pytest.mark.parametrize("masked", [False, True])
def test_against_a_network(masked: bool, tmp_path: Path) -> None:
    file = export(tmp_path, features_mask=masked)
    shutil.copytree(tmp_path, tmp_path / "other")
    same, other = StreamingSession(file), StreamingSession(export(tmp_path / "other", tagger(seed=2), features_mask=masked))
    same.rnn_time_step(np.ones((4, 5)))
    before = same.snapshot().states
    report = verify(file, same)
    assert report, str(report)
    assert "network: y" in [row.what for row in report.rows]
    for name, array in same.snapshot().states.items():
        np.testing.assert_array_equal(array, before[name])
    assert "network: y" in [row.what for row in verify(file, other).rows if not row.ok]


def test_a_file_that_does_not_stream_is_not_stepped(tmp_path: Path) -> None:
    file = export(tmp_path)
    edit(file, streams=False, why_not="layer 0 runs backwards")
    report = verify(file)
    assert report
    assert all(row.what.startswith("golden") for row in report.rows)


def test_samples_that_are_missing_or_damaged(tmp_path: Path) -> None:
    file = export(tmp_path)
    golden = Path(f"{file}.golden")
    sample = golden / "test_data_set_1" / "input_0.pb"
    sample.write_bytes(sample.read_bytes()[:-3])
    with pytest.raises(ModelFileError, match=r"input_0\.pb cannot be read: it is truncated"):
        verify(file)
    sample.unlink()
    with pytest.raises(ModelFileError, match=r"test_data_set_1 has the inputs state_00_h.*the file has x, state_00_h"):
        verify(file)
    shutil.rmtree(golden)
    golden.mkdir()
    with pytest.raises(ModelFileError, match=r"has no test_data_set_0; copy the whole folder along with the file"):
        verify(file)
    golden.rmdir()
    with pytest.raises(ModelFileError, match=r"no golden samples beside the file"):
        verify(file)
