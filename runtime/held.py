"""What a session or a pool holds between calls: the states that the manifest tells of, and which snapshots may replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnngraph.runtime.engine import Array
from rnngraph.runtime.manifest import Manifest
from rnngraph.runtime.snapshot import StateSnapshot, checked_snapshot
from rnngraph.state import StateSpec, StreamState, stand_in


def stream_state(manifest: Manifest) -> StreamState:
    """The state of a stream that begins, of the file's layers."""
    specs = [StateSpec(s.input, s.layer, s.key, s.shape, s.initial, stand_in(s.key)) for s in manifest.states]
    names = [str(layer.get("name")) for layer in manifest.layers] if manifest.is_graph else None
    return StreamState(specs, [str(layer.get("type")) for layer in manifest.layers], manifest.data_type, names)


def fitting(snapshot: object, manifest: Manifest, path: str, remedy: str) -> StateSnapshot:
    """What the file ``path`` takes of ``snapshot``. StateError for what is none, and, with a ``remedy``, for one of another network."""
    checked = checked_snapshot(snapshot, manifest.parameters_sha256, path, remedy)
    states = without_stand_ins(checked.states, [s.input for s in manifest.states])
    return StateSnapshot(states, checked.model, checked.steps)


def without_stand_ins(states: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
    """The states, by name or by key, that the file has or that are not known: those that only a mask brings are left out without one."""
    return {name: array for name, array in states.items() if name in names or stand_in(_key(str(name))) is None}


def _key(name: str) -> str:
    """The key in the name of a state, ``state_02_last``, or the name, which may be a key itself."""
    return name.split("_", 2)[2] if name.startswith("state_") and name.count("_") > 1 else name
