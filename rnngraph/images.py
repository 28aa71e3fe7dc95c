"""Checks of the images and videos that callers give: numpy only, for the network and for the runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric, ready
from rnngraph.errors import InputError


def as_images(
    x: ArrayLike, frame: tuple[int, int, int], data_type: str = "float32", name: str = "x", step_allowed: bool = False, time: bool = True
) -> np.ndarray:
    """Video [N, C, H, W, T] for a ``frame`` (H, W, C), or without a time axis images [N, C, H, W].

    The same memory is taken as [N, C · H · W, T], or [N, C · H · W]. Of a video [N, C, H, W] is one frame, and comes back with T = 1; with
    ``step_allowed`` [N, C · H · W] is one too. Raises InputError for another type or shape, and where there is no row or frame.
    """
    height, width, channels = frame
    size = channels * height * width
    array = ready(as_numeric(x, name), data_type)
    axes, given = (channels, height, width), array.shape
    wanted = [(*axes, None), (size, None), axes] if time else [axes, (size,)]
    if time and step_allowed:
        wanted.append((size,))
    if not array.size or not any(_fits(given[1:], form) for form in wanted):
        raise InputError(_message(given, frame, name, step_allowed, time))
    steps = given[-1] if time and len(given) in (3, 5) else 1
    return array.reshape(len(array), *axes, *([steps] if time else []))


def _fits(given: tuple[int, ...], form: tuple[int | None, ...]) -> bool:
    return len(given) == len(form) and all(f is None or f == g for f, g in zip(form, given, strict=True))


def _message(given: tuple[int, ...], frame: tuple[int, int, int], name: str, step_allowed: bool, time: bool) -> str:
    """What does not fit, and the transpose where the channels stand last."""
    height, width, channels = frame
    size, images = channels * height * width, f"[N, {channels}, {height}, {width}"
    expected = f"{images}, T] or [N, {size}, T], one frame as {images}]" if time else f"{images}] or [N, {size}]"
    if time and step_allowed:
        expected += f" or [N, {size}]"
    message = (
        f"{name} has shape {list(given)}; expected {'video' if time else 'images'} {expected}, with at least one row{' and frame' * time}"
    )
    if given[1:] == (height, width, channels):
        return f"{message}. If it is [N, H, W, C], give {name}.transpose(0, 3, 1, 2)"
    if time and given[2:] == (height, width, channels):
        return f"{message}. If it is [N, T, H, W, C], give {name}.transpose(0, 4, 2, 3, 1)"
    if time and given[2:] == (channels, height, width):
        return f"{message}. If it is [N, T, C, H, W], give {name}.transpose(0, 2, 3, 4, 1)"
    return message
