"""Making ready ahead: what comes next is prepared by a thread while the caller works."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(source: Iterator[A], prepare: Callable[[A], B]) -> Generator[B, None, None]:
    """``prepare(element)`` for each element of ``source``, one ahead of the caller.

    The source is asked in the caller's own thread, since not every source may be asked in another. The only element of a source is
    prepared there too. An error of the source or of ``prepare`` comes in its turn, after the elements before it.
    """
    first = next(source, _END)
    if first is _END:
        return
    second, failed = _next(source)
    if second is _END:
        yield prepare(first)  # type: ignore[arg-type]  # it is not the end
        _raise(failed)
        return
    with ThreadPoolExecutor(1, "rnngraph-ahead") as thread:
        waiting: Future[B] = thread.submit(prepare, first)  # type: ignore[arg-type]  # as above
        element = second
        while element is not _END:
            following = thread.submit(prepare, element)  # type: ignore[arg-type]  # as above
            yield waiting.result()
            waiting = following
            element, failed = _next(source)
        yield waiting.result()
    _raise(failed)


_END = object()


def _next(source: Iterator[A]) -> tuple[A | object, Exception | None]:
    """The next element, _END where there is none, and the error that there was instead of it."""
    try:
        return next(source, _END), None
    except Exception as error:
        return _END, error


def _raise(error: Exception | None) -> None:
    if error is not None:
        raise error
