"""Updaters: how gradients become steps. The formulas stand in ``rnngraph.training.updaters``."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnngraph.conf.family import Family
from rnngraph.conf.fields import DecayRate, Positive, plain
from rnngraph.conf.schedules import DecayRateOrSchedule, LearningRate, Schedule, as_schedule

RATE = "learning rate, the size of a step"
MEAN, SQUARES, FINITE = "decay of the mean of gradients", "decay of the mean of squared gradients", "keeps the division finite"


class Updater(Family):
    """Base of the updaters. Settings may be given without their names: ``Adam(1e-3)``, ``Nesterovs(0.1, 0.9)``.

    A schedule may stand in the place of a learning rate: ``Adam(StepSchedule("epoch", 1e-2, 0.5, 10))``.
    """

    noun: ClassVar[str] = "an updater"
    positional: ClassVar[tuple[str, ...]] = ("learning_rate",)
    states: ClassVar[tuple[str, ...]] = ()
    """What it keeps for each parameter, in DL4J's order: arrays of the parameter's shape."""


class Sgd(Updater):
    """Stochastic gradient descent: w -= learning_rate · g."""

    type: Literal["Sgd"] = "Sgd"
    learning_rate: LearningRate = Field(default=1e-3, kw_only=False, description=RATE)


class NoOp(Updater):
    """No updater: w -= g, the gradient itself, as DL4J's."""

    positional: ClassVar[tuple[str, ...]] = ()
    type: Literal["NoOp"] = "NoOp"


class _Moments(Updater):
    """What Adam and its relatives have."""

    positional: ClassVar[tuple[str, ...]] = ("learning_rate", "beta1", "beta2", "epsilon")
    states: ClassVar[tuple[str, ...]] = ("m", "v")
    learning_rate: LearningRate = Field(default=1e-3, kw_only=False, description=RATE)
    beta1: DecayRate = Field(default=0.9, kw_only=False, description=MEAN)
    beta2: DecayRate = Field(default=0.999, kw_only=False, description=SQUARES)
    epsilon: Positive = Field(default=1e-8, kw_only=False, description=FINITE)


class Adam(_Moments):
    """Adam (Kingma and Ba 2015), with DL4J's place of epsilon: added to the square root of the uncorrected second moment."""

    type: Literal["Adam"] = "Adam"


class AdaMax(_Moments):
    """AdaMax (Kingma and Ba 2015): Adam by the largest gradient; epsilon has no effect, as in DL4J."""

    states: ClassVar[tuple[str, ...]] = ("m", "u")
    type: Literal["AdaMax"] = "AdaMax"


class AMSGrad(_Moments):
    """AMSGrad (Reddi et al. 2018): Adam by the largest second moment so far."""

    states: ClassVar[tuple[str, ...]] = ("m", "v", "v_hat")
    type: Literal["AMSGrad"] = "AMSGrad"


class Nadam(_Moments):
    """Adam with Nesterov's momentum (Dozat 2016), without a correction of the second moment, as in DL4J."""

    type: Literal["Nadam"] = "Nadam"


class AdaBelief(_Moments):
    """AdaBelief (Zhuang et al. 2020): Adam by the variance of gradients around their mean."""

    states: ClassVar[tuple[str, ...]] = ("m", "s")
    type: Literal["AdaBelief"] = "AdaBelief"
    epsilon: Positive = Field(default=1e-14, kw_only=False, description=FINITE)


class AdaGrad(Updater):
    """AdaGrad (Duchi et al. 2011): by the square root of the sum of all squared gradients, which begins at epsilon."""

    positional: ClassVar[tuple[str, ...]] = ("learning_rate", "epsilon")
    states: ClassVar[tuple[str, ...]] = ("h",)
    type: Literal["AdaGrad"] = "AdaGrad"
    learning_rate: LearningRate = Field(default=0.1, kw_only=False, description=RATE)
    epsilon: Positive = Field(default=1e-6, kw_only=False, description=FINITE)


class AdaDelta(Updater):
    """AdaDelta (Zeiler 2012), which has no learning rate."""

    positional: ClassVar[tuple[str, ...]] = ("rho", "epsilon")
    states: ClassVar[tuple[str, ...]] = ("msg", "msdx")
    type: Literal["AdaDelta"] = "AdaDelta"
    rho: DecayRate = Field(default=0.95, kw_only=False, description="decay of both means of squares")
    epsilon: Positive = Field(default=1e-6, kw_only=False, description=FINITE)


class RmsProp(Updater):
    """RMSProp (Tieleman and Hinton 2012): by the square root of the mean of squared gradients, which begins at epsilon."""

    positional: ClassVar[tuple[str, ...]] = ("learning_rate", "rms_decay", "epsilon")
    states: ClassVar[tuple[str, ...]] = ("G",)
    type: Literal["RmsProp"] = "RmsProp"
    learning_rate: LearningRate = Field(default=0.1, kw_only=False, description=RATE)
    rms_decay: DecayRate = Field(default=0.95, kw_only=False, description=SQUARES)
    epsilon: Positive = Field(default=1e-8, kw_only=False, description=FINITE)


class Nesterovs(Updater):
    """Nesterov's momentum, in the form of Bengio et al. (2013)."""

    positional: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum")
    states: ClassVar[tuple[str, ...]] = ("v",)
    type: Literal["Nesterovs"] = "Nesterovs"
    learning_rate: LearningRate = Field(default=0.1, kw_only=False, description=RATE)
    momentum: DecayRateOrSchedule = Field(default=0.9, kw_only=False, description="how much of the step before is made again")


def _setting(key: str, value: object) -> object:
    """A setting of an optimiser's as it is held. ValueError for what JSON cannot hold, or no optimiser takes."""
    value = plain(value)
    if isinstance(value, (Schedule, Mapping)):
        if key != "lr":
            raise ValueError(f"{key}={value!r}: a schedule may stand in the place of lr alone; expected a number")
        return as_schedule(value)
    parts = tuple(map(plain, value)) if isinstance(value, (list, tuple)) else (value,)
    for part in parts:
        if not (isinstance(part, (bool, int, str)) or part is None or (isinstance(part, float) and isfinite(part))):
            raise ValueError(f"{key}={part!r}: expected a finite number, True, False, None or a text, or several of them")
    if key == "lr" and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
        raise ValueError(f"lr={value!r}: expected a number from 0 on, or a schedule")
    return parts if isinstance(value, (list, tuple)) else value


def _options(value: object) -> object:
    """Settings by name."""
    if not isinstance(value, Mapping):
        raise ValueError('expected the optimiser\'s settings by name, as in TorchUpdater("AdamW", lr=1e-3)')
    return {key: _setting(key, one) for key, one in value.items()}


class TorchUpdater(Updater):
    """An optimiser of ``torch.optim`` by its name, with its own settings: ``TorchUpdater("AdamW", lr=1e-3, weight_decay=0.01)``.

    Gradients reach it as they reach any updater, averaged, normalised and with L1 and L2 added; its state is saved with the network.
    A schedule may stand in the place of ``lr``. Whether torch has such an optimiser is seen when training begins, since a configuration
    does not need torch.
    """

    positional: ClassVar[tuple[str, ...]] = ("name",)
    type: Literal["TorchUpdater"] = "TorchUpdater"
    name: str = Field(kw_only=False, min_length=1, description="the optimiser's class in torch.optim")
    options: Annotated[dict[str, Any], BeforeValidator(_options)] = Field(default={}, description="its settings by name")

    if TYPE_CHECKING:

        def __init__(self, name: str, **options: float | bool | tuple[float, ...] | Schedule | None) -> None: ...

    @classmethod
    def _by_name(cls, values: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
        """What is no field is a setting of the optimiser's."""
        own: dict[str, Any] = {key: fields.pop(key) for key in ("type", "name", "options") if key in fields}
        named = super()._by_name(values, own)
        options = named.get("options", {})
        return {**named, "options": {**options, **fields} if isinstance(options, Mapping) else options}

    def __hash__(self) -> int:
        return hash(self.name)
