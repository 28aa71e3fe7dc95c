"""The check that an exported file computes what the network computed, which anyone who has the file can run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnngraph.runtime.device import Device
from rnngraph.runtime.engine import Array
from rnngraph.runtime.golden import Sample, read_samples
from rnngraph.runtime.session import StreamingSession
from rnngraph.runtime.units import raw
from rnngraph.state import StateSnapshot

TOLERANCE = 1e-5
"""Between different programs: of the largest expected value, or of 1 where that is greater."""

_CHUNKS = (1, 2, 5, 3)
"""The lengths of chunks, over and over."""
_STEPS = 20
"""The least length of the sequence that is cut."""


class Network(Protocol):
    """What a file is compared with: a MultiLayerNetwork, or a session of another file."""

    def output(self, x: Array, features_mask: Array | None = None, /) -> npt.NDArray[Any]:
        """The output for whole sequences."""

    def rnn_time_step(self, x: Array, features_mask: Array | None = None, /) -> npt.NDArray[Any]:
        """The output for the next steps, the state kept."""

    def snapshot(self) -> StateSnapshot:
        """The state."""

    def restore(self, snapshot: Any, /) -> None:
        """Go back to a state."""


@dataclass(frozen=True)
class ParityRow:
    """One comparison: the largest difference, the same divided by the largest expected value, and what is allowed for the first."""

    what: str
    absolute: float
    relative: float
    tolerance: float
    ok: bool


@dataclass(frozen=True)
class ParityReport:
    """All comparisons of one file on one device; true where each is within its tolerance."""

    path: str
    device: str
    rows: tuple[ParityRow, ...]

    def __bool__(self) -> bool:
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        width = max(len(row.what) for row in self.rows)
        lines = [
            f"{row.what:{width}}  {row.absolute:13.3g}  {row.relative:10.3g}  {row.tolerance:9.3g}  {'ok' if row.ok else 'OFF'}"
            for row in self.rows
        ]
        head = f"{'compared':{width}}  {'largest error':>13}  {'relative':>10}  {'tolerance':>9}"
        bad = sum(not row.ok for row in self.rows)
        verdict = f"all {len(self.rows)} comparisons within tolerance" if self else f"{bad} of {len(self.rows)} comparisons OFF"
        return "\n".join([f"{self.path} on {self.device}", head, *lines, verdict])

    def to_json(self) -> str:
        """The report as JSON; an error that is not finite is null."""
        rows = [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(row).items()} for row in self.rows]
        return json.dumps({"path": self.path, "device": self.device, "ok": bool(self), "rows": rows}, indent=2)


def verify(path: str | os.PathLike[str], net: Network | None = None, device: Device = "cpu") -> ParityReport:
    """Compare what the file ``path`` computes on ``device`` with what it should.

    With its golden samples, outputs and next states; where it streams, a sequence fed whole with the same fed in chunks, step by step, and
    each row alone (float32 on the CPU: equal to the bit); with ``net``, if given, whose streaming state is left as it is. Outputs at
    masked steps are unspecified and not compared. Where the file has a normalizer inside, ``net``, which has none, is given what that makes
    of the values. Tolerance 1e-5 * max(1, largest) where nothing else is said.

    ModelFileError: as StreamingSession, or the golden samples are missing or do not fit. MissingDependencyError: no onnx.
    """
    session = StreamingSession(path, device)
    samples = read_samples(path, session.manifest)
    rows = [*_against_samples(session, samples)]
    if session.manifest.streams and session.manifest.time.input_axis is not None:
        rows += _in_pieces(session, samples[0])
    if net is not None:
        rows += _against_network(session, samples[0], net)
    return ParityReport(session.path, session.device, tuple(rows))


def compare(what: str, got: Array, expected: Array, *, real: Array | None = None, tolerance: float | None = None) -> ParityRow:
    """Two arrays, where ``real`` (None: everywhere); ``tolerance`` is absolute. What is NaN or infinite has to be so in both."""
    if got.shape != expected.shape:
        return ParityRow(f"{what} {list(got.shape)} for {list(expected.shape)}", math.inf, math.inf, 0.0, False)
    if real is not None:
        got, expected = got[np.broadcast_to(real, got.shape)], expected[np.broadcast_to(real, expected.shape)]
    absolute = float(_difference(got, expected).max(initial=0.0))
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    allowed = TOLERANCE * max(1.0, largest) if tolerance is None else tolerance
    if not math.isfinite(absolute):
        return ParityRow(what, math.inf, math.inf, allowed, False)
    relative = absolute / largest if largest else math.copysign(math.inf, absolute) if absolute else 0.0
    return ParityRow(what, absolute, relative, allowed, absolute <= allowed)


def _difference(got: Array, expected: Array) -> Array:
    """By how much each value is off; not at all where both are NaN or the same infinity: a file may overflow, if it does as it should."""
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    return np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))


def _against_samples(session: StreamingSession, samples: Sequence[Sample]) -> Iterator[ParityRow]:
    for k, (inputs, expected) in enumerate(samples):
        got = session._engine.run(inputs)
        for name, array in expected.items():
            yield compare(f"golden {k}: {name}", got[name], array, real=_real(session, name, _mask(session, inputs)))


def _in_pieces(session: StreamingSession, sample: Sample) -> Iterator[ParityRow]:
    """Whole against chunked, stepped and row alone, from the sample's states, over its inputs repeated."""
    x, mask, start = _parts(session, sample)
    times = -(-_STEPS // x.shape[-1])
    x, mask = np.tile(x, (*[1] * (x.ndim - 1), times)), None if mask is None else np.tile(mask, (1, times))
    exact = session.device == "cpu" and session.manifest.data_type == "float32"
    whole = _feed(session, x, mask, start, [x.shape[-1]])
    ways = {"chunked": _feed(session, x, mask, start, _CHUNKS), "stepped": _feed(session, x, mask, start, [1])}
    if session.manifest.batch is None:
        alone = [
            _feed(session, x[n : n + 1], None if mask is None else mask[n : n + 1], {k: v[n : n + 1] for k, v in start.items()}, _CHUNKS)
            for n in range(len(x))
        ]
        ways["row alone"] = {name: np.concatenate([one[name] for one in alone]) for name in whole}
    for way, results in ways.items():
        for name, array in results.items():
            real = _real(session, name, mask)
            yield compare(f"whole = {way}: {name}", array, whole[name], real=real, tolerance=0.0 if exact else None)


def _against_network(session: StreamingSession, sample: Sample, net: Network) -> Iterator[ParityRow]:
    x, mask, start = _parts(session, sample)
    y = session.manifest.port("output").name
    normalizer = session.manifest.normalizer
    if normalizer is not None and not _takes_raw_values(net):
        net = raw(net, normalizer, session.manifest.port("input").name, y)
    yield compare(f"network: {y}", session.output(x, mask), np.asarray(net.output(x, mask)), real=_real(session, y, mask))
    if not session.manifest.streams or session.manifest.time.input_axis is None:
        return
    got, expected = _feed(session, x, mask, start, _CHUNKS), _feed(net, x, mask, start, _CHUNKS)
    for name, array in got.items():
        if name in expected:
            yield compare(f"network, chunked: {name}", array, expected[name], real=_real(session, name, mask))


def _takes_raw_values(net: Network) -> bool:
    """Whether it is a session of a file that has a normalizer inside too."""
    return isinstance(net, StreamingSession) and net.manifest.normalizer is not None


def _feed(net: Network, x: Array, mask: Array | None, start: Mapping[str, Array], lengths: Sequence[int]) -> dict[str, Array]:
    """The output of x [N, F, T] in pieces of these lengths, over and over, from the states ``start``, and the states at the end."""
    before = net.snapshot()
    outputs: list[Array] = []
    try:
        net.restore(StateSnapshot(start))
        at = 0
        while at < x.shape[-1]:
            end = at + lengths[len(outputs) % len(lengths)]
            outputs.append(np.asarray(net.rnn_time_step(_several(x[..., at:end]), None if mask is None else mask[:, at:end])))
            at = end
        states = net.snapshot().states
    finally:
        net.restore(before)
    y = np.concatenate(outputs, axis=-1) if outputs[0].ndim in (3, 5) else outputs[-1]
    return {"y": y, **states}


def _several(x: Array) -> Array:
    """Ids [N, T] as [N, 1, T]: the form in which one step has a time axis too."""
    return x[:, None] if x.ndim == 2 else x


def _parts(session: StreamingSession, sample: Sample) -> tuple[Array, Array | None, dict[str, Array]]:
    """x, mask and states of a sample's inputs."""
    inputs = sample[0]
    return inputs[session.manifest.port("input").name], _mask(session, inputs), {s.input: inputs[s.input] for s in session.manifest.states}


def _mask(session: StreamingSession, inputs: Mapping[str, Array]) -> Array | None:
    name = session.manifest.mask.input
    return None if name is None else inputs[name]


def _real(session: StreamingSession, name: str, mask: Array | None) -> Array | None:
    """Where the result ``name`` is specified: outputs with a time axis at steps that are not masked, all else everywhere."""
    manifest = session.manifest
    axis, y = manifest.time.output_axis, manifest.port("output")
    if mask is None or name != y.name or axis is None or y.shape[axis] not in ("T", manifest.steps):
        return None  # a shorter output has a mask of its own, of which the file does not tell
    real: Array = np.expand_dims(mask, tuple(range(1, axis))) != 0
    return real
