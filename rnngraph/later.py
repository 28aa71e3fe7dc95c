"""Names of Deeplearning4j's vocabulary that rnngraph will have and this version has not.

They are looked up only where a name is not there, so one that has come may stay in the table for a while; once all have come, this file and
the calls of :func:`coming` go.
"""

from __future__ import annotations

from rnngraph.names import squeezed

_NAMES = """
    EvaluationBinary RegressionEvaluation ROC ROCMultiClass SequenceRecordReaderDataSetIterator
"""
_KEYS = {squeezed(name) for name in _NAMES.split()}


def coming(name: str) -> str | None:
    """What to say of ``name`` where rnngraph will have it; None for any other name."""
    return f"{name} is not in this version of rnngraph" if squeezed(name) in _KEYS else None
