"""AsyncStreamPool: a pool behind coroutines, which gathers the calls of a short time into one batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rnngraph.checks import is_count
from rnngraph.errors import InputError, StreamingError
from rnngraph.names import shown
from rnngraph.runtime.pool import Key, Outputs, StreamPool, checked_key
from rnngraph.spelling import Spelled, spelled

_Verb = Callable[[Mapping[Key, Any]], dict[Key, Outputs]]


@dataclass(slots=True, eq=False)
class _Call:
    """A call that waits: what is to be done with x, and the future that its caller awaits."""

    verb: str
    key: Key
    x: Any
    arrived: float
    future: asyncio.Future[Outputs]


class AsyncStreamPool(Spelled):
    """Coroutines for the streams of ``pool``: ``await front.step(key, x)``; calls that come within ``window`` seconds are one batch.

    A batch goes as soon as each open stream has a call in it, or ``max_batch`` have, at the latest ``window`` seconds after its first call;
    it runs in a thread of its own, so that the event loop goes on, and what comes meanwhile is the next batch. A stream has one call in a
    batch: several are done in their order. More than ``backlog`` calls at once wait until there is room before they are taken.

    A call that fails does so alone. One that is cancelled takes no step, unless its batch has left already: then the step is done, and its
    output is lost. ``pool`` is opened, closed and asked for snapshots as ever, also while a batch runs; those calls wait for its end.

    ``async with`` closes the front at its end. A front belongs to one event loop, that of its first call.
    InputError: an argument that is none. StreamingError: a call on a front that was closed, or from another event loop.
    """

    @spelled
    def __init__(self, pool: StreamPool, window: float = 0.002, max_batch: int = 4096, backlog: int = 65536) -> None:
        if not isinstance(pool, StreamPool):
            raise InputError(f"pool={shown(pool)}: expected a StreamPool")
        if not isinstance(window, (int, float)) or not 0 <= window < float("inf"):
            raise InputError(f"window={shown(window)}: expected a number of seconds, 0 or more")
        for name, value in (("max_batch", max_batch), ("backlog", backlog)):
            if not is_count(value):
                raise InputError(f"{name}={shown(value)}: expected a whole number of at least 1")
        self.pool, self.window, self.max_batch = pool, window, max_batch
        self._room = asyncio.Semaphore(backlog)
        # The calls that no batch has taken yet, of each stream in their order.
        self._waiting: dict[Key, deque[_Call]] = {}
        self._go = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False

    def __repr__(self) -> str:
        waiting = sum(map(len, self._waiting.values()))
        return f"AsyncStreamPool({self.pool!r}, window={self.window}, {waiting} calls waiting{', closed' * self._closed})"

    async def step(self, key: Key, x: Any) -> Outputs:
        """The next step of a stream, x [F] -> y [n_out], as of StreamPool.step; x may not be changed before that. Errors as there."""
        return await self._call("step", key, x)

    async def push(self, key: Key, chunk: Any) -> Outputs:
        """The next steps of a stream, chunk [F, T] -> y [n_out, T], as of StreamPool.push. Errors as there."""
        return await self._call("push", key, chunk)

    async def close(self) -> None:
        """Finish the calls that wait, and refuse all others from now on; the pool stays open."""
        self._closed = True
        self._go.set()
        if self._driver is not None:
            await self._driver
        if self._thread is not None:
            self._thread.shutdown()

    async def __aenter__(self) -> AsyncStreamPool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, verb: str, key: Key, x: Any) -> Outputs:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise StreamingError("this AsyncStreamPool belongs to another event loop; make one in each loop, they may share the pool")
        self._loop = loop
        async with self._room:
            if self._closed:
                raise StreamingError("this AsyncStreamPool was closed; make another one, the pool is still open")
            call = _Call(verb, checked_key(key), x, loop.time(), loop.create_future())
            self._waiting.setdefault(key, deque()).append(call)
            if self._driver is None:
                self._driver = loop.create_task(self._drive(loop))
            elif self._is_full():
                self._go.set()
            return await call.future

    async def _drive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run batches for as long as calls wait."""
        try:
            while self._waiting:
                await self._gathered(loop)
                batch = self._take()
                self._thread = self._thread or ThreadPoolExecutor(1, "StreamPool")
                try:
                    results = await loop.run_in_executor(self._thread, self._run, batch)
                except Exception as error:  # no thread could be started, and nobody may wait for ever
                    self._thread, results = None, [error] * len(batch)  # the old one would do this batch later
                for call, result in zip(batch, results, strict=True):
                    if call.future.done():
                        continue  # cancelled
                    if isinstance(result, Exception):
                        call.future.set_exception(result)
                    else:
                        call.future.set_result(result)
        finally:
            self._driver = None

    async def _gathered(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the next batch is full, or its first call has waited long enough."""
        left = min(calls[0].arrived for calls in self._waiting.values()) + self.window - loop.time()
        if left <= 0 or self._is_full():
            return
        self._go.clear()
        timer = loop.call_later(left, self._go.set)
        await self._go.wait()
        timer.cancel()

    def _is_full(self) -> bool:
        return self._closed or len(self._waiting) >= min(self.max_batch, len(self.pool))

    def _take(self) -> list[_Call]:
        """The next batch: the first call of each stream. A stream that has more goes to the end, so that all have their turn."""
        batch: list[_Call] = []
        for key in list(islice(self._waiting, self.max_batch)):
            calls = self._waiting.pop(key)
            while calls and calls[0].future.done():
                calls.popleft()  # cancelled
            if calls:
                batch.append(calls.popleft())
            if calls:
                self._waiting[key] = calls
        return batch

    def _run(self, batch: list[_Call]) -> list[Outputs | Exception]:
        """What each call gives, in the thread that computes."""
        results: dict[int, Outputs | Exception] = {}
        for verb in (self.pool.step, self.pool.push):
            calls = [call for call in batch if call.verb == verb.__name__]
            results.update(zip(map(id, calls), _each(verb, calls), strict=True))
        return [results[id(call)] for call in batch]


def _each(verb: _Verb, calls: list[_Call]) -> list[Outputs | Exception]:
    """The outputs of all, or where that fails of each half: a call that fails leaves the streams as they were, and so can be cut."""
    try:
        results = verb({call.key: call.x for call in calls})
    except Exception as error:
        if len(calls) == 1:
            return [error]
        middle = len(calls) // 2
        return [*_each(verb, calls[:middle]), *_each(verb, calls[middle:])]
    return [results[call.key] for call in calls]
