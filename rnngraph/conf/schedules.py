"""Schedules: rates that change with iterations or epochs, by DL4J's formulas (``org.nd4j.linalg.schedule``)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rnngraph.conf.family import PLACE, Family, Member, member
from rnngraph.conf.fields import Count, DecayRate, NonNegative, Positive, Probability, Real, plain
from rnngraph.conf.names import spell
from rnngraph.errors import ConfigurationError

SCHEDULE_TYPES = ("iteration", "epoch")
ScheduleType = Annotated[Literal["iteration", "epoch"], BeforeValidator(lambda v: spell(v, SCHEDULE_TYPES))]
START = "value at the start"


class Schedule(Family):
    """Base of the schedules. Settings may be given without their names, in the order of DL4J's constructors."""

    noun: ClassVar[str] = "a schedule"

    def value_at(self, iteration: int, epoch: int) -> float:
        """The rate for an update; both count from 0. Infinite where the formula's number is too large."""
        try:
            return self._value(iteration, epoch)
        except (OverflowError, ZeroDivisionError):
            return math.inf

    @abstractmethod
    def _value(self, iteration: int, epoch: int) -> float:
        """The formula."""


class _Counting(Schedule):
    """Base of the schedules that count iterations or epochs, i."""

    schedule_type: ScheduleType = Field(kw_only=False, description="what it counts")

    def _value(self, iteration: int, epoch: int) -> float:
        return self._after(iteration if self.schedule_type == "iteration" else epoch)

    @abstractmethod
    def _after(self, i: int) -> float:
        """The value after ``i`` iterations or epochs."""


class FixedSchedule(Schedule):
    """The same value always."""

    positional: ClassVar[tuple[str, ...]] = ("value",)
    type: Literal["FixedSchedule"] = "FixedSchedule"
    value: Real = Field(kw_only=False, description="the value")

    def _value(self, iteration: int, epoch: int) -> float:
        return self.value


class StepSchedule(_Counting):
    """initial_value · decay_rate^floor(i / step)."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "initial_value", "decay_rate", "step")
    type: Literal["StepSchedule"] = "StepSchedule"
    initial_value: Real = Field(kw_only=False, description=START)
    decay_rate: NonNegative = Field(kw_only=False, description="factor of each stage")
    step: Positive = Field(kw_only=False, description="iterations or epochs of a stage")

    def _after(self, i: int) -> float:
        return float(self.initial_value * self.decay_rate ** math.floor(i / self.step))


class ExponentialSchedule(_Counting):
    """initial_value · gamma^i."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "initial_value", "gamma")
    type: Literal["ExponentialSchedule"] = "ExponentialSchedule"
    initial_value: Real = Field(kw_only=False, description=START)
    gamma: NonNegative = Field(kw_only=False, description="factor of each iteration or epoch")

    def _after(self, i: int) -> float:
        return float(self.initial_value * self.gamma**i)


class InverseSchedule(_Counting):
    """initial_value / (1 + gamma i)^power."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "initial_value", "gamma", "power")
    type: Literal["InverseSchedule"] = "InverseSchedule"
    initial_value: Real = Field(kw_only=False, description=START)
    gamma: NonNegative = Field(kw_only=False, description="how fast it falls")
    power: Real = Field(kw_only=False, description="exponent of the denominator")

    def _after(self, i: int) -> float:
        return float(self.initial_value * (1.0 + self.gamma * i) ** -self.power)  # a large denominator gives 0


class SigmoidSchedule(_Counting):
    """initial_value / (1 + exp(-gamma (i - step_size)))."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "initial_value", "gamma", "step_size")
    type: Literal["SigmoidSchedule"] = "SigmoidSchedule"
    initial_value: Real = Field(kw_only=False, description="value that it nears, or falls from")
    gamma: Real = Field(kw_only=False, description="steepness; negative: it falls")
    step_size: Count = Field(kw_only=False, description="iteration or epoch of half the value")

    def _after(self, i: int) -> float:
        z = self.gamma * (i - self.step_size)
        sigmoid = 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))
        return self.initial_value * sigmoid


class PolySchedule(_Counting):
    """initial_value · (1 + i / max_iter)^power, and 0 from max_iter on. The plus is DL4J's: a positive power lets it grow."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "initial_value", "power", "max_iter")
    type: Literal["PolySchedule"] = "PolySchedule"
    initial_value: Real = Field(kw_only=False, description=START)
    power: Real = Field(kw_only=False, description="exponent")
    max_iter: Count = Field(kw_only=False, description="iteration or epoch from which on it is 0")

    def _after(self, i: int) -> float:
        return 0.0 if i >= self.max_iter else float(self.initial_value * (1.0 + i / self.max_iter) ** self.power)


def _ascending(value: object) -> object:
    """Keys as whole numbers from 0 on, each larger than the one before; JSON has them as text."""
    if not isinstance(value, Mapping):
        raise ValueError("expected values by iteration or epoch, as in {0: 0.1, 1000: 0.01}")
    keys: list[Any] = [int(k) if isinstance(k, str) and k.isdecimal() else plain(k) for k in value]
    for key in keys:
        if not isinstance(key, int) or isinstance(key, bool) or key < 0:
            raise ValueError(f"the key {key!r} is no iteration or epoch; expected whole numbers from 0 on")
    if keys[:1] != [0]:
        raise ValueError("expected 0 as the first key: the value at the start")
    for before, after in pairwise(keys):
        if after <= before:
            raise ValueError(f"the key {after} stands behind {before}; expected keys that ascend: put them in order")
    return dict(zip(keys, map(plain, value.values()), strict=True))


class MapSchedule(_Counting):
    """The value of the last key that is at most i. Keys ascend, and the first is 0."""

    positional: ClassVar[tuple[str, ...]] = ("schedule_type", "values")
    type: Literal["MapSchedule"] = "MapSchedule"
    values: Annotated[
        dict[int, Real], BeforeValidator(_ascending), PlainSerializer(lambda v: {str(k): x for k, x in v.items()}, when_used="json")
    ] = Field(kw_only=False, description="values by the iteration or epoch from which on they hold")

    def _after(self, i: int) -> float:
        return self.values[max(key for key in self.values if key <= i)]

    def __hash__(self) -> int:
        return hash((self.schedule_type, tuple(self.values.items())))


class RampSchedule(Schedule):
    """``base_schedule`` behind a ramp: its value · (i + 1) / num_iter for the first num_iter - 1 iterations i.

    The ramp counts iterations, over a schedule by epochs too, as DL4J's does.
    """

    positional: ClassVar[tuple[str, ...]] = ("base_schedule", "num_iter")
    type: Literal["RampSchedule"] = "RampSchedule"
    base_schedule: Member[Schedule] = Field(kw_only=False, description="the schedule behind the ramp")
    num_iter: Count = Field(kw_only=False, description="iterations until its full value")

    def _value(self, iteration: int, epoch: int) -> float:
        base = self.base_schedule.value_at(iteration, epoch)
        return base * (iteration + 1) / self.num_iter if iteration < self.num_iter - 1 else base


class CycleSchedule(_Counting):
    """One cycle after the other (Smith 2018): up to max_learning_rate, down again, then annealing_length steps of decay.

    With p = i mod cycle_length and s = (cycle_length - annealing_length) div 2: initial + (max - initial) p/s for p < s,
    max - (max - initial) (p - s)/s for p < 2s, else initial · annealing_decay^(p - (cycle_length - annealing_length)).
    """

    positional: ClassVar[tuple[str, ...]] = (
        "schedule_type",
        "initial_learning_rate",
        "max_learning_rate",
        "cycle_length",
        "annealing_length",
        "annealing_decay",
    )
    type: Literal["CycleSchedule"] = "CycleSchedule"
    initial_learning_rate: Real = Field(kw_only=False, description="value at both ends of the triangle")
    max_learning_rate: Real = Field(kw_only=False, description="value at its top")
    cycle_length: Count = Field(kw_only=False, description="iterations or epochs of a cycle")
    annealing_length: Annotated[int, Field(ge=0), BeforeValidator(plain)] | None = Field(
        default=None, kw_only=False, description="those of the decay at its end; a tenth of the cycle where left out"
    )
    annealing_decay: Probability = Field(default=0.1, kw_only=False, description="factor of each iteration or epoch of the decay")

    @model_validator(mode="after")
    def _room_for_a_triangle(self) -> Self:
        if self._triangle // 2 < 1:
            raise ConfigurationError(
                f"CycleSchedule: cycle_length={self.cycle_length} and annealing_length={self.annealing_length} leave {self._triangle} "
                "for the way up and down; expected at least 2"
            )
        return self

    @property
    def _triangle(self) -> int:
        """Iterations or epochs of the way up and down."""
        return self.cycle_length - (self.cycle_length // 10 if self.annealing_length is None else self.annealing_length)

    def _after(self, i: int) -> float:
        p, s = i % self.cycle_length, self._triangle // 2
        low, high = self.initial_learning_rate, self.max_learning_rate
        if p < s:
            return low + (high - low) * p / s
        if p < 2 * s:
            return high - (high - low) * (p - s) / s
        return float(low * self.annealing_decay ** (p - self._triangle))


class _OrSchedule:
    """Marks the type of a number in whose place a schedule may stand."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            _number_or_schedule,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(_written),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {PLACE: Schedule}]}


def _number_or_schedule(value: Any, number: core_schema.ValidatorFunctionWrapHandler) -> Any:
    is_schedule = isinstance(value, (Family, Mapping)) or (isinstance(value, type) and issubclass(value, Family))
    return as_schedule(value) if is_schedule else number(value)


def as_schedule(value: object) -> Schedule:
    """``value`` as a schedule: itself, or what a mapping describes. ValueError for anything else."""
    return member(Schedule, value)  # type: ignore[type-abstract]


def _written(value: float | Schedule) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Schedule) else value


if TYPE_CHECKING:
    LearningRate: TypeAlias = float | Schedule
    DecayRateOrSchedule: TypeAlias = float | Schedule
    Retain: TypeAlias = float | Schedule
    Deviation: TypeAlias = float | Schedule
else:
    LearningRate = Annotated[Positive, _OrSchedule()]
    DecayRateOrSchedule = Annotated[DecayRate, _OrSchedule()]
    Retain = Annotated[float, Field(gt=0, le=1), BeforeValidator(plain), _OrSchedule()]
    Deviation = Annotated[NonNegative, _OrSchedule()]
