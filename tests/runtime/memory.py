"""The GPU's memory where there is no GPU: the CPU's, in which values of the stepper of CUDA stand apart all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from rnngraph.runtime import cuda_stepper


class Apart(ort.OrtValue):  # type: ignore[misc]  # onnxruntime has no annotations
    """A value in the CPU's memory that neither shares an array's memory nor gives its own away, as one on a GPU.

    An OrtValue "cpu" is the array that it was made of, and the one that it gives: what never crosses would be seen all the same.
    """

    def numpy(self) -> Any:
        """A copy."""
        return super().numpy().copy()


def apart(array: Any, memory: str) -> Apart:
    """``device_value`` in memory of its own."""
    value: Apart = Apart.ortvalue_from_numpy(np.array(array, order="C"), memory, 0)
    return value


def memory_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stepper of CUDA put its values there."""
    monkeypatch.setattr(cuda_stepper, "MEMORY", "cpu")
    monkeypatch.setattr(cuda_stepper, "device_value", apart)
