"""Reading ahead: what comes next is made ready by a thread while the caller works."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(source: Iterator[A], prepare: Callable[[A], B]) -> Generator[B, None, None]:
    """``prepare(element)`` for each element of ``source``, one ahead of the caller.

    An error of the source or of ``prepare`` reaches the caller in its turn, after the elements before it. When the caller stops early, an
    element more than it got may have been taken from the source; nothing is taken after that.
    """
    end = object()

    def take() -> B | object:
        for element in source:
            return prepare(element)
        return end

    with ThreadPoolExecutor(1, "rnngraph-ahead") as thread:
        pending = thread.submit(take)
        while (ready := pending.result()) is not end:
            pending = thread.submit(take)
            yield ready  # type: ignore[misc]  # it is not the end
