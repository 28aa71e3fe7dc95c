"""Streams of random numbers: each use has its own, which no other use and no generator of the user's repeats."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Use(IntEnum):
    """What random numbers are drawn for, besides initial parameters."""

    NOISE = 1
    ORDER = 2
    SPLIT = 3


def stream(seed: int, use: Use, *numbers: int) -> np.random.Generator:
    """The generator for one ``use`` of a ``seed``, for these ``numbers`` of iteration, epoch, layer.

    They are a spawn key, not part of the seed: numpy fills a seed up with zeros, so that [0], [0, 0] and [0, 0, 0] are the same stream.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(use, *numbers)))
