from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from rnngraph.conf import DenseLayer
from rnngraph.conf.initializers import INITIALIZERS, draw
from rnngraph.errors import ConfigurationError

FAN_IN, FAN_OUT = 34, 60
NORMAL = {
    "xavier": sqrt(2 / 94),
    "xavier_fan_in": sqrt(1 / 34),
    "lecun_normal": sqrt(1 / 34),
    "normal": sqrt(1 / 34),
    "relu": sqrt(2 / 34),
}
UNIFORM = {
    "xavier_uniform": sqrt(6 / 94),
    "lecun_uniform": 3 / sqrt(34),
    "uniform": 1 / sqrt(34),
    "relu_uniform": sqrt(6 / 34),
    "sigmoid_uniform": 4 * sqrt(6 / 94),
    "var_scaling_uniform_fan_in": 3 / sqrt(34),
    "var_scaling_uniform_fan_out": 3 / sqrt(60),
    "var_scaling_uniform_fan_avg": 3 / sqrt(47),
}
CONSTANT = {"zero": 0.0, "ones": 1.0}


def sample(name: str, shape: tuple[int, ...] = (200, 300), seed: int = 1) -> np.ndarray:
    return draw(name, shape, FAN_IN, FAN_OUT, np.random.default_rng(seed))


def test_the_table_is_whole() -> None:
    assert set(INITIALIZERS) == {*NORMAL, *UNIFORM, *CONSTANT}


@pytest.mark.parametrize(("name", "deviation"), NORMAL.items())
def test_normal(name: str, deviation: float) -> None:
    weights = sample(name) / deviation
    assert abs(weights.mean()) < 0.02
    assert abs(weights.std() - 1) < 0.02
    assert abs((weights**4).mean() - 3) < 0.2  # the fourth moment tells it from other shapes
    assert np.abs(weights).max() > 3.5  # not truncated


@pytest.mark.parametrize(("name", "bound"), UNIFORM.items())
def test_uniform(name: str, bound: float) -> None:
    weights = sample(name) / bound
    assert abs(weights.mean()) < 0.02
    assert abs(weights.std() - 1 / sqrt(3)) < 0.01
    assert 0.999 < np.abs(weights).max() <= 1


@pytest.mark.parametrize(("name", "value"), CONSTANT.items())
def test_constant(name: str, value: float) -> None:
    np.testing.assert_array_equal(sample(name, (3, 4)), np.full((3, 4), value))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_shape_type_and_seed(name: str) -> None:
    first, again = sample(name, (3, 5, 2)), sample(name, (3, 5, 2))
    assert first.shape == (3, 5, 2)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", sorted({*NORMAL, *UNIFORM}))
def test_dl4js_weights_have_the_same_spread(name: str, goldens: Path) -> None:
    """DL4J's LSTM(26 -> 34) and SimpleRnn(34 -> 36); both matrices of the LSTM have fans (34, 60)."""
    path = goldens / "weight_init" / "arrays.npz"
    if not path.is_file():
        pytest.skip("the whole collection of recorded cases is not beside this clone")
    arrays = np.load(path)
    for key, fans in {"0_W": (34, 60), "0_RW": (34, 60), "1_W": (34, 36), "1_RW": (36, 36)}.items():
        theirs = arrays[f"{name}_{key}"]
        ours = draw(name, (400, 400), *fans, np.random.default_rng(0))
        assert theirs.std() == pytest.approx(ours.std(), rel=0.08), key
        if name in UNIFORM:
            assert np.abs(theirs).max() == pytest.approx(np.abs(ours).max(), rel=0.02), key


def test_names_are_normalised() -> None:
    assert DenseLayer(n_out=3, weight_init="XAVIER_UNIFORM").weight_init == "xavier_uniform"
    np.testing.assert_array_equal(sample("Xavier"), sample("xavier"))


def test_another_initialiser_of_dl4j_is_not_taken_for_a_slip() -> None:
    with pytest.raises(ConfigurationError, match=r"weight_init='XAVIER_LEGACY': .*; XAVIER_LEGACY is not in this version of rnngraph$"):
        DenseLayer(n_out=3, weight_init="XAVIER_LEGACY")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^DenseLayer: weight_init='xavir': expected one of xavier, .*did you mean 'xavier'"):
        DenseLayer(n_out=3, weight_init="xavir")
    with pytest.raises(ConfigurationError, match=r"^initialiser 'xavir': expected one of xavier, .*did you mean 'xavier'"):
        sample("xavir")
