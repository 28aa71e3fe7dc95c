"""Filling of a graph: from layers and vertices as written to those that stand in their network.

1. Layers with several inputs get a MergeVertex, ``<layer>-merge``, and all are brought into topological order, if they do not stand so.
2. What the network takes: ``input_types``, or what the layers and vertices behind an input say (:mod:`rnngraph.conf.graph_inputs`).
3. From front to back each layer gets its preprocessor and its place, and fills itself, as in a network of layers in a row.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnngraph.conf.backprop import Backprop, TruncatedBPTT
from rnngraph.conf.graph_ids import ids_of
from rnngraph.conf.graph_inputs import inferred_types
from rnngraph.conf.input_types import ConvolutionalFlatInput, ConvolutionalInput, InputType
from rnngraph.conf.layers.base import Layer, Place, WeightLayer
from rnngraph.conf.layers.output import loss_of
from rnngraph.conf.losses import misfit, weights_misfit
from rnngraph.conf.ports import Head
from rnngraph.conf.preprocessors import PreProcessor, described
from rnngraph.conf.topology import in_order
from rnngraph.conf.vertices import DuplicateToTimeSeriesVertex, GraphVertex, MergeVertex, StackVertex, UnstackVertex
from rnngraph.errors import ConfigurationError
from rnngraph.names import nearest

if TYPE_CHECKING:
    from rnngraph.conf.graph import ComputationGraphConfiguration, GraphNode

GENERATED = re.compile(r"(next_)?state_\d|(noise|rate)_\d|next_.*\.")
"""How names begin that the lowered graph makes up for states, noise and running statistics."""


@dataclass(frozen=True)
class GraphStage:
    """A layer or vertex in its network: its name and index, what comes in from where, the preprocessor, and what it gives."""

    name: str
    index: int
    layer: Any
    inputs: tuple[str, ...]
    given: tuple[InputType, ...]
    preprocessor: PreProcessor | None
    takes: tuple[InputType, ...]
    gives: InputType


def fill_graph(config: ComputationGraphConfiguration) -> tuple[dict[str, GraphNode], dict[str, InputType]]:
    """The filled layers and vertices in order, and the types of all inputs. Raises ConfigurationError that names the vertex."""
    _check_names(config)
    nodes = _merged(config.vertices)
    order = in_order(config.inputs, {name: node.inputs for name, node in nodes.items()})
    nodes = {name: nodes[name] for name in order}
    _check_use(config, nodes)
    starts = inferred_types(config.inputs, nodes, config.input_types)
    flows = {name: _flowing(name, flow, nodes) for name, flow in starts.items()}
    starts, filled = dict(flows), dict[str, Any]()
    for name, node in nodes.items():
        try:
            _check_clock(node, starts)
            filled[name], flows[name] = _filled(node, [flows[source] for source in node.inputs], config)
        except ConfigurationError as error:
            raise ConfigurationError(f"vertex {name!r} ({node.content.tag()}): {error}") from None
    ids_of(config.inputs, filled)
    return filled, starts


def _check_clock(node: GraphNode, starts: Mapping[str, InputType]) -> None:
    """ConfigurationError for a vertex that takes the time steps of an input that has none."""
    refers = node.content.refers_to if isinstance(node.content, GraphVertex) else None
    if refers is not None and not starts[refers].has_time:
        raise ConfigurationError(
            f"input={refers!r} of the network has no time axis: {described(starts[refers])}; name one that has, "
            f"or give input_types={{{refers!r}: InputType.recurrent({starts[refers].size})}}"
        )


def _filled(node: GraphNode, flows: Sequence[InputType], config: ComputationGraphConfiguration) -> tuple[GraphNode, InputType]:
    """The node with all that its place decides, and what it gives."""
    if isinstance(node.content, GraphVertex):
        if len(flows) > 1 and not node.content.several:
            raise ConfigurationError(f"it has the inputs {', '.join(node.inputs)}, but takes one")
        vertex = node.content.filled(config.mask_mode)
        return node.replaced(vertex=vertex), vertex.output_type(flows)
    given: PreProcessor | None = node.preprocessor
    preprocessor = given or node.layer.preprocessor(flows[0])
    flow = flows[0] if preprocessor is None else preprocessor.output_type(flows[0])
    layer = node.layer.filled(GraphPlace(flow, giver=repr(node.inputs[0])), config)
    return node.replaced(layer=layer, preprocessor=preprocessor), layer.output_type(flow)


@dataclass(frozen=True)
class GraphPlace(Place):
    """A layer's place in a graph: what comes in, and from whom."""

    giver: str = ""

    @property
    def source(self) -> str:
        """Who gives what comes in, for messages."""
        return self.giver

    @property
    def remedy(self) -> str:
        """How vectors become series."""
        return "put a DuplicateToTimeSeriesVertex in front of it, or give the network's input as a time series by input_types"


def graph_stages(config: ComputationGraphConfiguration) -> Iterator[GraphStage]:
    """The stages of a filled graph."""
    flows: dict[str, InputType] = dict(config.input_types)
    for index, (name, node) in enumerate(config.vertices.items()):
        given = tuple(flows[source] for source in node.inputs)
        takes = given if node.preprocessor is None else (node.preprocessor.output_type(given[0]),)
        flows[name] = node.vertex.output_type(takes) if node.vertex is not None else node.layer.output_type(takes[0])
        yield GraphStage(name, index, node.content, node.inputs, given, node.preprocessor, takes, flows[name])


def check_heads(heads: Sequence[Head], validate: bool) -> None:
    """Raise ConfigurationError for an output layer whose loss fits neither its outputs nor, to ``validate``, its activation."""
    for head in heads:
        chosen = loss_of(head.layer) if isinstance(head.layer, Layer) else None
        if chosen is None:
            continue
        problem = weights_misfit(chosen[0], head.layer.n_out)
        if problem is None and validate:
            problem = misfit(*chosen, head.layer.n_out, has_weights=isinstance(head.layer, WeightLayer))
            problem = problem and f"{problem}; validate_output_layer=False turns this check off"
        if problem:
            raise ConfigurationError(f"vertex {head.name!r} ({head.layer.tag()}): {problem}")


def check_graph_backprop(stages: Sequence[GraphStage], backprop: Backprop) -> None:
    """Raise ConfigurationError for what truncated BPTT cannot train: it ends the time axis, or looks ahead in time."""
    if not isinstance(backprop, TruncatedBPTT):
        return
    for stage in stages:
        ends = stage.takes[0].has_time and not stage.gives.has_time
        whole = isinstance(stage.layer, GraphVertex) and stage.layer.reads_whole(stage.takes[0])
        if ends or whole or not stage.layer.causal:
            raise ConfigurationError(
                f"vertex {stage.name!r} ({stage.layer.title}): backprop=TruncatedBPTT(length={backprop.length}) cannot train it: "
                f"{stage.layer.whole_sequences}; use backprop=StandardBackprop()"
            )


def _merged(vertices: Mapping[str, GraphNode]) -> dict[str, GraphNode]:
    """``vertices`` with a merge in front of each layer that has several inputs."""
    nodes: dict[str, GraphNode] = {}
    for name, node in vertices.items():
        if node.layer is not None and len(node.inputs) > 1:
            merge = f"{name}-merge"
            if merge in vertices:
                raise ConfigurationError(
                    f"vertex {name!r} ({node.layer.tag()}): the merge of its inputs is called {merge!r}, which is taken"
                )
            nodes[merge] = type(node)(vertex=MergeVertex(), inputs=node.inputs)
            node = node.replaced(inputs=(merge,))
        nodes[name] = node
    return nodes


def _check_names(config: ComputationGraphConfiguration) -> None:
    """Names that may not be taken, and outputs and types of what is not there."""
    taken = {f"features_mask_{name}" for name in config.inputs} | {f"labels{kind}_{n}" for n in config.outputs for kind in ("", "_mask")}
    taken |= {"loss"} & {*config.inputs, *config.outputs}
    for name in (*config.inputs, *config.vertices):
        inside = [other for other in (*config.inputs, *config.vertices) if other.startswith(f"{name}.")]
        if inside and name in config.vertices:
            raise ConfigurationError(
                f"the names {name!r} and {inside[0]!r}: parameters of the first may be named as the second; rename one"
            )
        if not name.isprintable():
            raise ConfigurationError(f"the name {name!r} holds characters that cannot be printed; choose another")
        if GENERATED.match(name) or name in taken:
            raise ConfigurationError(f"the name {name!r} is one that the network's graph makes up for an input of its own; choose another")
    for field, names, known in (("outputs", config.outputs, config.vertices), ("input_types", config.input_types, config.inputs)):
        for name in names:
            if name not in known:
                near = nearest(name, list(known))
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(known)}"
                raise ConfigurationError(f"{field}: there is no {'vertex' if field == 'outputs' else 'input'} {name!r}; {hint}")
    if len(set(config.outputs)) < len(config.outputs):
        raise ConfigurationError(f"outputs={list(config.outputs)}: each is named once")


def _check_use(config: ComputationGraphConfiguration, nodes: Mapping[str, GraphNode]) -> None:
    """What is not read, refers to nothing, or has a loss and is no output."""
    read = {source for node in nodes.values() for source in node.inputs}
    for name in config.inputs:
        if name not in read and name not in {node.content.refers_to for node in nodes.values() if node.vertex is not None}:
            raise ConfigurationError(f"input {name!r}: nothing reads it; leave it out, or name it among the inputs of a vertex")
    for name, node in nodes.items():
        label = f"vertex {name!r} ({node.content.tag()})"
        if name not in read and name not in config.outputs:
            raise ConfigurationError(f"{label}: nothing reads it, and it is no output; leave it out, or name it in outputs")
        if node.content.has_loss and name not in config.outputs:
            raise ConfigurationError(f"{label}: compares with labels, but is no output of the network; name it in outputs")
        refers = None if node.vertex is None else node.vertex.refers_to
        if refers is not None and refers not in config.inputs:
            raise ConfigurationError(f"{label}: input={refers!r} is no input of the network; there are {', '.join(config.inputs)}")


def _flowing(start: str, flow: InputType, nodes: Mapping[str, GraphNode]) -> InputType:
    """``flow``, images as a video's frames where something behind needs time; what takes vectors and gives series needs none."""
    if not isinstance(flow, (ConvolutionalInput, ConvolutionalFlatInput)):
        return flow
    behind, timed = {start}, False
    for name, node in nodes.items():
        if behind & set(node.inputs) and not isinstance(node.vertex, DuplicateToTimeSeriesVertex):
            behind.add(name)
            timed = timed or (node.layer is not None and node.layer.needs_time)
            timed = timed or (node.preprocessor is not None and node.preprocessor.needs_time)
    return flow.replaced(at_each_step=True) if timed else flow


def joined_clocks(timed: Collection[str], inputs: Sequence[str], stages: Iterable[GraphStage]) -> dict[str, str]:
    """For each of the ``timed`` inputs the first of ``inputs`` that has to be as long: a vertex joins what becomes of the two, or lays
    the mask of one over the other."""
    clocks: dict[str, tuple[str | None, ...]] = {name: (name if name in timed else None,) for name in inputs}
    same = {name: name for name in timed}

    def join(one: str | None, other: str | None) -> None:
        if one is not None and other is not None:
            first, second = sorted((same[one], same[other]), key=list(inputs).index)
            same.update({name: first for name, clock in same.items() if clock == second})

    for stage in stages:
        sources, vertex = [clocks[source] for source in stage.inputs], stage.layer
        refers = getattr(vertex, "refers_to", None)
        if isinstance(vertex, StackVertex):
            clocks[stage.name] = tuple(clock for parts in sources for clock in parts)
            continue
        if isinstance(vertex, UnstackVertex):
            sources = [sources[0][vertex.index : vertex.index + 1] or (None,)]
        if not isinstance(vertex, DuplicateToTimeSeriesVertex):
            for others in (*sources[1:], (refers,) * len(sources[0])):
                for one, other in zip(sources[0], others, strict=False):
                    join(one, other)
        clocks[stage.name] = tuple((clock or refers) if stage.gives.has_time else None for clock in sources[0])
    return {name: same[name] for name in inputs if name in timed}
