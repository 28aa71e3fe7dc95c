from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.conf import InputType, MultiLayerConfiguration

IMAGES = InputType.convolutional(6, 5, 2)
LARGER = "use a smaller kernel or more padding"
EMPTY = "would leave windows without a value, since the kernel's is 2; use less padding"


def test_defaults_are_dl4js() -> None:
    layer = rg.ConvolutionLayer(n_out=3)
    assert (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == ((5, 5), (1, 1), (0, 0), (1, 1))
    assert (layer.convolution_mode, layer.has_bias) == ("truncate", True)
    filled = MultiLayerConfiguration(layers=[layer], input_type=IMAGES).layers[0]
    assert isinstance(filled, rg.ConvolutionLayer)
    assert (filled.n_in, filled.activation, filled.mask_mode) == (2, "sigmoid", "hold")
    pool = rg.SubsamplingLayer()
    assert (pool.pooling_type, pool.kernel_size, pool.stride, pool.padding, pool.pnorm) == ("max", (1, 1), (2, 2), (0, 0), 2)
    assert (rg.Subsampling1DLayer().kernel_size, rg.Subsampling1DLayer().stride) == (2, 1)


def test_a_kernel_may_be_given_in_several_ways() -> None:
    want = rg.ConvolutionLayer(kernel_size=(3, 4), n_out=2)
    assert rg.ConvolutionLayer(3, 4, n_out=2) == want == rg.ConvolutionLayer((3, 4), n_out=2)
    assert rg.ConvolutionLayer(kernel_size=[3, np.int64(4)], n_out=2) == want  # type: ignore[arg-type]
    assert rg.ConvolutionLayer(3, n_out=2).kernel_size == rg.ConvolutionLayer(kernel_size=3, n_out=2).kernel_size == (3, 3)
    assert rg.SubsamplingLayer("avg", (2, 3), 2) == rg.SubsamplingLayer(pooling_type="AVG", kernel_size=(2, 3), stride=(2, 2))
    assert rg.Convolution1DLayer(3, n_out=2) == rg.Convolution1DLayer(kernel_size=3, n_out=2)
    assert rg.ConvolutionLayer(3, n_out=2, convolution_mode="SAME").convolution_mode == "same"


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"kernel_size": 3}, (4, 3)),
        ({"kernel_size": (3, 2), "stride": 2}, (2, 2)),
        ({"kernel_size": 3, "padding": 1}, (6, 5)),
        ({"kernel_size": 2, "dilation": 3}, (3, 2)),
        ({"kernel_size": 4, "stride": (4, 3), "convolution_mode": "same"}, (2, 2)),
        ({"kernel_size": 9, "convolution_mode": "same"}, (6, 5)),
        ({"kernel_size": (2, 3), "stride": (2, 1), "convolution_mode": "strict"}, (3, 3)),
    ],
)
def test_sizes(fields: dict[str, Any], size: tuple[int, int]) -> None:
    for layer in (rg.ConvolutionLayer(n_out=2, **fields), rg.SubsamplingLayer(**{"stride": 1, **fields})):
        stage = MultiLayerConfiguration(layers=[layer], input_type=IMAGES).stages[0]
        assert stage.gives == InputType.convolutional(*size, 2)


@pytest.mark.parametrize("mode", ["truncate", "same", "causal"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 2), (2, 3, 1)])
def test_lengths(mode: Any, kernel: int, stride: int, dilation: int) -> None:
    """Where the number of steps is known, it is known behind the layer too."""
    layer = rg.Convolution1DLayer(kernel, n_out=2, stride=stride, dilation=dilation, convolution_mode=mode)
    for steps in range(5, 12):
        flow = MultiLayerConfiguration(layers=[layer], input_type=InputType.recurrent(1, steps)).stages[0].gives
        spanned = (kernel - 1) * dilation + 1
        assert flow == InputType.recurrent(2, -(-steps // stride) if mode != "truncate" else (steps - spanned) // stride + 1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (rg.ConvolutionLayer(7, 1, n_out=2), f"the kernel's height 7 is larger than the input's height 6; {LARGER}"),
        (
            rg.ConvolutionLayer(1, 3, n_out=2, dilation=(1, 4), padding=(0, 1)),
            f"the kernel's width 3 with dilation 4 spans 9, which is larger than the input's width 5 + 1 + 1 of padding; {LARGER}",
        ),
        (rg.SubsamplingLayer("max", 7), f"the kernel's height 7 is larger than the input's height 6; {LARGER}"),
        (
            rg.ConvolutionLayer(3, n_out=2, stride=2, convolution_mode="strict"),
            "convolution_mode='strict': windows of 3 at strides of 2 leave 1 over from the input's height 6; change kernel, stride or "
            "padding, or use convolution_mode='truncate'",
        ),
        (
            rg.ConvolutionLayer(3, n_out=2, padding=1, convolution_mode="same"),
            "padding=(1, 1) and convolution_mode='same', which pads by itself; leave padding out, or use convolution_mode='truncate'",
        ),
        (rg.SubsamplingLayer("max", 2, padding=2), f"padding=2 of the height {EMPTY}"),
        (rg.ConvolutionLayer(3, n_in=3, n_out=2), "n_in=3, but input_type gives 2 values; leave n_in out, or make the two equal"),
        (rg.SubsamplingLayer(n_out=3), "n_out=3, but 2 values come in and the layer changes no width; leave n_out out"),
        (
            rg.ConvolutionLayer(3, n_out=2, mask_mode="reset"),
            "mask_mode='reset' sets a recurrent layer's state to 0, and this layer has none; use mask_mode='hold' (reads 0) or 'ignore'",
        ),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(layer: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(f'layers[0] ({layer.tag()}): {message}')}$"):
        MultiLayerConfiguration(layers=[layer], input_type=IMAGES)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (rg.Convolution1DLayer(4, n_out=2), f"the kernel's length 4 is larger than the input's length 3; {LARGER}"),
        (
            rg.Convolution1DLayer(2, n_out=2, stride=2, convolution_mode="strict"),
            "convolution_mode='strict' and stride=2: whether whole strides fit is a matter of each sequence's length; use "
            "convolution_mode='truncate', which leaves out what does not",
        ),
        (
            rg.Subsampling1DLayer(padding=1, convolution_mode="causal"),
            "padding=1 and convolution_mode='causal', which pads by itself; leave padding out, or use convolution_mode='truncate'",
        ),
        (rg.Subsampling1DLayer(padding=2), f"padding=2 of the length {EMPTY}"),
        (
            rg.Convolution1DLayer(2, n_out=2, mask_mode="reset"),
            "mask_mode='reset' sets a recurrent layer's state to 0, and this layer has none; use mask_mode='hold' (reads 0) or 'ignore'",
        ),
    ],
)  # fmt: skip
def test_layers_over_time_that_do_not_fit(layer: Any, message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(f'layers[0] ({layer.tag()}): {message}')}$"):
        MultiLayerConfiguration(layers=[layer], input_type=InputType.recurrent(2, 3))


def refused(message: str, make: Any) -> None:
    with pytest.raises(rg.ConfigurationError, match=re.escape(message)):
        make()


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    (rg.ConvolutionLayer, {"n_out": 1, "kernel_size": "3"}, "kernel_size='3': expected (height, width), or one number for both"),
    (rg.ConvolutionLayer, {"n_out": 1, "stride": (1, 2, 3)}, "stride=(1, 2, 3): expected (height, width), or one number for both"),
    (rg.ConvolutionLayer, {"n_out": 1, "stride": (1, 0)}, "stride[1]=0: expected a number of at least 1"),
    (
        rg.ConvolutionLayer,
        {"n_out": 1, "convolution_mode": "sam"},
        "convolution_mode='sam': expected one of truncate, same, strict; did you mean 'same'?",
    ),
    (rg.SubsamplingLayer, {"convolution_mode": "causal"}, "convolution_mode='causal': expected one of truncate, same, strict"),
    (rg.SubsamplingLayer, {"pooling_type": "mean"}, "pooling_type='mean': expected one of max, avg, sum, pnorm"),
    (rg.Convolution1DLayer, {"n_out": 1}, "kernel_size is missing; give kernel_size=... (steps of the kernel)"),
]


@pytest.mark.parametrize(("layer", "fields", "message"), MISTAKES)
def test_mistakes(layer: Any, fields: dict[str, Any], message: str) -> None:
    refused(f"{layer.__name__}: {message}", lambda: layer(**fields))


def test_names_of_other_systems() -> None:
    refused("ConvolutionLayer has no field 'filters'; write n_out", lambda: rg.ConvolutionLayer(n_out=1, filters=3))  # type: ignore[call-arg]
    refused("SubsamplingLayer has no field 'poolSize'; write kernel_size", lambda: rg.SubsamplingLayer(poolSize=3))  # type: ignore[call-arg]


def test_images_have_to_come_from_somewhere() -> None:
    missing = (
        "layers[0] (ConvolutionLayer): the size of the images is missing; give the network input_type=InputType.convolutional(height, "
    )
    refused(missing, lambda: MultiLayerConfiguration(layers=[rg.ConvolutionLayer(n_out=1)]))
    series = (
        "layers[1] (ConvolutionLayer): takes images, but layers[0] (LSTM) gives time series [N, 8, T]; give input_type="
        "InputType.convolutional(height, width, channels), or put RnnToCnnPreProcessor or FeedForwardToCnnPreProcessor in front"
    )
    layers = [rg.LSTM(n_in=2, n_out=8), rg.ConvolutionLayer(2, n_out=1)]
    refused(series, lambda: MultiLayerConfiguration(layers=layers))
    assert MultiLayerConfiguration(layers=layers, preprocessors={1: rg.RnnToCnnPreProcessor(2, 2, 2)}).layers[1].n_in == 2


def test_windows_hold_where_the_layers_of_the_network_reset() -> None:
    layers = [rg.Convolution1DLayer(2, n_in=2, n_out=2), rg.LSTM(n_out=2)]
    config = MultiLayerConfiguration(layers=layers, mask_mode="reset")
    assert [layer.mask_mode for layer in config.layers] == ["hold", "reset"]
    assert MultiLayerConfiguration.from_json(config.to_json()) == config
