"""What sessions of files of graphs refuse: each message names the input, and the state stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngraph.errors import InputError, StreamingError
from rnngraph.exporters import export_onnx
from rnngraph.runtime import StreamingSession
from tests.exporters.graphs import backward, gaps, one_time, series, translator, two_times
from tests.exporters.networks import Net, tagger
from tests.runtime.files import Open

Act = Callable[[Any], object]
"""Uses a session in a way that no type allows, now and then."""
IN, TARGET = series((3, 5, 9)), series((3, 3, 6), seed=1)
IN_MASK, TARGET_MASK = gaps(3, 9), gaps(3, 6, seed=1)
A, WHO, B = series((2, 3, 7)), series((2, 4), seed=1), series((2, 2, 7), seed=2)


BAD: dict[str, tuple[Act, str]] = {
    "too few": (lambda s: s.output([IN]), r"x is a list of 1, but .* has the inputs 'in', 'target'; give one for each, in this order"),
    "an array": (lambda s: s.output(IN), r"x is .*, but .* has the inputs 'in', 'target'; give a list in this order, or a mapping by name"),
    "a name that is none": (
        lambda s: s.output({"in": IN, "aim": TARGET}),
        r"x: missing: 'target'; unknown: 'aim'; .* has the inputs 'in', 'target'",
    ),
    "None": (lambda s: s.output(None), r"x is None, but"),
    "a rank": (lambda s: s.output([IN[0], TARGET]), r"input 'in' has shape \[5, 9\], rank 2; expected \[N, 5, T\]"),
    "features": (
        lambda s: s.output([IN, TARGET.transpose(0, 2, 1)]),
        r"input 'target' has 6 features .* the network takes 3.*If it is \[N, T, F\], give input 'target'\.transpose\(0, 2, 1\)",
    ),
    "text": (lambda s: s.output([IN, [["a"]]]), r"input 'target' is an array of <U1 of shape \[1, 1\]; expected real numbers"),
    "NaN": (lambda s: s.output([IN * np.nan, TARGET]), r"input 'in' is nan at row 0, feature 0, step 0"),
    "rows": (lambda s: s.output([IN, TARGET[:2]]), r"input 'in' has 3 rows, input 'target' 2; each row is an example of its own"),
    "no rows": (lambda s: s.output([IN, TARGET[:0]]), r"input 'target' has shape \[0, 3, 6\], which has no rows"),
    "no steps": (lambda s: s.rnn_time_step([IN[:, :, :0], TARGET]), r"input 'in' has shape \[3, 5, 0\], which has no time steps"),
    "a step and a series": (
        lambda s: s.rnn_time_step([IN[:, :, 0], TARGET]),
        r"input 'in' is one step without a time axis, input 'target' has one; give one step of every series without",
    ),
    "features_mask": (
        lambda s: s.output([IN, TARGET], IN_MASK),
        r"features_mask was given, but .* is a graph: give features_masks, a list of one mask or None for each of the inputs 'in',",
    ),
    "a mask too many": (lambda s: s.output([IN, TARGET], features_masks=[None] * 3), r"features_masks is a list of 3, but"),
    "a mask of none": (lambda s: s.output([IN, TARGET], features_masks={"aim": IN_MASK}), r"features_masks: unknown: 'aim'"),
    "a mask's shape": (
        lambda s: s.output([IN, TARGET], features_masks=[IN_MASK.T, None]),
        r"features_masks\['in'\] has shape \[9, 3\]; expected \[3, 9\].*give features_masks\['in'\]\.T",
    ),
    "a mask's values": (
        lambda s: s.rnn_time_step([IN, TARGET], features_masks=[IN_MASK * 0.5, None]),
        r"features_masks\['in'\] is 0\.5 at row",
    ),
    "a mask that the file has not": (
        lambda s: s.output([IN, TARGET], features_masks=[None, TARGET_MASK]),
        r"features_masks\['target'\] was given, but .* has no mask input for 'target'; export it with export_onnx",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_named_and_leaves_the_state(case: str, opened: Open) -> None:
    act, message = BAD[case]
    session = opened(two_times(), features_mask=["in"])
    session.rnn_time_step([IN[:, :, :1], TARGET[:, :, :1]])
    before = session.snapshot().states
    with pytest.raises(InputError, match=message):
        act(session)
    np.testing.assert_equal(dict(session.snapshot().states), dict(before))
    assert len(session.rnn_time_step([IN, TARGET])) == 3


def test_series_that_have_to_be_equally_long(opened: Open) -> None:
    session = opened(one_time(), features_mask=True)
    with pytest.raises(InputError, match=r"input 'a' has 7 time steps, input 'b' 6; the network needs them equally long: pad the shorter"):
        session.output([A, WHO, B[:, :, 1:]])
    with pytest.raises(InputError, match=r"input 'who' has shape \[2, 4, 1\]; expected \[N, 4\]: this input has no time axis"):
        session.output([A, WHO[:, :, None], B])
    with pytest.raises(InputError, match=r"features_masks\['who'\] was given, but the input 'who' has no time axis to mask; give None"):
        session.output([A, WHO, B], features_masks=[None, np.ones((2, 1)), None])


def test_single_steps_take_as_many_of_each(opened: Open) -> None:
    session = opened(two_times(), steps=1)
    with pytest.raises(InputError, match=r"was exported with steps=1 and takes as many .* but input 'in' has 9, input 'target' has 6"):
        session.output([IN, TARGET])


def test_padding_that_is_read(opened: Open) -> None:
    session = opened(two_times(mask_mode="ignore"), features_mask=True)
    bad = np.where(IN_MASK[:, None] > 0, IN, np.nan)
    message = r"input 'in' is nan .*; a layer behind 'in' has mask_mode='ignore' and reads padding too: fill them in"
    with pytest.raises(InputError, match=message):
        session.output([bad, TARGET], features_masks=[IN_MASK, None])


@pytest.mark.parametrize(("build", "vertex"), [(translator, r"'each' \(Duplicate"), (backward, r"'turned' \(Reverse")])
def test_stepping_what_needs_whole_sequences(build: Callable[[], Net], vertex: str, opened: Open) -> None:
    session = opened(build())
    with pytest.raises(StreamingError, match=rf"cannot be fed step by step: vertex {vertex}.*; output\(x\) computes whole sequences"):
        session.rnn_time_step([TARGET])


def test_layers_in_a_row_take_features_mask(tmp_path: Path) -> None:
    export_onnx(tagger(), tmp_path / "net.onnx", features_mask=True)
    session = StreamingSession(tmp_path / "net.onnx")
    message = r"features_masks was given, but .* is a network of layers in a row, which has one input: give features_mask"
    for verb in (session.output, session.rnn_time_step):
        with pytest.raises(InputError, match=message):
            verb(IN, features_masks=[IN_MASK])
    assert isinstance(session.output(IN), np.ndarray)
