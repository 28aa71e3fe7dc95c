"""Filters along time: their numbers lay otherwise before 1.0.0-M1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnngraph import dl4j
from tests.dl4j.documents import Json, layer, network, output
from tests.dl4j.files import array_bytes, write_model

WINDOW: Json = {
    "kernelSize": [3, 1], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "convolutionMode": "Same", "hasBias": True,
}  # fmt: skip
N_IN, N_OUT, K = 2, 4, 3
SIZE = N_OUT + N_OUT * N_IN * K
VECTOR = np.arange(SIZE + N_OUT * 2 + 2, dtype=np.float32)


@pytest.mark.parametrize("today", [True, False])
def test_filters_and_what_updaters_keep_of_them(today: bool, tmp_path: Path) -> None:
    """b, then [n_out, n_in, k] before M1, and [k, n_in, n_out] since then, both in C's order."""
    given: Json = {"rnnDataFormat": "NCW"} if today else {}
    filters = layer("Convolution1DLayer", N_IN, N_OUT, **WINDOW, **given)
    text = network(filters, output(**given))
    states = np.concatenate([VECTOR, VECTOR + 1])
    path = write_model(tmp_path / "m.zip", configuration=text, coefficients=array_bytes(VECTOR), updater=array_bytes(states))
    net = dl4j.load(path)
    raw = VECTOR[N_OUT:SIZE]
    wanted = raw.reshape(K, N_IN, N_OUT).T if today else raw.reshape(N_OUT, N_IN, K)
    np.testing.assert_array_equal(net.parameters()["0.W"], wanted)
    np.testing.assert_array_equal(net.parameters()["0.b"], VECTOR[:N_OUT])
    np.testing.assert_array_equal(net.updater_state["0.W"]["m"], wanted)
    np.testing.assert_array_equal(net.updater_state["0.W"]["v"], wanted + 1)


def test_an_old_filter_computes_what_its_shape_says(tmp_path: Path) -> None:
    """Cross-correlation over time, by hand: y[o, t] = b[o] + sum of W[o, i, k] x[i, t + k - 1]."""
    filters = layer("Convolution1DLayer", N_IN, N_OUT, activationFn={"@class": "ActivationIdentity"}, **WINDOW)
    rng = np.random.default_rng(0)
    vector = rng.normal(size=len(VECTOR)).astype(np.float32)
    path = write_model(tmp_path / "m.zip", configuration=network(filters, output()), coefficients=array_bytes(vector))
    x = rng.normal(size=(1, N_IN, 6))
    b, W = vector[:N_OUT], vector[N_OUT:SIZE].reshape(N_OUT, N_IN, K)
    padded = np.pad(x[0], ((0, 0), (1, 1)))
    y = np.stack([b + np.einsum("oik,ik->o", W, padded[:, t : t + K]) for t in range(6)], axis=1)
    V, c = vector[SIZE : SIZE + 8].reshape(4, 2, order="F"), vector[SIZE + 8 :]
    z = V.T @ y + c[:, None]
    np.testing.assert_allclose(dl4j.load(path).output(x.astype(np.float32))[0], np.exp(z) / np.exp(z).sum(0), rtol=1e-5)
