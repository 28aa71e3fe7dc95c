"""``normalizer.bin``: normalizers as DL4J's NormalizerSerializer writes them, in a model's zip or as a file of their own.

The text NORMALIZER, the version, the type, whether labels are normalised, for several inputs how many there are, the range where the type
has one, then the arrays of statistics.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rnngraph.conf import NetworkConfiguration
from rnngraph.data.columns import Columns, Range, Standard
from rnngraph.data.multi_normalizer import AnyNormalizer, MultiNormalizer
from rnngraph.data.normalizer import Normalizer
from rnngraph.data.normalizers import KINDS
from rnngraph.dl4j import arrays
from rnngraph.dl4j.archive import Archive
from rnngraph.dl4j.arrays import _Reader
from rnngraph.dl4j.entries import LEGACY_NORMALIZER, NORMALIZER
from rnngraph.dl4j.errors import ImportNote, UnsupportedError
from rnngraph.errors import InputError, ModelFileError
from rnngraph.files import atomic_write, is_special
from rnngraph.paths import file_path

HEADER, VERSION = "NORMALIZER", 1
TYPES: Mapping[str, type[Standard] | type[Range]] = {"STANDARDIZE": Standard, "MIN_MAX": Range}
SEVERAL = "MULTI_"
"""How the type begins where there are several inputs."""
LARGEST = 16 * 2**20


def load_normalizer(path: str | os.PathLike[str]) -> AnyNormalizer | None:
    """The normalizer in a model file of DL4J's, None where it has none; or that of a file that NormalizerSerializer wrote.

    A network with several inputs has a :class:`MultiNormalizer`. Raises UnsupportedError, which names it, for a type that rnngraph does not
    have (images, custom ones), ModelFileError for a file that is missing or damaged, and for a ``preprocessor.bin`` of old versions, which
    holds Java objects: they are never read.
    """
    where = file_path(path, "dl4j.load_normalizer", NORMALIZER)
    if not _is_bare(where):
        with Archive(where) as archive:
            return normalizer_in(archive)
    with where.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ModelFileError(f"{where}: more than {LARGEST} bytes, which is no normalizer; it is not read")
    return read_normalizer(data, str(where))


def normalizer_in(archive: Archive) -> AnyNormalizer | None:
    """The normalizer of a model file that is open; see :func:`load_normalizer`."""
    if NORMALIZER in archive:
        return read_normalizer(archive.read(NORMALIZER, LARGEST), archive.where(NORMALIZER))
    if LEGACY_NORMALIZER in archive:
        raise ModelFileError(
            f"{archive.where(LEGACY_NORMALIZER)}: Java objects of an old version of DL4J, which could run code when they are read, so they "
            "are not; "
            f"load them in DL4J and save them by ModelSerializer.addNormalizerToModel, which writes {NORMALIZER}"
        )
    return None


def normalizer_of_model(archive: Archive, config: NetworkConfiguration, guessed: Collection[str] = ()) -> AnyNormalizer | None:
    """As :func:`normalizer_in`, for a network that is read without one where rnngraph cannot have it: an ImportNote tells of that.

    ModelFileError where it is of other data than the network of ``config``; the widths of inputs that are ``guessed`` say nothing.
    """
    if NORMALIZER not in archive and LEGACY_NORMALIZER not in archive:
        return None
    try:
        found = normalizer_in(archive)
        if found is not None:
            _check_fits(found, config, guessed, archive.where(NORMALIZER))
        return found
    except ModelFileError as error:
        if NORMALIZER in archive and not isinstance(error, UnsupportedError):
            raise
        note = "the network is read without its normalizer: normalise what it is fed as in DL4J"
        warnings.warn(ImportNote(f"{error}. Until then {note}"), stacklevel=3)
        return None


def _check_fits(normalizer: AnyNormalizer, config: NetworkConfiguration, guessed: Collection[str], where: str) -> None:
    """ModelFileError for another number of inputs, outputs or columns than the network has. Ids and images have no columns."""
    inputs = [(one.name, None if one.ids is not None or one.flow.frame or one.name in guessed else one.flow.size) for one in config.entries]
    outputs = [(one.name, None if one.gives.frame else one.gives.size) for one in config.heads]
    for what, column, units, ports in zip(
        ("inputs", "outputs"), ("features", "labels"), _sides(normalizer), (inputs, outputs), strict=True
    ):
        if units and len(units) != len(ports):
            raise ModelFileError(f"{where}: it is for {len(units)} {what}, but the network has {len(ports)}; they are of two models")
        for one, (name, width) in zip(units, ports, strict=False):
            if width not in (None, len(one)):
                raise ModelFileError(
                    f"{where}: it is of {len(one)} {column}, but {name} of the network has {width}; they are of two models"
                )


def _sides(normalizer: AnyNormalizer) -> tuple[list[Columns], list[Columns]]:
    """The statistics of all inputs and of all outputs whose labels are normalised."""
    if isinstance(normalizer, Normalizer):
        return [normalizer.statistics("features")], [normalizer.statistics("labels")] if normalizer.is_fit_label else []
    features, labels = (
        [one.statistics("features") for one in side if one is not None] for side in (normalizer.features, normalizer.labels)
    )
    return features, labels


def save_normalizer(normalizer: AnyNormalizer, path: str | os.PathLike[str]) -> None:
    """Write a fitted normalizer as DL4J's NormalizerSerializer reads it, its statistics as float32.

    InputError before fit, and for what DL4J has no type for; ModelFileError where the file cannot be written.
    """
    content, where = normalizer_bytes(normalizer), file_path(path, "dl4j.save_normalizer", NORMALIZER, written=True)
    try:
        with atomic_write(where) as file:
            file.write(content)
    except OSError as error:
        raise ModelFileError(f"{where}: cannot be written ({error.strerror or error}); what stood there is as it was") from error


def _is_bare(path: Path) -> bool:
    """Whether it begins as a normalizer of its own; what cannot be read is the archive's to tell."""
    if is_special(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_text(HEADER))) == _text(HEADER)
    except (OSError, ValueError):
        return False


# Reading


def read_normalizer(data: bytes, where: str) -> AnyNormalizer:
    """The one normalizer that ``data`` holds. Errors as :func:`load_normalizer`."""
    reader = _Reader(data, where)
    if not data.startswith(_text(HEADER)):
        raise ModelFileError(f"{where}: it does not begin with {HEADER}, as normalizers of DL4J's do; save it again from DL4J")
    reader.take(len(_text(HEADER)))
    version, kind = reader.number(">i"), reader.take(reader.number(">H")).decode("utf-8", "replace")
    if version != VERSION:
        raise UnsupportedError(where, f"version {version} of {HEADER}")
    if kind.removeprefix(SEVERAL) not in TYPES:
        raise UnsupportedError(where, f"normalizer {kind[:40]}")
    try:
        made = _body(reader, TYPES[kind.removeprefix(SEVERAL)], several=kind.startswith(SEVERAL))
    except InputError as error:
        raise ModelFileError(f"{where}: {error}") from error
    if reader.at != len(data):
        raise ModelFileError(f"{where}: {len(data) - reader.at} bytes follow the normalizer; the file is altered: copy it again")
    return made


def _body(reader: _Reader, cls: type[Standard] | type[Range], several: bool) -> AnyNormalizer:
    """What stands behind the type."""
    fit_label = _flag(reader)
    inputs, outputs = (reader.number(">i"), reader.number(">i")) if several else (1, 1)
    if inputs < 1 or (fit_label and outputs < 1):
        raise ModelFileError(f"{reader.where}: {inputs} inputs and {outputs} outputs; expected one at least: copy it again")
    ends = struct.unpack(">dd", reader.take(16)) if cls is Range else ()
    features, labels = ([cls.of(_array(reader), _array(reader), *ends) for _ in range(n)] for n in (inputs, outputs if fit_label else 0))
    if not several:
        return KINDS[cls.kind].holding(features[0], labels[0] if labels else None)
    return MultiNormalizer(*[[KINDS[cls.kind].holding(one, None) for one in side] for side in (features, labels)])


def _flag(reader: _Reader) -> bool:
    found = reader.number(">B")
    if found not in (0, 1):
        raise ModelFileError(f"{reader.where}: {found} where 1 or 0 says whether labels are normalised; the file is altered: copy it again")
    return bool(found)


def _array(reader: _Reader) -> np.ndarray:
    """The next array: only its two buffers tell how long it is."""
    start = reader.at
    for _ in range(2):
        length = reader.number(arrays.LENGTHS[reader.name(arrays.LENGTHS, "an array's allocation mode is")])
        element = np.dtype(arrays.TYPES[reader.name(arrays.TYPES, "an array's data type is")])
        reader.take(length * element.itemsize)
    array: np.ndarray = arrays.read_array(reader.data[start : reader.at], reader.where)
    return array


# Writing


def normalizer_bytes(normalizer: AnyNormalizer) -> bytes:
    """A fitted normalizer as DL4J writes it. InputError as :func:`save_normalizer`."""
    if isinstance(normalizer, MultiNormalizer):
        features, labels = _alike(normalizer)
        counts = struct.pack(">ii", len(features), len(labels) or -1)
        return _bytes(SEVERAL, counts, features, labels)
    if not isinstance(normalizer, Normalizer):
        raise InputError(f"expected a normalizer, not a {type(normalizer).__name__}; rg.NormalizerStandardize() and fit(data) make one")
    return _bytes("", b"", [normalizer.statistics("features")], [normalizer.statistics("labels")] if normalizer.is_fit_label else [])


def _alike(normalizer: MultiNormalizer) -> tuple[list[Columns], list[Columns]]:
    """The statistics of all inputs and outputs, which DL4J has of one type and one range only."""
    parts = [*normalizer.features, *normalizer.labels]
    found = [None if one is None else one.statistics("features") for one in parts]
    scales = {None if one is None else (one.kind, *_ends(one)) for one in found}
    if len(scales) > 1 or None in scales:
        raise InputError(f"{normalizer!r}: a MultiNormalizer of DL4J's has the same type and range for all of its inputs and outputs")
    statistics = [one for one in found if one is not None]
    return statistics[: len(normalizer.features)], statistics[len(normalizer.features) :]


def _bytes(prefix: str, counts: bytes, features: Sequence[Columns], labels: Sequence[Columns]) -> bytes:
    kind = next(name for name, cls in TYPES.items() if isinstance(features[0], cls))
    statistics = (_array_bytes(array) for one in (*features, *labels) for array in _pair(one))
    head = [_text(HEADER), struct.pack(">i", VERSION), _text(prefix + kind), struct.pack(">?", bool(labels)), counts]
    return b"".join([*head, *(struct.pack(">d", end) for end in _ends(features[0])), *statistics])


def _ends(one: Columns) -> tuple[float, ...]:
    return (one.min_range, one.max_range) if isinstance(one, Range) else ()


def _pair(one: Columns) -> Iterator[np.ndarray]:
    """Mean and std, or min and max."""
    yield from (value for value in vars(one).values() if isinstance(value, np.ndarray))


def _array_bytes(array: np.ndarray) -> bytes:
    """A row [1, F] of float32: its shape (rank, shape, strides, flags of the type, element stride, order c), then its elements."""
    with np.errstate(over="ignore"):
        values = array.astype(">f4")
    if not np.isfinite(values).all():
        raise InputError(f"{array[~np.isfinite(values)][0]} among the statistics is beyond float32, in which DL4J has them")
    info = np.array([2, 1, len(array), 1, 1, 8192, 1, ord("c")], ">i8")
    mode = _text("MIXED_DATA_TYPES")
    buffers = ((info, "LONG"), (values, "FLOAT"))
    return b"".join(mode + struct.pack(">q", len(one)) + _text(name) + one.tobytes() for one, name in buffers)


def _text(text: str) -> bytes:
    """As Java's writeUTF writes ASCII."""
    return struct.pack(">H", len(text)) + text.encode()
