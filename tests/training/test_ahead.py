"""Reading ahead: order, errors, and how far."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rnngraph as rg
from rnngraph.ahead import ahead


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


@pytest.mark.parametrize(
    ("kind", "threads"),
    [("list", 0), ("batches", 0), ("float64", 1), ("tuples", 1), ("source", 1)],
)
def test_a_fit_makes_ready_ahead_where_something_has_to_be_moved(kind: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(source: Iterator[Any], prepare: Any) -> Iterator[Any]:
        made.append(kind)
        return ahead(source, prepare)

    monkeypatch.setattr("rnngraph.training.fit.ahead", counted)
    x, y = np.ones((4, 3, 5), np.float32), np.ones((4, 1, 5), np.float32)
    one = rg.DataSet(x.astype(np.float64), y) if kind == "float64" else rg.DataSet(x, y)
    data: Any = {"batches": rg.MiniBatches(one, 2), "tuples": [(x, y)] * 2, "source": (d for d in [one] * 2)}.get(kind, [one] * 2)
    layers = [rg.LSTM(n_in=3, n_out=2), rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse")]
    net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers))
    net.fit(data, device="cpu")
    assert net.iteration == 2
    assert len(made) == threads


@pytest.mark.parametrize("backprop", [rg.StandardBackprop(), rg.TruncatedBPTT(3)], ids=["standard", "truncated"])
def test_a_source_may_write_into_the_same_arrays_again(backprop: rg.StandardBackprop | rg.TruncatedBPTT) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((4, 2, 3, 7)).astype(np.float32), rng.standard_normal((4, 2, 1, 7)).astype(np.float32)

    def again() -> Iterator[rg.DataSet]:
        features, labels = np.zeros_like(x[0]), np.zeros_like(y[0])
        for k in range(4):
            features[:], labels[:] = x[k], y[k]
            yield rg.DataSet(features, labels)

    def fitted(data: Any) -> dict[str, np.ndarray]:
        layers = [rg.LSTM(n_in=3, n_out=2), rg.RnnOutputLayer(n_out=1, activation="identity", loss="mse")]
        net = rg.MultiLayerNetwork(rg.MultiLayerConfiguration(layers=layers, updater=rg.Sgd(0.1), backprop=backprop))
        net.fit(data)
        return net.parameters()

    ours, want = fitted(again()), fitted([rg.DataSet(x[k], y[k]) for k in range(4)])
    for name, array in want.items():
        np.testing.assert_array_equal(ours[name], array)
