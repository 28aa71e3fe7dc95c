"""``log.jsonl`` as a training curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rnngraph.errors import ModelFileError
from rnngraph.plotting.curve import Curve


def curve_of(path: Path) -> Curve:
    """The course of training in ``path``. ModelFileError for a file that is missing, or has no iteration in it."""
    try:
        lines = _lines(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror or error}); give the folder of a run of rnngraph train") from error
    iterations = [one for one in lines if one.get("event") == "iteration"]
    epochs = [one for one in lines if one.get("event") == "epoch"]
    if not iterations:
        raise ModelFileError(f"{path} has no iteration in it: the run has not trained yet")
    by_epoch: dict[int, list[float]] = {}
    for one in iterations:
        by_epoch.setdefault(one["epoch"], []).append(one["score"])
    ended = [one for one in epochs if one["epoch"] in by_epoch]
    longest = max(len(scores) for scores in by_epoch.values())
    return Curve(
        at=tuple(epoch + (k + 0.5) / max(len(scores), longest) for epoch, scores in by_epoch.items() for k in range(len(scores))),
        scores=tuple(score for scores in by_epoch.values() for score in scores),
        epochs=tuple(one["epoch"] + 1 for one in ended),
        means=tuple(sum(by_epoch[one["epoch"]]) / len(by_epoch[one["epoch"]]) for one in ended),
        validation=tuple(one["validation_score"] for one in ended),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The objects of the last fit; a line that a kill has torn is left out."""
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and one.get("event") == "fit":
            found.clear()
        elif isinstance(one, dict):
            found.append(one)
    return found
