"""Bidirectional: a recurrent layer that runs through the sequence both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, overload

from pydantic import AfterValidator, BeforeValidator, Field

from rnngraph.conf.explain import shown
from rnngraph.conf.family import choices
from rnngraph.conf.input_types import InputType
from rnngraph.conf.layers.base import Layer
from rnngraph.conf.layers.last_time_step import LastTimeStep
from rnngraph.conf.layers.mask_zero import MaskZeroLayer
from rnngraph.conf.layers.recurrent import GravesBidirectionalLSTM, RecurrentLayer
from rnngraph.conf.layers.wrapper import Inner, WrapperLayer
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

MODES = ("add", "mul", "average", "concat")
"""How the outputs of both directions become one."""

BidirectionalMode = Annotated[Literal["add", "mul", "average", "concat"], BeforeValidator(lambda v: spell(v, MODES))]


def _one_way(layer: Layer) -> Layer:
    inner = layer
    while isinstance(inner, (LastTimeStep, MaskZeroLayer)):
        inner = inner.layer
    if not isinstance(inner, RecurrentLayer) or not inner.causal:
        known = ", ".join(tag for tag, cls in choices(RecurrentLayer).items() if cls is not GravesBidirectionalLSTM)
        raise ValueError(f"expected a recurrent layer that runs one way ({known}), or LastTimeStep or MaskZeroLayer around one")
    return layer


class Bidirectional(WrapperLayer):
    """``layer`` forward and, with weights of its own, backward in time; ``mode`` joins the two outputs, which have n_out values each.

    "add", "mul" and "average" give [N, n_out, T], "concat", the default, [N, 2 n_out, T], the forward half first. Written
    ``Bidirectional("concat", LSTM(...))`` or ``Bidirectional(LSTM(...))``. Parameters are ``3.forward.W`` and ``3.backward.W``, drawn
    apart. It needs whole sequences: it does not stream, and truncated BPTT refuses it. Around LastTimeStep each direction gives the output
    of its own last step.
    """

    is_recurrent: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("mode", "layer")

    type: Literal["Bidirectional"] = "Bidirectional"
    mode: BidirectionalMode = Field(default="concat", kw_only=False, description="how the outputs of both directions become one")
    layer: Annotated[Inner, AfterValidator(_one_way)] = Field(kw_only=False, description="the layer that runs both ways")

    if TYPE_CHECKING:

        @overload
        def __init__(self, layer: Layer, /, *, mode: str = "concat", name: str | None = None) -> None: ...
        @overload
        def __init__(self, mode: str, layer: Layer, /, *, name: str | None = None) -> None: ...
        @overload
        def __init__(self, *, layer: Layer, mode: str = "concat", name: str | None = None) -> None: ...
        def __init__(self, *values: Any, **fields: Any) -> None: ...

    @classmethod
    def _by_name(cls, values: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
        """A layer may stand first, and alone."""
        if len(values) == 1 and isinstance(values[0], (Layer, Mapping, type)):
            named = super()._by_name((), fields)
            if "layer" in named:
                raise ConfigurationError(
                    f"Bidirectional: layer is given twice, as {shown(values[0])} and {shown(named['layer'])}; give it once"
                )
            return {**named, "layer": values[0]}
        return super()._by_name(values, fields)

    @property
    def n_out(self) -> int:
        """The inner layer's, twice that for "concat"."""
        return self.layer.n_out * (2 if self.mode == "concat" else 1)

    @property
    def causal(self) -> bool:
        """Never: the first output needs the last step."""
        return False

    def output_type(self, flow: InputType) -> InputType:
        """What the inner layer gives, in the width of both."""
        return self.layer.output_type(flow).replaced(size=self.n_out)
