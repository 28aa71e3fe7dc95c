"""What is drawn: the artists of each picture hold the numbers that they were given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import rnngraph as rg
from rnngraph.plotting.confusion import confusion_matrix
from rnngraph.plotting.curve import Curve, training_curve
from rnngraph.plotting.predictions import classes_over_time, values_over_time
from rnngraph.plotting.style import FAINT, GREEN, PALETTE, save, styled

COUNTS = np.array([[7, 0, 2], [1, 1200, 0], [0, 3, 90]])


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with styled():
        yield


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of a panel by their names in the legend."""
    found = {str(one.get_label()): (np.asarray(one.get_xdata()), np.asarray(one.get_ydata())) for one in axes.get_lines()}
    return {name: (x.tolist(), y.tolist()) for name, (x, y) in found.items()}


def curve(**changes: Any) -> Curve:
    """Of two epochs with two minibatches each."""
    told: dict[str, Any] = {"at": (0.25, 0.75, 1.25, 1.75), "scores": (2.0, 1.5, 1.0, 0.5), "epochs": (1, 2), "means": (1.75, 0.75)}
    return Curve(**{**told, "validation": (1.9, 1.1), **changes})


def test_a_training_curve_has_minibatches_means_and_validation() -> None:
    (axes,) = training_curve(curve()).axes
    assert lines(axes) == {
        "minibatch": ([0.25, 0.75, 1.25, 1.75], [2.0, 1.5, 1.0, 0.5]),
        "training, mean of the epoch": ([1, 2], [1.75, 0.75]),
        "validation": ([1, 2], [1.9, 1.1]),
        "best: 1.1, epoch 2": ([2], [1.1]),
    }
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale(), axes.get_ylim()[0]) == ("epoch", "score (loss)", "linear", 0)
    (axes,) = training_curve(curve(validation=(None, None))).axes
    assert list(lines(axes)) == ["minibatch", "training, mean of the epoch"]
    (axes,) = training_curve(curve(means=(100.0, 0.1))).axes
    assert axes.get_yscale() == "log"
    (axes,) = training_curve(curve(means=(1.0, -3.0))).axes
    assert axes.get_ylim()[0] < -3
    (axes,) = training_curve(curve(epochs=(), means=(), validation=())).axes  # before the end of the first epoch
    assert axes.get_ylim()[1] > 1.5


def test_a_confusion_matrix_has_its_numbers_in_their_cells() -> None:
    axes, bar = confusion_matrix(COUNTS, ["low", "mid", "high"]).axes
    assert {one.get_position()[::-1]: one.get_text() for one in axes.texts} == {
        (i, j): f"{COUNTS[i, j]:,}" for i in range(3) for j in range(3)
    }
    (image,) = axes.get_images()
    np.testing.assert_allclose(np.asarray(image.get_array()), COUNTS / COUNTS.sum(axis=1, keepdims=True))
    assert axes.get_title(loc="left") == f"{(7 + 1200 + 90) / COUNTS.sum():.1%} of 1,303 right"
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("predicted class", "actual class", "share of the actual class")
    assert [one.get_text() for one in axes.get_yticklabels()] == ["low", "mid", "high"]


def test_of_many_classes_colours_have_to_do() -> None:
    axes, _ = confusion_matrix(np.eye(60, dtype=int), [str(k) for k in range(60)]).axes
    assert len(axes.texts) == 0
    assert [one.get_text() for one in axes.get_xticklabels()] == [str(k) for k in range(0, 60, 2)]
    axes, _ = confusion_matrix(np.zeros((2, 2), int), ["no", "yes"]).axes  # of nothing
    assert axes.get_title(loc="left") == "0.0% of 0 right"


def test_numbers_over_time_have_a_panel_each() -> None:
    y, z = np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3)
    panels = values_over_time(z, y, np.array([False, True, True]), ["level", "pressure"], "f_3.csv").axes
    assert [axes.get_ylabel() for axes in panels] == ["level", "pressure"]
    for axes, labels, predicted in zip(panels, y, z, strict=True):
        found = lines(axes)
        np.testing.assert_equal(found["label"], ([1, 2, 3], [np.nan, *labels[1:]]))
        assert found["prediction"] == ([1, 2, 3], predicted.tolist())
    many = values_over_time(np.zeros((9, 3)), np.zeros((9, 3)), np.ones(3, bool), [str(k) for k in range(9)], "f_3.csv").axes
    assert len(many) == 8
    assert many[0].get_title(loc="left") == "f_3.csv (the first 8 of 9 outputs)"


def test_names_of_panels_do_not_run_into_each_other() -> None:
    made = values_over_time(np.zeros((3, 5)), np.zeros((3, 5)), np.ones(5, bool), ["short", "a name " * 9, "x" * 60], "f_1.csv")
    made.draw_without_rendering()
    spans = [axes.yaxis.label.get_window_extent().intervaly for axes in made.axes]
    assert spans[0][0] > spans[1][1] > spans[1][0] > spans[2][1] > spans[2][0] >= 0


def test_classes_over_time_have_bands_of_what_was_said_and_what_was_right() -> None:
    predicted = np.array([[0.7, 0.6, 0.1, 0.1], [0.2, 0.3, 0.2, 0.2], [0.1, 0.1, 0.7, 0.7]])
    above, bands = classes_over_time(predicted, np.eye(3)[[0, 1, 2, 2]].T, np.array([True, False, True, True]), ["a", "b", "c"], "f").axes
    for k, name in enumerate("abc"):
        np.testing.assert_allclose(lines(above)[name], ([1, 2, 3, 4], predicted[k]))
    bars: list[Any] = list(bands.patches)
    found = [(bar.get_y() + 0.44, bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor()).upper()) for bar in bars]
    assert found == [(0, 0.5, 2, PALETTE[0]), (0, 2.5, 2, GREEN), (1, 0.5, 1, PALETTE[0]), (1, 2.5, 2, GREEN)]
    assert [one.get_text() for one in bands.texts] == ["a", "c", "a", "c"]


def test_one_label_of_a_whole_sequence_has_its_name_beside_it() -> None:
    last, labels = np.arange(100) == 99, np.repeat([[1.0], [0.0]], 100, axis=1)
    _, bands = classes_over_time(labels, labels, last, ["increasing", "b"], "f").axes
    assert [one.get_text() for one in bands.texts] == ["increasing", "increasing"]
    assert bands.texts[1].get_horizontalalignment() == "right"


def test_classes_that_matter_have_the_colours() -> None:
    predicted = np.zeros((9, 5))
    predicted[8], predicted[3, 0] = 0.9, 1.0
    above, _ = classes_over_time(predicted, np.eye(9)[[3] * 5].T, np.ones(5, bool), [str(k) for k in range(9)], "f").axes
    colours = {str(one.get_label()): one.get_color() for one in above.get_lines()}
    assert {"3", "8"} <= {name for name, colour in colours.items() if colour in PALETTE}
    assert list(colours.values()).count(FAINT) == 3
    legend = above.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "3 others in grey"


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = training_curve(curve())
    save(made, tmp_path / "curve.png")
    content = (tmp_path / "curve.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    monkeypatch.setattr(made, "savefig", lambda *arguments, **options: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(rg.ModelFileError, match=r"curve.png: cannot be written \(No space left on device\); what stood there is as it was"):
        save(made, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes() == content


def test_without_matplotlib_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(rg.MissingDependencyError, match=r"plots need matplotlib, .*; run: pip install 'rnngraph\[plot\]'"), styled():
        pass
