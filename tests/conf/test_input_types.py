from __future__ import annotations

import pytest

from rnngraph.conf import FeedForwardInput, InputType, RecurrentInput
from rnngraph.errors import ConfigurationError


def test_time_series() -> None:
    given = InputType.recurrent(12, timesteps=100)
    assert given == RecurrentInput(size=12, timesteps=100)
    assert (given.size, given.timesteps, given.has_time) == (12, 100, True)
    assert InputType.recurrent(12).timesteps is None


def test_vectors() -> None:
    given = InputType.feed_forward(12)
    assert given == FeedForwardInput(size=12)
    assert (given.size, given.has_time) == (12, False)


def test_sizes_are_checked() -> None:
    with pytest.raises(ConfigurationError, match=r"^RecurrentInput: size=0: expected a number of at least 1 \(features per step\)$"):
        InputType.recurrent(0)
    with pytest.raises(ConfigurationError, match=r"^RecurrentInput: timesteps=-1: expected a number of at least 1"):
        InputType.recurrent(3, -1)
    with pytest.raises(ConfigurationError, match=r"^FeedForwardInput: size='3': expected a whole number"):
        InputType.feed_forward("3")  # type: ignore[arg-type]


def test_images() -> None:
    given = InputType.convolutional(4, 3, 2)
    assert (given.size, given.frame, given.has_time, given.layout) == (24, (4, 3, 2), False, "[N, 2, 4, 3]")
    flat = InputType.convolutional_flat(4, 3, 2)
    assert (flat.size, flat.frame, flat.has_time, flat.layout) == (24, (4, 3, 2), False, "[N, 24]")
    video = given.replaced(at_each_step=True)
    assert (video.has_time, video.layout, flat.replaced(at_each_step=True).layout) == (True, "[N, 2, 4, 3, T]", "[N, 24, T]")
    with pytest.raises(ConfigurationError, match=r"^ConvolutionalInput: height=0: expected a number of at least 1 \(rows of an image\)$"):
        InputType.convolutional(0, 3, 2)
