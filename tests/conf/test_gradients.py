from __future__ import annotations

from typing import Any

import pytest

from rnngraph.conf import LSTM, BatchNormalization
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize("name", ["RenormalizeL2PerLayer", "renormalize_l2_per_layer", "RENORMALIZE_L2_PER_LAYER"])
def test_modes_have_dl4js_names(name: Any) -> None:
    assert LSTM(n_out=2, gradient_normalization=name).gradient_normalization == "renormalize_l2_per_layer"


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf")])
def test_a_threshold_is_positive(threshold: float) -> None:
    for cls in (LSTM, BatchNormalization):
        with pytest.raises(ConfigurationError, match=r"gradient_normalization_threshold=.*: expected a (finite )?number"):
            cls(n_out=2, gradient_normalization_threshold=threshold)


def test_another_name_is_told_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match="gradient_normalization='clip_l2': expected one of none, renormalize_l2_per_layer, "):
        LSTM(n_out=2, gradient_normalization="clip_l2")  # type: ignore[arg-type]
