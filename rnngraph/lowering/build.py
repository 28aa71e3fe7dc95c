"""From a configuration to its graph: the border, the layers in order, the outputs."""

from __future__ import annotations

from typing import Literal

from rnngraph.conf import ConvolutionalInput, MultiLayerConfiguration
from rnngraph.errors import ConfigurationError, GraphError
from rnngraph.ir.cell import greater
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.types import Dim, N, T, TensorType, floats
from rnngraph.ir.verify import verify
from rnngraph.lowering.context import Context
from rnngraph.lowering.dropout import lower_layer
from rnngraph.lowering.parameters import parameter_shapes  # noqa: F401  (loads the families)
from rnngraph.lowering.preprocessors import lower_preprocessor

LabelsMask = bool | Literal["outputs"]
"""Whether there is a labels mask; "outputs": one that masks single outputs."""


def lower(
    config: MultiLayerConfiguration,
    *,
    features_mask: bool = False,
    labels_mask: LabelsMask = False,
    loss: bool = False,
    training: bool | None = None,
    backward_steps: int | None = None,
) -> Graph:
    """The graph of ``config`` as a pure function.

    Inputs ``x`` [N, F, T] ([N, F] where the network has no time axis; ids int64 [N, T] and [N, 1]; video [N, C, H, W, T], images
    [N, C, H, W]), ``features_mask`` [N, T] on request, parameters ``0.W``, buffers ``2.mean`` and states ``state_00_h`` [N, H]; outputs
    ``y`` and ``next_state_00_h``. With ``loss`` also inputs ``labels`` (shaped as y), on request ``labels_mask`` ([N, T], or [N, 1] where
    y is [N, C]; with ``labels_mask="outputs"`` shaped as y), and the output ``loss``, the sum over rows and steps.

    With ``training`` (left out: with ``loss``) it is the graph that training differentiates: dropout and weight noise take noise,
    and rates with a schedule their value, as inputs, batch normalisation uses the minibatch's statistics and gives updates of its buffers.
    With ``backward_steps`` recurrent layers pass a gradient at that many steps at the end alone, of sequences that are longer.

    A features mask without a labels mask masks the loss of a time series too. Raises GraphError for masks that the network has no use
    for, ConfigurationError for the loss of a network without output layer.
    """
    _check(config, features_mask, labels_mask, loss)
    graph = Graph(config.data_type)
    context = Context(graph, len(config.layers), loss if training is None else training, backward_steps)
    x = _border(config, context, features_mask)
    given = context.mask
    for index, stage in enumerate(config.stages):
        context.enter(index, stage.layer)
        if stage.preprocessor is not None:
            x = lower_preprocessor(stage.preprocessor, graph, x)
        if loss and stage.layer.has_loss:
            _labels(config, context, labels_mask, x, given)
        x = lower_layer(stage.layer, context, x)
    graph.prefix = ""
    graph.output("y", "output", _outside(config, x), len(config.layers) - 1)
    if context.loss is not None:
        graph.output("loss", "loss", context.loss)
    for name, value, index in context.next_states:
        graph.output(name, "next_state", value, index)
    for name, value, index in context.buffer_updates:
        graph.output(name, "buffer_update", value, index)
    verify(graph)
    return graph


def _check(config: MultiLayerConfiguration, features_mask: bool, labels_mask: LabelsMask, loss: bool) -> None:
    if features_mask and not config.starts_in_time_series:
        raise GraphError("features_mask=True: the network's input [N, F] has no time axis to mask; leave the mask out")
    last = config.layers[-1]
    if loss and not last.has_loss:
        raise ConfigurationError(
            f"layers[{len(config.layers) - 1}] ({last.tag()}): the network does not end in a layer with a loss, "
            "so it has no score and cannot be trained; "
            "end it in OutputLayer, RnnOutputLayer or RnnLossLayer"
        )
    if labels_mask and not loss:
        raise GraphError("labels_mask=True: only the training graph reads labels; pass loss=True as well")


def _border(config: MultiLayerConfiguration, context: Context, features_mask: bool) -> Value:
    """The input as [T, N, F] (ids [T, N], video [T, N, H, W, C]), and the mask."""
    graph, flow = context.graph, config.flow
    if features_mask:
        context.mask = _steps(graph, "features_mask", T, of="x")
        context.clean = False
    if isinstance(flow, ConvolutionalInput):
        height, width, channels = flow.frame
        x = graph.input("x", "input", floats(N, channels, height, width, *([T] if flow.has_time else [])))
        return graph.add("transpose", [x], "x_images", order=(4, 0, 2, 3, 1) if flow.has_time else (0, 2, 3, 1))
    if not config.starts_in_time_series:
        if config.ids is not None:
            return graph.add("squeeze", [graph.input("x", "input", TensorType("int64", (N, 1)), ids=config.ids)], "ids", axis=-1)
        return graph.input("x", "input", floats(N, config.n_in))
    x = graph.input("x", "input", floats(N, config.n_in, T) if config.ids is None else TensorType("int64", (N, T)), ids=config.ids)
    return graph.add("transpose", [x], "x_steps", order=(1, 0) if config.ids is not None else (2, 0, 1))


def _outside(config: MultiLayerConfiguration, x: Value) -> Value:
    """The output as callers get it: [N, C, T], images [N, C, H, W], video [N, C, H, W, T]."""
    time = config.ends_in_time_series
    if isinstance(config.stages[-1].gives, ConvolutionalInput):
        return x.block.add("transpose", [x], "y", order=(1, 4, 2, 3, 0) if time else (0, 3, 1, 2))
    return x.block.add("transpose", [x], "y", order=(1, 2, 0)) if time else x


def _labels(config: MultiLayerConfiguration, context: Context, labels_mask: LabelsMask, x: Value, features_mask: Value | None) -> None:
    """The labels as [T, N, C] or [N, C], and which of them count; ``x`` is what the output layer gets.

    Without a mask of their own the features mask masks labels of a time series: as it was given, or what became of it on the way where
    the series became shorter.
    """
    graph, width, prefix = context.graph, config.n_out, context.graph.prefix
    graph.prefix = ""
    if config.ends_in_time_series:
        steps = x.shape[0]
        labels = graph.input("labels", "label", floats(N, width, steps))
        context.labels = graph.add("transpose", [labels], "labels_steps", order=(2, 0, 1))
        context.loss_mask = context.mask if features_mask is None or steps != T else features_mask
        if labels_mask == "outputs":
            outputs = graph.add("transpose", [graph.input("labels_mask", "mask", floats(N, width, steps), of="labels")], order=(2, 0, 1))
            context.loss_mask = greater(outputs, 0.5)
        elif labels_mask:
            context.loss_mask = _steps(graph, "labels_mask", steps, of="labels")
    else:
        context.labels = graph.input("labels", "label", floats(N, width))
        given = floats(N, width if labels_mask == "outputs" else 1)
        context.loss_mask = greater(graph.input("labels_mask", "mask", given, of="labels"), 0.5) if labels_mask else None
    graph.prefix = prefix


def _steps(graph: Graph, name: str, count: Dim, of: str) -> Value:
    """Mask input [N, T] of the input ``of`` as bool [T, N, 1]."""
    given = graph.input(name, "mask", floats(N, count), of=of)
    steps = graph.add("transpose", [given], order=(1, 0))
    return graph.add("unsqueeze", [graph.add("greater", [steps, 0.5])], f"{name}_steps", axis=-1)
