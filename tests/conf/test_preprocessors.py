"""Preprocessors: what is inserted where, what stands by hand, and what does not fit."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import FeedForwardInput, InputType, MultiLayerConfiguration

SERIES = InputType.recurrent(24)
VECTORS = FeedForwardInput(size=24)
EACH = FeedForwardInput(size=24, at_each_step=True)
FLAT = InputType.convolutional_flat(4, 3, 2)
IMAGES = InputType.convolutional(4, 3, 2)
VIDEO, FLAT_VIDEO = (flow.replaced(at_each_step=True) for flow in (IMAGES, FLAT))
FRAME: Any = {"height": 4, "width": 3, "channels": 2}

DENSE = rg.DenseLayer(n_out=3)
LSTM = rg.LSTM(n_out=3)
CONVOLUTION = rg.ConvolutionLayer(2, n_out=3)


@pytest.mark.parametrize(
    ("layer", "flow", "expected"),
    [
        # DL4J's table, row by row: feed-forward layers, time layers, layers over images, and those that take anything.
        (DENSE, VECTORS, None),
        (DENSE, EACH, None),
        (DENSE, FLAT, None),
        (DENSE, IMAGES, rg.CnnToFeedForwardPreProcessor(**FRAME)),
        (DENSE, VIDEO, rg.CnnToFeedForwardPreProcessor(**FRAME)),
        (DENSE, SERIES, rg.RnnToFeedForwardPreProcessor()),
        (rg.OutputLayer(n_out=3), IMAGES, rg.CnnToFeedForwardPreProcessor(**FRAME)),
        (rg.OutputLayer(n_out=3), SERIES, None),  # an error follows: it takes vectors
        (LSTM, VECTORS, None),
        (LSTM, EACH, rg.FeedForwardToRnnPreProcessor()),
        (LSTM, FLAT_VIDEO, rg.FeedForwardToRnnPreProcessor()),
        (LSTM, VIDEO, rg.CnnToRnnPreProcessor(**FRAME)),
        (LSTM, SERIES, None),
        (rg.LastTimeStep(LSTM), VIDEO, rg.CnnToRnnPreProcessor(**FRAME)),
        (rg.Convolution1DLayer(2, n_out=3), EACH, rg.FeedForwardToRnnPreProcessor()),
        (rg.Subsampling1DLayer(), VIDEO, rg.CnnToRnnPreProcessor(**FRAME)),
        (rg.RnnOutputLayer(n_out=3), EACH, rg.FeedForwardToRnnPreProcessor()),
        (rg.RnnLossLayer(), VIDEO, rg.CnnToRnnPreProcessor(**FRAME)),
        (CONVOLUTION, VECTORS, None),
        (CONVOLUTION, FLAT, rg.FeedForwardToCnnPreProcessor(**FRAME)),
        (CONVOLUTION, FLAT_VIDEO, rg.FeedForwardToCnnPreProcessor(**FRAME)),
        (CONVOLUTION, IMAGES, None),
        (CONVOLUTION, SERIES, None),
        (rg.SubsamplingLayer(), FLAT, rg.FeedForwardToCnnPreProcessor(**FRAME)),
        (rg.GlobalPoolingLayer(), EACH, rg.FeedForwardToRnnPreProcessor()),
        (rg.GlobalPoolingLayer(), IMAGES, None),
        (rg.GlobalPoolingLayer(), SERIES, None),
        (rg.ActivationLayer(), VIDEO, None),
        (rg.ActivationLayer(), SERIES, None),
        (rg.DropoutLayer(rg.Dropout(retain=0.5)), IMAGES, None),
        (rg.BatchNormalization(), FLAT, rg.FeedForwardToCnnPreProcessor(**FRAME)),
        (rg.BatchNormalization(), IMAGES, None),
        (rg.BatchNormalization(), SERIES, None),
    ],
)
def test_what_is_inserted(layer: Any, flow: InputType, expected: Any) -> None:
    assert layer.preprocessor(flow) == expected


def test_inserted_and_by_hand_in_a_configuration() -> None:
    layers = [CONVOLUTION, DENSE, LSTM, DENSE, rg.RnnOutputLayer(n_out=2)]
    config = MultiLayerConfiguration(layers=layers, input_type=FLAT)
    assert config.preprocessors == {
        0: rg.FeedForwardToCnnPreProcessor(**FRAME),
        1: rg.CnnToFeedForwardPreProcessor(3, 2, 3),
        2: rg.FeedForwardToRnnPreProcessor(),
        3: rg.RnnToFeedForwardPreProcessor(),
        4: rg.FeedForwardToRnnPreProcessor(),
    }
    assert config.flow == FLAT_VIDEO
    assert config.input_type == FLAT
    by_hand = MultiLayerConfiguration(layers=layers, input_type=FLAT, preprocessors={4: rg.FeedForwardToRnnPreProcessor()})
    assert by_hand == config
    for text, read in ((config.to_json(), MultiLayerConfiguration.from_json), (config.to_yaml(), MultiLayerConfiguration.from_yaml)):
        assert read(text) == config


def test_without_an_input_type_they_are_inserted_too() -> None:
    config = MultiLayerConfiguration(layers=[rg.LSTM(n_in=5, n_out=3), DENSE, rg.RnnOutputLayer(n_out=2)])
    assert config.preprocessors == {1: rg.RnnToFeedForwardPreProcessor(), 2: rg.FeedForwardToRnnPreProcessor()}
    images = MultiLayerConfiguration(
        layers=[CONVOLUTION, rg.OutputLayer(n_out=2)], preprocessors={0: rg.FeedForwardToCnnPreProcessor(4, 3, 2)}
    )
    assert images.input_type == FLAT
    video = MultiLayerConfiguration(layers=[CONVOLUTION, LSTM], preprocessors={0: rg.RnnToCnnPreProcessor(4, 3, 2)})
    assert (video.input_type, video.preprocessors[1]) == (SERIES, rg.CnnToRnnPreProcessor(3, 2, 3))


def test_other_layers_find_other_preprocessors() -> None:
    """What was inserted is no longer there when layers change; what stands by hand stays."""
    config = MultiLayerConfiguration(layers=[CONVOLUTION, LSTM], input_type=IMAGES)
    assert set(config.preprocessors) == {1}
    changed = config.replaced(layers=[CONVOLUTION, CONVOLUTION, rg.OutputLayer(n_out=2)])
    assert changed.preprocessors == {2: rg.CnnToFeedForwardPreProcessor(2, 1, 3)}
    assert not changed.starts_in_time_series
    flat = {1: rg.CnnToFeedForwardPreProcessor(3, 2, 3), 2: rg.FeedForwardToRnnPreProcessor()}
    by_hand = MultiLayerConfiguration(layers=[CONVOLUTION, rg.ActivationLayer(), LSTM], input_type=IMAGES, preprocessors=flat)
    assert by_hand.replaced(seed=3).preprocessors == flat
    assert by_hand.replaced(layers=[CONVOLUTION, rg.ActivationLayer(), rg.SimpleRnn(n_out=2)]).preprocessors == flat


HAND = "leave it out (what is needed is inserted), or correct its sizes"


@pytest.mark.parametrize(
    ("layers", "input_type", "preprocessors", "message"),
    [
        (
            [CONVOLUTION, LSTM], IMAGES, {1: rg.CnnToRnnPreProcessor(4, 3, 2)},
            "preprocessors[1] (CnnToRnnPreProcessor): takes video, [N, 2, 4, 3, T] (height=4, width=3, channels=2), but gets video "
            f"[N, 3, 3, 2, T] (height=3, width=2, channels=3); {HAND}",
        ),
        (
            [LSTM], InputType.recurrent(23), {0: rg.RnnToCnnPreProcessor(4, 3, 2)},
            "preprocessors[0] (RnnToCnnPreProcessor): takes time series, [N, 24, T] (height=4, width=3, channels=2), but gets time series "
            f"[N, 23, T]; {HAND}",
        ),
        (
            [DENSE], InputType.feed_forward(23), {0: rg.FeedForwardToCnnPreProcessor(4, 3, 2)},
            "preprocessors[0] (FeedForwardToCnnPreProcessor): takes vectors, [N, 24] (height=4, width=3, channels=2), but gets vectors "
            f"[N, 23]; {HAND}",
        ),
        (
            [DENSE], FLAT, {0: rg.CnnToFeedForwardPreProcessor(4, 3, 2)},
            "preprocessors[0] (CnnToFeedForwardPreProcessor): takes images, [N, 2, 4, 3] (height=4, width=3, channels=2), but gets flat "
            f"images [N, 24] (height=4, width=3, channels=2); {HAND}",
        ),
        (
            [rg.LSTM(n_in=24, n_out=2)], None, {0: rg.FeedForwardToRnnPreProcessor()},
            "preprocessors[0] (FeedForwardToRnnPreProcessor): takes one vector at each step, [N, F, T], but gets time series [N, 24, T]; "
            f"{HAND}",
        ),
        (
            [DENSE], IMAGES, {0: rg.RnnToFeedForwardPreProcessor()},
            "preprocessors[0] (RnnToFeedForwardPreProcessor): takes time series, [N, F, T], but gets images [N, 2, 4, 3] (height=4, "
            f"width=3, channels=2); {HAND}",
        ),
        (
            [DENSE], FLAT, {0: rg.FeedForwardToCnnPreProcessor(4, 3, 2)},
            "layers[0] (DenseLayer): takes no images, but the preprocessor in front of it gives images [N, 2, 4, 3] (height=4, width=3, "
            "channels=2); leave that out, what is needed is inserted",
        ),
        (
            [DENSE], VECTORS, {2: rg.RnnToFeedForwardPreProcessor()},
            "preprocessors[2] (RnnToFeedForwardPreProcessor): there is no layer 2 for it to stand in front of; layers go from 0 to 0",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(layers: list[Any], input_type: Any, preprocessors: dict[int, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        MultiLayerConfiguration(layers=layers, input_type=input_type, preprocessors=preprocessors)


def test_other_spellings() -> None:
    with pytest.raises(rg.ConfigurationError, match=r"^CnnToRnnPreProcessor has no field 'inputHeight'; write height$"):
        rg.CnnToRnnPreProcessor(inputHeight=3, width=2, channels=1)  # type: ignore[call-arg]
    with pytest.raises(rg.ConfigurationError, match=r"^RnnToCnnPreProcessor has no field 'numChannels'; write channels$"):
        rg.RnnToCnnPreProcessor(height=3, width=2, channels=1, numChannels=2)  # type: ignore[call-arg]
