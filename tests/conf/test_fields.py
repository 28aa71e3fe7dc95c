from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from rnngraph.conf import LSTM, Adam, DenseLayer, MultiLayerConfiguration
from rnngraph.errors import ConfigurationError


def test_numpy_scalars_become_plain_numbers() -> None:
    layer = DenseLayer(n_in=np.int32(2), n_out=np.int64(3), l2=np.float32(0.5), bias_init=np.float64(0.25))  # type: ignore[arg-type]
    assert layer == DenseLayer(n_in=2, n_out=3, l2=0.5, bias_init=0.25)
    assert [type(v) for v in (layer.n_in, layer.n_out, layer.l2, layer.bias_init)] == [int, int, float, float]


def test_a_numpy_bool_is_no_number() -> None:
    with pytest.raises(ConfigurationError, match=r"n_out=True: expected a whole number"):
        DenseLayer(n_out=np.True_)  # type: ignore[arg-type]


def test_whole_numbers_serve_as_real_ones() -> None:
    assert isinstance(Adam(1).learning_rate, float)


@pytest.mark.parametrize("beta", [-0.1, 1.0, 1.5])
def test_a_decay_rate_lies_below_one(beta: float) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a number (less than 1|of at least 0)"):
        Adam(beta1=beta)


def test_dropout_as_a_number_has_two_readings() -> None:
    message = (
        "dropout=0.8: a bare number has two readings: Deeplearning4j counts the units kept (0.8 keeps 80%), torch the units dropped "
        "(0.8 drops 80%); "
    )
    remedy = "write rg.Dropout(retain=0.8) for the first, rg.Dropout(retain=0.2) for the second"
    cases: list[tuple[Any, dict[str, Any]]] = [(LSTM, {"n_out": 3}), (MultiLayerConfiguration, {"layers": [LSTM(n_in=2, n_out=3)]})]
    for cls, fields in cases:
        with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{cls.__name__}: {message}{remedy}')}"):
            cls(dropout=0.8, **fields)


@pytest.mark.parametrize("value", ["0.8", True, object()])
def test_dropout_is_an_object(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"expected a kind of dropout \(Dropout, SpatialDropout, GaussianDropout, GaussianNoise, AlphaDropout\)"
    ):
        LSTM(n_out=3, dropout=value)


def test_dropout_may_be_none() -> None:
    assert LSTM(n_out=3, dropout=None) == LSTM(n_out=3)
