"""What stands in a graph besides layers: vertices without parameters, with one input or several.

A vertex says by :meth:`GraphVertex.output_type` what it gives for what it gets. Features are the values of an example, or of one step;
images are joined by their channels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from rnngraph.conf.family import Family, Member
from rnngraph.conf.fields import Count, Inherited, Positive, Real, inherited, plain
from rnngraph.conf.input_types import ConvolutionalInput, FeedForwardInput, InputType, RecurrentInput
from rnngraph.conf.masks import MaskMode
from rnngraph.conf.names import spell
from rnngraph.conf.preprocessors import PreProcessor, described
from rnngraph.errors import ConfigurationError

Index = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(plain)]
OPERATIONS = ("add", "subtract", "product", "average", "max")
Operation = Annotated[Literal["add", "subtract", "product", "average", "max"], BeforeValidator(lambda v: spell(v, OPERATIONS))]


class GraphVertex(Family):
    """Base of the vertices."""

    noun: ClassVar[str] = "a vertex"
    several: ClassVar[bool] = False
    """Whether it takes more than one input."""
    has_loss: ClassVar[bool] = False
    whole_sequences: ClassVar[str] = "it needs the whole sequence"
    """Why truncated BPTT cannot train it where it is not causal or ends the time axis."""

    @property
    def causal(self) -> bool:
        """Whether no output needs a later step."""
        return True

    def reads_whole(self, flow: InputType) -> bool:
        """Whether what it gives for ``flow`` needs whole sequences although no output needs a later step by itself."""
        return False

    @property
    def title(self) -> str:
        """What it is, for people."""
        return self.tag()

    @property
    def refers_to(self) -> str | None:
        """The network input whose time steps, or whose mask, it uses besides what it gets."""
        return None

    def filled(self, mask_mode: str) -> Self:
        """With the network's ``mask_mode``, where it has that field and nothing in it."""
        left_out = "mask_mode" in type(self).model_fields and vars(self)["mask_mode"] is None
        return self.replaced(mask_mode=mask_mode) if left_out else self

    @abstractmethod
    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What it gives for ``flows``. ConfigurationError where they do not fit."""


MASKED_STEPS = "ignore: masked steps of inputs are read as they stand, else as 0; the network's where left out"


class _Joining(GraphVertex):
    """Base of the vertices that make one of several."""

    several: ClassVar[bool] = True

    def _alike(self, flows: Sequence[InputType]) -> None:
        """ConfigurationError unless all are of one kind: series, vectors, or images of one size."""
        kinds = {(flow.has_time, isinstance(flow, ConvolutionalInput), (flow.frame or (0, 0, 0))[:2]) for flow in flows}
        if len(kinds) == 1:
            return
        timed = sorted({flow.has_time for flow in flows})
        remedy = (
            "DuplicateToTimeSeriesVertex makes a series of a vector, LastTimeStepVertex a vector of a series"
            if timed == [False, True]
            else "give it inputs of one kind"
        )
        raise ConfigurationError(f"gets {' and '.join(map(described, flows))}, which are of different kinds; {remedy}")


class MergeVertex(_Joining):
    """The features of all inputs, side by side; of images the channels."""

    type: Literal["MergeVertex"] = "MergeVertex"
    mask_mode: Inherited[MaskMode] = inherited(MASKED_STEPS)

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """As wide as all together."""
        self._alike(flows)
        first = flows[0]
        if isinstance(first, ConvolutionalInput):
            return first.replaced(channels=sum(f.channels for f in flows if isinstance(f, ConvolutionalInput)))
        return plain_flow(sum(f.size for f in flows), first.has_time)


class ElementWiseVertex(_Joining):
    """Sum, difference (of two), product, average or largest of all inputs, value by value; one that is 1 wide serves for all values."""

    positional: ClassVar[tuple[str, ...]] = ("op",)

    type: Literal["ElementWiseVertex"] = "ElementWiseVertex"
    op: Operation = Field(kw_only=False, description="what is computed: add, subtract, product, average or max")
    mask_mode: Inherited[MaskMode] = inherited(MASKED_STEPS)

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """As wide as the widest."""
        self._alike(flows)
        if self.op == "subtract" and len(flows) != 2:
            raise ConfigurationError(f"op='subtract' takes two inputs, but it has {len(flows)}")
        widest = max(flows, key=lambda f: f.size)
        if any(f.size not in (1, widest.size) for f in flows):
            raise ConfigurationError(f"gets {' and '.join(map(described, flows))}; expected inputs of one width, or 1 wide")
        return widest if isinstance(widest, ConvolutionalInput) else plain_flow(widest.size, widest.has_time)


class SubsetVertex(GraphVertex):
    """The features ``first`` to ``last``, both included; of images the channels."""

    positional: ClassVar[tuple[str, ...]] = ("first", "last")

    type: Literal["SubsetVertex"] = "SubsetVertex"
    first: Index = Field(kw_only=False, description="the first feature, counted from 0")
    last: Index = Field(kw_only=False, description="the last feature, which is taken too")

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """As wide as the subset."""
        flow = flows[0]
        width = flow.channels if isinstance(flow, ConvolutionalInput) else flow.size
        if not self.first <= self.last < width:
            raise ConfigurationError(f"takes the features {self.first} to {self.last}, but gets {width}, numbered from 0")
        count = self.last - self.first + 1
        return flow.replaced(channels=count) if isinstance(flow, ConvolutionalInput) else plain_flow(count, flow.has_time)


class StackVertex(_Joining):
    """The examples of all inputs one behind the other, so that what follows acts on each alike; :class:`UnstackVertex` takes them apart.

    All have the same width. Series may be of different lengths, and are not padded.
    """

    type: Literal["StackVertex"] = "StackVertex"

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """That of the first; all have to be the same."""
        self._alike(flows)
        if len({f.size for f in flows}) > 1:
            raise ConfigurationError(f"gets {' and '.join(map(described, flows))}; expected inputs of one width")
        return flows[0]


class UnstackVertex(GraphVertex):
    """The examples of input ``index`` of ``count`` that a :class:`StackVertex` has stacked."""

    positional: ClassVar[tuple[str, ...]] = ("index", "count")

    type: Literal["UnstackVertex"] = "UnstackVertex"
    index: Index = Field(kw_only=False, description="which input, counted from 0")
    count: Count = Field(kw_only=False, description="how many were stacked")

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What it gets."""
        if self.index >= self.count:
            raise ConfigurationError(f"index={self.index}: of count={self.count} stacked inputs the last is {self.count - 1}")
        return flows[0]


class _Shaped(GraphVertex):
    """Base of the vertices that change values alone."""

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What it gets."""
        return flows[0]


class ScaleVertex(_Shaped):
    """All values times ``factor``."""

    positional: ClassVar[tuple[str, ...]] = ("factor",)

    type: Literal["ScaleVertex"] = "ScaleVertex"
    factor: Real = Field(kw_only=False, description="what values are multiplied by")


class ShiftVertex(_Shaped):
    """``shift`` added to all values."""

    positional: ClassVar[tuple[str, ...]] = ("shift",)

    type: Literal["ShiftVertex"] = "ShiftVertex"
    shift: Real = Field(kw_only=False, description="what is added to values")


class L2NormalizeVertex(_Shaped):
    """Each example divided by its norm, over all its values and steps; by ``epsilon`` where that is larger."""

    whole_sequences: ClassVar[str] = "it divides by the norm of the whole sequence, of which a segment is a part"

    type: Literal["L2NormalizeVertex"] = "L2NormalizeVertex"
    epsilon: Positive = Field(default=1e-8, description="the smallest norm")
    mask_mode: Inherited[MaskMode] = inherited(MASKED_STEPS)

    def reads_whole(self, flow: InputType) -> bool:
        """A series is divided by one number."""
        return flow.has_time

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What it gets, series or vectors."""
        if isinstance(flows[0], ConvolutionalInput):
            raise ConfigurationError(f"takes time series or vectors, but gets {described(flows[0])}; flatten them by a PreprocessorVertex")
        return flows[0]


class _OfInput(GraphVertex):
    """Base of the vertices that name an input of the network."""

    positional: ClassVar[tuple[str, ...]] = ("input",)

    @property
    def refers_to(self) -> str | None:
        """Its field ``input``."""
        return str(vars(self)["input"]) if vars(self)["input"] is not None else None

    def _series(self, flow: InputType, *, wanted: bool) -> None:
        """ConfigurationError where ``flow`` is a time series or not, against what is ``wanted``."""
        if flow.has_time != wanted or isinstance(flow, ConvolutionalInput):
            expected = "a time series [N, F, T]" if wanted else "one vector for each example, [N, F]"
            raise ConfigurationError(f"takes {expected}, but gets {described(flow)}")


class LastTimeStepVertex(_OfInput):
    """The last step that the mask of the network's ``input`` does not mask: [N, F, T] -> [N, F]; 0 where all are masked."""

    whole_sequences: ClassVar[str] = "it gives one vector for the whole sequence, of which a segment's loss sees a part"

    type: Literal["LastTimeStepVertex"] = "LastTimeStepVertex"
    input: str = Field(kw_only=False, description="the network's input whose mask tells which step is the last")

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """Vectors."""
        self._series(flows[0], wanted=True)
        return FeedForwardInput(size=flows[0].size)


class DuplicateToTimeSeriesVertex(_OfInput):
    """The same vector at each step of the network's ``input``: [N, F] -> [N, F, T]."""

    type: Literal["DuplicateToTimeSeriesVertex"] = "DuplicateToTimeSeriesVertex"
    input: str = Field(kw_only=False, description="the network's input that has as many steps, and the mask")

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """Series."""
        self._series(flows[0], wanted=False)
        return RecurrentInput(size=flows[0].size)


class ReverseTimeSeriesVertex(_OfInput):
    """Time backwards. With an ``input`` of the network that has a mask only real steps change places, and masked ones become 0."""

    whole_sequences: ClassVar[str] = "it turns time around and needs the whole sequence"

    type: Literal["ReverseTimeSeriesVertex"] = "ReverseTimeSeriesVertex"
    input: str | None = Field(default=None, kw_only=False, description="the network's input whose mask tells the real steps")

    @property
    def causal(self) -> bool:
        """Never."""
        return False

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What it gets."""
        self._series(flows[0], wanted=True)
        return flows[0]


class PreprocessorVertex(GraphVertex):
    """A preprocessor as a vertex of its own."""

    positional: ClassVar[tuple[str, ...]] = ("preprocessor",)

    type: Literal["PreprocessorVertex"] = "PreprocessorVertex"
    preprocessor: Member[PreProcessor] = Field(kw_only=False, description="what is done")

    def output_type(self, flows: Sequence[InputType]) -> InputType:
        """What the preprocessor gives."""
        return self.preprocessor.output_type(flows[0])


def plain_flow(size: int, has_time: bool) -> InputType:
    """Series or vectors of ``size`` features."""
    return RecurrentInput(size=size) if has_time else FeedForwardInput(size=size)
