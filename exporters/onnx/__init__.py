"""ONNX: one file with the state as inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngraph.lazy import lazy_exports

if TYPE_CHECKING:
    from rnngraph.exporters.onnx.export import ExportWarning as ExportWarning
    from rnngraph.exporters.onnx.export import export_onnx as export_onnx

__all__ = ["ExportWarning", "export_onnx"]

__getattr__, __dir__ = lazy_exports(__name__, dict.fromkeys(__all__, "rnngraph.exporters.onnx.export"))
