"""What may be wrong with a model of DL4J's beyond a damaged file."""

from __future__ import annotations

from rnngraph.errors import ModelFileError


class UnsupportedError(ModelFileError):
    """A model that is sound, but has something that this version of rnngraph lacks.

    ``element`` names it without its place: "layer CenterLossOutputLayer", "activation cube".
    """

    def __init__(self, where: str, element: str, detail: str = "") -> None:
        self.element = element
        reason = f" ({detail})" if detail else ""
        super().__init__(
            f"{where}: {element} is not supported in this version of rnngraph{reason}; "
            "a newer one may: pip install --upgrade rnngraph. Else save the model from DL4J without it"
        )


class ImportNote(UserWarning):
    """A model that was read and computes what it did in DL4J, but is used differently here: the message tells how."""
