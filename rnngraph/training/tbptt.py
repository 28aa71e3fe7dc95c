"""Truncated BPTT: a minibatch cut along time into segments, of which each is an update (Williams and Peng 1990).

1. A minibatch is looked at before its first segment is trained, in blocks, so that nothing as long as a sequence is made; in blocks it is
   made tensors, too.
2. Its segments follow each other; each begins with the states with which the one before ended, as values: no gradient passes.
3. With a ``backward_length`` recurrent layers learn from that many steps at a segment's end, of segments that are longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rnngraph.conf import NetworkConfiguration, TruncatedBPTT
from rnngraph.data.iteration import Examples
from rnngraph.data.rows import Rows
from rnngraph.errors import ConfigurationError, InputError, TrainingError
from rnngraph.position import Position
from rnngraph.training.objective import has_labels
from rnngraph.training.tensors import Tensors, tensors_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rnngraph.base_network import Network

RowsT = TypeVar("RowsT", bound=Rows)
_BLOCK = 256
"""Steps that are looked at, and moved to where they are trained, at once; more where a segment has more."""


@dataclass(frozen=True)
class Segment:
    """What one update is made of: the minibatch ``data``, those of its ``tensors`` that the update is about, all where left out, the
    ``states`` that it begins with (the initial ones where left out), and where the fit stands.

    ``before`` is the position before the update; ``steps`` is T of the minibatch, ``last`` whether the update ends it, and ``share`` which
    part of its updates it is.
    """

    data: Examples
    tensors: Tensors | None = None
    states: Mapping[str, Tensor] = field(default_factory=dict)
    backward_steps: int | None = None
    before: Position = field(default_factory=Position)
    steps: int = 0
    last: bool = True
    share: float = 1.0

    def after(self, score: float, states: Mapping[str, Tensor]) -> Position:
        """The position after the update."""
        if self.last:
            return Position(self.before.batches + 1, score)
        return Position(self.before.batches, score, self.before.segments + 1, self.steps, states)


@dataclass(frozen=True)
class Ready:
    """A minibatch that was looked at: whether a label ``counts``, and its ``tensors`` unless they are made in blocks."""

    data: Examples
    counts: bool
    tensors: Tensors | None = None


def made_ready(network: Network, batch: Examples, device: torch.device) -> Ready:
    """``batch`` looked at and, where it is one update or short, moved to ``device``. InputError for what does not fit the network."""
    counts, backprop = has_labels(network, batch), network.config.backprop
    if not counts or (isinstance(backprop, TruncatedBPTT) and step_count(network.config, batch) > _BLOCK):
        check_minibatch(network, batch)
        return Ready(batch, counts)
    if isinstance(backprop, TruncatedBPTT):
        check_cuttable(network, backprop, batch)
    return Ready(batch, counts, tensors_of(network, batch, device))


def segments(network: Network, batch: Ready) -> Iterator[Segment]:
    """The segments of ``batch`` from the network's position on, which each update moves; one, the whole, without truncated BPTT."""
    backprop, steps = network.config.backprop, step_count(network.config, batch.data)
    length = backprop.length if isinstance(backprop, TruncatedBPTT) else steps
    backward = backprop.backward_length if isinstance(backprop, TruncatedBPTT) else None
    first, block = network._position.segments * length, max(1, _BLOCK // length) * length
    share = 1 / -(-steps // length)
    piece, begin, end = batch.tensors, 0, steps if batch.tensors else 0
    for start in range(first, steps, length):
        stop, at = min(start + length, steps), network._position
        if stop > end:  # blocks begin where they would in an unbroken run, so that a resumed one computes in the same memory layout
            begin = start - start % block
            end = min(begin + block, steps)
            piece = tensors_of(network, cut(network.config, batch.data, begin, end), network._device)
        shorter = backward if backward is not None and backward < stop - start else None
        assert piece is not None
        tensors = piece if (start, stop) == (begin, end) else piece.steps(start - begin, stop - begin)
        yield Segment(batch.data, tensors, at.states, shorter, at, steps, stop == steps, share)


def segment_count(config: NetworkConfiguration, batch: Examples) -> int:
    """How many updates ``batch`` makes."""
    return -(-step_count(config, batch) // config.backprop.length) if isinstance(config.backprop, TruncatedBPTT) else 1


def step_count(config: NetworkConfiguration, data: Rows) -> int:
    """T of the features that have a time axis; 1 where none have, and of a frame [N, C, H, W]. Those that are cut all have the same."""
    timed = [x for x, entry in zip(data._arrays.features, config.entries, strict=False) if entry.has_time and x.ndim != 4]
    return max((x.shape[-1] for x in timed), default=1)


def cut(config: NetworkConfiguration, data: RowsT, start: int, stop: int) -> RowsT:
    """Steps ``start`` to ``stop`` of features, labels and masks; ``data`` itself where these are all.

    Features without a time axis stay as they are.
    """
    if start == 0 and stop >= step_count(config, data):
        return data
    still = [x for x, entry in zip(data._arrays.features, config.entries, strict=False) if not entry.has_time]
    return data._mapped(lambda array: array if any(array is x for x in still) else array[..., start:stop])


def check_minibatch(network: Network, data: Examples) -> None:
    """InputError for what does not fit the network. With truncated BPTT, whose sequences may be long, in blocks of steps."""
    backprop, steps = network.config.backprop, step_count(network.config, data)
    if not isinstance(backprop, TruncatedBPTT):
        network._inputs.training(data._arrays)
        return
    check_cuttable(network, backprop, data)
    for start in range(0, steps, _BLOCK):
        try:
            network._inputs.training(cut(network.config, data, start, start + _BLOCK)._arrays)
        except InputError:
            network._inputs.training(data._arrays)  # which counts steps from the sequence's first
            raise


def check_cuttable(network: Network, backprop: TruncatedBPTT, data: Examples) -> None:
    """InputError for labels that cannot be cut as the features are."""
    for labels in data._arrays.labels:
        shape = list(labels.shape)
        if len(shape) == 2:
            raise InputError(
                f"labels have shape {shape}, one label a sequence, but backprop=TruncatedBPTT(length={backprop.length}) makes an update "
                "after every segment: give one label a step, [N, C, T], with a labels_mask that is 1 where a label counts (at the last "
                "step), or use backprop=StandardBackprop()"
            )
        if shape[-1] != step_count(network.config, data):
            network._inputs.training(data._arrays)  # which tells the shapes


def check_network(network: Network) -> None:
    """ConfigurationError for a network that has no steps to cut, or whose outputs have others than its inputs."""
    backprop, inputs = network.config.backprop, network._inputs
    if not isinstance(backprop, TruncatedBPTT):
        return
    symbols = {one.steps for one in inputs.inputs if one.steps is not None}
    if len(symbols) == 1 and all(steps == 1 for steps in inputs.output_steps({"N": 1, **dict.fromkeys(symbols, 1)})):
        return
    what = "its output has other time steps than its input" if symbols else "the network has no time axis"
    if len(symbols) > 1:
        what = "its inputs need not be equally long"
    raise ConfigurationError(
        f"backprop=TruncatedBPTT(length={backprop.length}) cuts sequences, but {what}; use backprop=StandardBackprop()"
    )


def check_resumption(at: Position, network: Network, batch: Examples) -> None:
    """TrainingError where ``batch`` is not the minibatch inside which the fit was stopped."""
    if not at.segments:
        return
    n, steps = batch.num_examples(), step_count(network.config, batch)
    if at.rows not in (None, n) or at.steps != steps or at.segments >= segment_count(network.config, batch):
        raise TrainingError(
            f"resume=True: {at.segments} segments of minibatch {at.batches} are trained, of {at.rows or n} rows and {at.steps} steps, but "
            f"element {at.batches} of data has {n} rows and {steps} steps ({network.config.backprop!r}); give the data of the run that was "
            "stopped, or leave resume out to begin a new epoch"
        )
