"""What DL4J's layers do at steps that the features mask leaves out (``feedForwardMaskArray``), in the words of ``mask_mode``.

"reset": output and state become 0. "ignore": the step is one like others. "hold", where only real steps count anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

MODES: Mapping[str, str] = {
    "ActivationLayer": "ignore",
    "BatchNormalization": "ignore",
    "Convolution1DLayer": "ignore",
    "DenseLayer": "reset",
    "DropoutLayer": "ignore",
    "EmbeddingLayer": "reset",
    "EmbeddingSequenceLayer": "reset",
    "GlobalPoolingLayer": "hold",
    "GravesBidirectionalLSTM": "reset",
    "GravesLSTM": "ignore",
    "LSTM": "ignore",
    "OutputLayer": "reset",
    "RnnLossLayer": "ignore",
    "RnnOutputLayer": "ignore",
    "SimpleRnn": "reset",
    "Subsampling1DLayer": "ignore",
}
"""By class, outside of wrappers; a class that is not named has no use for a mask."""


def mask_mode(kind: str, mask_is_set: bool) -> str | None:
    """The mode of a layer of class ``kind``. ``mask_is_set``: a wrapper sets the mask on it, which it then obeys."""
    return "reset" if mask_is_set else MODES.get(kind)
