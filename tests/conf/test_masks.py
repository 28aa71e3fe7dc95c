from __future__ import annotations

import pytest

from rnngraph.conf import LSTM
from rnngraph.conf.masks import MASK_MODES
from rnngraph.errors import ConfigurationError


@pytest.mark.parametrize("mode", MASK_MODES)
def test_each_mode_is_a_name(mode: str) -> None:
    assert LSTM(n_out=3, mask_mode=mode.upper()).mask_mode == mode  # type: ignore[arg-type]


def test_other_modes_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"mask_mode='skip': expected one of hold, reset, ignore$"):
        LSTM(n_out=3, mask_mode="skip")  # type: ignore[arg-type]
