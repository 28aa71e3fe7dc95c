"""What the programs of this folder share: small data that can be learned, and the proof that the exported file does what the network does.

What stands between the marks ``--8<--`` of a program is shown in docs/recurrent_layers.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rnngraph as rg
from rnngraph.conf.layers import Layer
from rnngraph.data import Data
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession, verify

TOLERANCE = 1e-5
"""Between torch and onnxruntime: of the largest value, or of 1 where that is greater."""
HEAD = rg.RnnOutputLayer(n_out=3, activation="softmax", loss="mcxent")
"""Which of three classes, at each step."""


@dataclass(frozen=True)
class Outcome:
    """What a program found.

    ``before`` and ``after``: the score of what it trained with. ``accuracy``: on fresh data. ``torch``: the largest difference between
    torch and onnxruntime, in shares of the largest value where that is above 1. ``stepped``: the largest difference in onnxruntime
    between sequences fed whole and step by step; None where ``refusal`` says why they cannot be stepped.
    """

    before: float
    after: float
    accuracy: float
    torch: float
    stepped: float | None
    refusal: str = ""

    def __str__(self) -> str:
        steps = f"cannot be stepped: {self.refusal}" if self.stepped is None else f"whole against stepped {self.stepped:g}"
        learned = f"score {self.before:.3f} -> {self.after:.3f}, accuracy {self.accuracy:.3f} on fresh data"
        return f"{learned}\ntorch against onnxruntime {self.torch:.1e}; {steps}"


def signals(seed: int, features: int, classes: int = 3, rows: int = 48, steps: int = 12) -> rg.DataSet:
    """Each row shows the pattern of one class at all its steps, under noise; labels [N, C, T] name it at each step."""
    rng, patterns = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((classes, features))
    shown = rng.integers(0, classes, rows)
    x = patterns[shown][:, :, None] + rng.standard_normal((rows, features, steps))
    return rg.DataSet(x.astype(np.float32), np.eye(classes, dtype=np.float32)[shown][:, :, None].repeat(steps, axis=2))


def ragged(seed: int, features: int, classes: int = 3, rows: int = 48, steps: int = 12) -> rg.DataSet:
    """The same, each row as long as is drawn, a third of ``steps`` at least; in the padding stands NaN, which nothing may read."""
    data, lengths = signals(seed, features, classes, rows, steps), np.random.default_rng(seed).integers(steps // 3, steps + 1, rows)
    mask = (np.arange(steps) < lengths[:, None]).astype(np.float32)
    return rg.DataSet(np.where(mask[:, None] == 1, data.features, np.nan), data.labels * mask[:, None], mask, mask)


def one_label_each(data: rg.DataSet) -> rg.DataSet:
    """Many-to-one: labels [N, C], what the first step is labelled."""
    return rg.DataSet(data.features, data.labels[:, :, 0], data.features_mask)


def network(*layers: Layer) -> rg.MultiLayerNetwork:
    """Layers with the seed and the updater of the page."""
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=42, updater=rg.Adam(1e-3), layers=layers))


@contextmanager
def exported(net: rg.MultiLayerNetwork, features_mask: bool = False) -> Iterator[StreamingSession]:
    """The network as a verified file in onnxruntime; the file goes in the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export_onnx(net, path, features_mask=features_mask)
        assert verify(path)
        yield StreamingSession(path)


def prove(net: rg.MultiLayerNetwork, data: rg.DataSet, test: rg.DataSet, epochs: int) -> Outcome:
    """Train on ``data``, export, and hold file and network against each other on ``test``, which is fresh."""
    before = net.score(data)
    net.fit(rg.MiniBatches(data, 16), epochs=epochs, progress=False)
    return checked(net, before, data, test)


def checked(net: rg.MultiLayerNetwork, before: float, data: Data, test: rg.DataSet) -> Outcome:
    """Export a trained network, whose score on ``data`` was ``before``, and hold file and network against each other on ``test``."""
    with exported(net, features_mask=test.features_mask is not None) as session:
        streams = session.manifest.streams
        return Outcome(
            before,
            net.score(data),
            net.evaluate(test).accuracy(),
            against_torch(net, session, test),
            whole_against_stepped(session, test) if streams else None,
            "" if streams else refusal(net, session),
        )


def against_torch(net: rg.MultiLayerNetwork, session: StreamingSession, data: rg.DataSet) -> float:
    """The largest difference between network and file, where steps exist; in shares of the largest value where that is above 1."""
    expected = net.output(data.features, data.features_mask)
    difference = np.abs(session.output(data.features, data.features_mask) - expected)
    largest = float(_real(difference, data).max() / max(1.0, float(np.abs(_real(expected, data)).max())))
    assert largest <= TOLERANCE
    return largest


def whole_against_stepped(session: StreamingSession, data: rg.DataSet) -> float:
    """The largest difference between sequences fed whole and step by step, which is to be 0."""
    session.rnn_clear_previous_state()
    mask = data.features_mask
    steps = [session.rnn_time_step(data.features[..., t], None if mask is None else mask[:, t]) for t in range(data.features.shape[-1])]
    whole = session.output(data.features, mask)
    stepped = np.stack(steps, axis=2) if whole.ndim == 3 else steps[-1]
    assert np.array_equal(_real(whole, data), _real(stepped, data))
    return float(np.abs(_real(whole, data) - _real(stepped, data)).max())


def _real(y: np.ndarray, data: rg.DataSet) -> np.ndarray:
    """The outputs at steps that exist; what others hold is unspecified."""
    return y if data.features_mask is None or y.ndim == 2 else y.transpose(0, 2, 1)[data.features_mask == 1]


def refusal(net: rg.MultiLayerNetwork, session: StreamingSession) -> str:
    """Why a network cannot be stepped: exporting it for streams, stepping it and stepping its file are all refused."""
    one_step = np.zeros((1, net.config.n_in), np.float32)
    said: list[str] = []
    for attempt in (
        lambda: export_onnx(net, Path(session.path).with_name("stream.onnx"), streaming=True),
        lambda: net.rnn_time_step(one_step),
        lambda: session.rnn_time_step(one_step),
    ):
        try:
            attempt()
        except rg.RnnGraphError as error:
            said.append(str(error))
    assert len(said) == 3
    return said[1]
