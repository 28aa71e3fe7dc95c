"""Small networks in files, for the tests of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rnngraph as rg
from rnngraph.exporters import export_onnx


def network(n_in: int = 3, n_out: int = 2) -> rg.MultiLayerNetwork:
    """An LSTM of four units, not trained."""
    layers = [rg.LSTM(n_in=n_in, n_out=4), rg.RnnOutputLayer(n_out=n_out)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, layers=layers))


def exported(path: Path, net: Any = None, **options: Any) -> Path:
    """``net``, or :func:`network`, as the ONNX file ``path``."""
    export_onnx(network() if net is None else net, path, **options)
    return path
