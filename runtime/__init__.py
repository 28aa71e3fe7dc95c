"""Running an exported file with onnxruntime, the state kept between calls. Installed as ``rnngraph.runtime``; imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngraph.lazy import lazy_exports

_HOMES = {
    "AsyncStreamPool": "rnngraph.runtime.async_pool",
    "DeviceReports": "rnngraph.runtime.parity",
    "Manifest": "rnngraph.runtime.manifest",
    "ParityReport": "rnngraph.runtime.parity",
    "StateSnapshot": "rnngraph.runtime.snapshot",
    "StreamPool": "rnngraph.runtime.pool",
    "StreamingSession": "rnngraph.runtime.session",
    "read_manifest": "rnngraph.runtime.manifest",
    "verify": "rnngraph.runtime.verify",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from rnngraph.runtime.async_pool import AsyncStreamPool as AsyncStreamPool
    from rnngraph.runtime.manifest import Manifest as Manifest
    from rnngraph.runtime.manifest import read_manifest as read_manifest
    from rnngraph.runtime.parity import DeviceReports as DeviceReports
    from rnngraph.runtime.parity import ParityReport as ParityReport
    from rnngraph.runtime.pool import StreamPool as StreamPool
    from rnngraph.runtime.session import StreamingSession as StreamingSession
    from rnngraph.runtime.snapshot import StateSnapshot as StateSnapshot
    from rnngraph.runtime.verify import verify as verify
else:  # hidden from the type checker, to which a module with __getattr__ has every name
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
