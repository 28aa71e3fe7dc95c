"""ComputationGraphConfiguration: a network as a graph of layers and vertices, with named inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Unpack

from pydantic import BeforeValidator, Field, model_validator

from rnngraph.conf.base import Configured
from rnngraph.conf.explain import shown
from rnngraph.conf.family import Member
from rnngraph.conf.fields import Inherited, inherited
from rnngraph.conf.graph_filling import GraphStage, check_graph_backprop, check_heads, fill_graph, graph_stages, joined_clocks
from rnngraph.conf.graph_ids import ids_of
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers import Layer
from rnngraph.conf.layers.base import INHERITED
from rnngraph.conf.ports import Entry, Head, Link
from rnngraph.conf.preprocessors import PreProcessor
from rnngraph.conf.settings import NetworkConfiguration, Shared
from rnngraph.conf.vertices import GraphVertex
from rnngraph.errors import ConfigurationError


def _names(value: object) -> object:
    """One name, or several, as a tuple."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or not all(isinstance(name, str) and name for name in value):
        raise ValueError("expected names, as in ['a', 'b']")
    return tuple(value)


Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]


class GraphNode(Configured):
    """A layer or a vertex of a graph, and the names of what comes in.

    A layer of several inputs gets them merged. ``preprocessor`` stands in front of a layer; what is needed is inserted.
    """

    layer: Inherited[Member[Layer]] = inherited("a layer")
    vertex: Inherited[Member[GraphVertex]] = inherited("or a vertex")
    inputs: Names = Field(description="what comes in: inputs of the network, layers and vertices, by name")
    preprocessor: Inherited[Member[PreProcessor]] = inherited("what stands in front of the layer")

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            inputs: str | Sequence[str],
            layer: Layer | None = None,
            vertex: GraphVertex | None = None,
            preprocessor: PreProcessor | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _check(self) -> Self:
        held = [kind for kind in ("layer", "vertex") if vars(self)[kind] is not None]
        if len(held) != 1:
            raise ConfigurationError("GraphNode: expected a layer or a vertex, and not both: give layer=... or vertex=...")
        if self.preprocessor is not None and held == ["vertex"]:
            raise ConfigurationError(
                f"GraphNode: preprocessor={shown(self.preprocessor)} stands in front of layers; use PreprocessorVertex"
            )
        return self

    @property
    def content(self) -> Any:
        """The layer, or the vertex."""
        return self.vertex if self.layer is None else self.layer


def _node(name: object, value: object) -> GraphNode:
    """What stands in ``vertices`` under ``name``: ``(layer or vertex, input, ...)`` or ``(.., [input, ...])``, a GraphNode, its mapping."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"the key {shown(name)} is no name; expected strings, as in {{'encoder': (LSTM(n_out=8), 'in')}}")
    if isinstance(value, GraphNode):
        return value
    if isinstance(value, Mapping):
        return GraphNode(**{str(key): v for key, v in value.items()})
    first, *rest = value if isinstance(value, (list, tuple)) and value else [None]
    if isinstance(first, type) and issubclass(first, (Layer, GraphVertex)):
        raise ValueError(f"{name!r} has the class {first.__name__}; make one, as in ({first.__name__}(...), 'in')")
    if isinstance(first, (Layer, GraphVertex)):
        inputs = rest[0] if len(rest) == 1 and isinstance(rest[0], (list, tuple)) else tuple(rest)
        if not inputs:
            raise ValueError(f"{name!r} has no input; name what comes in, as in ({type(first).__name__}(...), 'in')")
        fields: dict[str, Any] = {"layer" if isinstance(first, Layer) else "vertex": first, "inputs": inputs}
        return GraphNode(**fields)
    raise ValueError(f"{name!r} is {shown(value)}; expected a layer or vertex and the names of its inputs, as (LSTM(n_out=8), 'in')")


def _nodes(value: object) -> dict[str, GraphNode]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("expected layers and vertices by name, as {'encoder': (LSTM(n_out=8), 'in')}")
    return {name: _node(name, node) for name, node in value.items()}


def _types(value: object) -> object:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("expected types by the name of the input, as {'in': InputType.recurrent(12)}")
    return dict(value)


class ComputationGraphConfiguration(NetworkConfiguration):
    """Layers and vertices with named inputs and outputs, and what they share.

    ``vertices`` has under each name a layer or vertex and the names of what comes in: ``{"encoder": (LSTM(n_out=8), "in"), ...}``.
    ``outputs`` names those whose outputs are the network's. After construction ``vertices`` holds filled ones, in topological order (as
    they are given, if they stand so; else by Kahn's algorithm, as Deeplearning4j orders them), with merges for layers of several inputs,
    named ``<layer>-merge``; ``input_types`` is known for each input. Nothing changes afterwards. Raises ConfigurationError that names
    vertex and field.
    """

    inputs: Names = Field(description="the names of the network's inputs")
    vertices: Annotated[dict[str, GraphNode], BeforeValidator(_nodes)] = Field(description="layers and vertices by name")
    outputs: Names = Field(description="the names of the layers and vertices whose outputs are the network's")
    input_types: Annotated[dict[str, Member[InputType]], BeforeValidator(_types)] = Field(
        default={}, description="what comes in, by input; inferred where left out"
    )

    positional: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        # What a caller may give is wider than what is there afterwards.
        def __init__(
            self,
            *,
            inputs: str | Sequence[str],
            vertices: Mapping[str, GraphNode | tuple[Any, ...]],
            outputs: str | Sequence[str],
            input_types: Mapping[str, InputType] | None = None,
            **shared: Unpack[Shared],
        ) -> None: ...

    @model_validator(mode="after")
    def _fill(self) -> Self:
        vertices, input_types = fill_graph(self)
        # Still under construction: nobody else has seen it.
        self.__dict__.update(vertices=vertices, input_types=input_types)
        check_heads(self.heads, self.validate_output_layer)
        check_graph_backprop(self.stages, self.backprop)
        return self

    def replaced(self, **changes: Any) -> Self:
        """A copy with some settings changed. What the layers have inherited cannot be changed without them: they keep what they have."""
        inherited = [name for name in (*INHERITED, "activation") if name in changes]
        if inherited and "vertices" not in changes:
            raise ConfigurationError(
                f"{inherited[0]}={shown(changes[inherited[0]])}: the layers have inherited {inherited[0]} already and would not change; "
                "give vertices={...} too, or make a new configuration"
            )
        return super().replaced(**changes)

    def __hash__(self) -> int:
        return hash((self.seed, self.inputs, tuple(self.vertices), self.outputs, self.data_type))

    @cached_property
    def layers(self) -> tuple[Any, ...]:
        """The filled layers and vertices, in topological order."""
        return tuple(node.content for node in self.vertices.values())

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """The names of ``layers``."""
        return tuple(self.vertices)

    @cached_property
    def stages(self) -> tuple[GraphStage, ...]:
        """Each layer and vertex with what flows around it, in topological order."""
        return tuple(graph_stages(self))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The inputs, in the order of ``inputs``."""
        ids, types = ids_of(self.inputs, self.vertices), self.input_types
        return tuple(Entry(name, types[name], types[name], ids.get(name), f"features_mask_{name}") for name in self.inputs)

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The outputs, in the order of ``outputs``."""
        stages = {stage.name: stage for stage in self.stages}
        return tuple(
            Head(name, stages[name].index, stages[name].layer, stages[name].gives, f"labels_{name}", f"labels_mask_{name}")
            for name in self.outputs
        )

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The layers and vertices in order."""
        return tuple(Link(k, name, node.content, node.inputs, node.preprocessor) for k, (name, node) in enumerate(self.vertices.items()))

    @cached_property
    def flows(self) -> dict[str, InputType]:
        """What each layer and vertex gives."""
        return {stage.name: stage.gives for stage in self.stages}

    @cached_property
    def clocks(self) -> dict[str, str]:
        """For each input with a time axis the first of those that have to be as long, since vertices join what becomes of them."""
        return joined_clocks({name for name in self.inputs if self.input_types[name].has_time}, self.inputs, self.stages)

    def layer_label(self, index: int) -> str:
        """A layer or vertex in messages: ``vertex 'encoder' (LSTM)``."""
        return f"vertex {self.layer_names[index]!r} ({self.layers[index].tag()})"
