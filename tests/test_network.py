"""MultiLayerNetwork: inference, streaming, parameters, score and gradient, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import rnngraph as rg
from rnngraph.backends.reference import run
from rnngraph.errors import ConfigurationError, InputError, StateError, TrainingError
from rnngraph.lowering import lower
from rnngraph.lowering.states import state_specs
from rnngraph.training.listeners import TrainingListener

Array = npt.NDArray[Any]
N, F, T = 3, 3, 7
MASK = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]], float)


def config(kind: str = "steps", mask_mode: str = "hold", data_type: str = "float64", **options: Any) -> rg.MultiLayerConfiguration:
    """Sequence to sequence ("steps") or to one label ("last")."""
    middle = rg.GravesLSTM(n_out=5)
    end = [middle, rg.RnnOutputLayer(n_out=2)] if kind == "steps" else [rg.LastTimeStep(middle), rg.OutputLayer(n_out=2)]
    layers = [rg.LSTM(n_in=F, n_out=4), rg.DenseLayer(n_out=6), *end]
    return rg.MultiLayerConfiguration(layers=layers, seed=3, mask_mode=mask_mode, data_type=data_type, **options)


def features(n: int = N, t: int = T, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, F, t))


def one_hot(*shape: int, seed: int = 1) -> Array:
    return np.moveaxis(np.eye(2)[np.random.default_rng(seed).integers(2, size=shape)], -1, 1)


def dataset(kind: str = "steps", masked: bool = True) -> rg.DataSet:
    labels = one_hot(N, T) if kind == "steps" else one_hot(N)
    return rg.DataSet(features(), labels, MASK if masked else None)


def test_output_equals_the_reference() -> None:
    for kind in ("steps", "last"):
        net = rg.MultiLayerNetwork(config(kind))
        graph = lower(net.config, features_mask=True)
        zeros = {s.name: np.zeros((N, *s.shape)) for s in state_specs(net.config)}
        expected = run(graph, {"x": features(), "features_mask": MASK, **zeros, **net.parameters()})["y"]
        real = np.broadcast_to(MASK[:, None] > 0, expected.shape) if kind == "steps" else np.ones(expected.shape, bool)
        np.testing.assert_allclose(net.output(features(), MASK)[real], expected[real], rtol=1e-9)


def test_output_is_the_callers_own_array_of_the_networks_type() -> None:
    net = rg.MultiLayerNetwork(config(data_type="float32"))
    first = net.output(features())
    kept = first.copy()
    net.output(features(seed=9))
    assert first.dtype == np.float32
    assert first.flags.writeable
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("mode", ["hold", "reset", "ignore"])
@pytest.mark.parametrize("kind", ["steps", "last"])
def test_whole_and_stepped_are_equal(kind: str, mode: str) -> None:
    net = rg.MultiLayerNetwork(config(kind, mode))
    x = features()
    whole = net.output(x, MASK)
    pieces = []
    for start, stop in ((0, 1), (1, 4), (4, 6), (6, 7)):
        pieces.append(net.rnn_time_step(x[:, :, start:stop], MASK[:, start:stop]))
    if kind == "last":
        np.testing.assert_allclose(pieces[-1], whole, rtol=1e-11)
    else:
        real = np.broadcast_to(MASK[:, None] > 0, whole.shape)
        np.testing.assert_allclose(np.concatenate(pieces, 2)[real], whole[real], rtol=1e-11)


def test_one_step_without_time_axis() -> None:
    x = features()
    for kind in ("steps", "last"):
        net = rg.MultiLayerNetwork(config(kind))
        stepped = [net.rnn_time_step(x[:, :, t]) for t in range(T)]
        assert stepped[0].shape == (N, 2)
        whole = net.output(x)
        np.testing.assert_allclose(stepped[-1], whole[:, :, -1] if kind == "steps" else whole, rtol=1e-11)
        net.rnn_clear_previous_state()
        assert net.rnn_time_step(x).shape == whole.shape


def test_one_step_takes_a_mask_of_rows() -> None:
    net = rg.MultiLayerNetwork(config())
    x = features()
    net.rnn_time_step(x[:, :, 0])
    before = net.rnn_get_previous_state(0)
    net.rnn_time_step(x[:, :, 1], np.array([1.0, 0.0, 1.0]))
    after = net.rnn_get_previous_state(0)
    np.testing.assert_array_equal(after["h"][1], before["h"][1])
    assert (after["h"][[0, 2]] != before["h"][[0, 2]]).all()


@pytest.mark.parametrize("mode", ["reset", "ignore"])
def test_masked_and_unmasked_calls_mix(mode: str) -> None:
    net = rg.MultiLayerNetwork(config("last", mode))
    x = features()
    expected = net.rnn_time_step(x)
    kept = net.rnn_time_step(np.zeros((N, F, 2)), np.zeros((N, 2)))
    np.testing.assert_allclose(kept, expected, rtol=1e-12)


def test_state_is_left_alone_by_all_but_stepping() -> None:
    net = rg.MultiLayerNetwork(config(updater=rg.Sgd(1e-3)))
    net.rnn_time_step(features()[:, :, 0])
    before = net.rnn_get_previous_state(2)
    net.output(features())
    net.score(dataset())
    net.gradient(dataset())
    net.fit(dataset())
    for key, array in net.rnn_get_previous_state(2).items():
        np.testing.assert_array_equal(array, before[key])


def test_state_verbs() -> None:
    net = rg.MultiLayerNetwork(config())
    assert net.rnn_get_previous_state(0) == {}
    x = features()
    net.rnn_time_step(x[:, :, :4])
    snapshot, states = net.snapshot(), {k: net.rnn_get_previous_state(k) for k in (0, 2)}
    assert {k: v.shape for k, v in states[2].items()} == {"h": (N, 5), "c": (N, 5)}
    expected = net.rnn_time_step(x[:, :, 4:])
    net.rnn_clear_previous_state()
    for k, state in states.items():
        net.rnn_set_previous_state(k, {"prevAct": state["h"], "prevMem": state["c"]})
    np.testing.assert_array_equal(net.rnn_time_step(x[:, :, 4:]), expected)
    net.restore(snapshot)
    np.testing.assert_array_equal(net.rnn_time_step(x[:, :, 4:]), expected)


def test_a_cleared_row_starts_anew() -> None:
    net = rg.MultiLayerNetwork(config())
    x = features()
    net.rnn_time_step(x[:, :, :4])
    net.rnn_clear_previous_state(rows=[1])
    y = net.rnn_time_step(x[:, :, 4:])
    np.testing.assert_allclose(y[1], net.output(x[:, :, 4:])[1], rtol=1e-12)
    np.testing.assert_allclose(y[0], net.output(x)[0, :, 4:], rtol=1e-12)


def test_another_batch_without_clearing_is_refused_and_the_state_stays() -> None:
    net = rg.MultiLayerNetwork(config())
    net.rnn_time_step(features()[:, :, 0])
    before = net.rnn_get_previous_state(0)["h"]
    with pytest.raises(StateError, match=r"x has 2 rows, but the state that is held has 3.*rnn_clear_previous_state\(\)"):
        net.rnn_time_step(features(n=2)[:, :, 0])
    with pytest.raises(InputError):
        net.rnn_time_step(np.full((N, F), np.nan))
    np.testing.assert_array_equal(net.rnn_get_previous_state(0)["h"], before)
    net.rnn_clear_previous_state()
    net.rnn_time_step(features(n=2)[:, :, 0])


@pytest.mark.parametrize("kind", ["steps", "last"])
@pytest.mark.parametrize("loss", ["mcxent", "mse"])
def test_gradient_equals_central_differences(kind: str, loss: str) -> None:
    base = config(kind)
    last: Any = type(base.layers[-1])
    end = last(n_out=2, activation="softmax" if loss == "mcxent" else "tanh", loss=loss)
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[*base.layers[:-1], end], seed=3, data_type="float64"))
    score, gradient = net.gradient(dataset(kind))
    assert score == pytest.approx(net.score(dataset(kind)), rel=1e-12)
    parameters, generator = net.parameters(), np.random.default_rng(0)
    for name, array in parameters.items():
        direction = generator.standard_normal(array.shape)
        scores = []
        for step in (1e-5, -1e-5):
            net.set_parameters({**parameters, name: array + step * direction})
            scores.append(net.score(dataset(kind)) * N)
        assert (scores[0] - scores[1]) / 2e-5 == pytest.approx((gradient[name] * direction).sum(), rel=1e-5, abs=1e-8), name


def test_a_masked_step_does_not_exist() -> None:
    net = rg.MultiLayerNetwork(config())
    data = dataset()
    hole = MASK[:, None] == 0
    dirty = rg.DataSet(np.where(hole, np.nan, data.features), np.where(hole, np.nan, data.labels), MASK)
    padded = rg.DataSet(
        np.insert(data.features, [0, 3, 7, 7], np.nan, 2), np.insert(data.labels, [0, 3, 7, 7], 0, 2), np.insert(MASK, [0, 3, 7, 7], 0, 1)
    )
    score, gradient = net.gradient(data)
    for changed in (dirty, padded):
        other, gradients = net.gradient(changed)
        assert other == pytest.approx(score, rel=1e-12)
        for name, array in gradients.items():
            np.testing.assert_allclose(array, gradient[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_score_of_several_sets_is_that_of_their_rows() -> None:
    net = rg.MultiLayerNetwork(config(l2=0.1))
    whole = dataset()
    parts = [rg.DataSet(whole.features[r], whole.labels[r], MASK[r]) for r in (slice(0, 1), slice(1, 3))]
    assert net.score(parts) == pytest.approx(net.score(whole), rel=1e-12)
    with pytest.raises(TrainingError, match="yields no DataSet: it is empty"):
        net.score([])


def test_evaluate_uses_masks() -> None:
    net = rg.MultiLayerNetwork(config())
    data = dataset()
    expected = (net.output(data.features, MASK).argmax(1) == np.asarray(data.labels).argmax(1))[MASK > 0].mean()
    assert net.evaluate(data).accuracy() == pytest.approx(expected)
    everything = rg.DataSet(data.features, data.labels, MASK, np.ones_like(MASK))
    assert net.evaluate([everything]).accuracy() == pytest.approx(
        (net.output(data.features, MASK).argmax(1) == np.asarray(data.labels).argmax(1)).mean()
    )


def test_parameters_are_copies_and_come_back() -> None:
    net, other = rg.MultiLayerNetwork(config()), rg.MultiLayerNetwork(config())
    drawn = net.parameters()
    drawn["0.W"] += 1
    assert not np.array_equal(net.parameters()["0.W"], drawn["0.W"])
    net.set_parameters(drawn)
    np.testing.assert_array_equal(net.parameters()["0.W"], drawn["0.W"])
    assert not np.array_equal(other.parameters()["0.W"], drawn["0.W"])
    net.init()
    np.testing.assert_array_equal(net.parameters()["0.W"], drawn["0.W"])


@pytest.mark.parametrize("value", [None, [1, 2], 5])
def test_set_parameters_takes_a_mapping(value: Any) -> None:
    net = rg.MultiLayerNetwork(config())
    message = (
        rf"^set_parameters: expected a mapping from names to arrays \(0\.W, .*\), not {re.escape(repr(value))}; parameters\(\) gives one"
    )
    with pytest.raises(InputError, match=message):
        net.set_parameters(value)


def test_values_beyond_the_network_s_type_are_refused() -> None:
    net = rg.MultiLayerNetwork(config(data_type="float32"))
    good = net.parameters()
    message = r"^set_parameters: 0\.b is 1e\+300 at \[0\]; every value has to be finite \(float32 reaches 3\.4e\+38\)$"
    with pytest.raises(InputError, match=message):
        net.set_parameters({**good, "0.b": np.full(16, 1e300)})
    np.testing.assert_equal(net.parameters(), good)
    rg.MultiLayerNetwork(config()).set_parameters({**good, "0.b": np.full(16, 1e300)})
    net.rnn_time_step(features()[:, :, 0])
    before = net.rnn_get_previous_state(0)
    with pytest.raises(StateError, match=r"^layers\[0\], state 'h': it is 1e\+300 at row 0, unit 0; .*\(float32 reaches 3\.4e\+38\)$"):
        net.rnn_set_previous_state(0, {"h": np.full((N, 4), 1e300), "c": np.zeros((N, 4))})
    np.testing.assert_equal(net.rnn_get_previous_state(0), before)


def test_start_values_beyond_the_network_s_type_are_refused() -> None:
    layers = [rg.DenseLayer(n_in=2, n_out=3), rg.OutputLayer(n_out=2, bias_init=1e300)]
    message = (
        r"^layers\[1\] \(OutputLayer\): at the start 1\.b is 1e\+300 at \[0\]; every value has to be finite \(float32 reaches 3\.4e\+38\)$"
    )
    with pytest.raises(ConfigurationError, match=message):
        rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))


def test_set_parameters_refuses_what_does_not_fit_and_changes_nothing() -> None:
    net = rg.MultiLayerNetwork(config())
    good = net.parameters()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"0.W": good["0.W"]}, r"missing: 0.R, 0.b, .*to change some, change the mapping"),
        ({**good, "9.W": good["0.W"]}, r"unknown: 9.W"),
        ({**good, "0.W": good["0.W"].T}, r"0.W is float64\[3, 16\], expected float64\[16, 3\]"),
        ({**good, "0.b": [[1, 2], [3]]}, r"0.b is \[\[1, 2\], \[3\]\], of which numpy makes no array .*; expected float64\[16\]$"),
        ({**good, "0.b": np.array(["a"] * 16)}, r"0.b is <U1\[16\], expected float64\[16\]"),
        ({**good, "0.b": np.where(np.arange(16) == 4, np.nan, 0)}, r"0.b is nan at \[4\]; every value has to be finite"),
    ]
    for mapping, message in wrong:
        with pytest.raises(InputError, match=message):
            net.set_parameters(mapping)
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, good[name])


@pytest.mark.parametrize(
    ("x", "mask", "message"),
    [
        (np.zeros((N, T, F)), None, "transpose"),
        (np.zeros((N, 4, T)), None, "3"),
        (np.zeros((N, F, T, 1)), None, "rank|shape"),
        (np.zeros((0, F, T)), None, "N"),
        (np.zeros((N, F, 0)), None, "T"),
        (np.full((N, F, T), "a"), None, "type"),
        ([[1, 2], [3]], None, r"(x|features) is a list that numpy cannot make an array of"),
        (np.where(np.arange(T) == 2, np.nan, np.zeros((N, F, T))), None, "nan"),
        (np.zeros((N, F, T)), np.ones((N, T + 1)), "mask"),
        (np.zeros((N, F, T)), np.full((N, T), 0.5), "mask"),
    ],
)
def test_features_that_do_not_fit_are_refused(x: Array, mask: Array | None, message: str) -> None:
    net = rg.MultiLayerNetwork(config())
    for verb in (net.output, net.rnn_time_step):
        with pytest.raises(InputError, match=f"(?i){message}"):
            verb(x, mask)
    assert net.rnn_get_previous_state(0) == {}


PADDING = (
    "is nan at row 0, feature 1, step 6, the first of 1 values that are not finite; "
    "layers[0] has mask_mode='ignore' and reads padding too: fill them in, or give it mask_mode='hold'"
)


def test_padding_is_data_where_the_first_layer_ignores_masks() -> None:
    net = rg.MultiLayerNetwork(config(mask_mode="ignore"))
    x = features()
    x[0, 1, 6] = np.nan
    for verb, name in ((net.output, "features"), (net.rnn_time_step, "x")):
        for mask in (MASK, None):
            with pytest.raises(InputError, match=f"^{re.escape(f'{name} {PADDING}')}$"):
                verb(x, mask)
    assert net.rnn_get_previous_state(0) == {}


@pytest.mark.parametrize("first", [rg.LSTM(n_in=F, n_out=4), rg.SimpleRnn(n_in=F, n_out=4, mask_mode="reset")])
def test_nothing_reads_padding_where_only_later_layers_ignore_masks(first: Any) -> None:
    layers = [first, rg.GravesLSTM(n_out=5, mask_mode="ignore"), rg.RnnOutputLayer(n_out=2, mask_mode="ignore")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, data_type="float64"))
    clean = features()
    dirty = np.where(MASK[:, None] == 0, np.nan, clean)
    np.testing.assert_array_equal(net.output(dirty, MASK), net.output(clean, MASK))
    a, b = (net.gradient(rg.DataSet(x, dataset().labels, MASK)) for x in (clean, dirty))
    np.testing.assert_equal(b, a)


def test_a_session_refuses_padding_that_is_read_too(tmp_path: Path) -> None:
    from rnngraph.exporters import export_onnx
    from rnngraph.runtime import StreamingSession

    x = features()
    x[0, 1, 6] = np.nan
    for mode in ("ignore", "hold"):
        export_onnx(rg.MultiLayerNetwork(config(mask_mode=mode)), tmp_path / "net.onnx", features_mask=True)
        session = StreamingSession(tmp_path / "net.onnx")
        if mode == "hold":
            assert np.isfinite(session.output(x, MASK)[MASK[:, None].repeat(2, 1) > 0]).all()
            continue
        with pytest.raises(InputError, match=f"^{re.escape(f'x {PADDING}')}$"):
            session.rnn_time_step(x, MASK)
        assert session.rnn_get_previous_state(0) == {}


def test_a_mask_without_time_axis_is_refused() -> None:
    net = rg.MultiLayerNetwork(
        rg.MultiLayerConfiguration(layers=[rg.DenseLayer(n_in=3, n_out=4), rg.OutputLayer(n_out=2)], data_type="float64")
    )
    assert net.output(np.zeros((2, 3))).shape == (2, 2)
    assert net.rnn_time_step(np.zeros((2, 3))).shape == (2, 2)
    with pytest.raises(InputError, match=r"features_mask: the network's input \[N, 3\] has no time axis"):
        net.output(np.zeros((2, 3)), np.ones((2, 1)))


def test_labels_that_do_not_fit_are_refused() -> None:
    net = rg.MultiLayerNetwork(config())
    for labels, mask in ((one_hot(N, T + 1), None), (one_hot(N), None), (one_hot(N + 1, T), None), (one_hot(N, T), np.ones((N, T - 1)))):
        with pytest.raises(InputError, match="labels"):
            net.score(rg.DataSet(features(), labels, None, mask))


@pytest.mark.parametrize(("value", "kind"), [([dataset()], "list"), ((features(), one_hot(N, T)), "tuple"), (None, "NoneType")])
def test_a_gradient_is_of_one_data_set(value: Any, kind: str) -> None:
    message = f"gradient: expected one DataSet, not a {kind}; make one by rg.DataSet(features, labels), and call it for each of several"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        rg.MultiLayerNetwork(config()).gradient(value)


def test_takes_a_configuration_only() -> None:
    with pytest.raises(
        ConfigurationError, match=r"takes a MultiLayerConfiguration, not dict; from JSON: MultiLayerConfiguration.from_json"
    ):
        rg.MultiLayerNetwork({})  # type: ignore[arg-type]


def test_listeners_that_were_set_and_those_of_one_fit_are_called() -> None:
    class Counting(TrainingListener):
        calls = 0

        def iteration_done(self, network: rg.MultiLayerNetwork, iteration: int, epoch: int, score: float) -> None:
            self.calls += 1

    first, second, third = Counting(), Counting(), Counting()
    net = rg.MultiLayerNetwork(config())
    net.set_listeners(first, [second])
    net.fit(dataset(), epochs=2, listeners=[third])
    net.set_listeners()
    net.fit(dataset())
    assert (first.calls, second.calls, third.calls) == (2, 2, 2)


def test_summary() -> None:
    table = rg.MultiLayerNetwork(config("last", data_type="float32")).summary()
    assert table.splitlines() == [
        "index  type                          takes      gives      parameters  streams",
        "------------------------------------------------------------------------------",
        "    0  LSTM                          [N, 3, T]  [N, 4, T]         128  yes",
        "       RnnToFeedForwardPreProcessor  [N, 4, T]  [N, 4, T]",
        "    1  DenseLayer                    [N, 4, T]  [N, 6, T]          30  yes",
        "       FeedForwardToRnnPreProcessor  [N, 6, T]  [N, 6, T]",
        "    2  LastTimeStep(GravesLSTM)      [N, 6, T]  [N, 5]            255  yes",
        "    3  OutputLayer                   [N, 5]     [N, 2]             12  yes",
        "------------------------------------------------------------------------------",
        "425 parameters, float32",
    ]


def test_summary_of_ids_and_running_statistics() -> None:
    layers = [rg.EmbeddingSequenceLayer(n_in=1000, n_out=4, name="words"), rg.BatchNormalization(), rg.GlobalPoolingLayer()]
    table = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[*layers, rg.OutputLayer(n_out=2)])).summary()
    assert table.splitlines()[2:] == [
        "    0  EmbeddingSequenceLayer 'words'  [N, T] ids < 1000  [N, 4, T]       4,000  yes",
        "    1  BatchNormalization              [N, 4, T]          [N, 4, T]           8  yes",
        "    2  GlobalPoolingLayer              [N, 4, T]          [N, 4]              0  yes",
        "    3  OutputLayer                     [N, 4]             [N, 2]             10  yes",
        "----------------------------------------------------------------------------------------",
        "4,018 parameters, 8 running statistics, float32",
    ]


def test_the_module_is_not_imported_with_the_package() -> None:
    code = "import rnngraph, sys; assert 'torch' not in sys.modules; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_torch_the_command_is_told() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import rnngraph as rg\n"
        "try: rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[rg.LSTM(n_in=1, n_out=1), rg.RnnOutputLayer(n_out=2)]))\n"
        "except rg.MissingDependencyError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True).stdout
    assert 'pip install "rnngraph[train]"' in told
