"""The files that a pattern stands for, and which of them train and which validate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import rnngraph as rg
from rnngraph.errors import InputError
from rnngraph.runs.record import Files, Numbers, Plan
from rnngraph.streams import Use, stream

_NUMBER = re.compile(r"%(?:0(\d+))?d")
_GLOB = re.compile(r"[*?\[]")

Pair = tuple[Path, Path | None]
"""The file of a sequence's features, and that of its labels where they have their own."""


def numbers_of(text: str | None, option: str) -> Numbers | None:
    """``"0:99"`` as the first and last number. InputError for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+):(\d+)", text.strip())
    if found is None or int(found[1]) > int(found[2]):
        raise InputError(f"{option} {text}: expected the first and the last number, both included, such as 0:99")
    return int(found[1]), int(found[2])


def pairs(files: Files, of: str = "") -> list[Pair]:
    """The files of each sequence in their order; ``of`` is "" or "validation-", as in the options.

    InputError for a pattern that no file matches, a number that is missing, and features and labels of which the files do not match.
    """
    features = _paths(files.features, files.numbers, f"--{of}features")
    if files.labels is None:
        return [(path, None) for path in features]
    numbers = files.numbers
    if numbers is None and _NUMBER.search(files.features):
        numbers = _found(files.features, f"--{of}features")  # the labels have the same, or the missing one is named
    labels = _paths(files.labels, numbers if _NUMBER.search(files.labels) else None, f"--{of}labels")
    _check_pairs(features, labels, files)
    return list(zip(features, labels, strict=True))


def divided(plan: Plan) -> tuple[list[Pair], list[Pair]]:
    """The sequences to train on, and those that are held back for validation."""
    trained, held = pairs(plan.files), plan.validation
    if held is None:
        return trained, []
    if held.files is not None:
        return trained, pairs(held.files, "validation-")
    if held.numbers is not None:
        return _without(trained, plan.files, held.numbers)
    count = round((held.share or 0) * len(trained))
    if not 0 < count < len(trained):
        raise InputError(
            f"--validation-share {held.share:g} of {len(trained)} sequences is {count}; both parts need at least one: give another share"
        )
    chosen = set(stream(plan.seed, Use.SPLIT).permutation(len(trained))[:count].tolist())
    return [one for k, one in enumerate(trained) if k not in chosen], [trained[k] for k in sorted(chosen)]


def _without(trained: list[Pair], files: Files, numbers: Numbers) -> tuple[list[Pair], list[Pair]]:
    """What is left of the training files, and those of these numbers."""
    if not _NUMBER.search(files.features):
        raise InputError(
            f"--validation-range {numbers[0]}:{numbers[1]} tells files by their number, but --features {files.features} has no %d; "
            "give --validation-features, or --validation-share 0.2"
        )
    held = pairs(Files(files.features, files.labels, numbers))
    left = [one for one in trained if one not in set(held)]
    if not left:
        raise InputError(
            f"--validation-range {numbers[0]}:{numbers[1]} leaves none of {len(trained)} sequences to train on; give a smaller one"
        )
    return left, held


def _paths(pattern: str, numbers: Numbers | None, option: str) -> list[Path]:
    """The files of one pattern."""
    if "%" in pattern:
        first, last = numbers or _range(pattern, option)
        return _told(option, lambda: rg.NumberedFileInputSplit(pattern, first, last))
    if numbers is not None:
        raise InputError(f"--range goes with a pattern that has %d for the number; {option} {pattern} has none")
    if _GLOB.search(pattern):
        return _told(option, lambda: rg.GlobInputSplit(pattern))
    if Path(pattern).is_dir():
        return _told(option, lambda: rg.FileSplit(pattern))
    return [Path(pattern)]


def _told(option: str, split: Callable[[], Iterable[Path]]) -> list[Path]:
    """The files of ``split``; what is wrong with it is told of the option."""
    try:
        return list(split())
    except InputError as error:
        raise InputError(f"{option}: {error}") from error


def _range(pattern: str, option: str) -> Numbers:
    """The numbers that are there; any for a pattern that is none, which the split tells."""
    return _found(pattern, option) if _NUMBER.search(pattern) else (0, 0)


def _found(pattern: str, option: str) -> Numbers:
    """The least and the largest number for which there is a file."""
    path = Path(pattern)
    field = _NUMBER.search(path.name)
    if field is None:
        raise InputError(f"{option} {pattern}: %d stands in the name of a folder; say which numbers there are: --range 0:99")
    name = re.compile(f"{re.escape(path.name[: field.start()])}(\\d+){re.escape(path.name[field.end() :])}")
    folder = path.parent
    matches = [name.fullmatch(one.name) for one in folder.iterdir()] if folder.is_dir() else []
    numbers = [
        int(one[1]) for one in matches if one and path.name[: field.start()] + field[0] % int(one[1]) + path.name[field.end() :] == one[0]
    ]
    if not numbers:
        where = f"in {folder.resolve()}" if folder.is_dir() else f"and no folder {folder.resolve()}"
        raise InputError(f"{option} {pattern}: there is no file of that name for any number {where}")
    return min(numbers), max(numbers)


def _check_pairs(features: Sequence[Path], labels: Sequence[Path], files: Files) -> None:
    """InputError unless there is a file of labels for each of features, and their numbers are the same where they have some."""
    if len(features) != len(labels):
        told = f"--features {files.features} are {len(features)} files and --labels {files.labels} are {len(labels)}"
        raise InputError(f"{told}; expected one of each for each sequence")
    last = [[re.findall(r"\d+", path.stem)[-1:] for path in side] for side in (features, labels)]
    if any(len(set(map(tuple, side))) < len(side) for side in last):
        return  # the names have no number, or one that tells no sequences apart
    for one, other, first, second in zip(features, labels, *last, strict=True):
        if first and second and int(first[0]) != int(second[0]):
            raise InputError(f"the features {one} would be read with the labels {other}, whose number is another; name the files alike")
