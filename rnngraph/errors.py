"""The errors that rnngraph raises: one small hierarchy, so that a caller can catch all of them or one kind.

Each also derives from the built-in exception that fits, so code that expects ``ValueError`` keeps working.
"""

from __future__ import annotations


class RnnGraphError(Exception):
    """Base of all errors of rnngraph."""


class ConfigurationError(RnnGraphError, ValueError):
    """A configuration that cannot describe a network: names the layer's index and the field."""


class InputError(RnnGraphError, ValueError):
    """An array given by the caller has the wrong rank, shape, type or content."""


class StateError(RnnGraphError, ValueError):
    """A recurrent state that does not fit the network or the batch."""


class ModelFileError(RnnGraphError, ValueError):
    """A .rnng or .onnx file that is missing, truncated, altered or not ours."""


class ExportError(RnnGraphError, ValueError):
    """A network that cannot be written in the form that was asked for."""


class GraphError(RnnGraphError, ValueError):
    """Misuse of the intermediate representation: operands that do not fit an op, a broken graph."""


class StreamingError(RnnGraphError, RuntimeError):
    """Stepping a network that cannot stream, or a failed step."""


class TrainingError(RnnGraphError, RuntimeError):
    """Training that cannot go on: a spent iterator, a score that is not finite."""


class MissingDependencyError(RnnGraphError, ImportError):
    """A package that is needed here is not installed; the message has the command that installs it."""


class TrainingWarning(UserWarning):
    """Training that goes on, and may not do what was meant."""
