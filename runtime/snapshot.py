"""The state of a stream as bytes, to go on in another process or on another machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.checks import is_count
from rnngraph.errors import MissingDependencyError, StateError
from rnngraph.names import shown
from rnngraph.spelling import Spelled

FORMAT = 1
"""The newest format of the bytes that this version reads."""

_LENGTH = 8
"""safetensors begins with the length of its JSON header in 8 bytes, little-endian."""


@dataclass(frozen=True, eq=False)
class StateSnapshot(Spelled):
    """A stream's state at one moment: arrays [N, ...] by state name, empty before the first step.

    ``model`` is the sha-256 of the network's parameters (``Manifest.parameters_sha256``), which a network in torch and all its files
    share; None where it is not known. ``steps`` is how many time steps were fed since the stream began; None where that is not known, as
    after a state was set by hand. A snapshot is as exact as it was taken: its values are not looked at.

    Raises StateError where ``states`` is no mapping, or ``steps`` no number of steps.
    """

    states: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    model: str | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.states, Mapping):
            raise StateError(f"StateSnapshot: states is {shown(self.states)}; expected a mapping from the states' names to arrays [N, H]")
        if self.steps is not None and not is_count(self.steps, least=0):
            raise StateError(f"StateSnapshot: steps is {shown(self.steps)}; expected a whole number of at least 0, or None")

    def to_bytes(self) -> bytes:
        """The snapshot in the safetensors format. MissingDependencyError without safetensors."""
        about = {"format": str(FORMAT), "model": self.model or ""}
        if self.steps is not None:
            about["steps"] = str(self.steps)  # which readers before it was there carry over without a look
        about["sha256"] = _digest(self.states, about)
        arrays = {name: np.ascontiguousarray(array) for name, array in self.states.items()}
        data: bytes = _safetensors().save(arrays, metadata=about)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> StateSnapshot:
        """The snapshot that :meth:`to_bytes` made. StateError: other, truncated or altered bytes, or a newer format."""
        about = _metadata(data)
        version, steps = about.get("format", ""), about.get("steps")
        if not version.isdecimal() or not about.get("sha256") or not (steps is None or steps.isdecimal()):
            raise StateError(
                "from_bytes: these are safetensors, but none that StateSnapshot.to_bytes made; give the bytes that it returned"
            )
        if int(version) > FORMAT:
            raise StateError(
                f"from_bytes: the snapshot has format {version}, this version of rnngraph reads up to {FORMAT}; "
                "run: pip install --upgrade rnngraph"
            )
        try:
            arrays: dict[str, npt.NDArray[Any]] = _safetensors().load(bytes(data))
        except MissingDependencyError:
            raise
        except Exception as error:
            raise StateError(f"from_bytes: the snapshot is truncated or altered ({error}); take it anew, or get a whole copy") from error
        if _digest(arrays, about) != about["sha256"]:
            raise StateError("from_bytes: the snapshot was altered: its values do not match its digest; take it anew, or get a whole copy")
        return cls(arrays, about.get("model") or None, None if steps is None else int(steps))


def checked_snapshot(snapshot: object, model: str, owner: str, remedy: str) -> StateSnapshot:
    """``snapshot`` for a network whose parameters have the sha-256 ``model``; ``owner`` names it in messages.

    StateError for anything but a snapshot, and for one of other parameters, where ``remedy`` says what to do.
    """
    if not isinstance(snapshot, StateSnapshot):
        hint = "StateSnapshot.from_bytes reads bytes" if isinstance(snapshot, (bytes, bytearray)) else "give what snapshot() returned"
        raise StateError(f"restore: expected a StateSnapshot, got {shown(snapshot)}; {hint}")
    if snapshot.model not in (None, model):
        raise StateError(
            f"the snapshot was taken of a network whose parameters have the sha-256 {snapshot.model}, those of {owner} have {model}; "
            f"{remedy}"
        )
    return snapshot


def _metadata(data: bytes) -> dict[str, str]:
    """What stands in the header beside the arrays; safetensors' own reader of bytes does not give it."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise StateError(f"from_bytes: expected bytes, got {type(data).__name__}; give what StateSnapshot.to_bytes returned")
    try:
        length = int.from_bytes(data[:_LENGTH], "little")
        about = json.loads(bytes(data[_LENGTH : _LENGTH + length])).get("__metadata__", {})
        return {str(k): str(v) for k, v in about.items()}
    except (ValueError, AttributeError) as error:
        raise StateError(
            f"from_bytes: these {len(data)} bytes are no snapshot, or a truncated one; give what StateSnapshot.to_bytes returned"
        ) from error


def _digest(arrays: Mapping[str, npt.NDArray[Any]], about: Mapping[str, str]) -> str:
    """The sha-256 over the arrays and what else ``about`` says of them."""
    digest = hashlib.sha256(json.dumps({k: v for k, v in about.items() if k != "sha256"}, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ModuleNotFoundError as error:
        raise MissingDependencyError("a snapshot's bytes need safetensors, which is not installed; run: pip install safetensors") from error
    return safetensors.numpy
