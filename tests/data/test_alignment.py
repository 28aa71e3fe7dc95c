"""Sequences along one time axis: against a plain loop over DL4J's rules."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnngraph.data.alignment import ALIGNMENTS, aligned, alignment_of
from rnngraph.errors import InputError


def by_rules(kinds: list[list[np.ndarray]], alignment: str) -> list[tuple[Any, Any]]:
    """The arrays and masks, value by value."""
    steps = max(len(one) for kind in kinds for one in kind)
    made = []
    for kind in kinds:
        array = np.zeros((len(kind), kind[0].shape[1], steps), np.float32)
        mask = np.zeros((len(kind), steps), np.float32)
        for example, one in enumerate(kind):
            longest = max(len(other[example]) for other in kinds)
            offset = longest - len(one) if alignment == "align_end" else 0
            for t in range(len(one)):
                mask[example, offset + t] = 1
                for column in range(one.shape[1]):
                    array[example, column, offset + t] = one[t, column]
        made.append((array, None if all(len(one) == steps for one in kind) else mask))
    return made


LENGTHS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=5)


@given(LENGTHS, st.sampled_from(["align_start", "align_end"]), st.integers(1, 2))
def test_any_lengths(lengths: list[tuple[int, int]], alignment: str, kinds: int) -> None:
    rng = np.random.default_rng(0)
    tables = [[rng.normal(size=(pair[k], 2 + k)).astype(np.float32) for pair in lengths] for k in range(kinds)]
    for (array, mask), (wanted, wanted_mask) in zip(aligned(tables, alignment), by_rules(tables, alignment), strict=True):
        np.testing.assert_array_equal(array, wanted)
        assert array.dtype == np.float32
        assert (mask is None) == (wanted_mask is None)
        if mask is not None:
            np.testing.assert_array_equal(mask, wanted_mask)


def test_types_are_as_asked_for() -> None:
    (a, mask), (b, _) = aligned([[np.ones((2, 1))], [np.ones((1, 1))]], "align_start", ["int64", "float64"])
    assert (a.dtype.name, b.dtype.name, mask) == ("int64", "float64", None)


@pytest.mark.parametrize("name", ["ALIGN_END", "alignEnd", "align-end", "align_end"])
def test_names_in_any_case(name: str) -> None:
    assert alignment_of(name) == "align_end"
    assert [alignment_of(one.upper()) for one in ALIGNMENTS] == list(ALIGNMENTS)


@pytest.mark.parametrize(
    ("name", "said"), [("align_ends", "did you mean 'align_end'? expected"), ("middle", "expected"), (3, "expected"), (None, "expected")]
)
def test_other_names(name: object, said: str) -> None:
    message = f"alignment is {name!r}; {said} 'equal_length', 'align_start' or 'align_end'"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        alignment_of(name)
