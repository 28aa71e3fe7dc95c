"""What files with weights in fewer bits tell, networks of other kinds, in the runtime, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import rnngraph as rg
import rnngraph.exporters.onnx.export as export_module
import rnngraph.runtime.manifest as manifest_module
from rnngraph.backends import reference
from rnngraph.errors import ExportError, ModelFileError
from rnngraph.exporters import ExportWarning, export_onnx
from rnngraph.exporters.golden import SIZES, samples
from rnngraph.exporters.loss import LONGER
from rnngraph.exporters.onnx.emit import build_model
from rnngraph.exporters.onnx.precision import Precision, rounded
from rnngraph.exporters.onnx.targets import Target, transform
from rnngraph.ir.passes.integer_products import integer_products
from rnngraph.ir.passes.prune import prune
from rnngraph.lowering import lower
from rnngraph.runtime import StreamingSession, StreamPool, read_manifest, verify
from rnngraph.runtime.manifest import Precision as Told
from tests.exporters.graphs import two_times
from tests.exporters.networks import (
    Arrays,
    Layer,
    Net,
    classifier,
    feeds,
    in_chunks,
    net_of,
    parameters,
    run,
    same,
    session,
    stack,
    states_of,
    tagger,
)
from tests.exporters.test_precision import FORMS, KINDS, head


def told(path: Path) -> Told:
    precision = read_manifest(path).precision
    assert precision is not None
    return precision


# What the manifest tells


@pytest.mark.parametrize("steps", [None, 1])
@pytest.mark.parametrize(("precision", "target"), FORMS)
def test_the_error_is_the_largest_over_the_samples(precision: Precision, target: Target, steps: Any, tmp_path: Path) -> None:
    file, net = tmp_path / "net.onnx", tagger()
    export_onnx(net, file, target=target, precision=precision, steps=steps)
    precise, sess, arrays = told(file), session(file), dict(net.parameters())
    graph = prune(lower(net.config))
    pairs = [*samples(graph, arrays, steps=steps, sizes=SIZES), *samples(graph, arrays, steps=steps and LONGER[1], sizes=[LONGER])]
    got = [run(sess, inputs) if not steps else in_chunks(sess, inputs, [1]) for inputs, _ in pairs]
    for name, error in precise.error.items():
        largest = [float(np.abs(g[name] - want[name]).max()) for g, (_, want) in zip(got, pairs, strict=True)]
        assert error["absolute"] == pytest.approx(max(largest), rel=1e-3)
        sizes = [float(np.abs(want[name]).max()) for _, want in pairs]
        assert error["relative"] == pytest.approx(max(np.divide(largest, sizes)), rel=1e-3)
        allowed = 4 * max(np.divide(largest, np.maximum(sizes, 1)))
        assert max(1e-5, allowed) <= precise.tolerance[name] * 1.0001 <= max(1e-5, 1.1 * allowed)
    assert precise.error.keys() == precise.tolerance.keys() == {o.name for o in sess.get_outputs()}
    limits = {"float16": (1e-6, 2e-3), "bfloat16": (1e-5, 2e-2), "int8": (1e-4, 5e-2)}[precision]
    assert all(limits[0] < error["absolute"] < limits[1] for error in precise.error.values())


def test_what_the_manifest_says(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    export_onnx(tagger(), file, target="cpu", precision="int8")
    precise, manifest = told(file), read_manifest(file)
    content = json.loads(next(p.value for p in onnx.load(file).metadata_props if p.key == "rnngraph"))
    assert json.loads(json.dumps(dataclasses.asdict(precise))) == content["precision"]
    assert (precise.kind, precise.integer_layers, precise.same_bits, manifest.format) == ("int8", ("0",), True, 4)
    assert precise.rule.startswith(
        "Weights are stored as whole numbers from -127 to 127, with a scale for each row, and are widened to float32"
    )
    assert "In the layers under integer_layers h is rounded to multiples of 1/127" in precise.rule
    assert {p.data_type for p in (*manifest.inputs, *manifest.outputs)} == {"float32"}
    export_onnx(tagger(), file, precision="int8")
    assert told(file).integer_layers == ()
    assert "integer_layers" not in told(file).rule
    before = manifest.parameters_sha256
    export_onnx(tagger(), file)
    plain = read_manifest(file)
    assert (plain.precision, plain.format, plain.parameters_sha256) == (None, 1, before)


def test_a_reader_that_does_not_know_them_refuses_by_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_onnx(tagger(), tmp_path / "net.onnx", precision="float16")
    monkeypatch.setattr(manifest_module, "FORMAT", 3)
    with pytest.raises(ModelFileError, match=r"has format 4 \(written by rnngraph .*\), this version of rnngraph reads up to 3"):
        read_manifest(tmp_path / "net.onnx")


def test_float32_is_the_file_without_an_argument(tmp_path: Path) -> None:
    for k, precision in enumerate((None, "float32")):
        export_onnx(classifier(), tmp_path / f"{k}.onnx", precision=precision)  # type: ignore[arg-type]
    assert (tmp_path / "0.onnx").read_bytes() == (tmp_path / "1.onnx").read_bytes()


# Networks of other kinds


NETWORKS: dict[str, Callable[[], Net]] = {
    "last step": classifier,
    "two ways": lambda: net_of(rg.Bidirectional(rg.GRU(n_in=5, n_out=20)), head),
    "graph": two_times,
    "ids": lambda: net_of(rg.EmbeddingSequenceLayer(n_in=40, n_out=10), rg.LSTM(n_out=20), head),
    "convolution": lambda: net_of(
        rg.Convolution1DLayer(n_in=5, n_out=20, kernel_size=3, convolution_mode="causal"), rg.LSTM(n_out=16), head
    ),
    "no time": lambda: net_of(rg.DenseLayer(n_in=20, n_out=30), rg.OutputLayer(n_out=2, activation="softmax", loss="mcxent")),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_other_kinds(name: str, tmp_path: Path) -> None:
    net, small = NETWORKS[name](), tmp_path / "small.onnx"
    export_onnx(net, tmp_path / "plain.onnx", batch=2)
    plain = StreamingSession(tmp_path / "plain.onnx")
    for precision, target in FORMS:
        export_onnx(net, small, batch=2, precision=precision, target=target)
        report = verify(small, plain)
        assert report
        assert all(row.tolerance < 0.3 for row in report.rows)
        exact = [row for row in report.rows if row.what.startswith("whole")]
        assert bool(exact) == (name in ("last step", "graph", "ids", "convolution"))
        assert all(row.tolerance == row.absolute == 0.0 for row in exact)


@pytest.mark.parametrize(("precision", "target"), FORMS)
def test_a_normalizer_inside(precision: Precision, target: Target, tmp_path: Path) -> None:
    """Errors of raw outputs are told in shares of each column's size, as verify tells them."""
    net = net_of(rg.LSTM(n_in=2, n_out=20), rg.RnnOutputLayer(n_out=2, activation="identity", loss="mse"))
    mean, std, shift, width = np.array([[1000.7, -2.3], [20.3, 0.51], [2003.1, 0.13], [101.7, 1.03e-3]])[:, :, None]
    units = rg.NormalizerStandardize.from_statistics(*(one[:, 0] for one in (mean, std, shift, width)))
    export_onnx(net, tmp_path / "net.onnx", precision=precision, target=target)
    export_onnx(net, tmp_path / "raw.onnx", precision=precision, target=target, normalizer=units, features_mask=True)
    assert verify(tmp_path / "raw.onnx")
    inside, without = told(tmp_path / "raw.onnx").error["y"], told(tmp_path / "net.onnx").error["y"]
    assert 0.1 < inside["absolute"] / without["absolute"] < 1.5  # the statistics are not rounded
    x = np.random.default_rng(3).standard_normal((2, 2, 8))
    raw = StreamingSession(tmp_path / "raw.onnx").output(mean + std * x)
    plain = StreamingSession(tmp_path / "net.onnx").output(x)
    np.testing.assert_allclose(
        (raw - shift) / width, plain, atol=5e-5 if target == "portable" else 1e-2
    )  # the means take digits of float32


# In the runtime


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A network's file in float32, and in int8 with integer products."""
    net = net_of(rg.LSTM(n_in=5, n_out=24), head)
    paths = tmp_path / "plain.onnx", tmp_path / "small.onnx"
    export_onnx(net, paths[0])
    export_onnx(net, paths[1], precision="int8", target="cpu")
    return paths


def test_sessions_and_pools_step_it_and_states_move_between_precisions(pair: tuple[Path, Path]) -> None:
    plain, small = map(StreamingSession, pair)
    pool = StreamPool(pair[1])
    x = np.random.default_rng(2).standard_normal((2, 5, 9)).astype(np.float32)
    for key in "ab":
        pool.open(key)
    whole = small.output(x)
    for t in range(4):
        ys = pool.step({"a": x[0, :, t], "b": x[1, :, t]})
        np.testing.assert_array_equal(np.stack([ys["a"], ys["b"]]), whole[:, :, t])
    ys = pool.push({"b": x[1, :, 4:], "a": x[0, :, 4:7]})
    np.testing.assert_array_equal(ys["b"], whole[1, :, 4:])
    np.testing.assert_array_equal(ys["a"], whole[0, :, 4:7])
    plain.rnn_time_step(x[:, :, :5])
    small.restore(plain.snapshot())
    moved, wanted = small.rnn_time_step(x[:, :, 5:]), plain.rnn_time_step(x[:, :, 5:])
    assert 0 < np.abs(moved - wanted).max() < 0.02


def test_verify_finds_what_is_beyond_the_stated_tolerance(pair: tuple[Path, Path]) -> None:
    allowed = told(pair[1]).tolerance
    assert verify(pair[1], StreamingSession(pair[0]))
    file = pair[1].with_name("small.onnx.golden") / "test_data_set_0" / "output_0.pb"
    tensor = TensorProto.FromString(file.read_bytes())
    array = onnx.numpy_helper.to_array(tensor).copy()
    got = run(session(pair[1]), _inputs(file.parent))["y"]
    for factor, right in ((0.9, True), (1.1, False)):
        array.flat[0] = got.flat[0] + factor * allowed["y"]
        file.write_bytes(onnx.numpy_helper.from_array(array, tensor.name).SerializeToString())
        report = verify(pair[1])
        assert bool(report) == right
        assert [row.what for row in report.rows if not row.ok] == ([] if right else ["golden 0: y"])
        (row,) = [row for row in report.rows if row.what == "golden 0: y"]
        assert row.tolerance == pytest.approx(allowed["y"])


def _inputs(folder: Path) -> Arrays:
    tensors = [TensorProto.FromString(one.read_bytes()) for one in sorted(folder.glob("input_*.pb"))]
    return {t.name: onnx.numpy_helper.to_array(t) for t in tensors}


def test_verify_holds_another_network_off(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = net_of(rg.LSTM(n_in=5, n_out=24), head)
    other.arrays = {k: -v for k, v in other.arrays.items()}
    export_onnx(other, tmp_path / "other.onnx")
    report = verify(pair[1], StreamingSession(tmp_path / "other.onnx"))
    assert {row.what for row in report.rows if not row.ok} >= {"network: y", "network, chunked: state_00_h"}


def test_without_the_same_bits_pieces_may_differ_as_stated(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of ours says so; one that another program wrote may."""
    given = manifest_module._precision
    monkeypatch.setattr(manifest_module, "_precision", lambda content: given(content and {**content, "same_bits": False}))
    rows = {row.what: row.tolerance for row in verify(pair[1]).rows}
    allowed = told(pair[1]).tolerance
    assert rows["whole = stepped: y"] == pytest.approx(allowed["y"])
    assert rows["whole = stepped: state_00_c"] == pytest.approx(allowed["next_state_00_c"] * max(1.0, _largest_c(pair[1])), rel=0.5)


def _largest_c(path: Path) -> float:
    return float(
        np.abs(states_of(run(session(path), _inputs(path.with_name(f"{path.name}.golden") / "test_data_set_0")))["state_00_c"]).max()
    )


# What is refused


def refused(error: type[Exception], message: str, net: Net, folder: Path, **options: Any) -> None:
    with pytest.raises(error, match=message):
        export_onnx(net, folder / "net.onnx", **options)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("given", ["int4", "fp16", 8, True, np.float16])
def test_an_unknown_precision(given: Any, tmp_path: Path) -> None:
    message = r"precision=.*: expected None or one of 'float32', 'float16', 'bfloat16', 'int8'"
    refused(ExportError, message, tagger(), tmp_path, precision=given)


@pytest.mark.parametrize("precision", ["float32", *KINDS])
def test_float64_networks(precision: str, tmp_path: Path) -> None:
    message = (
        rf"precision='{precision}': the network computes in float64, which its file keeps; leave precision out, or build it with data_"
    )
    refused(ExportError, message, tagger(data_type="float64"), tmp_path, precision=precision)


@pytest.mark.parametrize(
    ("precision", "value", "shown"),
    [("float16", -1e6, r"1e\+06"), ("bfloat16", 3.4e38, r"3\.4e\+38"), ("int8", np.inf, "inf"), ("int8", np.nan, "nan")],
)
def test_weights_that_are_too_large(precision: str, value: float, shown: str, tmp_path: Path) -> None:
    net = tagger()
    weights = net.arrays["0.R"].copy()
    weights[2, 3] = value
    net.arrays = {**net.arrays, "0.R": weights}
    message = rf"precision='{precision}': parameter '0\.R' holds {shown}, which {precision} cannot; train with l2 or a constraint"
    refused(ExportError, message, net, tmp_path, precision=precision)


def test_results_that_are_not_finite_where_those_of_the_network_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of(rg.DenseLayer(n_in=2, n_out=3, activation="identity"), rg.OutputLayer(n_out=2, activation="identity", loss="mse"))
    monkeypatch.setattr(export_module, "rounded", lambda parameters, precision: {k: v * np.float32(1e30) for k, v in parameters.items()})
    message = r"precision='bfloat16': y is not finite where the network's is; its values are too large for fewer bits: leave precision out"
    refused(ExportError, message, net, tmp_path, precision="bfloat16")


def test_without_onnxruntime(tmp_path: Path) -> None:
    """In a process of its own: what was imported once stays."""
    code = """if True:
        import sys
        sys.modules["onnxruntime"] = None
        import rnngraph as rg
        from rnngraph.exporters import export_onnx
        layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
        try:
            export_onnx(rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers)), "net.onnx", precision="int8")
        except rg.MissingDependencyError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "precision='int8' measures what the file loses in onnxruntime, which cannot be imported; run: pip install onnxruntime\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_integer_products_round_what_was_not_rounded() -> None:
    """A weight of a cell of one's own that is called P, as peepholes are."""
    graph = stack([Layer("simple_rnn", 20)])
    weights, given = parameters(graph), feeds(graph, 2, 1)
    given["state_00_h"] = (np.random.default_rng(5).integers(-127, 128, (2, 20)) / 127).astype(np.float32)
    sess = session(build_model(transform(graph, "cpu", None, "int8"), weights))
    want = reference.run(integer_products(graph), {**weights, "0.R": rounded(weights, "int8")["0.R"], **given})
    same(run(sess, given), {k: v.astype(np.float32) for k, v in want.items()}, tolerance=2e-6)


def test_a_loss_by_which_the_tolerance_tells_little_is_told(tmp_path: Path) -> None:
    """Recurrent weights so large that a difference grows from step to step."""
    layers = [rg.SimpleRnn(n_in=2, n_out=32), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers))
    given = net.parameters()
    net.set_parameters({**given, "0.R": 8 * given["0.R"]})
    with pytest.warns(ExportWarning, match=r"^precision='int8': over 40 steps next_state_00_h is off by up to [\d.]+, so verify allows"):
        export_onnx(net, tmp_path / "net.onnx", precision="int8")
    assert verify(tmp_path / "net.onnx")
    written = read_manifest(tmp_path / "net.onnx").precision
    assert written is not None
    assert written.tolerance["next_state_00_h"] > 0.5
