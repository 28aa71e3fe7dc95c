"""Windows that convolution and pooling move over their input: how they are given, how many fit, and what is padded.

The arithmetic is DL4J's (``org.deeplearning4j.util.ConvolutionUtils``): a kernel of k values with dilation d spans k + (k - 1)(d - 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from rnngraph.conf.fields import Count, plain
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

CONVOLUTION_MODES = ("truncate", "same", "strict")
STEP_MODES = (*CONVOLUTION_MODES, "causal")
"""truncate: whole windows only; same: as many values as strides, padded on both sides; strict: as truncate, and nothing may be left over;
causal (over time): padded in front, so that no output needs a later step."""

ConvolutionMode = Annotated[Literal["truncate", "same", "strict"], BeforeValidator(lambda v: spell(v, CONVOLUTION_MODES))]
StepMode = Annotated[Literal["truncate", "same", "strict", "causal"], BeforeValidator(lambda v: spell(v, STEP_MODES))]


def pair(value: object) -> object:
    """One number for both axes, or two in a sequence; lists come out of JSON."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value), int(value)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError("expected (height, width), or one number for both")
    return tuple(map(plain, value))


Padding = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(plain)]
Counts = Annotated[tuple[Count, Count], BeforeValidator(pair)]
Paddings = Annotated[tuple[Padding, Padding], BeforeValidator(pair)]


def span(kernel: int, dilation: int) -> int:
    """How many values a window reaches over."""
    return kernel + (kernel - 1) * (dilation - 1)


def pads(mode: str, size: int, reach: int, stride: int, padding: int) -> tuple[int, int]:
    """What is added before and behind ``size`` values, for windows that span ``reach``."""
    if mode == "causal":
        return reach - 1, 0
    if mode != "same":
        return padding, padding
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def fitting(size: int, reach: int, stride: int, added: tuple[int, int]) -> int:
    """How many windows fit."""
    return (size + sum(added) - reach) // stride + 1


def check_modes(mode: str, padding: Iterable[int], stride: int | None = None) -> None:
    """ConfigurationError for settings that contradict each other; ``stride`` is that over time."""
    padding = tuple(padding)
    if mode in ("same", "causal") and any(padding):
        shown: Any = padding if len(padding) > 1 else padding[0]
        raise ConfigurationError(
            f"padding={shown} and convolution_mode={mode!r}, which pads by itself; leave padding out, or use convolution_mode='truncate'"
        )
    if mode == "strict" and stride is not None and stride > 1:
        raise ConfigurationError(
            f"convolution_mode='strict' and stride={stride}: whether whole strides fit is a matter of each sequence's length; "
            "use convolution_mode='truncate', which leaves out what does not"
        )


def check_fit(axis: str, mode: str, size: int, kernel: int, dilation: int, stride: int, added: tuple[int, int]) -> None:
    """ConfigurationError where no window fits along ``axis``, or in strict mode something is left over."""
    reach = span(kernel, dilation)
    have = f"{size} + {added[0]} + {added[1]} of padding" if any(added) else f"{size}"
    if reach > size + sum(added):
        dilated = f" with dilation {dilation} spans {reach}, which" if dilation > 1 else ""
        raise ConfigurationError(
            f"the kernel's {axis} {kernel}{dilated} is larger than the input's {axis} {have}; use a smaller kernel or more padding"
        )
    rest = (size + sum(added) - reach) % stride
    if mode == "strict" and rest:
        raise ConfigurationError(
            f"convolution_mode='strict': windows of {reach} at strides of {stride} leave {rest} over from the input's {axis} {have}; "
            "change kernel, stride or padding, or use convolution_mode='truncate'"
        )
