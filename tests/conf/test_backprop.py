from __future__ import annotations

import pytest

from rnngraph.conf import LSTM, MultiLayerConfiguration, StandardBackprop, TruncatedBPTT
from rnngraph.errors import ConfigurationError


def test_whole_sequences_are_the_default() -> None:
    assert MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3)]).backprop == StandardBackprop()


def test_truncated_has_dl4js_length() -> None:
    assert TruncatedBPTT().length == 20
    assert TruncatedBPTT(5) == TruncatedBPTT(length=5)


@pytest.mark.parametrize("length", [0, -1])
def test_a_segment_has_a_step(length: int) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"^TruncatedBPTT: length={length}: expected a number of at least 1 \(steps of a segment\)$"
    ):
        TruncatedBPTT(length=length)
