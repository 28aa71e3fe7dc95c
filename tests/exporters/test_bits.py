"""One exported model gives the same bits whole, in chunks, step by step, and for a row alone; a masked step leaves no bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from rnngraph.exporters.onnx.targets import Target
from tests.exporters.networks import Arrays, Layer, feeds, gapped, in_chunks, model, one_row, run, same, session, stack

CASES = {
    "lstm": [Layer("lstm", 0)],
    "lstm softsign hardsigmoid": [Layer("lstm", 0, "softsign", "hardsigmoid")],
    "lstm elu": [Layer("lstm", 0, "elu")],
    "lstm softmax softsign": [Layer("lstm", 0, "softmax", "softsign")],
    "graves": [Layer("graves_lstm", 0)],
    "graves relu hardsigmoid": [Layer("graves_lstm", 0, "relu", "hardsigmoid")],
    "graves rationaltanh": [Layer("graves_lstm", 0, "rationaltanh")],
    "simple": [Layer("simple_rnn", 0)],
    "simple elu": [Layer("simple_rnn", 0, "elu")],
    "simple softsign": [Layer("simple_rnn", 0, "softsign")],
    "simple hardsigmoid": [Layer("simple_rnn", 0, "hardsigmoid")],
    "layer norm": [Layer("layer_norm_rnn", 0)],
    "layer norm elu": [Layer("layer_norm_rnn", 0, "elu")],
    "gru": [Layer("gru", 0)],
    "gru softsign hardsigmoid": [Layer("gru", 0, "softsign", "hardsigmoid")],
    "gru elu softmax": [Layer("gru", 0, "elu", "softmax")],
    "gru before": [Layer("gru_reset_before", 0)],
    "gru before relu hardsigmoid": [Layer("gru_reset_before", 0, "relu", "hardsigmoid")],
    "gru reset": [Layer("gru", 0, mask_mode="reset")],
    "layer norm reset": [Layer("layer_norm_rnn", 0, mask_mode="reset")],
    "stack": [Layer("lstm", 0), Layer("graves_lstm", 6, "elu", "hardsigmoid"), Layer("simple_rnn", 5, "softsign"), Layer("lstm", 9)],
    "stack that resets": [Layer("lstm", 0, mask_mode="reset"), Layer("graves_lstm", 6, mask_mode="reset")],
}
STEPS = 100


def sized(layers: Sequence[Layer], width: int) -> list[Layer]:
    """The layers, the first one's width filled in."""
    return [replace(layers[0], width=width), *layers[1:]]


@pytest.mark.parametrize("target", ["portable", "cpu"])
@pytest.mark.parametrize("width", [1, 7, 64, 257])
@pytest.mark.parametrize("case", CASES)
def test_whole_chunked_stepped_and_row_alone(case: str, width: int, target: Target) -> None:
    layers = sized(CASES[case], width)
    plain, masked = (session(model(stack(layers, masked=m), target)) for m in (False, True))
    resets = layers[0].mask_mode == "reset"
    for n in (1, 2, 5, 9) if width < 257 else (1, 3):
        given = feeds(stack(layers), n, STEPS, seed=n)
        whole = run(plain, given)
        same(in_chunks(plain, given, [1, 30, 7, 13]), whole)
        same(in_chunks(plain, given, [1]), whole)
        same(run(plain, one_row(given, n - 1)), one_row(whole, n - 1))
        same(run(masked, {**given, "features_mask": np.ones((n, STEPS), np.float32)}), whole)

        gaps = gapped(given, seed=n)
        mask = gaps["features_mask"]
        whole = run(masked, gaps)
        same(in_chunks(masked, gaps, [3, 8, 14, 1, 20]), whole, mask)
        same(in_chunks(masked, gaps, [1]), whole, mask)
        same(run(masked, one_row(gaps, n - 1)), one_row(whole, n - 1), mask[n - 1 :])
        if not resets:
            for row in range(n):
                removed(plain, given, whole, mask, row)


def removed(plain: ort.InferenceSession, given: Arrays, whole: Arrays, mask: np.ndarray, row: int) -> None:
    """The row alone without its masked steps, in the file without a mask, gives the bits of the row in the masked batch."""
    real = mask[row] > 0
    want = {k: v[..., real] if k == "y" else v for k, v in one_row(whole, row).items()}
    if real.any():
        short = {k: v[..., real] if k == "x" else v for k, v in one_row(given, row).items()}
        same(run(plain, short), want)
    else:
        same({k: v for k, v in want.items() if k != "y"}, {f"next_{k}": v for k, v in one_row(given, row).items() if k != "x"})


@pytest.mark.parametrize("target", ["portable", "cpu"])
@pytest.mark.parametrize(("features", "classes"), [(1, 1), (12, 300), (256, 9), (300, 2)])
def test_wide_and_narrow_borders(features: int, classes: int, target: Target) -> None:
    for cell in ("lstm", "simple_rnn", "gru", "gru_reset_before", "layer_norm_rnn", "graves_lstm"):
        layers = [Layer(cell, 16, "elu" if cell == "graves_lstm" else "tanh")]
        plain, masked = (session(model(stack(layers, features, classes, masked=m), target)) for m in (False, True))
        for n in (1, 4):
            given = feeds(stack(layers, features, classes), n, 20, seed=n)
            whole = run(plain, given)
            same(in_chunks(plain, given, [1]), whole)
            same(run(masked, {**given, "features_mask": np.ones((n, 20), np.float32)}), whole)
            same(run(plain, one_row(given, n - 1)), one_row(whole, n - 1))


@pytest.mark.parametrize("head", ["identity", "sigmoid", "tanh", "relu", "elu", "softsign", "hardsigmoid", "rationaltanh", "softmax"])
@pytest.mark.parametrize("last", [False, True])
def test_heads_over_steps_and_over_the_last_state(head: str, last: bool) -> None:
    layers = [Layer("lstm", 33)]
    for classes in (1, 3, 17):
        graph = stack(layers, 5, classes, head=head, last=last)
        sess = session(model(graph))
        for n in (1, 2, 3, 9):
            given = feeds(graph, n, 23, seed=n)
            whole = run(sess, given)
            same(in_chunks(sess, given, [4, 1, 9]), whole)
            same(run(sess, one_row(given, n - 1)), one_row(whole, n - 1))
