from __future__ import annotations

from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import InputType, MultiLayerConfiguration
from rnngraph.errors import ConfigurationError

INNER = rg.LSTM(n_in=2, n_out=3)


def test_the_mode_may_stand_first_last_or_nowhere() -> None:
    assert rg.Bidirectional(INNER).mode == "concat"
    assert rg.Bidirectional("ADD", INNER) == rg.Bidirectional(INNER, mode="add") == rg.Bidirectional(layer=INNER, mode="Add")
    assert rg.Bidirectional("average", rg.GRU(n_out=3), name="both").name == "both"


@pytest.mark.parametrize("mode", ["add", "mul", "average", "concat"])
def test_widths(mode: str) -> None:
    layer = rg.Bidirectional(mode, INNER)
    width = 6 if mode == "concat" else 3
    assert (layer.n_in, layer.n_out) == (2, width)
    assert layer.output_type(InputType.recurrent(2, 9)) == InputType.recurrent(width, 9)
    assert rg.Bidirectional(mode, rg.LastTimeStep(INNER)).output_type(InputType.recurrent(2)) == InputType.feed_forward(width)


def test_the_layer_inside_is_filled_and_what_follows_knows_the_width() -> None:
    layers = [rg.Bidirectional(rg.SimpleRnn(n_out=4)), rg.RnnOutputLayer(n_out=2)]
    config = MultiLayerConfiguration(layers=layers, input_type=InputType.recurrent(3), l2=0.5, mask_mode="reset")
    both, output = config.layers
    assert isinstance(both, rg.Bidirectional)
    assert isinstance(both.layer, rg.SimpleRnn)
    assert (both.layer.l2, both.layer.activation, both.mask_mode, output.n_in) == (0.5, "tanh", "reset", 8)
    assert MultiLayerConfiguration.from_json(config.to_json()) == config
    assert MultiLayerConfiguration.from_yaml(config.to_yaml()) == config
    assert both.title == "Bidirectional(SimpleRnn)"


ONE_WAY = r"expected a recurrent layer that runs one way \(.*GRU, LSTM, GravesLSTM.*\), or LastTimeStep or MaskZeroLayer around one$"


@pytest.mark.parametrize(
    "inner",
    [rg.DenseLayer(n_out=3), rg.Bidirectional(INNER), rg.GravesBidirectionalLSTM(n_out=3), rg.LastTimeStep(rg.Bidirectional(INNER))],
)
def test_only_layers_that_run_one_way_fit_inside(inner: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^Bidirectional: layer={type(inner).__name__}\(...\): {ONE_WAY}"):
        rg.Bidirectional(inner)


@pytest.mark.parametrize(
    ("values", "fields", "message"),
    [
        (("concatt", INNER), {}, r"Bidirectional: mode='concatt': expected one of add, mul, average, concat; did you mean 'concat'\?"),
        ((), {}, r"Bidirectional: layer is missing; give layer=... \(the layer that runs both ways\)"),
        (("add",), {}, r"Bidirectional: layer is missing; give layer=... \(the layer that runs both ways\)"),
        ((rg.LSTM,), {}, r"Bidirectional: layer=LSTM: expected a layer \(.*\); this is the class, write LSTM\(...\)"),
        ((INNER,), {"layer": INNER}, r"Bidirectional: layer is given twice, as LSTM\(...\) and LSTM\(...\); give it once"),
        ((INNER,), {"merge_mode": "add"}, r"Bidirectional has no field 'merge_mode'; write mode"),
        ((INNER, "add"), {}, r"Bidirectional: layer='add': expected a layer \(.*\)\nBidirectional: mode=LSTM\(...\): expected one"),
    ],
)
def test_mistakes(values: tuple[Any, ...], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        rg.Bidirectional(*values, **fields)


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        (rg.Bidirectional(INNER), r"Bidirectional\(LSTM\)"),
        (rg.GravesBidirectionalLSTM(n_in=2, n_out=3), "GravesBidirectionalLSTM"),
        (rg.LastTimeStep(rg.Bidirectional(INNER)), r"LastTimeStep\(Bidirectional\(LSTM\)\)"),
    ],
)
def test_truncated_bptt_is_refused(layer: Any, title: str) -> None:
    message = rf"layers\[0\] \({title}\): backprop=TruncatedBPTT\(length=4\) cannot train it: it runs backwards in time"
    with pytest.raises(ConfigurationError, match=f"^{message} and needs the whole sequence; use backprop=StandardBackprop"):
        MultiLayerConfiguration(layers=[layer], backprop=rg.TruncatedBPTT(4))


def test_graves_bidirectional_lstm_draws_all_weights_alike() -> None:
    with pytest.raises(ConfigurationError, match=r"weight_init_recurrent='xavier': all weights are drawn by weight_init, as in DL4J"):
        rg.GravesBidirectionalLSTM(n_out=3, weight_init_recurrent="xavier")
    layer = rg.GravesBidirectionalLSTM(n_in=2, n_out=3)
    assert layer.output_type(InputType.recurrent(2, 5)) == InputType.recurrent(3, 5)
    assert (layer.forget_gate_bias_init, layer.causal) == (1.0, False)
