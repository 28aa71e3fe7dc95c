from __future__ import annotations

from rnngraph.conf import DenseLayer, InputType


def test_defaults() -> None:
    layer = DenseLayer(n_in=2, n_out=3)
    assert (layer.has_bias, layer.bias_init) == (True, 0.0)
    assert layer.starting_type() == InputType.feed_forward(2)
    assert layer.is_recurrent is False
