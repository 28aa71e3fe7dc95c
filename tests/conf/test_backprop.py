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


def test_a_gradient_ends_where_its_segment_begins() -> None:
    assert TruncatedBPTT(5).backward_length is None
    assert TruncatedBPTT(5, 3) == TruncatedBPTT(length=5, backward_length=3)
    assert TruncatedBPTT(5, 5).backward_length == 5
    with pytest.raises(
        ConfigurationError, match=r"^TruncatedBPTT: backward_length=0: expected a number of at least 1 \(steps at a segment's"
    ):
        TruncatedBPTT(5, 0)
    message = (
        r"^TruncatedBPTT: backward_length=6 is above length=5, but a gradient ends where its segment begins; give a longer length, or "
        r"leave backward_length out$"
    )
    with pytest.raises(ConfigurationError, match=message):
        TruncatedBPTT(5, 6)


def test_it_travels_with_the_configuration() -> None:
    config = MultiLayerConfiguration(layers=[LSTM(n_in=2, n_out=3)], backprop=TruncatedBPTT(7, 2))
    assert MultiLayerConfiguration.from_json(config.to_json()) == config
