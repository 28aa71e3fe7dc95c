"""What DL4J does otherwise with a network that it reads: told once for each kind, when a network is written."""

from __future__ import annotations

import warnings
from typing import Any

from rnngraph.conf import AdaGrad, ComputationGraphConfiguration, Schedule, TruncatedBPTT
from rnngraph.conf.input_types import ConvolutionalFlatInput, ConvolutionalInput
from rnngraph.conf.layers import innermost
from rnngraph.conf.vertices import GraphVertex
from rnngraph.dl4j.masks import MODES, mask_mode
from rnngraph.dl4j.noise import UNDISTURBED
from rnngraph.dl4j.writing.problems import DL4JWarning
from rnngraph.dl4j.writing.spots import Configuration, spots

WRAPPERS_WITH_MASK = ("LastTimeStep", "MaskZeroLayer", "TimeDistributed")
"""Those that set the mask on what they hold."""


def warn_of_differences(config: Configuration) -> None:
    """A DL4JWarning for each kind of difference."""
    for told in (_masks(config), _truncated(config), _noise(config), _rates(config), _video(config)):
        if told:
            warnings.warn(told, DL4JWarning, stacklevel=3)


def _masks(config: Configuration) -> str:
    """Masks are no setting in DL4J: each class of layers does what it does."""
    found = [
        f"{config.layer_label(k)} has mask_mode={mode!r}, DL4J's {vertex.tag()} does 'ignore'"
        for k, vertex in enumerate(config.layers)
        if isinstance(vertex, GraphVertex) and (mode := getattr(vertex, "mask_mode", "ignore")) != "ignore" and _timed(config, k)
    ]
    found += [
        f"{spot.label} has mask_mode={layer.mask_mode!r}, DL4J's {layer.tag()} does {mode!r}"
        for spot in spots(config)
        if (layer := innermost(spot.layer)).tag() in MODES
        and spot.takes.has_time
        and (mode := mask_mode(layer.tag(), _is_set(spot.layer))) != layer.mask_mode
    ]
    return f"with a features mask DL4J computes something else: {'; '.join(found)}" if found else ""


def _timed(config: Configuration, index: int) -> bool:
    """Whether a vertex takes time series."""
    return isinstance(config, ComputationGraphConfiguration) and config.stages[index].takes[0].has_time


def _is_set(layer: Any) -> bool:
    while "layer" in type(layer).model_fields:
        if layer.tag() in WRAPPERS_WITH_MASK:
            return True
        layer = layer.layer
    return False


def _truncated(config: Configuration) -> str:
    if not isinstance(config.backprop, TruncatedBPTT):
        return ""
    return f"backprop=TruncatedBPTT({config.backprop.length}): DL4J's gradients over several segments are not those of its score"


def _noise(config: Configuration) -> str:
    """Layers that hold noise and do not apply it, and the slip by which noise on biases stays on."""
    found = []
    for spot in spots(config):
        layer: Any = innermost(spot.layer)
        held = [name for name in ("dropout", "weight_noise") if getattr(layer, name, None) is not None]
        if layer.tag() in UNDISTURBED:
            found += [f"{spot.label}: its {layer.tag()} applies no {name}" for name in held]
        elif "weight_noise" in held and layer.weight_noise.apply_to_biases:
            found.append(f"{spot.label}: it disturbs biases at inference too")
    return f"DL4J's noise is another: {'; '.join(found)}" if found else ""


def _rates(config: Configuration) -> str:
    found = [
        spot.label
        for spot in spots(config)
        for name in ("updater", "bias_updater")
        if isinstance(one := getattr(innermost(spot.layer), name, None), AdaGrad) and isinstance(one.learning_rate, Schedule)
    ]
    lost = "DL4J loses the schedule of an AdaGrad, and its first update makes all parameters NaN"
    return f"{lost}: {', '.join(found)}; give a number to train there" if found else ""


def _video(config: Configuration) -> str:
    flows = [entry.flow for entry in config.entries]
    if not any(isinstance(flow, (ConvolutionalInput, ConvolutionalFlatInput)) and flow.has_time for flow in flows):
        return ""
    return (
        "a video comes in: DL4J takes each image for a series of one step; with input_type=InputType.recurrent(height * width * channels) "
        "and preprocessors={0: RnnToCnnPreProcessor(height, width, channels)} it takes series of images as well"
    )
