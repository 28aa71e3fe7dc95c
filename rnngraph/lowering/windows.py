"""What convolution and pooling share: the attributes of their ops, what came before in a stream, and the mask where the length changes."""

from __future__ import annotations

from typing import Any

from rnngraph.conf.input_types import ConvolutionalInput
from rnngraph.conf.layers.windowed import ImageWindows, StepWindows
from rnngraph.ir.cell import greater
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context


def image_windows(layer: ImageWindows, x: Value) -> dict[str, Any]:
    """The attributes of a window that moves over x [..., H, W, C]."""
    height, width = (d for d in x.shape[-3:-1] if isinstance(d, int))
    image = ConvolutionalInput(height=height, width=width, channels=layer.n_in)
    return {"stride": layer.stride, "padding": layer.added(image), "dilation": layer.dilation}


def step_windows(layer: StepWindows, streams: bool) -> dict[str, Any]:
    """The attributes of a window that moves over x [T, N, F]; with ``streams`` the steps before stand in front, and nothing is padded."""
    padding: Any = layer.added(1)  # for all modes but "same", and there where the stride is 1, the same for any number of steps
    if layer.convolution_mode == "same" and layer.stride > 1:
        padding = "same"
    return {"stride": (layer.stride,), "padding": ((0, 0) if streams else padding,), "dilation": (layer.dilation,)}


def remembers(layer: StepWindows) -> bool:
    """Whether the layer streams by what came before: causal, and wider than a step."""
    return layer.causal and layer.reach > 1


def with_past(layer: StepWindows, context: Context, x: Value, initial: float = 0.0) -> Value:
    """``x`` behind the steps that came before, as many as a window reaches back: the state [N, steps, F]."""
    graph, count = context.graph, layer.reach - 1
    past = graph.add("transpose", [context.state("x", (count, layer.n_in), initial)], "past", order=(1, 0, 2))
    steps = graph.add("concat", [past, x], "steps", axis=0)
    context.next_state("x", graph.add("transpose", [graph.add("last_steps", [steps], "recent", count=count)], "next_x", order=(1, 0, 2)))
    return steps


def reduce_mask(layer: StepWindows, context: Context, x: Value, y: Value, windows: dict[str, Any]) -> None:
    """Where ``y`` has another length than ``x``, a step of it is real if any step in its window is (``cnn1dMaskReduction``)."""
    if context.mask is not None and x.shape[0] != y.shape[0]:
        graph = context.graph
        real = graph.add("cast", [context.mask], to="float")
        context.mask = greater(graph.add("pool", [real], "real", kind="max", kernel=(layer.kernel_size,), **windows), 0.5)
    context.clean = context.mask is None
