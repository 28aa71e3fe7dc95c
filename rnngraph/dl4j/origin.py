"""What a model file of DL4J's holds, told without making a network of it."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnngraph.conf import InputType
from rnngraph.dl4j.arrays import read_header
from rnngraph.dl4j.configuration import configuration, document, notes_of_use
from rnngraph.dl4j.document import Node, parse
from rnngraph.dl4j.entries import CONFIGURATION, JAVA_UPDATERS, NORMALIZER, PARAMETERS, UPDATERS
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.dl4j.legacy import modern
from rnngraph.dl4j.load import JAVA_NOTE, count_of, opened
from rnngraph.dl4j.notes import notes
from rnngraph.dl4j.versions import version
from rnngraph.dl4j.whole import WHERE


@dataclass(frozen=True)
class Description:
    """What stands in a model file.

    ``kind`` is "MultiLayerNetwork" or "ComputationGraph"; ``version`` what the file's words tell of the version that wrote it, as
    "0.7 or 0.8"; ``data_type`` DL4J's name of the parameters' type. ``lacking`` says what this version of rnngraph lacks for it, empty
    where it has all; ``notes`` tell what differs from DL4J in this model.
    """

    path: Path
    kind: str
    version: str
    entries: tuple[str, ...]
    parameters: int
    data_type: str
    updater_state: bool
    normalizer: bool
    iteration: int
    epoch: int
    lacking: str
    notes: tuple[str, ...]


def describe(
    path: str | os.PathLike[str], input_type: InputType | None = None, input_types: Mapping[str, InputType] | None = None
) -> Description:
    """What the model file at ``path`` holds; ``input_type`` and ``input_types`` as for ``load``.

    Raises ModelFileError for a file that is missing, damaged or no model of DL4J's. What is only lacking here is told, not raised.
    """
    with opened(path, "dl4j.describe") as archive:
        text = archive.text(CONFIGURATION)
        raw = parse(text, WHERE)
        header = read_header(archive.head(PARAMETERS), archive.where(PARAMETERS)) if PARAMETERS in archive else None
        return Description(
            path=archive.path,
            kind="ComputationGraph" if "vertices" in raw.values else "MultiLayerNetwork",
            version=version(raw, header),
            entries=archive.names,
            parameters=math.prod(header.shape) if header is not None else 0,
            data_type=header.data_type if header is not None else raw.text("dataType", "FLOAT"),
            updater_state=UPDATERS in archive,
            normalizer=NORMALIZER in archive,
            iteration=count_of(raw, "iterationCount"),
            epoch=count_of(raw, "epochCount"),
            lacking=_lacking(text, input_type, input_types),
            notes=(*_notes(raw), *([JAVA_NOTE] if JAVA_UPDATERS in archive else [])),
        )


def _lacking(text: str, input_type: InputType | None, input_types: Mapping[str, InputType] | None) -> str:
    """What rnngraph has no such thing for, as ``load`` would say it; empty where it has all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportNote)  # it stands among the notes
            configuration(document(text), input_type, input_types)
    except UnsupportedError as error:
        return str(error)
    return ""


def _notes(raw: Node) -> list[str]:
    """Those of a model that is read; none where a name in it is unknown, since nobody can tell what it does."""
    try:
        network = modern(raw)
        return [*notes_of_use(network), *notes(network)]
    except UnsupportedError:
        return []
