from __future__ import annotations

from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import InputType, MultiLayerConfiguration
from rnngraph.conf.layers import innermost
from rnngraph.errors import ConfigurationError


def filled(layer: Any, width: int = 2, time: bool = True, **settings: Any) -> Any:
    start = InputType.recurrent(width) if time else InputType.feed_forward(width)
    return MultiLayerConfiguration(layers=[layer], input_type=start, **settings).layers[0]


def test_wrappers_nest() -> None:
    layer = filled(rg.LastTimeStep(rg.MaskZeroLayer(rg.Bidirectional(rg.GRU(n_out=3)), -1.0)), mask_mode="reset")
    assert layer.title == "LastTimeStep(MaskZeroLayer(Bidirectional(GRU)))"
    assert (layer.n_in, layer.n_out, layer.mask_mode, layer.causal) == (2, 6, "reset", False)
    assert innermost(layer) == filled(rg.GRU(n_out=3), mask_mode="reset")
    assert innermost(rg.LSTM(n_out=3)) == rg.LSTM(n_out=3)


def test_mask_zero_layer() -> None:
    layer = filled(rg.MaskZeroLayer(rg.LSTM(n_out=3)))
    assert (layer.mask_value, layer.n_in, layer.n_out, layer.causal) == (0.0, 2, 3, True)
    assert rg.MaskZeroLayer(rg.LSTM(n_out=3), 5).mask_value == 5.0
    assert layer.output_type(InputType.recurrent(2, 4)) == InputType.recurrent(3, 4)
    with pytest.raises(ConfigurationError, match=r"MaskZeroLayer: mask_value=nan: expected a finite number \(what every"):
        rg.MaskZeroLayer(rg.LSTM(n_out=3), float("nan"))
    with pytest.raises(ConfigurationError, match="MaskZeroLayer has no field 'maskingValue'; write mask_value"):
        rg.MaskZeroLayer(rg.LSTM(n_out=3), maskingValue=1.0)  # type: ignore[call-arg]


def test_time_distributed() -> None:
    layer = rg.TimeDistributed(rg.DenseLayer(n_in=2, n_out=3))
    assert layer.starting_type() == InputType.recurrent(2)
    assert rg.TimeDistributed(rg.DenseLayer(n_out=3)).starting_type() is None
    assert layer.output_type(InputType.recurrent(2, 4)) == InputType.recurrent(3, 4)
    assert filled(layer).layer == filled(rg.DenseLayer(n_out=3))
    with pytest.raises(ConfigurationError, match=r"^TimeDistributed: layer=LSTM\(...\): expected a layer for vectors, as DenseLayer;"):
        rg.TimeDistributed(rg.LSTM(n_out=3))
    with pytest.raises(ConfigurationError, match=r"LastTimeStep\(LSTM\) takes time series itself: leave TimeDistributed out$"):
        rg.TimeDistributed(rg.LastTimeStep(rg.LSTM(n_out=3)))
    with pytest.raises(ConfigurationError, match=r"^layers\[0\] \(TimeDistributed\): takes a time series, but input_type gives"):
        filled(layer, time=False)
    with pytest.raises(ConfigurationError, match=r"^layers\[0\] \(TimeDistributed\): n_in=2, but input_type gives 5 values"):
        filled(layer, width=5)


@pytest.mark.parametrize("wrapper", [rg.LastTimeStep, rg.MaskZeroLayer, rg.TimeDistributed, rg.Bidirectional])
def test_a_layer_with_a_loss_stands_alone(wrapper: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"layer=OutputLayer\(...\): OutputLayer compares with labels and ends the network;"):
        wrapper(rg.OutputLayer(n_out=3))
