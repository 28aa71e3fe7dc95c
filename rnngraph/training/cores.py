"""Who computes on which core: torch's threads wait for each other by spinning, so one that lacks a core holds up all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from rnngraph.data.iteration import Data
from rnngraph.data.sequence_iterator import SequenceRecordReaderDataSetIterator

if TYPE_CHECKING:
    from rnngraph.base_network import Network

SMALL = 20_000
"""Parameters up to which the second of two threads hardly pays: those of an LSTM of 64."""
_MANY = 4


@contextmanager
def room_to_read(network: Network, data: Data) -> Iterator[None]:
    """Leave a core to the thread that reads ``data`` ahead: torch computes on the CPU with a thread less than it has meanwhile.

    On fewer than four cores for a small network only, since for another a core is worth more than what is read ahead. Where torch has fewer
    threads than there are cores, there is room already. A number of threads that is set meanwhile stays.
    """
    threads, cores = torch.get_num_threads(), _cores()
    reads = isinstance(data, SequenceRecordReaderDataSetIterator) and len(data) > 1 and network._device.type == "cpu"
    pays = min(threads, cores) >= _MANY or sum(parameter.numel() for parameter in network._parameters.values()) <= SMALL
    if not reads or not pays or not 1 < threads >= cores:
        yield
        return
    torch.set_num_threads(threads - 1)
    try:
        yield
    finally:
        if torch.get_num_threads() == threads - 1:
            torch.set_num_threads(threads)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
