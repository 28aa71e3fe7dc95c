"""Sequences of different length laid along one time axis, as DL4J's AlignmentMode has it.

T is the length of the longest of all, features and labels. An example's sequences begin together, or end together where the longer of them
ends: an example that is shorter than T has its padding at the end in both modes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngraph.errors import InputError
from rnngraph.names import nearest, shown, squeezed

ALIGNMENTS = ("equal_length", "align_start", "align_end")
"""DL4J's alignments; "equal_length" needs no padding, whoever gives the sequences has seen to that."""
Aligned = tuple[np.ndarray, np.ndarray | None]
"""An array [N, C, T], and its mask [N, T]; None where no sequence is shorter than T."""


def alignment_of(name: object) -> str:
    """The alignment of this name, in any case. InputError for any other."""
    found = {squeezed(one): one for one in ALIGNMENTS}.get(squeezed(name)) if isinstance(name, str) else None
    if found is None:
        near = nearest(str(name), ALIGNMENTS, 1)
        said = f"did you mean {near[0]!r}? expected" if near else "expected"
        raise InputError(f"alignment is {shown(name)}; {said} 'equal_length', 'align_start' or 'align_end'")
    return found


def aligned(kinds: Sequence[Sequence[np.ndarray] | np.ndarray], alignment: str, data_types: Sequence[str] | None = None) -> list[Aligned]:
    """For each kind, features or labels, its sequences [T_k, C] as one array and its mask; the kinds have the same number of sequences.

    Arrays are float32 unless ``data_types`` says another type for each; masks always are.
    """
    lengths = np.array([[len(one) for one in kind] for kind in kinds])  # [kinds, N]
    longest, steps = lengths.max(axis=0), int(lengths.max())
    begins = longest - lengths if alignment == "align_end" else np.zeros_like(lengths)
    types = data_types or ["float32"] * len(kinds)
    return [_laid(*kind, steps) for kind in zip(kinds, types, begins, lengths, strict=True)]


def _laid(sequences: Sequence[np.ndarray] | np.ndarray, data_type: str, begins: np.ndarray, lengths: np.ndarray, steps: int) -> Aligned:
    if isinstance(sequences, np.ndarray) and sequences.shape[1] == steps:
        return np.array(sequences.transpose(0, 2, 1), data_type, order="C"), None
    array = np.zeros((len(sequences), sequences[0].shape[1], steps), data_type)
    for row, one, begin, length in zip(array, sequences, begins, lengths, strict=True):
        row[:, begin : begin + length] = one.T
    if (lengths == steps).all():
        return array, None
    step, begin = np.arange(steps), begins[:, None]
    return array, ((step >= begin) & (step < begin + lengths[:, None])).astype(np.float32)
