"""The torch backend: runs a graph on tensors, differentiable, for training and inference in process."""

from __future__ import annotations

from rnngraph.backends.torch.program import Program

__all__ = ["Program"]
