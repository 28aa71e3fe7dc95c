from __future__ import annotations

import pytest

from rnngraph.conf.base import Configured
from rnngraph.conf.spelling import FOREIGN, SENTENCES, unknown_field
from rnngraph.names import squeezed

FIELDS = {"Cell": ["n_in", "n_out", "gate_activation"], "Step": ["learning_rate"], "Sum": ["n_out", "has_bias"]}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nIn", "write n_in"),
        ("NOut", "write n_out"),
        ("gateActivationFn", "write gate_activation"),
        ("gateActivationFunction", "write gate_activation"),
        ("hidden_size", "write n_out"),
        ("units", "write n_out"),
        ("lr", "learning_rate is a field of Step"),
        ("learningRate", "learning_rate is a field of Step"),
        ("hasBias", "has_bias is a field of Sum"),
        ("has_bias", "has_bias is a field of Sum"),
        ("n_ou", "did you mean n_out?"),
        ("gate_activaton", "did you mean gate_activation?"),
        ("tbpttFwdLength", "write backprop=TruncatedBPTT(length=...)"),
        ("addInputs", "write ComputationGraphConfiguration(inputs=['a', 'b'], ...)"),
        ("qqq", "its fields are n_in, n_out, gate_activation"),
        ("dropout", "its fields are n_in, n_out, gate_activation"),
    ],
)
def test_the_message_gives_our_spelling(name: str, hint: str) -> None:
    assert unknown_field(name, "Cell", FIELDS) == f"Cell has no field {name!r}; {hint}"


def test_every_foreign_name_leads_to_a_field_that_exists() -> None:
    ours = {field for fields in Configured.known_fields.values() for field in fields}
    assert set(FOREIGN.values()) <= ours
    assert all(key == squeezed(key) for key in (*FOREIGN, *SENTENCES))
    assert not {squeezed(field) for field in ours} & set(FOREIGN), "a name of ours needs no entry"
