"""Signals that ask a process to end: of Ctrl-C, of a queue, of a terminal that was closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING: tuple[int, ...] = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Their numbers; the exit code of what they end is 128 and the number."""


@contextmanager
def asked_to_end(handler: Callable[[int], object], numbers: tuple[int, ...] = ENDING) -> Iterator[None]:
    """``handler`` is called with the number of one that comes. One that is ignored, as under nohup, stays so; in another than the main
    thread, which hears none, nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, frame: handler(number)) for number in heard}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
