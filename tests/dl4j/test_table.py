from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.layouts import LAYOUTS
from rnngraph.dl4j.table import shapes
from rnngraph.lowering import parameter_shapes
from tests.dl4j.networks import data, network

SIZES = st.integers(1, 9)


def with_layers(*layers: Any) -> Any:
    """What ``table`` takes for a network."""
    return SimpleNamespace(config=rg.MultiLayerConfiguration(layers=layers))


def numbered(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """An array of different numbers for each shape."""
    out, start = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        out[name] = np.arange(start, start + count, dtype=np.float32).reshape(shape)
        start += count
    return out


LAYERS: dict[str, Callable[[int, int], Any]] = {
    "LSTM": lambda n_in, n: rg.LSTM(n_in=n_in, n_out=n),
    "GravesLSTM": lambda n_in, n: rg.GravesLSTM(n_in=n_in, n_out=n),
    "SimpleRnn": lambda n_in, n: rg.SimpleRnn(n_in=n_in, n_out=n),
    "LastTimeStep": lambda n_in, n: rg.LastTimeStep(rg.GravesLSTM(n_in=n_in, n_out=n)),
    "DenseLayer": lambda n_in, n: rg.DenseLayer(n_in=n_in, n_out=n),
    "OutputLayer": lambda n_in, n: rg.OutputLayer(n_in=n_in, n_out=n + 1, has_bias=False),
    "RnnOutputLayer": lambda n_in, n: rg.RnnOutputLayer(n_in=n_in, n_out=n + 1),
}


@pytest.mark.parametrize("kind", LAYERS)
@given(n_in=SIZES, n_out=SIZES)
def test_there_and_back_is_the_same(kind: str, n_in: int, n_out: int) -> None:
    net = with_layers(LAYERS[kind](n_in, n_out))
    parameters = numbered(parameter_shapes(net.config))
    back = dl4j.from_table(net, dl4j.table(net, parameters))
    assert set(back) == set(parameters)
    for name, array in parameters.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


@given(n_in=SIZES, n_out=SIZES, k=SIZES, kind=st.sampled_from(sorted(LAYOUTS)))
def test_every_part_of_every_layout_has_an_inverse(n_in: int, n_out: int, k: int, kind: str) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "W": (n_out, n_in), "R": (n_out, n_out), "P": (3, n_out), "b": (n_out,), "g": (2, n_out),
        "gamma": (n_out,), "beta": (n_out,), "mean": (n_out,), "var": (n_out,),
    }  # fmt: skip
    if "LSTM" in kind:
        shapes |= {"W": (4 * n_out, n_in), "R": (4 * n_out, n_out), "b": (4 * n_out,)}
    if kind == "ConvolutionLayer":
        shapes |= {"W": (n_out, n_in, k, k + 1)}
    if kind == "Convolution1DLayer":
        shapes |= {"W": (n_out, n_in, k)}
    if kind in ("DenseLayer", "OutputLayer", "RnnOutputLayer"):
        shapes |= {"g": (n_out,)}
    for part in LAYOUTS[kind]:
        ours = list(numbered({key: shapes[key.rpartition(".")[2]] for key in part.ours}).values())
        stored = part.there(*(a + 1 for a in ours))
        assert stored.ndim == part.rank
        for got, array in zip(part.back(stored), ours, strict=True):
            np.testing.assert_allclose(got, array + 1, rtol=1e-6 if part.key == "log10stdev" else 0)


def test_the_gates_of_an_lstm_stand_where_dl4j_has_them() -> None:
    """One unit, one input: DL4J's columns are candidate, forget, output and input gate; ours are i, f, g, o."""
    table = dl4j.table(with_layers(rg.LSTM(n_in=1, n_out=1)), {"0.W": [[1], [2], [3], [4]], "0.b": [5, 6, 7, 8]})
    assert table["0_W"].tolist() == [[3, 2, 4, 1]]
    assert table["0_b"].tolist() == [7, 6, 8, 5]


def test_peepholes_are_the_last_columns_of_the_recurrent_weights() -> None:
    """Ours are i, f, o; DL4J's forget, output, input."""
    net = with_layers(rg.GravesLSTM(n_in=1, n_out=2))
    table = dl4j.table(net, {"0.R": np.arange(16).reshape(8, 2), "0.P": [[20, 21], [30, 31], [40, 41]]})
    assert table["0_RW"][0].tolist() == [8, 10, 4, 6, 12, 14, 0, 2, 30, 40, 20]
    assert table["0_RW"][1].tolist() == [9, 11, 5, 7, 13, 15, 1, 3, 31, 41, 21]


def test_a_filter_along_time_lies_in_memory_as_dl4j_reads_it() -> None:
    """[n_out, n_in, k] of ours is W[o, i, t]; DL4J takes the memory of its [n_out, n_in, k, 1] for [k, n_in, n_out]."""
    W = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    part = next(p for p in LAYOUTS["Convolution1DLayer"] if p.key == "W")
    stored = part.there(W)
    assert stored.shape == (2, 3, 4, 1)
    read = stored.reshape(-1).reshape(4, 3, 2)
    assert all(read[t, i, o] == W[o, i, t] for o in range(2) for i in range(3) for t in range(4))


def test_deviations_are_stored_as_their_logarithm() -> None:
    part = LAYOUTS["BatchNormalization"][-1]
    np.testing.assert_allclose(part.there(np.array([1.0, 100.0, 1e-4])), [0.0, 1.0, -2.0])


def test_directions_have_prefixes_or_suffixes() -> None:
    assert [p.key for p in LAYOUTS["GravesBidirectionalLSTM"]] == ["WF", "RWF", "bF", "WB", "RWB", "bB"]
    assert LAYOUTS["GravesBidirectionalLSTM"][4].ours == ("backward.R", "backward.P")


def test_a_part_of_the_parameters_gives_a_part_of_the_table() -> None:
    net = with_layers(rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2))
    assert list(dl4j.table(net, {"1.W": np.zeros((2, 3))})) == ["1_W"]


def test_vectors_of_older_versions_have_two_axes() -> None:
    net = with_layers(rg.SimpleRnn(n_in=2, n_out=3))
    assert dl4j.from_table(net, {"0_b": np.ones((1, 3))})["0.b"].shape == (3,)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"0.Q": np.zeros(3)}, r"^there is no parameter '0\.Q' that both DL4J and this network have; those are 0\.P, 0\.R, 0\.W, 0\.b$"),
        ({"0.R": np.zeros((12, 3))}, r"^DL4J keeps 0\.R and 0\.P as one array, 0_RW, but 0\.P is missing; give both$"),
    ],
)
def test_mappings_that_do_not_fit(given_: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(rg.InputError, match=message):
        dl4j.table(with_layers(rg.GravesLSTM(n_in=2, n_out=3)), given_)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"0_fW": np.zeros((2, 12))}, r"^there is no array '0_fW' that both DL4J and this network have; those are 0_RW, 0_W, 0_b$"),
        ({"0_W": np.zeros(24)}, r"^0_W has the shape \[24\], rank 1; expected rank 2, as in DL4J's paramTable\(\)$"),
        ({"0_b": np.zeros((2, 12))}, r"^0_b has the shape \[2, 12\], rank 2; expected rank 1"),
        ({"0_W": np.zeros((2, 13))}, r"^0_W has the shape \[2, 13\], which DL4J's layers do not have"),
    ],
)
def test_tables_that_do_not_fit(given_: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(rg.InputError, match=message):
        dl4j.from_table(with_layers(rg.LSTM(n_in=2, n_out=3)), given_)


@pytest.mark.parametrize("name", ["graves_amsgrad", "bidirectional_ada_max", "two_updaters", "constrained"])
def test_gradients_and_what_updaters_keep_stand_under_dl4js_keys(name: str) -> None:
    """Any mapping that is keyed like the parameters, wholly or in part, and back."""
    net = network(name)
    batch = data(net)
    net.fit(batch, progress=False)
    shown = dl4j.table(net, net.parameters())
    _, gradients = net.gradient(batch)
    names = {state for kept in net.updater_state.values() for state in kept}
    kept = {state: {key: held[state].numpy() for key, held in net.updater_state.items() if state in held} for state in sorted(names)}
    assert kept or name == "constrained"
    for mapping in (gradients, *kept.values()):
        table = dl4j.table(net, mapping)
        assert {key: array.shape for key, array in table.items()} == {key: shown[key].shape for key in table}
        back = dl4j.from_table(net, table)
        assert back.keys() == mapping.keys()
        for key, array in mapping.items():
            np.testing.assert_array_equal(back[key], array)
    assert dl4j.table(net, gradients).keys() == shown.keys()


def test_a_variance_may_be_given_in_whole_numbers() -> None:
    table = dl4j.table(with_layers(rg.LSTM(n_in=1, n_out=2), rg.BatchNormalization()), {"1.var": [1, 100]})
    assert table["1_log10stdev"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("layer", [*LAYERS.values()], ids=LAYERS.keys())
@given(n_in=SIZES, n_out=SIZES)
def test_shapes_are_those_of_the_arrays(layer: Callable[[int, int], Any], n_in: int, n_out: int) -> None:
    net = with_layers(layer(n_in, n_out))
    found = dl4j.table(net, numbered(parameter_shapes(net.config)))
    assert shapes(net.config) == {key: array.shape for key, array in found.items()}


def test_shapes_need_no_memory() -> None:
    """These arrays are of 16 terabytes and more."""
    n = 2**20
    net = with_layers(rg.Bidirectional("add", rg.GravesLSTM(n_in=n, n_out=n)), rg.SimpleRnn(n_out=n, has_layer_norm=True))
    found = shapes(net.config)
    assert (found["0_fW"], found["0_bRW"], found["0_bb"]) == ((n, 4 * n), (n, 4 * n + 3), (4 * n,))
    assert (found["1_W"], found["1_g"]) == ((n, n), (2 * n,))


def test_given_initial_states_are_no_statistics() -> None:
    """Deeplearning4j has no such states; what it has of the network stands in the table."""
    layers = [rg.LSTM(n_in=3, n_out=5, initial_state={"c": 0.5}), rg.RnnOutputLayer(n_out=2, activation="softmax", loss="mcxent")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    assert set(dl4j.table(net, net.parameters())) == {"0_W", "0_RW", "0_b", "1_W", "1_b"}
