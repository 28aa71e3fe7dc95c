"""The check that an exported file computes what the network computed, which anyone who has the file can run."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Literal, get_args, overload

import numpy as np

from rnngraph.errors import InputError, MissingDependencyError, ModelFileError, StreamingError
from rnngraph.runtime.device import Device, without_cpu
from rnngraph.runtime.driven import CHUNKS, Arrays, Driven, Network, as_driven, real_steps, repeated
from rnngraph.runtime.engine import Array
from rnngraph.runtime.golden import Sample, read_samples
from rnngraph.runtime.manifest import Manifest
from rnngraph.runtime.parity import DeviceReports, ParityReport
from rnngraph.runtime.parity import ParityRow as ParityRow
from rnngraph.runtime.session import StreamingSession
from rnngraph.runtime.units import evened, in_units

TOLERANCE = 1e-5
"""Between different programs: of the largest expected value, or of 1 where that is greater."""


@overload
def verify(path: str | os.PathLike[str], net: Network | None = None, device: Device = "cpu") -> ParityReport: ...
@overload
def verify(path: str | os.PathLike[str], net: Network | None = None, *, device: Literal["all"]) -> DeviceReports: ...
def verify(
    path: str | os.PathLike[str], net: Network | None = None, device: Device | Literal["all"] = "cpu"
) -> ParityReport | DeviceReports:
    """Compare what the file ``path`` computes on ``device`` with what it should; "all" is every device that works here.

    With its golden samples, outputs and next states; where it streams, a sequence fed whole with the same fed in chunks, step by step, and
    each row alone (float32 on the CPU: equal to the bit); with ``net``, if given, whose streaming state is left as it is. Outputs at
    masked steps are unspecified and not compared. Tolerance 1e-5 * max(1, largest) where nothing else is said; for samples and ``net`` that
    of the manifest, where the file has weights in fewer bits. Where the file has a normalizer inside, ``net``, which has none, is fed what
    that makes of the values, and errors of raw outputs are told in shares of each column's size.

    ModelFileError: as StreamingSession, or the golden samples are missing or do not fit. MissingDependencyError: no onnx. InputError:
    ``net`` has other layers, inputs, outputs or states than the file, or there is no such device. "all" leaves out, and tells, a device
    that does not work or cannot have the file, or that fails in a run, which makes the reports false.
    """
    if device not in (*get_args(Device), "all"):
        raise InputError(f"device={device!r}: expected 'cpu', 'cuda', 'auto' or 'all'")
    if device != "all":
        return _on(StreamingSession(path, device), net)
    on_cpu = _on(StreamingSession(path), net)
    try:
        session = StreamingSession(path, "cuda")
    except (MissingDependencyError, ModelFileError) as error:  # the file is right, since it was opened on the CPU
        return DeviceReports(on_cpu.path, (on_cpu,), {"cuda": without_cpu(error)})
    try:
        on_cuda = _on(session, net)
    except StreamingError as error:  # of CUDA: on the CPU the same was fed
        return DeviceReports(on_cpu.path, (on_cpu,), {"cuda": str(error)}, failed=("cuda",))
    return DeviceReports(on_cpu.path, (on_cpu, on_cuda), {})


def _on(session: StreamingSession, net: Network | None) -> ParityReport:
    """All comparisons on the device of ``session``."""
    manifest = session.manifest
    driven = None if net is None else as_driven(net, manifest, session.path)
    samples = read_samples(session.path, manifest)
    rows = [*_against_samples(session, samples)]
    in_pieces = manifest.streams and any(p.time_axis is not None for p in manifest.ports("input"))
    if in_pieces:
        rows += _in_pieces(session, samples[0])
    if driven is not None:
        rows += _against_network(session, samples[0], in_units(driven), in_pieces)
    return ParityReport(session.path, session.device, tuple(rows))


def compare(
    what: str, got: Array, expected: Array, *, real: Array | None = None, tolerance: float | None = None, share: float = TOLERANCE
) -> ParityRow:
    """Two arrays, where ``real`` (None: everywhere). What is NaN or infinite has to be so in both.

    ``tolerance`` is absolute; where it is None, ``share`` of the largest expected value, or of 1, is allowed.
    """
    if got.shape != expected.shape:
        return ParityRow(f"{what} {list(got.shape)} for {list(expected.shape)}", math.inf, math.inf, 0.0, False)
    if real is not None:
        got, expected = got[np.broadcast_to(real, got.shape)], expected[np.broadcast_to(real, expected.shape)]
    absolute = float(_difference(got, expected).max(initial=0.0))
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    allowed = share * max(1.0, largest) if tolerance is None else tolerance
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
            pair = evened(session.manifest, name, got[name], array)
            real = real_steps(session.manifest, name, inputs)
            yield compare(f"golden {k}: {name}", *pair, real=real, share=_share(session.manifest, name))


def _share(manifest: Manifest, name: str) -> float:
    """What is allowed between the file and its network, for an output or a state."""
    stated = {} if manifest.precision is None else manifest.precision.tolerance
    return stated.get(name, stated.get(f"next_{name}", TOLERANCE))


def _in_pieces(session: StreamingSession, sample: Sample) -> Iterator[ParityRow]:
    """Whole against chunked, stepped and row alone, from the sample's states, over its inputs repeated."""
    manifest, driven = session.manifest, Driven(session, session.manifest)
    given, start = _parts(manifest, sample)
    given = repeated(manifest, given)
    exact = session.device == "cpu" and manifest.data_type == "float32" and (manifest.precision is None or manifest.precision.same_bits)
    whole = driven.feed(given, start, None)
    ways = {"chunked": driven.feed(given, start, CHUNKS), "stepped": driven.feed(given, start, [1])}
    if manifest.batch is None:
        rows = len(next(iter(given.values())))
        alone = [driven.feed(_row(given, n), _row(start, n), CHUNKS) for n in range(rows)]
        ways["row alone"] = {name: np.concatenate([one[name] for one in alone]) for name in whole}
    for way, results in ways.items():
        for name, array in results.items():
            real = real_steps(manifest, name, given)
            yield compare(
                f"whole = {way}: {name}", array, whole[name], real=real, tolerance=0.0 if exact else None, share=_share(manifest, name)
            )


def _against_network(session: StreamingSession, sample: Sample, net: Driven, in_pieces: bool) -> Iterator[ParityRow]:
    manifest, driven = session.manifest, Driven(session, session.manifest)
    given, start = _parts(manifest, sample)
    expected = net.output(given)
    for name, array in driven.output(given).items():
        pair = evened(manifest, name, array, expected[name])
        yield compare(f"network: {name}", *pair, real=real_steps(manifest, name, given), share=_share(manifest, name))
    if not in_pieces:
        return
    got, expected = driven.feed(given, start, CHUNKS), net.feed(given, start, CHUNKS)
    for name, array in got.items():
        if name in expected:
            pair = evened(manifest, name, array, expected[name])
            yield compare(f"network, chunked: {name}", *pair, real=real_steps(manifest, name, given), share=_share(manifest, name))


def _row(arrays: Arrays, n: int) -> dict[str, Array]:
    """The arrays of row ``n`` alone."""
    return {name: array[n : n + 1] for name, array in arrays.items()}


def _parts(manifest: Manifest, sample: Sample) -> tuple[Arrays, Arrays]:
    """Inputs and masks of a sample, and its states."""
    states = {s.input for s in manifest.states}
    given, start = ({k: v for k, v in sample[0].items() if (k in states) == is_state} for is_state in (False, True))
    return given, start
