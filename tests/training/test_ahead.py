"""Reading ahead: order, errors, and how far."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rnngraph.training.ahead import ahead


def test_everything_comes_in_order_prepared_in_another_thread() -> None:
    """The source is asked in the caller's own."""
    threads: dict[str, set[threading.Thread]] = {"source": set(), "prepare": set()}

    def source() -> Iterator[int]:
        for k in range(20):
            threads["source"].add(threading.current_thread())
            yield k

    def prepare(k: int) -> int:
        threads["prepare"].add(threading.current_thread())
        return k * k

    assert list(ahead(source(), prepare)) == [k * k for k in range(20)]
    assert threads["source"] == {threading.main_thread()}
    assert len(threads["prepare"] - threads["source"]) == len(threads["prepare"]) == 1


def test_the_next_one_is_made_while_the_caller_works() -> None:
    """The caller holds the first and does nothing until the second is made; the third is not begun."""
    made = [threading.Event() for _ in range(4)]

    def prepare(k: int) -> int:
        made[k].set()
        return k

    results = ahead(iter(range(4)), prepare)
    assert next(results) == 0
    assert made[1].wait(10)
    assert not made[2].is_set()
    assert list(results) == [1, 2, 3]


@pytest.mark.parametrize("count", [0, 1])
def test_what_has_nothing_to_come_needs_no_thread(count: int) -> None:
    threads: list[threading.Thread] = []
    assert list(ahead(iter(range(count)), lambda k: threads.append(threading.current_thread()))) == [None] * count
    assert set(threads) <= {threading.main_thread()}


@pytest.mark.parametrize("at", range(4))
def test_an_error_comes_in_its_turn(at: int) -> None:
    def prepare(k: int) -> int:
        if k == at:
            raise ValueError(f"element {k}")
        return k

    def source() -> Iterator[int]:
        yield from range(at)
        raise ValueError(f"element {at}")

    for results in (ahead(iter(range(5)), prepare), ahead(source(), lambda k: k)):
        got = list[int]()
        with pytest.raises(ValueError, match=f"^element {at}$"):
            got.extend(results)
        assert got == list(range(at))


def test_who_stops_early_leaves_the_rest() -> None:
    source = iter(range(10))
    results = ahead(source, lambda k: k)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert next(source) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("rnngraph-ahead")]
