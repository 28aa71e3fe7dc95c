"""Reading ahead: order, errors, and how far."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rnngraph.training.ahead import ahead


def test_everything_comes_in_order_from_another_thread() -> None:
    threads = set()

    def prepare(k: int) -> int:
        threads.add(threading.current_thread())
        return k * k

    assert list(ahead(iter(range(20)), prepare)) == [k * k for k in range(20)]
    assert threading.main_thread() not in threads
    assert len(threads) == 1


def test_the_next_one_is_made_while_the_caller_works() -> None:
    """The caller holds the first and does nothing until the second is made; the third is not begun."""
    made = [threading.Event() for _ in range(4)]

    def source() -> Iterator[int]:
        for k in range(4):
            made[k].set()
            yield k

    results = ahead(source(), lambda k: k)
    assert next(results) == 0
    assert made[1].wait(10)
    assert not made[2].is_set()
    assert list(results) == [1, 2, 3]


def test_an_error_comes_in_its_turn() -> None:
    def prepare(k: int) -> int:
        if k == 2:
            raise ValueError("element 2")
        return k

    results, got = ahead(iter(range(5)), prepare), list[int]()
    with pytest.raises(ValueError, match="element 2"):
        got.extend(results)
    assert got == [0, 1]


def test_who_stops_early_leaves_the_rest() -> None:
    source = iter(range(10))
    results = ahead(source, lambda k: k)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert next(source) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("rnngraph-ahead")]
