"""Real exported files for the tests of the runtime, and how to damage them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import rnngraph as rg
from rnngraph.exporters import export_onnx
from rnngraph.exporters.manifest import DIGEST_KEY, EMPTY_DIGEST, KEY, seal
from rnngraph.lowering import initial_parameters


@dataclass
class Net:
    """A network without torch."""

    config: Any
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def parameters(self) -> Mapping[str, np.ndarray]:
        return self.arrays


def _net(layers: list[Any], **settings: Any) -> Net:
    config = rg.MultiLayerConfiguration(**{"seed": 1, **settings}, layers=layers)
    return Net(config, {k: v.astype(config.data_type) for k, v in initial_parameters(config).items()})


def tagger(**settings: Any) -> Net:
    """Five features, three classes at each step."""
    return _net([rg.LSTM(n_in=5, n_out=6), rg.GravesLSTM(n_out=4), rg.DenseLayer(n_out=4), rg.RnnOutputLayer(n_out=3)], **settings)


def classifier(**settings: Any) -> Net:
    """Five features, three classes after the last step."""
    layers = [rg.LSTM(n_in=5, n_out=6), rg.LastTimeStep(rg.SimpleRnn(n_out=4)), rg.OutputLayer(n_out=3)]
    return _net(layers, **settings)


def export(folder: Path, net: Net | None = None, **options: Any) -> Path:
    """``net``, by default a tagger, as ``folder/net.onnx``."""
    folder.mkdir(exist_ok=True)
    export_onnx(net or tagger(), folder / "net.onnx", **options)
    return folder / "net.onnx"


def edit(file: Path, drop: str | None = None, **changes: Any) -> None:
    """Change fields of the manifest and seal the file anew, or drop one of its metadata keys."""
    model = onnx.load(file)
    entries = {p.key: p.value for p in model.metadata_props if p.key != drop}
    entries[KEY] = json.dumps({**json.loads(entries[KEY]), **changes})
    if DIGEST_KEY in entries:
        entries[DIGEST_KEY] = EMPTY_DIGEST
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, entries)
    content = model.SerializeToString()
    file.write_bytes(seal(content) if drop is None else content)


def draw(n: int, t: int, seed: int = 0) -> np.ndarray:
    """Features [n, 5, t]."""
    return np.random.default_rng(seed).standard_normal((n, 5, t)).astype(np.float32)
