from __future__ import annotations

import pytest

from rnngraph.conf import Adam, Sgd
from rnngraph.errors import ConfigurationError


def test_defaults_are_dl4js() -> None:
    assert Sgd() == Sgd(1e-3)
    assert Adam() == Adam(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8)


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
    with pytest.raises(ConfigurationError, match=r"^Sgd has no field 'beta1'; beta1 is a field of Adam$"):
        Sgd(beta1=0.9)  # type: ignore[call-arg]
