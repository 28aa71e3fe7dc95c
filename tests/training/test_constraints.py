"""Constraints against plain loops over arrays in DL4J's own layout, [n_in, n_out] and [1, n]."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf.constraints import Constraint
from rnngraph.training.constraints import FACTORS
from tests.training.small import Arrays, assert_close, averaged, batch, network


def norms(w: np.ndarray, dimensions: tuple[int, ...]) -> np.ndarray:
    """The root of the sum of squares over ``dimensions``, for each value of ``w``."""
    out = np.zeros_like(w)
    for position in product(*map(range, w.shape)):
        along = tuple(slice(None) if axis in dimensions else k for axis, k in enumerate(position))
        out[position] = np.sqrt((np.asarray(w[along]) ** 2).sum())
    return out


def once(constraint: Any, w: np.ndarray) -> Any:
    """DL4J's formulas."""
    if isinstance(constraint, rg.NonNegativeConstraint):
        return np.where(w < 0, 0.0, w)
    n = norms(w, constraint.dimensions)
    if isinstance(constraint, rg.MaxNormConstraint):
        return w * np.minimum(n, constraint.max_norm) / (n + 1e-6)
    if isinstance(constraint, rg.UnitNormConstraint):
        return w / n
    s = np.clip(n, constraint.min_norm, constraint.max_norm) / (n + 1e-6)
    return w * (constraint.rate * s + (1 - constraint.rate) * (n + 1e-6) if constraint.rate != 1 else s)


def acts_on(on: str, key: str) -> bool:
    """By DL4J's key, without direction."""
    kind = "biases" if key == "b" else {"W": "input_weights", "RW": "recurrent_weights"}.get(key, "gains")
    return on in ("all", kind) or (on == "weights" and key != "b")


CONSTRAINTS = [
    rg.MaxNormConstraint(0.4),
    rg.MaxNormConstraint(0.4, 0),
    rg.MaxNormConstraint(0.4, (0, 1)),
    rg.MinMaxNormConstraint(0.5, 0.8),
    rg.MinMaxNormConstraint(0.5, 0.8, 0.75, 0),
    rg.UnitNormConstraint(),
    rg.UnitNormConstraint(0),
    rg.NonNegativeConstraint(),
]


def check(net: rg.MultiLayerNetwork, data: rg.DataSet, constraints: list[Any]) -> None:
    """One update of Sgd(0.5), then each constraint twice on each array, by DL4J's keys and layout."""
    gradients = averaged(net, data)
    moved: Arrays = {name: w - 0.5 * gradients[name] for name, w in net.parameters().items()}
    wanted = dl4j.table(net, moved)
    for key, w in wanted.items():
        own = key.partition("_")[2]
        own = own[1:] if len(own) > 1 and own[0] in "fb" and own != "beta" else own
        for constraint in constraints:
            if acts_on(constraint.on, own):
                array = w.reshape(1, -1) if w.ndim == 1 else w
                w = once(constraint, once(constraint, array)).reshape(w.shape)
        wanted[key] = w
    net.fit(data, progress=False)
    assert_close(dl4j.table(net, net.parameters()), wanted, 1e-9)
    assert net.iteration == 1


@pytest.mark.parametrize("on", ["weights", "input_weights", "recurrent_weights", "biases", "all"])
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=repr)
def test_every_constraint_on_everything(constraint: Any, on: str) -> None:
    """Peepholes are columns of RW; directions are apart; a layer norm's gains are weights."""
    layers = [
        rg.Bidirectional("add", rg.GravesLSTM(n_in=2, n_out=3)),
        rg.SimpleRnn(n_out=3, has_layer_norm=True),
        rg.DenseLayer(n_out=3),
    ]
    one = constraint.replaced(on=on)
    net = network(*layers, updater=rg.Sgd(0.5), constraints=one)
    rng = np.random.default_rng(5)
    net.set_parameters({name: w + 0.3 * rng.standard_normal(w.shape) for name, w in net.parameters().items()})
    check(net, batch(), [one])


def test_several_act_in_their_order() -> None:
    constraints = [rg.MaxNormConstraint(0.4), rg.NonNegativeConstraint(on="all"), rg.UnitNormConstraint(0, on="input_weights")]
    check(network(updater=rg.Sgd(0.5), constraints=constraints), batch(), constraints)


def test_a_layer_may_have_its_own_or_none() -> None:
    positive = rg.NonNegativeConstraint()
    net = network(rg.SimpleRnn(n_in=2, n_out=3), rg.SimpleRnn(n_out=3, constraints=()), updater=rg.Sgd(0.5), constraints=positive)
    gradients, before = averaged(net, batch()), net.parameters()
    net.fit(batch(), progress=False)
    moved = {name: w - 0.5 * gradients[name] for name, w in before.items()}
    held = {name: np.maximum(w, 0) if name in ("0.W", "0.R", "2.W") else w for name, w in moved.items()}
    assert_close(net.parameters(), held)
    assert (moved["0.W"] < 0).any()


@pytest.mark.parametrize("dimensions", [(0,), (1,), (1, 2, 3), (0, 2)])
def test_filters_have_four_dimensions(dimensions: tuple[int, ...]) -> None:
    """[n_out, n_in, height, width], over time [n_out, n_in, k, 1]."""
    one = rg.UnitNormConstraint(dimensions)
    image = rg.MultiLayerConfiguration(
        layers=[rg.ConvolutionLayer(2, 3, n_out=3, constraints=one), rg.OutputLayer(n_out=2)],
        input_type=rg.InputType.convolutional(4, 4, 2),
        updater=rg.Sgd(0.5),
        data_type="float64",
    )
    rng = np.random.default_rng(0)
    images = rg.DataSet(rng.standard_normal((3, 2, 4, 4)), np.eye(2)[[0, 1, 0]])
    series = network(rg.Convolution1DLayer(kernel_size=3, n_in=2, n_out=3, convolution_mode="same", constraints=one), updater=rg.Sgd(0.5))
    for net, data in ((rg.MultiLayerNetwork(image), images), (series, batch())):
        moved = net.parameters()["0.W"] - 0.5 * averaged(net, data)["0.W"]
        moved = moved.reshape(*moved.shape, 1) if moved.ndim == 3 else moved
        net.fit(data, progress=False)
        want = once(one, once(one, moved)).reshape(net.parameters()["0.W"].shape)
        np.testing.assert_allclose(net.parameters()["0.W"], want, rtol=1e-9)


@pytest.mark.parametrize("dimension", [0, 1])
def test_an_embedding_has_inputs_as_rows(dimension: int) -> None:
    one = rg.UnitNormConstraint(dimension)
    net = network(rg.EmbeddingSequenceLayer(n_in=5, n_out=3, constraints=one), updater=rg.Sgd(0.5))
    net.fit(rg.DataSet(np.arange(15).reshape(3, 5) % 5, batch().labels), progress=False)
    np.testing.assert_allclose((net.parameters()["0.W"] ** 2).sum(dimension), 1.0)


def test_what_is_0_stays_0_under_a_unit_norm() -> None:
    """DL4J divides 0 by 0 there."""
    net = network(rg.EmbeddingSequenceLayer(n_in=5, n_out=3), updater=rg.Sgd(0.5), constraints=rg.UnitNormConstraint())
    start = net.parameters()
    start["0.W"][4] = 0.0
    net.set_parameters(start)
    net.fit(rg.DataSet(np.zeros((3, 5), int), batch().labels), progress=False)
    np.testing.assert_allclose((net.parameters()["0.W"] ** 2).sum(1), [1, 1, 1, 1, 0])


def test_a_constraint_hides_no_number_that_is_not_finite() -> None:
    """max(-inf, 0) is 0."""
    layers = [rg.DenseLayer(n_in=2, n_out=3, activation="identity"), rg.OutputLayer(n_out=1, activation="identity", loss="mse")]
    config = rg.MultiLayerConfiguration(layers=layers, updater=rg.Sgd(1e38), constraints=rg.NonNegativeConstraint(on="all"))
    net = rg.MultiLayerNetwork(config)
    before = net.parameters()
    with pytest.raises(rg.TrainingError, match=r"^iteration 0: \d\.\w \(layers\[\d\], \w+\) would become -?inf at "):
        net.fit(rg.DataSet(np.full((1, 2), 1e3), np.full((1, 1), -1e3)), progress=False)
    np.testing.assert_equal(net.parameters(), before)


@pytest.mark.usefixtures("registry")
def test_a_constraint_of_ones_own_needs_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubling(Constraint):
        """Times two, at each of both times."""

        type: Literal["Doubling"] = "Doubling"
        dimensions: tuple[int, ...] = (1,)

    net = network(updater=rg.Sgd(0.5), constraints=Doubling(on="biases"))
    message = (
        r"^layers\[0\] \(SimpleRnn\): there is no formula for Doubling; expected one of MaxNormConstraint, .*, or an entry in rnngraph"
    )
    with pytest.raises(rg.ConfigurationError, match=message):
        net.fit(batch(), progress=False)
    monkeypatch.setitem(FACTORS, "Doubling", lambda constraint, norm: 2.0)
    moved = net.parameters()["0.b"] - 0.5 * averaged(net, batch())["0.b"]
    net.fit(batch(), progress=False)
    np.testing.assert_allclose(net.parameters()["0.b"], 4 * moved, rtol=1e-12)
