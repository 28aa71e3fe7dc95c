"""What lower precision costs: the results of a file against those of its network, measured before the file is written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from rnngraph.errors import ExportError, MissingDependencyError
from rnngraph.exporters.golden import Sample
from rnngraph.exporters.onnx.builder import Array

if TYPE_CHECKING:
    from rnngraph.runtime.device import Session
    from rnngraph.runtime.manifest import Manifest

LONGER = 8, 40
"""Rows and steps of the sample that is measured besides the golden ones, over which errors of a state can add up."""
MARGIN = 4.0
"""How many times the measured error is allowed: other values and machines round otherwise."""

_WIDENED = "are widened to float32 when the file is loaded; inputs, states, outputs and all that is computed are float32."
_RULES = {
    "float16": f"Weights are stored as float16 and {_WIDENED}",
    "bfloat16": f"Weights are stored as bfloat16 and {_WIDENED}",
    "int8": f"Weights are stored as whole numbers from -127 to 127, with a scale for each row, and {_WIDENED}",
}
_INTEGERS = (
    " In the layers under integer_layers h is rounded to multiples of 1/127 from -1 to 1 and multiplied with the weights as whole numbers, "
    "whose sums are exact; in the next state it is not rounded."
)
_ERROR = (
    " error is the largest difference from what the network computes in float64 with its own weights, over the golden samples and a "
    "longer sequence, absolute and divided by the largest value; tolerance is what verify allows, as a share of the largest value or of 1, "
    "whichever is larger."
)


def loss(
    model: onnx.ModelProto, content: Mapping[str, Any], samples: Sequence[Sample], precision: str, integer_layers: Sequence[str]
) -> dict[str, Any]:
    """What the manifest, so far ``content``, tells of the precision of ``model``, whose results are compared with ``samples``.

    Samples of several steps are fed one by one to a file that takes one. ExportError: a result is not finite where the network's is.
    MissingDependencyError: no onnxruntime.
    """
    try:
        from rnngraph.runtime.device import create_session
    except MissingDependencyError as error:
        raise MissingDependencyError(
            f"precision={precision!r} measures what the file loses in onnxruntime, which cannot be imported; run: pip install onnxruntime"
        ) from error
    from rnngraph.runtime.manifest import parse_manifest

    manifest = parse_manifest(json.dumps(content), "the file")
    session = create_session(model.SerializeToString(), "cpu", 1)
    errors = _errors(session, manifest, samples, precision)
    return {
        "kind": precision,
        "rule": _RULES[precision] + _INTEGERS * bool(integer_layers) + _ERROR,
        "integer_layers": list(integer_layers),
        "same_bits": True,
        "error": {name: {"absolute": absolute, "relative": relative} for name, (absolute, relative, _) in errors.items()},
        "tolerance": {name: _allowed(share) for name, (_, _, share) in errors.items()},
    }


def _errors(session: Session, manifest: Manifest, samples: Sequence[Sample], precision: str) -> dict[str, tuple[float, float, float]]:
    """Of each result the largest error: absolute, relative, and as a share of the largest value or of 1."""
    from rnngraph.runtime.driven import real_steps
    from rnngraph.runtime.units import evened
    from rnngraph.runtime.verify import TOLERANCE, compare

    worst: dict[str, tuple[float, float, float]] = {}
    for inputs, expected in samples:
        got = _run(session, manifest, inputs)
        for name, array in expected.items():
            row = compare(name, *evened(manifest, name, got[name], array), real=real_steps(manifest, name, inputs))
            if not math.isfinite(row.absolute):
                raise ExportError(
                    f"precision={precision!r}: {name} is not finite where the network's is; its values are too large for fewer bits: leave "
                    "precision out"
                )
            relative = row.relative if math.isfinite(row.relative) else 0.0  # where all should be 0 there is none
            found = row.absolute, relative, row.absolute / (row.tolerance / TOLERANCE)
            worst[name] = tuple(map(max, worst.get(name, (0.0, 0.0, 0.0)), found))  # type: ignore[assignment]  # three of three
    return worst


def _run(session: Session, manifest: Manifest, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The results by name; step by step where the file takes one step."""
    names = [p.name for p in manifest.outputs]
    axes = {p.name: p.time_axis for role in ("input", "mask") for p in manifest.ports(role) if p.time_axis is not None}
    lengths = {inputs[name].shape[axis] for name, axis in axes.items()}
    if manifest.steps is None or lengths <= {1}:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    parts: list[dict[str, Array]] = []
    states: dict[str, Array] = {}
    for t in range(min(lengths)):
        now = {name: np.ascontiguousarray(inputs[name].take([t], axis)) for name, axis in axes.items()}
        parts.append(dict(zip(names, session.run(names, {**inputs, **now, **states}), strict=True)))
        states = {s.input: parts[-1][s.output] for s in manifest.states}
    timed = {p.name: p.time_axis for p in manifest.ports("output") if p.time_axis is not None}
    return {**parts[-1], **{name: np.concatenate([one[name] for one in parts], axis) for name, axis in timed.items()}}


def _allowed(share: float) -> float:
    """MARGIN times the error, at least what any file is allowed, in two digits, upwards."""
    from rnngraph.runtime.verify import TOLERANCE

    wanted = MARGIN * share
    if wanted <= TOLERANCE:
        return TOLERANCE
    digit: float = 10.0 ** (math.floor(math.log10(wanted)) - 1)
    return float(f"{math.ceil(wanted / digit) * digit:.1e}")
