"""verify: it passes what is right, finds what is off, and says what it compared."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from rnngraph.errors import InputError, MissingDependencyError, ModelFileError, StreamingError
from rnngraph.runtime import ParityReport, StreamingSession, read_manifest, verify
from rnngraph.runtime.alike import check_alike
from rnngraph.runtime.verify import ParityRow, compare
from tests.runtime.files import File, Spec, inputs, write
from tests.runtime.memory import memory_apart


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "net.onnx")


def sample(path: Path, name: str, k: int = 0) -> Path:
    return path.with_name("net.onnx.golden") / f"test_data_set_{k}" / f"{name}.pb"


def change(file: Path, by: float) -> None:
    tensor = TensorProto.FromString(file.read_bytes())
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] += by
    file.write_bytes(numpy_helper.from_array(array, tensor.name).SerializeToString())


SPECS = [Spec(), Spec(masked=True), Spec(steps=1), Spec(batch=3), Spec(last=True, masked=True), Spec(masked=True, data_type="float64")]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_right_files_pass(spec: Spec, file: File) -> None:
    report = verify(file(spec))
    assert report
    assert (report.path, report.device) == (str(file(spec)), "cpu")
    named = [row.what for row in report.rows]
    assert named[: 1 + len(spec.keys)] == ["golden 0: y", *(f"golden 0: next_state_00_{k}" for k in spec.keys)]
    assert ("whole = row alone: y" in named) == (spec.batch is None)
    for row in report.rows:
        if row.what.startswith("golden"):
            assert row.tolerance >= 1e-5
            assert row.absolute < 1e-6
        else:
            assert row.absolute <= (0 if spec.data_type == "float32" else 1e-14)
            assert (row.tolerance == 0) == (spec.data_type == "float32")


def test_a_file_that_does_not_stream_is_compared_with_its_samples_alone(file: File) -> None:
    report = verify(file(Spec(streams=False)))
    assert report
    assert all(row.what.startswith("golden") for row in report.rows)


@pytest.mark.parametrize(("name", "what"), [("output_0", "golden 0: y"), ("output_2", "golden 0: next_state_00_c")])
def test_one_number_that_is_off(name: str, what: str, path: Path) -> None:
    change(sample(path, name), 1e-3)
    report = verify(path)
    assert not report
    (bad,) = [row for row in report.rows if not row.ok]
    assert bad.what == what
    assert bad.absolute == pytest.approx(1e-3, rel=1e-2)
    assert "1 of 15 comparisons OFF" in str(report)


@pytest.mark.parametrize(("by", "off"), [(5e-6, []), (2e-5, ["golden 0: y"]), (np.nan, ["golden 0: y"])])
def test_the_tolerance(by: float, off: list[str], path: Path) -> None:
    change(sample(path, "output_0"), by)
    assert [row.what for row in verify(path).rows if not row.ok] == off


def test_what_stands_at_masked_steps_is_not_compared(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", Spec(masked=True))
    mask = inputs(Spec(masked=True), 2, 7)["features_mask"]
    assert mask[0, 0] == 0
    change(sample(path, "output_0"), 1.0)
    assert verify(path)


def test_against_a_network(file: File) -> None:
    for spec in (Spec(), Spec(masked=True), Spec(last=True)):
        net = StreamingSession(file(spec))
        net.rnn_time_step(np.ones((3, 3)))
        before = net.snapshot()
        report = verify(file(spec), net)
        assert report
        named = [row.what for row in report.rows if row.what.startswith("network")]
        assert named == ["network: y", "network, chunked: y", *(f"network, chunked: state_00_{k}" for k in spec.keys)]
        np.testing.assert_equal(net.snapshot().states, before.states)


@pytest.mark.parametrize("masked", [False, True])
def test_against_another_network(masked: bool, file: File) -> None:
    report = verify(file(Spec(masked=masked)), StreamingSession(file(Spec(masked=masked, seed=5))))
    assert not report
    assert all(row.ok != row.what.startswith("network") for row in report.rows)


OTHERS = [
    (Spec(hidden=6), "state_00_h of the file has the shape [N, 5], of net [N, 6]"),
    (Spec(features=2), "the input x of the file has the shape [N, 3, T], of net [N, 2, T]"),
    (Spec(classes=3), "the output y of the file has the shape [N, 4, T], of net [N, 3, T]"),
    (Spec(last=True), "the output y of the file has the shape [N, 4, T], of net [N, 4]"),
    (Spec(masked=True), "layers[0] of the file is LSTM, of net SimpleRnn"),
]


@pytest.mark.parametrize(("other", "difference"), OTHERS)
def test_against_the_session_of_another_form(other: Spec, difference: str, file: File) -> None:
    message = (
        f"net: {file(Spec())} was exported from another network: .*{re.escape(difference)}; give the network that the file was exported"
    )
    with pytest.raises(InputError, match=message):
        verify(file(Spec()), StreamingSession(file(other)))


def test_against_a_session_of_other_states(file: File, tmp_path: Path) -> None:
    layers = [{"index": 0, "type": "LSTM"}, {"index": 1, "type": "RnnOutputLayer"}]
    other = write(tmp_path / "other.onnx", Spec(masked=True), golden=False, layers=layers)
    wanted = r": the file has the states state_00_h, state_00_c, net has state_00_h; give the network that"
    with pytest.raises(InputError, match=wanted):
        verify(file(Spec()), StreamingSession(other))


@pytest.mark.parametrize("other", [Spec(batch=2), Spec(steps=1)])
def test_sizes_that_one_has_fixed_are_no_difference(other: Spec, file: File) -> None:
    check_alike(StreamingSession(file(other)), read_manifest(file(Spec())), "net.onnx")
    check_alike(StreamingSession(file(Spec())), read_manifest(file(other)), "net.onnx")
    check_alike(object(), read_manifest(file(Spec())), "net.onnx")  # one that tells nothing is fed


def test_against_a_network_that_does_not_stream(file: File) -> None:
    report = verify(file(Spec(streams=False)), StreamingSession(file(Spec(streams=False))))
    assert report
    assert [row.what for row in report.rows if row.what.startswith("network")] == ["network: y"]


# Numbers


def test_errors_are_absolute_and_relative_to_the_largest() -> None:
    row = compare("y", np.array([1.0, 20.5]), np.array([1.0, 20.0]))
    assert row == ParityRow("y", 0.5, 0.025, 2e-4, False)
    assert compare("y", np.array([0.1 + 9e-6]), np.array([0.1])).ok
    assert not compare("y", np.array([0.1 + 2e-5]), np.array([0.1])).ok
    assert compare("y", np.array([100 + 9e-4]), np.array([100.0])).ok
    assert not compare("y", np.array([100 + 11e-4]), np.array([100.0])).ok


def test_exact_means_exact() -> None:
    a = np.array([1.0], np.float32)
    assert compare("y", a, a, tolerance=0.0).ok
    assert not compare("y", np.nextafter(a, np.float32(2)), a, tolerance=0.0).ok


@pytest.mark.parametrize("got", [np.nan, np.inf])
def test_numbers_that_are_not_finite_never_pass(got: float) -> None:
    row = compare("y", np.array([got]), np.array([1.0]), tolerance=math.inf)
    assert not row.ok
    assert row.absolute == math.inf


def test_another_shape_never_passes() -> None:
    row = compare("y", np.zeros((2, 1)), np.zeros((2, 3)))
    assert not row.ok
    assert row.what == "y [2, 1] for [2, 3]"


def test_where_all_is_masked_nothing_differs() -> None:
    assert compare("y", np.ones((1, 2, 3)), np.zeros((1, 2, 3)), real=np.zeros((1, 1, 3), bool)) == ParityRow("y", 0.0, 0.0, 1e-5, True)


# The report

REPORT = ParityReport(
    "net.onnx", "cpu", (ParityRow("golden 0: y", 2.5e-8, 1e-7, 1e-5, True), ParityRow("whole = stepped: y", math.inf, math.inf, 0.0, False))
)
GOOD = ParityReport("net.onnx", "cpu", REPORT.rows[:1])


def test_as_a_table() -> None:
    assert str(REPORT) == "\n".join(
        [
            "net.onnx on cpu",
            "compared            largest error    relative  tolerance",
            "golden 0: y               2.5e-08       1e-07      1e-05  ok",
            "whole = stepped: y            inf         inf          0  OFF",
            "1 of 2 comparisons OFF",
        ]
    )
    assert str(GOOD).endswith("all 1 comparisons within tolerance")


def test_as_json() -> None:
    rows = [
        {"what": "golden 0: y", "absolute": 2.5e-8, "relative": 1e-7, "tolerance": 1e-5, "ok": True},
        {"what": "whole = stepped: y", "absolute": None, "relative": None, "tolerance": 0.0, "ok": False},
    ]
    assert json.loads(REPORT.to_json()) == {"path": "net.onnx", "device": "cpu", "ok": False, "rows": rows}
    assert json.loads(GOOD.to_json()) == {"path": "net.onnx", "device": "cpu", "ok": True, "rows": rows[:1]}


# Devices


def test_every_device_that_works(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA is another session on the CPU here, which goes CUDA's way."""
    asked: list[str] = []

    def opened(path: Path, device: str = "cpu") -> StreamingSession:
        asked.append(device)
        session = StreamingSession(path)
        monkeypatch.setattr(session._engine, "device", device)
        return session

    memory_apart(monkeypatch)
    monkeypatch.setattr(import_module("rnngraph.runtime.verify"), "StreamingSession", opened)
    reports = verify(path, StreamingSession(path), device="all")
    assert reports
    assert asked == ["cpu", "cuda"]
    assert [report.device for report in reports.reports] == ["cpu", "cuda"]
    assert reports.left_out == {}
    on_cpu, on_cuda = ([row.what for row in report.rows] for report in reports.reports)
    assert on_cpu == on_cuda
    exact, rounded = ([row.tolerance for row in report.rows if row.what.startswith("whole")] for report in reports.reports)
    assert set(exact) == {0.0}
    assert min(rounded) == 1e-5
    change(sample(path, "output_0"), 1e-3)
    assert not verify(path, device="all")


@pytest.mark.parametrize("error", [MissingDependencyError, ModelFileError])
def test_a_device_that_does_not_work_is_told(error: type[Exception], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_cuda(path: Path, device: str = "cpu") -> StreamingSession:
        if device == "cuda":
            raise error("device='cuda': not here")
        return StreamingSession(path)

    monkeypatch.setattr(import_module("rnngraph.runtime.verify"), "StreamingSession", without_cuda)
    reports = verify(path, device="all")
    assert reports
    assert reports.left_out == {"cuda": "not here"}
    assert str(reports) == f"{reports.reports[0]}\n\nnot on cuda: not here"
    rows = json.loads(reports.reports[0].to_json())["rows"]
    assert json.loads(reports.to_json()) == {
        "path": str(path),
        "ok": True,
        "devices": {"cpu": {"ok": True, "rows": rows}},
        "left_out": {"cuda": "not here"},
        "failed": [],
    }


@pytest.mark.parametrize("remedy", [", or use device='cpu'", "  (or use device='cpu')"])
def test_a_device_that_is_left_out_has_no_advice_to_take_the_other(remedy: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_cuda(path: Path, device: str = "cpu") -> StreamingSession:
        if device == "cuda":
            raise MissingDependencyError(f"device='cuda': no driver; install it{remedy}")
        return StreamingSession(path)

    monkeypatch.setattr(import_module("rnngraph.runtime.verify"), "StreamingSession", without_cuda)
    assert verify(path, device="all").left_out == {"cuda": "no driver; install it"}


def test_a_device_that_fails_in_a_run_is_told_beside_the_reports_that_there_are(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(path: Path, device: str = "cpu") -> StreamingSession:
        session = StreamingSession(path)
        if device == "cuda":
            monkeypatch.setattr(session._engine, "run", fails)
        return session

    def fails(feeds: object) -> None:
        raise StreamingError("onnxruntime failed, the state is as it was before the call: out of memory")

    monkeypatch.setattr(import_module("rnngraph.runtime.verify"), "StreamingSession", opened)
    reports = verify(path, device="all")
    assert not reports
    (report,) = reports.reports
    assert report
    assert report.device == "cpu"
    why = "onnxruntime failed, the state is as it was before the call: out of memory"
    assert (reports.left_out, reports.failed) == ({"cuda": why}, ("cuda",))
    assert str(reports) == f"{report}\n\nFAILED on cuda: {why}"
    told = json.loads(reports.to_json())
    assert (told["ok"], told["failed"], told["left_out"]) == (False, ["cuda"], {"cuda": why})
    assert told["devices"]["cpu"]["ok"] is True


def test_a_device_that_is_none(path: Path) -> None:
    with pytest.raises(InputError, match=r"device='gpu': expected 'cpu', 'cuda', 'auto' or 'all'"):
        verify(path, device="gpu")  # type: ignore[call-overload]


# Samples that cannot be used


def test_no_samples(path: Path) -> None:
    shutil.rmtree(path.with_name("net.onnx.golden"))
    wanted = r"no golden samples beside the file: .*net\.onnx\.golden is not there; copy the whole folder along with the file, or export"
    with pytest.raises(ModelFileError, match=wanted):
        verify(path)
    path.with_name("net.onnx.golden").mkdir()
    with pytest.raises(ModelFileError, match=r"net\.onnx\.golden has no test_data_set_0; copy the whole folder"):
        verify(path)


def test_a_sample_that_is_incomplete(path: Path) -> None:
    sample(path, "input_1", 1).unlink()
    wanted = r"test_data_set_1 has the inputs x, state_00_c, the file has x, state_00_h, state_00_c; copy the whole folder"
    with pytest.raises(ModelFileError, match=wanted):
        verify(path)


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda data: data[:-3], r"output_1\.pb cannot be read: it is truncated, or no tensor"),
    "no tensor": (lambda data: b"\xff\xff\xff", r"output_1\.pb cannot be read: it is truncated, or no tensor"),
    "empty": (lambda data: b"", r"(output_1\.pb cannot be read: it is truncated, or no tensor|has the outputs)"),
}


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.parametrize("k", [0, 1])
def test_a_sample_that_is_damaged(case: str, k: int, path: Path) -> None:
    change_bytes, message = DAMAGE[case]
    file = sample(path, "output_1", k)
    file.write_bytes(change_bytes(file.read_bytes()))
    with pytest.raises(ModelFileError, match=message):
        verify(path)


@pytest.mark.parametrize("shape", [(0, 3, 7), (2, 3, 0), (2, 4, 7)])
def test_a_sample_of_another_shape(shape: tuple[int, ...], path: Path) -> None:
    sample(path, "input_0").write_bytes(numpy_helper.from_array(np.zeros(shape, np.float32), "x").SerializeToString())
    with pytest.raises(ModelFileError, match=r"test_data_set_0 does not fit the file: x has the shape .*expected \[N, 3, T\]"):
        verify(path)


def test_a_file_that_is_damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match=r"was altered|is truncated"):
        verify(path)


def test_without_onnx(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        MissingDependencyError, match=r"verify reads golden samples with onnx, which is not installed; run: pip install onnx"
    ):
        verify(path)
