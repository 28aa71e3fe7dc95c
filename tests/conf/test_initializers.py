from __future__ import annotations

import re
from math import exp, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.conf import DenseLayer, Distribution
from rnngraph.conf.initializers import INITIALIZERS, draw
from rnngraph.errors import ConfigurationError
from rnngraph.lowering import initial_parameters

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
TRUNCATED = {
    "var_scaling_normal_fan_in": 1 / sqrt(34),
    "var_scaling_normal_fan_out": 1 / sqrt(60),
    "var_scaling_normal_fan_avg": sqrt(2 / 94),
}
CUT_STD, CUT_FOURTH = 0.8796256610342398, 2.3693
"""Standard deviation and kurtosis of a normal distribution that is cut at two standard deviations."""


def sample(name: str, shape: tuple[int, ...] = (200, 300), seed: int = 1) -> np.ndarray:
    return draw(name, shape, FAN_IN, FAN_OUT, np.random.default_rng(seed))


def test_the_table_is_whole() -> None:
    assert set(INITIALIZERS) == {*NORMAL, *UNIFORM, *CONSTANT, *TRUNCATED, "identity", "xavier_legacy"}


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


@pytest.mark.parametrize(("name", "deviation"), TRUNCATED.items())
def test_truncated(name: str, deviation: float) -> None:
    weights = sample(name) / deviation
    assert 1.99 < np.abs(weights).max() <= 2
    assert abs(weights.mean()) < 0.01
    assert weights.std() == pytest.approx(CUT_STD, rel=0.01)
    assert ((weights / weights.std()) ** 4).mean() == pytest.approx(CUT_FOURTH, rel=0.03)


def test_xavier_legacy_goes_by_the_shape() -> None:
    assert sample("xavier_legacy").std() == pytest.approx(1 / sqrt(500), rel=0.02)
    part = draw("xavier_legacy", (200, 300), FAN_IN, FAN_OUT, np.random.default_rng(1), sides=2000)
    assert part.std() == pytest.approx(1 / sqrt(2000), rel=0.02)
    layer = rg.GravesLSTM(n_in=3, n_out=400, weight_init="xavier_legacy")
    drawn = initial_parameters(rg.MultiLayerConfiguration(layers=[layer]))
    for key in ("0.R", "0.P"):  # one matrix [H, 4H + 3] in DL4J
        assert drawn[key].std() == pytest.approx(1 / sqrt(2003), rel=0.06), key


def test_identity() -> None:
    np.testing.assert_array_equal(sample("identity", (3, 3)), np.eye(3))
    kernel = sample("identity", (2, 2, 3, 5))
    np.testing.assert_array_equal(kernel[:, :, 1, 2], np.eye(2))
    assert kernel.sum() == 2
    drawn = initial_parameters(rg.MultiLayerConfiguration(layers=[rg.SimpleRnn(n_in=3, n_out=4, weight_init_recurrent="identity")]))
    np.testing.assert_array_equal(drawn["0.R"], np.eye(4))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            rg.LSTM(n_in=3, n_out=4, weight_init="identity"),
            "layers[0] (LSTM), W: 'identity' cannot fill a weight of shape [16, 3], it needs a square matrix; "
            "use 'xavier', or OrthogonalDistribution()",
        ),
        (
            rg.DenseLayer(n_in=3, n_out=4, weight_init="IDENTITY"),
            "layers[0] (DenseLayer), W: 'identity' cannot fill a weight of shape [4, 3], it needs a square matrix; "
            "use 'xavier', or OrthogonalDistribution()",
        ),
    ],
)
def test_identity_needs_a_square(layer: rg.LSTM | rg.DenseLayer, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=[layer]))
    for shape in ((2, 2, 4), (2, 3, 3)):
        with pytest.raises(ConfigurationError, match="it needs as many outputs as inputs and a kernel of odd size"):
            sample("identity", shape)


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n != "identity"])
def test_shape_type_and_seed(name: str) -> None:
    first, again = sample(name, (3, 5, 2)), sample(name, (3, 5, 2))
    assert first.shape == (3, 5, 2)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", sorted({*NORMAL, *UNIFORM, *TRUNCATED}))
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


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^DenseLayer: weight_init='xavir': expected one of xavier, .*did you mean 'xavier'"):
        DenseLayer(n_out=3, weight_init="xavir")
    with pytest.raises(ConfigurationError, match=r"^initialiser 'xavir': expected one of xavier, .*did you mean 'xavier'"):
        sample("xavir")
    message = r"weight_init='DISTRIBUTION': expected the distribution itself \(NormalDistribution, .*\), as NormalDistribution\(0.0"
    with pytest.raises(ConfigurationError, match=message):
        DenseLayer(n_out=3, weight_init="DISTRIBUTION")


MOMENTS: dict[str, tuple[Distribution, float, float]] = {
    "normal": (rg.NormalDistribution(0.5, 0.2), 0.5, 0.2),
    "truncated": (rg.TruncatedNormalDistribution(0.5, 0.2), 0.5, 0.2 * CUT_STD),
    "lognormal": (rg.LogNormalDistribution(-1.0, 0.5), exp(-1 + 0.125), exp(-1 + 0.125) * sqrt(exp(0.25) - 1)),
    "uniform": (rg.UniformDistribution(-1.0, 2.0), 0.5, 3 / sqrt(12)),
    "binomial": (rg.BinomialDistribution(10, 0.3), 3.0, sqrt(2.1)),
    "orthogonal": (rg.OrthogonalDistribution(2.0), 0.0, 2 / sqrt(300)),
    "constant": (rg.ConstantDistribution(0.25), 0.25, 0.0),
}
"""Distribution, mean, standard deviation."""


@pytest.mark.parametrize(("distribution", "mean", "deviation"), MOMENTS.values(), ids=list(MOMENTS))
def test_moments_of_distributions(distribution: Distribution, mean: float, deviation: float) -> None:
    weights = draw(distribution, (200, 300), FAN_IN, FAN_OUT, np.random.default_rng(1))
    assert weights.shape == (200, 300)
    assert weights.dtype == np.float64
    assert weights.mean() == pytest.approx(mean, abs=0.02 * max(deviation, 0.01))
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    np.testing.assert_array_equal(weights, draw(distribution, (200, 300), 1, 1, np.random.default_rng(1)))


def test_bounds_of_distributions() -> None:
    generator = np.random.default_rng(0)
    uniform = rg.UniformDistribution(-1.0, 2.0).draw((100, 100), generator)
    assert -1 <= uniform.min() < -0.99
    assert 1.99 < uniform.max() < 2
    cut = rg.TruncatedNormalDistribution(1.0, 0.5).draw((100, 100), generator)
    assert 0 <= cut.min() < 0.02
    assert 1.98 < cut.max() <= 2
    assert set(np.unique(rg.BinomialDistribution(2, 0.5).draw((50, 50), generator))) == {0, 1, 2}
    assert rg.LogNormalDistribution().draw((50, 50), generator).min() > 0


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 7), (8, 2), (4, 2, 3, 3), (16, 3, 3), (256, 64)])
def test_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    weights = rg.OrthogonalDistribution(3.0).draw(shape, np.random.default_rng(0)).reshape(shape[0], -1)
    few = weights if weights.shape[0] <= weights.shape[1] else weights.T
    np.testing.assert_allclose(few @ few.T, 9 * np.eye(len(few)), atol=1e-12)


def test_the_same_bits_on_every_machine() -> None:
    """Numbers that another machine drew: elementwise float64 arithmetic has one result, sums are taken in an order of our own."""
    generator = np.random.default_rng([42, 0])
    orthogonal = rg.OrthogonalDistribution().draw((3, 5), generator)
    assert [v.hex() for v in orthogonal[:, 0]] == ORTHOGONAL
    assert [v.hex() for v in rg.TruncatedNormalDistribution().draw((3,), generator)] == TRUNCATED_BITS


ORTHOGONAL = ["0x1.ec41ca98561f4p-4", "-0x1.ba6929a043795p-1", "0x1.19851859674bbp-4"]
TRUNCATED_BITS = ["-0x1.b7f52e8390cb7p-1", "0x1.7999ce3808e60p-2", "-0x1.eaf2a90687277p-1"]


@pytest.mark.parametrize("distribution", [d for d, _, _ in MOMENTS.values()], ids=list(MOMENTS))
def test_distributions_in_layers_json_and_yaml(distribution: Distribution) -> None:
    layers = [rg.LSTM(n_in=2, n_out=3, weight_init_recurrent=distribution), rg.RnnOutputLayer(n_out=2)]
    config = rg.MultiLayerConfiguration(layers=layers, weight_init=distribution)
    assert config.layers[0].weight_init == config.layers[0].weight_init_recurrent == distribution  # type: ignore[attr-defined]
    for again in (rg.MultiLayerConfiguration.from_json(config.to_json()), rg.MultiLayerConfiguration.from_yaml(config.to_yaml())):
        assert again == config
    drawn = initial_parameters(config)
    generator = np.random.default_rng([0, 0])
    np.testing.assert_array_equal(drawn["0.W"], distribution.draw((12, 2), generator))
    np.testing.assert_array_equal(drawn["0.R"], distribution.draw((12, 3), generator))


THREE: Any = 3
THE_CLASS: Any = rg.NormalDistribution
MAPPING: Any = {"type": "Normal"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rg.NormalDistribution(0.0, -1.0), "NormalDistribution: std=-1.0: expected a number of at least 0 (standard deviation)"),
        (lambda: rg.UniformDistribution(1.0, 1.0), "UniformDistribution: lower=1 is not below upper=1; give the smaller first"),
        (lambda: rg.BinomialDistribution(0, 0.5), "BinomialDistribution: trials=0: expected a number of at least 1 (number of trials)"),
        (lambda: rg.BinomialDistribution(1, 1.5), "BinomialDistribution: probability=1.5: expected a number of at most 1.0 (probability"),
        (lambda: rg.OrthogonalDistribution(0.0), "OrthogonalDistribution: gain=0.0: expected a number greater than 0 (length of the rows)"),
        (lambda: Distribution(), "Distribution is a base and describes nothing; use one of NormalDistribution, "),
        (lambda: DenseLayer(n_out=3, weight_init=THREE), "DenseLayer: weight_init=3: expected one of xavier, "),
        (
            lambda: DenseLayer(n_out=3, weight_init=THE_CLASS),
            "DenseLayer: weight_init=NormalDistribution: expected an initialiser's name or a distribution; this is the class, write Normal",
        ),
        (
            lambda: DenseLayer(n_out=3, weight_init=MAPPING),
            "DenseLayer: weight_init={'type': 'Normal'}: expected a distrib",
        ),
    ],
)
def test_distributions_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        make()
