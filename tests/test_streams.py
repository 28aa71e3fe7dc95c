"""Streams of random numbers: none repeats another, nor what a user or the initial parameters draw from the same seed."""

from __future__ import annotations

from itertools import product

import numpy as np

import rnngraph as rg
from rnngraph.lowering import lower
from rnngraph.streams import Use, stream
from rnngraph.training.noise import draw


def test_no_two_streams_are_the_same() -> None:
    """Seeds beyond 32 bits are several words to numpy, and zeros at the end of a seed are none."""
    seeds, numbers = (0, 1, 5, 2**32, 2**32 + 5, 2**64 - 1), [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0)]
    first = {stream(seed, use, *given).random() for seed, use, given in product(seeds, Use, numbers)}
    users = {np.random.default_rng([seed, *given]).random() for seed, given in product(seeds, [*numbers, (1, 0, 0), (2, 0)])}
    assert len(first) == len(seeds) * len(Use) * len(numbers)
    assert not first & users


def test_noise_does_not_repeat_initial_weights() -> None:
    """Drop-connect of the largest weights alone is what one stream for both would give."""
    layer = rg.DenseLayer(n_in=50, n_out=40, weight_init="uniform", weight_noise=rg.DropConnect(retain=0.5))
    config = rg.MultiLayerConfiguration(layers=[layer, rg.OutputLayer(n_out=2)], data_type="float64")
    weights = rg.MultiLayerNetwork(config).parameters()["0.W"]
    (noise,) = (t.numpy() for name, t in draw(lower(config, loss=True), {"N": 1}, config.seed, 0).items() if t.shape == weights.shape)
    assert abs(np.corrcoef(weights.ravel(), noise.ravel())[0, 1]) < 5 / np.sqrt(weights.size)
