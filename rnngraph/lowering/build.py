"""From a configuration to its graph: the border, layers and vertices in order, the outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from rnngraph.conf import ComputationGraphConfiguration, NetworkConfiguration
from rnngraph.conf.ports import Head, Link
from rnngraph.conf.vertices import GraphVertex
from rnngraph.errors import ConfigurationError, GraphError
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.verify import verify
from rnngraph.lowering.border import LabelsMask, enter, labels_of, leave, time_symbols
from rnngraph.lowering.context import Context
from rnngraph.lowering.dropout import lower_layer
from rnngraph.lowering.flow import Flow, Flows
from rnngraph.lowering.parameters import parameter_shapes  # noqa: F401  (loads the families)
from rnngraph.lowering.preprocessors import lower_preprocessor
from rnngraph.lowering.registry import buffers_of
from rnngraph.lowering.vertices import lower_vertex


def lower(
    config: NetworkConfiguration,
    *,
    features_mask: bool | Collection[str] = False,
    labels_mask: LabelsMask | Sequence[LabelsMask] = False,
    loss: bool = False,
    training: bool | None = None,
    backward_steps: int | None = None,
) -> Graph:
    """The graph of ``config`` as a pure function.

    Inputs ``x`` [N, F, T] ([N, F] where the network has no time axis; ids int64 [N, T] and [N, 1]; video [N, C, H, W, T], images
    [N, C, H, W]), ``features_mask`` [N, T] on request, parameters ``0.W``, buffers ``2.mean`` and states ``state_00_h`` [N, H]; outputs
    ``y`` and ``next_state_00_h``. With ``loss`` also inputs ``labels`` (shaped as y), on request ``labels_mask`` ([N, T], or [N, 1] where
    y is [N, C]; with ``labels_mask="outputs"`` shaped as y), and the output ``loss``, the sum over rows and steps.

    The graph of a ComputationGraphConfiguration has its inputs and outputs under their names, ``features_mask_<input>``,
    ``labels_<output>``, ``labels_mask_<output>`` and parameters ``<vertex>.W``; states are numbered in topological order.
    ``features_mask`` may name the inputs that have one (True: all with a time axis), ``labels_mask`` be one for each output; the loss is
    the sum of all outputs'. Inputs whose lengths do not have to agree have time axes of their own, ``T_<input>``.

    With ``training`` (left out: with ``loss``) it is the graph that training differentiates: dropout and weight noise take noise,
    and rates with a schedule their value, as inputs, batch normalisation uses the minibatch's statistics and gives updates of its buffers.
    With ``backward_steps`` recurrent layers pass a gradient at that many steps at the end alone, of sequences that are longer.

    A features mask without a labels mask masks the loss of a time series too. Raises GraphError for masks that the network has no use
    for, ConfigurationError for the loss of a network without output layer.
    """
    masked = _masked(config, features_mask)
    labels_masks = _labels_masks(config, labels_mask, loss)
    graph = Graph(config.data_type)
    graph.layer_names = config.layer_names
    context = Context(graph, config, loss if training is None else training, backward_steps)
    symbols = time_symbols(config)
    flows: dict[str, Flows] = {e.name: (enter(e, graph, symbols.get(e.name), e.name in masked),) for e in config.entries}
    borders = {name: parts[0] for name, parts in flows.items()}
    heads = {head.index: (head, mask) for head, mask in zip(config.heads, labels_masks, strict=True)}
    for link in config.links:
        given = [flows[source] for source in link.inputs]
        context.enter(link.index)
        with _named(config, link):
            if isinstance(link.content, GraphVertex):
                flows[link.name] = lower_vertex(link.content, context, given, borders)
            else:
                flows[link.name] = _layer(link, context, given[0], heads.get(link.index) if loss else None)
    graph.prefix = ""
    for head in config.heads:
        graph.output(head.name, "output", leave(head, _single(head, flows[config.layer_names[head.index]]).value), head.index)
    _finish(graph, context)
    return graph


@contextmanager
def _named(config: NetworkConfiguration, link: Link) -> Iterator[None]:
    """A graph may join what does not fit, which only its shapes tell: the error names the vertex."""
    try:
        yield
    except GraphError as error:
        if isinstance(config, ComputationGraphConfiguration):
            raise ConfigurationError(f"{config.layer_label(link.index)}: {error}") from error
        raise


def _layer(link: Link, context: Context, given: Flows, head: tuple[Head, LabelsMask] | None) -> Flows:
    """What a layer gives for each of the stacked flows: one, as a rule."""
    out = []
    if len(given) > 1 and not all(b.fixed for b in buffers_of(link.content)):
        raise ConfigurationError(f"{context.label}: keeps statistics, which stacked examples do not share; put it before the stack")
    for part, flow in enumerate(given):
        context.turn(flow, part)
        if link.preprocessor is not None:
            flow = flow.with_value(lower_preprocessor(link.preprocessor, context.graph, flow.value))
        if head is not None:
            _single(head[0], given)
            context.labels, context.loss_mask = labels_of(head[0], context.graph, flow, head[1])
        y = lower_layer(link.content, context, flow.value)
        context.labels = context.loss_mask = None
        out.append(_behind(flow, y, context))
    return tuple(out)


def _behind(flow: Flow, y: Value, context: Context) -> Flow:
    """What flows behind a layer: its mask, and the mask of labels, which is the given one while the length stays."""
    timed = flow.value.shape[0] == y.shape[0]
    return replace(flow, value=y, mask=context.mask, clean=context.clean, given=flow.given if timed else context.mask)


def _single(head: Head, flows: Flows) -> Flow:
    """The one flow of an output. ConfigurationError where examples are stacked there."""
    if len(flows) > 1:
        raise ConfigurationError(
            f"output {head.name!r}: the examples of {len(flows)} inputs are stacked there; put an UnstackVertex in front of it for each"
        )
    return flows[0]


def _finish(graph: Graph, context: Context) -> None:
    """The other outputs, and the check of the whole."""
    if context.losses:
        total = context.losses[0]
        for one in context.losses[1:]:
            total = total + one
        graph.output("loss", "loss", total)
    for name, value, index in context.next_states:
        graph.output(name, "next_state", value, index)
    for name, value, index in context.buffer_updates:
        graph.output(name, "buffer_update", value, index)
    verify(graph)


def _masked(config: NetworkConfiguration, features_mask: bool | Collection[str]) -> Collection[str]:
    """The inputs that have a mask. GraphError for one without a time axis, and for True where no input has one."""
    timed = [entry.name for entry in config.entries if entry.has_time]
    if isinstance(features_mask, bool):
        if features_mask and not timed:
            raise GraphError("features_mask=True: the network's input [N, F] has no time axis to mask; leave the mask out")
        return timed if features_mask else ()
    unknown = [name for name in features_mask if name not in timed]
    if unknown:
        raise GraphError(f"features_mask: {unknown[0]!r} is no input with a time axis; those are {', '.join(timed) or 'none'}")
    return features_mask


def _labels_masks(config: NetworkConfiguration, labels_mask: LabelsMask | Sequence[LabelsMask], loss: bool) -> Sequence[LabelsMask]:
    """One for each output. Errors as :func:`lower`."""
    heads = config.heads
    masks = (labels_mask,) * len(heads) if isinstance(labels_mask, (bool, str)) else tuple(labels_mask)
    without = [head for head in heads if not head.layer.has_loss]
    if loss and without:
        raise ConfigurationError(
            f"{config.layer_label(without[0].index)}: the network does not end in a layer with a loss, "
            "so it has no score and cannot be trained; "
            "end it in OutputLayer, RnnOutputLayer or RnnLossLayer"
        )
    if any(masks) and not loss:
        raise GraphError("labels_mask=True: only the training graph reads labels; pass loss=True as well")
    return masks
