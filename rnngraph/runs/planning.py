"""From the options of ``rnngraph train`` to the plan of a run, new or going on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from rnngraph.errors import ConfigurationError, InputError
from rnngraph.runs.files import numbers_of
from rnngraph.runs.given import Given, Usual, check_labels
from rnngraph.runs.record import Files, Plan, Validation

_FED = ("reading", "batch_size", "seed", "normalize", "normalize_labels", "validation")
"""What decides which numbers a run is fed, and in which order."""


@dataclass(frozen=True)
class Wanted:
    """The options of ``rnngraph train`` besides those of :class:`Given`, None or False where one was not given."""

    validation_features: str | None = None
    validation_labels: str | None = None
    validation_range: str | None = None
    validation_share: float | None = None
    normalize: str | None = None
    normalize_labels: bool = False
    seed: int | None = None
    epochs: int | None = None
    patience: int | None = None
    target: float | None = None
    max_minutes: float | None = None
    checkpoint_every: int | None = None
    checkpoint_minutes: float | None = None
    keep_last: int | None = None
    tensorboard: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Wanted:
        """Those of a command's parameters that are among them."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})

    def check_numbers(self) -> None:
        """InputError for numbers that mean nothing, before anything is read or replaced."""
        share, target = self.validation_share, self.target
        if share is not None and not 0 < share < 1:
            raise InputError(f"--validation-share {share:g}: expected a share between 0 and 1, such as 0.2")
        if target is not None and not math.isfinite(target):
            raise InputError(f"--target {target:g}: expected a finite number, such as 0.1")
        for name in ("max_minutes", "checkpoint_minutes"):
            minutes = getattr(self, name)
            if minutes is not None and not 0 < minutes < math.inf:
                raise InputError(f"--{name.replace('_', '-')} {minutes:g}: expected a number of minutes above 0, such as 0.5")

    def validation(self) -> Validation | None:
        """Which sequences are held back. InputError for options that exclude each other."""
        others = [self.validation_features, self.validation_range]
        if self.validation_share is not None and any(one is not None for one in others):
            raise InputError("--validation-share holds a part of the training files back; leave the other options of validation out")
        numbers = numbers_of(self.validation_range, "--validation-range")
        if self.validation_features is not None:
            return Validation(Files(self.validation_features, self.validation_labels, numbers))
        if self.validation_labels is not None:
            raise InputError(f"--validation-labels {self.validation_labels} needs --validation-features too")
        if numbers is not None:
            return Validation(numbers=numbers)
        return None if self.validation_share is None else Validation(share=self.validation_share)


def planned(given: Given, wanted: Wanted, usual: Usual, before: Plan | None = None) -> Plan:
    """The plan that the options make; what they leave out is as ``before``, where a run goes on, or as usual.

    ConfigurationError where a run that goes on would be fed other numbers.
    """
    wanted.check_numbers()
    files = given.files(None if before is None else before.files)
    reading = given.reading(usual, None if before is None else before.reading)
    check_labels(files, reading)
    base = before or Plan(files, reading)
    simple = {f.name for f in fields(Plan)} - {"files", "reading", "validation", "batch_size", "class_labels"}
    told = {name: value for name in simple if (value := getattr(wanted, name)) is not None and value is not False}
    plan = replace(
        base,
        files=files,
        reading=reading,
        validation=wanted.validation() or base.validation,
        batch_size=given.batch_size or base.batch_size,
        class_labels=given.class_labels or base.class_labels,
        **told,
    )
    if plan.normalize_labels and (plan.normalize is None or reading.task != "regression"):
        raise InputError("--normalize-labels is for networks that predict numbers, together with --normalize standardize or min_max")
    if plan.class_labels is not None and len(plan.class_labels) != reading.outputs:
        names = f"--class-labels has {len(plan.class_labels)} names ({', '.join(plan.class_labels)})"
        raise InputError(f"{names}, the network {reading.outputs} outputs; expected one for each")
    if before is not None:
        _check_same(plan, before)
    return plan


def _check_same(plan: Plan, before: Plan) -> None:
    """Files may lie elsewhere now, how long to train and what to keep may be others: the numbers have to be the same."""
    was, now = _fed(before), _fed(plan)
    for name, value in was.items():
        if value != now[name]:
            raise ConfigurationError(
                f"--resume: --{name.replace('_', '-')} was {value} when the run began and is {now[name]} now; leave it out to go on as it "
                "was, or begin a new run in another folder"
            )


def _fed(plan: Plan) -> dict[str, object]:
    """What decides which numbers are fed, by the name of its option."""
    told = {name: getattr(plan, name) for name in _FED if name not in ("reading", "validation")}
    held = plan.validation
    kinds = {} if held is None else {"validation-range": held.numbers if held.files is None else None, "validation-share": held.share}
    return {
        **vars(plan.reading),
        **told,
        "validation": held is not None,
        **dict.fromkeys(("validation-range", "validation-share")),
        **kinds,
    }
