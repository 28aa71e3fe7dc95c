from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngraph.conf import (
    AdaBelief,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AMSGrad,
    FixedSchedule,
    Nadam,
    Nesterovs,
    NoOp,
    RmsProp,
    Sgd,
    StepSchedule,
    TorchUpdater,
)
from rnngraph.errors import ConfigurationError


def test_defaults_are_dl4js() -> None:
    assert Sgd() == Sgd(1e-3)
    for cls in (Adam, AdaMax, AMSGrad, Nadam):
        assert cls() == cls(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8)
    assert AdaBelief() == AdaBelief(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-14)
    assert AdaGrad() == AdaGrad(learning_rate=0.1, epsilon=1e-6)
    assert AdaDelta() == AdaDelta(rho=0.95, epsilon=1e-6)
    assert RmsProp() == RmsProp(learning_rate=0.1, rms_decay=0.95, epsilon=1e-8)
    assert Nesterovs() == Nesterovs(learning_rate=0.1, momentum=0.9)
    assert NoOp() == NoOp()


def test_settings_may_stand_without_their_names() -> None:
    assert Nesterovs(0.5, 0.25) == Nesterovs(learning_rate=0.5, momentum=0.25)
    assert AdaDelta(0.5, 0.25) == AdaDelta(rho=0.5, epsilon=0.25)
    assert Adam(0.5, 0.1, 0.2, 0.3) == Adam(learning_rate=0.5, beta1=0.1, beta2=0.2, epsilon=0.3)


def test_a_schedule_stands_in_the_place_of_a_rate() -> None:
    schedule = StepSchedule("epoch", 0.1, 0.5, 10)
    assert Sgd(schedule).learning_rate == schedule
    assert Nesterovs(0.1, schedule).momentum == schedule
    assert TorchUpdater("AdamW", lr=schedule).options["lr"] == schedule
    mapping: Any = {"type": "StepSchedule", "schedule_type": "EPOCH", "initial_value": 0.1, "decay_rate": 0.5, "step": 10}
    assert Sgd(mapping) == Sgd(schedule)
    with pytest.raises(ConfigurationError, match=r"^AdaDelta: rho=StepSchedule\(.*\): expected a number"):
        AdaDelta(schedule)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"^Sgd: learning_rate=.*: expected a schedule \(FixedSchedule, StepSchedule"):
        Sgd(Adam())  # type: ignore[arg-type]


def test_a_torch_updater_takes_settings_by_any_name() -> None:
    updater = TorchUpdater("AdamW", lr=0.1, betas=[0.5, np.float64(0.9)], amsgrad=True)  # type: ignore[arg-type]
    assert (updater.name, dict(updater.options)) == ("AdamW", {"lr": 0.1, "betas": (0.5, 0.9), "amsgrad": True})
    assert updater == TorchUpdater("AdamW", amsgrad=True, betas=(0.5, 0.9), lr=0.1)
    assert hash(updater) == hash(TorchUpdater("AdamW", amsgrad=True, betas=(0.5, 0.9), lr=0.1))
    assert updater != TorchUpdater("AdamW", lr=0.2)
    with pytest.raises(ConfigurationError, match=r"^TorchUpdater: name is missing"):
        TorchUpdater(lr=0.1)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", [Sgd, Adam])
@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0, "greater than 0"),
        (-1e-3, "greater than 0"),
        (float("nan"), "finite number"),
        (float("inf"), "finite number"),
        ("1e-3", "expected a number"),
        (True, "expected a number"),
        (None, "expected a number"),
    ],
)
def test_a_learning_rate_is_positive_and_finite(cls: type[Sgd] | type[Adam], rate: float, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{cls.__name__}: learning_rate=.*{expected}.* \(learning rate, the size of a step\)$"):
        cls(rate)


def test_other_names_are_told() -> None:
    with pytest.raises(ConfigurationError, match=r"^Adam has no field 'lr'; write learning_rate$"):
        Adam(lr=1e-3)  # type: ignore[call-arg]
    with pytest.raises(
        ConfigurationError, match=r"^Sgd has no field 'beta1'; beta1 is a field of AMSGrad, AdaBelief, AdaMax, Adam, Nadam$"
    ):
        Sgd(beta1=0.9)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": float("nan")}, r"lr=nan: expected a finite number, True, False, None or a text, or several of them$"),
        ({"lr": "0.1"}, r"lr='0.1': expected a number from 0 on, or a schedule$"),
        ({"lr": -0.1}, r"lr=-0.1: expected a number from 0 on, or a schedule$"),
        ({"lr": True}, r"lr=True: expected a number from 0 on, or a schedule$"),
        ({"lr": object()}, r"lr=<object .*: expected a finite number"),
        ({"betas": np.array([0.9, 0.99])}, r"betas=array.*: expected a finite number"),
        ({"step_sizes": (1e-6, float("inf"))}, r"step_sizes=inf: expected a finite number"),
        ({"weight_decay": FixedSchedule(0.9)}, r"weight_decay=.*: a schedule may stand in the place of lr alone; expected a number$"),
        ({"options": 3}, r"expected the optimiser's settings by name, as in TorchUpdater\(\"AdamW\", lr=1e-3\)$"),
        ({"options": None}, r"expected the optimiser's settings by name"),
    ],
)
def test_settings_of_a_torch_updater_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^TorchUpdater: options=.*{message}"):
        TorchUpdater("SGD", **options)  # type: ignore[arg-type]


def test_equal_torch_updaters_have_equal_hashes() -> None:
    assert TorchUpdater("SGD", lr=1) == TorchUpdater("SGD", lr=1.0)
    assert hash(TorchUpdater("SGD", lr=1)) == hash(TorchUpdater("SGD", lr=1.0))
