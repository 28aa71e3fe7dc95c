"""The state of a stream as bytes, to go on in another process or on another machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnngraph.errors import MissingDependencyError, StateError
from rnngraph.state import StateSnapshot as Snapshot

FORMAT = 1
"""The newest format of the bytes that this version reads."""

_LENGTH = 8
"""safetensors begins with the length of its JSON header in 8 bytes, little-endian."""


@dataclass(frozen=True)
class StateSnapshot(Snapshot):
    """A stream's state at one moment: arrays [N, ...] by state name, empty before the first step.

    ``model`` is the sha-256 of the network's parameters (``Manifest.parameters_sha256``), which all files of one network share; None
    where it is not known.
    """

    model: str | None = None

    def to_bytes(self) -> bytes:
        """The snapshot in the safetensors format. MissingDependencyError without safetensors."""
        about = {"format": str(FORMAT), "model": self.model or "", "sha256": _digest(self.states)}
        arrays = {name: np.ascontiguousarray(array) for name, array in self.states.items()}
        data: bytes = _safetensors().save(arrays, metadata=about)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> StateSnapshot:
        """The snapshot that :meth:`to_bytes` made. StateError: other, truncated or altered bytes, or a newer format."""
        about = _metadata(data)
        version = about.get("format", "")
        if not version.isdigit() or not about.get("sha256"):
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
        if _digest(arrays) != about["sha256"]:
            raise StateError("from_bytes: the snapshot was altered: its values do not match its digest; take it anew, or get a whole copy")
        return cls(arrays, about.get("model") or None)


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


def _digest(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
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
