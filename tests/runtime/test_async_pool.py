"""AsyncStreamPool: what it gathers, in which order, and whom an error, a cancellation or a full queue concerns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError, StreamingError
from rnngraph.runtime import AsyncStreamPool, StreamingSession, StreamPool
from tests.runtime.files import File, Spec

LONG = 600.0
"""A window that no test waits for: a batch goes because it is full."""


class Watched(StreamPool):
    """A pool that writes down the keys of each batch, and runs none while the gate is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.batches: list[list[Any]] = []
        self.gate = threading.Event()
        self.gate.set()

    def step(self, xs: Any) -> Any:
        return super().step(self.watched(xs))

    def push(self, chunks: Any) -> Any:
        return super().push(self.watched(chunks))

    def watched(self, xs: Any) -> Any:
        self.gate.wait()
        self.batches += [list(xs)] if xs else []
        return xs


@pytest.fixture
def pool(file: File) -> Watched:
    """A pool with the streams 0 to 3, which fails where the first feature is 1 or more."""
    made = Watched(file(Spec(fragile=True)))
    for key in range(4):
        made.open(key)
    return made


@pytest.fixture
def sessions(file: File) -> list[StreamingSession]:
    """A session for each stream of ``pool``."""
    first = StreamingSession(file(Spec(fragile=True)))
    return [first, *(first.clone() for _ in range(3))]


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run to the end; a minute is for ever."""
    asyncio.run(asyncio.wait_for(test, 60))


async def turns(count: int = 5) -> None:
    """Let all others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def x_of(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (3, *shape)).astype(np.float32)


def test_calls_of_all_streams_are_one_batch(pool: Watched, sessions: list[StreamingSession]) -> None:
    async def live(front: AsyncStreamPool, key: int) -> None:
        for t in range(6):
            x = x_of(10 * key + t)
            np.testing.assert_array_equal(await front.step(key, x), sessions[key].rnn_time_step(x[None])[0])

    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG) as front:
            await asyncio.gather(*(live(front, key) for key in range(4)))

    run(test())
    assert [sorted(batch) for batch in pool.batches] == [[0, 1, 2, 3]] * 6


def test_a_batch_that_does_not_fill_goes_when_its_window_ends(pool: Watched) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=0.001) as front:
            await asyncio.gather(front.step(0, x_of(0)), front.step(2, x_of(1)))
            await front.step(0, x_of(2))

    run(test())
    assert pool.batches == [[0, 2], [0]]


def test_without_a_window_what_is_there_goes(pool: Watched) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=0) as front:
            await asyncio.gather(*(front.step(key, x_of(key)) for key in (3, 1)))

    run(test())
    assert pool.batches == [[3, 1]]


def test_calls_of_one_stream_keep_their_order(pool: Watched, sessions: list[StreamingSession]) -> None:
    xs = [x_of(t) if t % 3 else x_of(t, 2) for t in range(9)]

    async def test() -> None:
        async with AsyncStreamPool(pool, window=0.001) as front:
            calls = [(front.step if x.ndim == 1 else front.push)(1, x) for x in xs]
            for x, y in zip(xs, await asyncio.gather(*calls), strict=True):
                np.testing.assert_array_equal(y, sessions[1].rnn_time_step(x[None])[0])

    run(test())
    assert pool.batches == [[1]] * 9
    assert pool.snapshot(1).steps == 12


def test_steps_and_chunks_share_a_batch(pool: Watched, sessions: list[StreamingSession]) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG) as front:
            ys = await asyncio.gather(*(front.push(k, x_of(k, 4)) if k % 2 else front.step(k, x_of(k)) for k in range(4)))
            for k, y in enumerate(ys):
                np.testing.assert_array_equal(y, sessions[k].rnn_time_step((x_of(k, 4) if k % 2 else x_of(k))[None])[0])

    run(test())
    assert pool.batches == [[0, 2], [1, 3]]


def test_no_batch_is_larger_than_it_may_be_and_all_have_their_turn(pool: Watched) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG, max_batch=2) as front:
            await asyncio.gather(*(front.step(key, x_of(0)) for key in (0, 0, 0, 1, 2, 3)), front.step(1, x_of(1)), front.step(2, x_of(1)))

    run(test())
    assert pool.batches[:4] == [[0, 1], [2, 3], [0, 1], [2, 0]]


# Errors


class Trap:
    """What fails with an error of its own when it is read."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise KeyError("trap")


BAD: list[tuple[Any, type[Exception], str]] = [
    (np.full(3, np.nan), InputError, "stream 2: x is nan at feature 0"),
    (np.zeros(4), InputError, r"stream 2: x has shape \[4\]"),
    (np.array([2, 0, 0], np.float32), StreamingError, "onnxruntime failed, the state is as it was"),
    (Trap(), KeyError, "trap"),
]


@pytest.mark.parametrize(("bad", "kind", "message"), BAD)
def test_a_call_that_fails_does_so_alone(
    bad: Any, kind: type[Exception], message: str, pool: Watched, sessions: list[StreamingSession]
) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG) as front:
            for t in range(2):
                given = [x_of(t), x_of(1 + t), bad, x_of(3 + t)]
                ys: list[Any] = await asyncio.gather(*(front.step(k, x) for k, x in enumerate(given)), return_exceptions=True)
                with pytest.raises(kind, match=message):
                    raise ys[2]
                for k in (0, 1, 3):
                    np.testing.assert_array_equal(ys[k], sessions[k].rnn_time_step(given[k][None])[0])

    run(test())
    assert [pool.snapshot(k).steps for k in range(4)] == [2, 2, 0, 2]


def test_where_no_thread_can_be_started_all_are_told(pool: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG) as front:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", start)
                ys: list[Any] = await asyncio.gather(*(front.step(key, x_of(key)) for key in range(4)), return_exceptions=True)
            assert [str(y) for y in ys] == ["can't start new thread"] * 4
            ys = await asyncio.gather(*(front.step(key, x_of(key)) for key in range(4)))
            assert [y.shape for y in ys] == [(4,)] * 4

    run(test())
    assert [pool.snapshot(key).steps for key in range(4)] == [1] * 4


def test_keys_that_are_none(pool: Watched) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=0.001) as front:
            with pytest.raises(InputError, match=r"^\[1\] cannot be the key of a stream: list has no hash"):
                await front.step([1], x_of(0))  # type: ignore[arg-type]
            ys: Sequence[Any] = await asyncio.gather(front.step(1, x_of(0)), front.step("x", x_of(0)), return_exceptions=True)
            assert ys[0].shape == (4,)
            assert str(ys[1]).startswith("there is no stream 'x'; open('x') begins it.")

    run(test())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": 3}, "^pool=3: expected a StreamPool$"),
        ({"window": -1}, "^window=-1: expected a number of seconds, 0 or more$"),
        ({"window": float("nan")}, "^window=nan: expected a number of seconds"),
        ({"window": "1"}, "^window='1': expected"),
        ({"max_batch": 0}, "^max_batch=0: expected a whole number of at least 1$"),
        ({"backlog": 2.0}, "^backlog=2.0: expected a whole number of at least 1$"),
    ],
)
def test_arguments_that_are_none(options: dict[str, Any], message: str, pool: Watched) -> None:
    with pytest.raises(InputError, match=message):
        AsyncStreamPool(**{"pool": pool, **options})


# Cancelling, a full queue, closing


def test_a_call_that_is_cancelled_before_its_batch_leaves_takes_no_step(pool: Watched, sessions: list[StreamingSession]) -> None:
    async def test() -> None:
        async with AsyncStreamPool(pool, window=LONG) as front:
            calls = [asyncio.create_task(front.step(key, x_of(key))) for key in (0, 1, 1, 2)]
            await turns()
            calls[0].cancel()
            calls[1].cancel()
            await turns()
            last = asyncio.create_task(front.step(3, x_of(3)))
            np.testing.assert_array_equal(await calls[2], sessions[1].rnn_time_step(x_of(1)[None])[0])
            await asyncio.gather(calls[3], last)
            assert [call.cancelled() for call in calls] == [True, True, False, False]

    run(test())
    assert pool.batches == [[1, 2, 3]]
    assert pool.snapshot(0).steps == 0


def test_a_call_that_is_cancelled_while_its_batch_runs_has_done_its_step(pool: Watched) -> None:
    async def test() -> None:
        pool.gate.clear()
        async with AsyncStreamPool(pool, window=0) as front:
            calls = [asyncio.create_task(front.step(key, x_of(key))) for key in (0, 1)]
            await asyncio.sleep(0.01)
            calls[0].cancel()
            await turns()
            assert calls[0].cancelled()
            pool.gate.set()  # reached because the loop goes on while the batch runs
            assert (await calls[1]).shape == (4,)

    run(test())
    assert pool.batches == [[0, 1]]
    assert pool.snapshot(0).steps == 1


def test_calls_wait_where_there_is_no_room(pool: Watched) -> None:
    async def test() -> None:
        pool.gate.clear()
        async with AsyncStreamPool(pool, window=0, backlog=3) as front:
            calls = [asyncio.create_task(front.step(key % 4, x_of(key))) for key in range(9)]
            await asyncio.sleep(0.01)
            assert repr(front) == f"AsyncStreamPool({pool!r}, window=0, 0 calls waiting)"  # three run, six are outside
            calls[8].cancel()
            pool.gate.set()
            await asyncio.gather(*calls[:8])

    run(test())
    assert [len(batch) for batch in pool.batches] == [3, 3, 2]
    assert [pool.snapshot(key).steps for key in range(4)] == [2] * 4


def test_closing_finishes_what_waits_and_refuses_what_comes(pool: Watched) -> None:
    async def test() -> None:
        front = AsyncStreamPool(pool, window=LONG, backlog=3)
        calls = [asyncio.create_task(front.step(key, x_of(key))) for key in (0, 0, 1, 2)]  # the fourth has no room
        await turns()
        await front.close()
        ys: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
        assert [y.shape for y in ys[:3]] == [(4,)] * 3
        with pytest.raises(StreamingError, match=r"^this AsyncStreamPool was closed; make another one, the pool is still open$"):
            raise ys[3]
        with pytest.raises(StreamingError, match=r"was closed"):
            await front.push(1, x_of(0, 2))
        await front.close()
        assert repr(front).endswith("0 calls waiting, closed)")

    run(test())
    assert pool.step({0: x_of(0)})[0].shape == (4,)


def test_a_front_belongs_to_one_loop(pool: Watched) -> None:
    front = AsyncStreamPool(pool, window=0)

    async def test() -> None:
        await front.step(0, x_of(0))

    run(test())
    with pytest.raises(StreamingError, match=r"^this AsyncStreamPool belongs to another event loop; make one in each loop"):
        run(test())


def test_streams_come_and_go_while_others_step(pool: Watched, sessions: list[StreamingSession]) -> None:
    async def live(front: AsyncStreamPool, key: int) -> None:
        session = sessions[key]
        for life in range(3):
            pool.open((key, life), session.snapshot() if life else None)
            for t in range(4):
                x = x_of(t)
                np.testing.assert_array_equal(await front.step((key, life), x), session.rnn_time_step(x[None])[0])
            pool.close((key, life))

    async def test() -> None:
        async with AsyncStreamPool(pool, window=0.0005) as front:
            await asyncio.gather(*(live(front, key) for key in range(4)))

    run(test())
    assert pool.keys() == [0, 1, 2, 3]
