"""The control charts are drawn as published, and the example runs from files to a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples.synthetic_control import demo


def added(kind: str, seed: int) -> np.ndarray:
    """What a kind adds to the noise of a normal chart, which is drawn first."""
    rest: np.ndarray = demo.chart(kind, np.random.default_rng(seed)) - demo.chart("normal", np.random.default_rng(seed))
    return rest


def test_a_normal_chart_is_noise_around_30() -> None:
    y = np.stack([demo.chart("normal", np.random.default_rng(seed)) for seed in range(500)])
    assert y.shape == (500, 60)
    assert 24 <= y.min() < 24.01
    assert 35.99 < y.max() <= 36
    assert y.mean() == pytest.approx(30, abs=0.1)
    assert y.std() == pytest.approx(np.sqrt(12), abs=0.05)  # uniform over a width of 12


def test_a_cyclic_chart_adds_a_sine() -> None:
    found = []
    for seed in range(100):
        s = added("cyclic", seed)
        inner = np.abs(s[1:-1]) > 1  # sin(t + d) + sin(t - d) = 2 sin t cos d
        cosines = ((s[2:] + s[:-2]) / (2 * s[1:-1]))[inner]
        np.testing.assert_allclose(cosines, cosines[0], rtol=1e-10)
        step = np.arccos(cosines[0])
        found.append((s[0] / np.sin(step), 2 * np.pi / step))
    assert np.min(found) >= 10
    assert np.max(found) <= 15
    assert (np.ptp(found, axis=0) > 4.5).all()


@pytest.mark.parametrize(("kind", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_a_trend_is_a_line(kind: str, sign: int) -> None:
    slopes = np.array([sign * added(kind, seed) / np.arange(1, 61) for seed in range(100)])
    np.testing.assert_allclose(slopes, slopes[:, :1].repeat(60, axis=1), rtol=1e-12)
    assert 0.2 <= slopes.min() < 0.22
    assert 0.48 < slopes.max() <= 0.5


@pytest.mark.parametrize(("kind", "sign"), [("upward", 1), ("downward", -1)])
def test_a_shift_is_a_step(kind: str, sign: int) -> None:
    y = np.array([sign * added(kind, seed) for seed in range(200)])
    begins = (y > 1).argmax(axis=1)
    for row, begin in zip(y, begins, strict=True):
        assert (row[:begin] == 0).all()
        np.testing.assert_allclose(row[begin:], row[-1], rtol=1e-12)
    assert 7.5 <= y[:, -1].min() < 8
    assert 19.5 < y[:, -1].max() <= 20
    assert 19 <= begins.min() < 22  # steps count from 1
    assert 38 <= begins.max() <= 40


def test_the_example_runs_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = demo.main(["--each", "16", "--epochs", "30", "--out", str(tmp_path)])
    assert found.stepped == 0
    assert found.torch < 1e-5
    assert found.verified
    assert found.streamed == found.accuracy > 0.4  # chance is a sixth
    said = capsys.readouterr().out
    assert "Confusion Matrix" in said
    assert f"test accuracy, streamed step by step         {found.streamed:.4f}" in said
    assert (tmp_path / "csv" / "label" / "95.csv").read_text().strip() in "012345"
