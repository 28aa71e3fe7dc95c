"""What may stand between a network of ours and DL4J: what DL4J lacks is an error, what it does otherwise a warning."""

from __future__ import annotations

from collections.abc import Collection

from rnngraph.errors import ExportError


class NotInDL4JError(ExportError):
    """A network with something that DL4J 1.0.0-M2.1 lacks; nothing is written.

    ``element`` names it without its place: "layer GRU", "updater AdaBelief".
    """

    def __init__(self, where: str, element: str, remedy: str) -> None:
        self.element = element
        super().__init__(f"{where}: DL4J 1.0.0-M2.1 has no {element}; {remedy}")


def require(kind: str, known: Collection[str], where: str, noun: str) -> None:
    """NotInDL4JError where ``kind`` is none of those that DL4J knows."""
    if kind not in known:
        raise NotInDL4JError(where, f"{noun} {kind}", f"expected one of {', '.join(sorted(known))}")


class DL4JWarning(UserWarning):
    """A network that DL4J reads, and with which it does something else than rnngraph."""
