"""The .rnng file: a network as one zip of JSON and safetensors. Nothing in it is ever unpickled.

- ``training.json``: format version, producer, iteration, epoch, whether it was fitted with a features mask;
- ``configuration.json``: the configuration;
- ``parameters.safetensors``: ``0.W`` ..., in the network's data type;
- ``updater_state.safetensors``: ``0.W/m``, ``0.W/v`` ...
- ``buffers.safetensors``: ``2.mean``, ``2.var`` ..., only where the network has buffers;
- ``carried.safetensors``: ``state_00_h`` [N, H] ..., what truncated BPTT carries over to the next segment, only where the network was saved
  between two segments of a minibatch;
- ``memories.json``, ``memories.safetensors``: what listeners remember, only in checkpoints, and arrays only where there are any.

The format is 5 with memories; else 4 of a ComputationGraph and of a network with a normalizer, where ``network`` in ``training.json`` tells
the class and ``normalizer`` the statistics; else 3 where that has a ``position``, since the network was saved inside an epoch; else 2 where
it has buffers, else 1.

The parts are stored uncompressed. The zip's comment is the sha-256 of all bytes before it, so that any altered byte is noticed. The same
network gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from rnngraph import __version__
from rnngraph.errors import ConfigurationError, InputError, ModelFileError
from rnngraph.files import atomic_write
from rnngraph.memories import ARRAYS, TEXT, Memories, joined, split
from rnngraph.names import shown
from rnngraph.paths import file_path
from rnngraph.position import Position
from rnngraph.serialization_checks import (
    CARRIED,
    POSITION,
    buffer_shapes_of,
    misfit_of_arrays,
    misfit_of_counts,
    misfit_of_position,
    misfit_of_size,
    misfit_of_states,
    shapes_of,
)

if TYPE_CHECKING:
    from rnngraph.conf import NetworkConfiguration
    from rnngraph.data.multi_normalizer import AnyNormalizer

FORMAT = 5
_PARTS = ("training.json", "configuration.json", "parameters.safetensors", "updater_state.safetensors")
_BUFFERS = "buffers.safetensors"
_OPTIONAL = (_BUFFERS, CARRIED, TEXT, ARRAYS)
_JSON_LIMIT = 16 * 2**20
_KINDS = ("MultiLayerNetwork", "ComputationGraph")
"""What files hold; ``network`` in training.json says which, where it is not the first."""
_SAVE = " or ".join(f"{kind}.save" for kind in _KINDS)
"""What writes files."""
_MARK = b"rnngraph sha256:"
_DIGEST_LENGTH = 64


@dataclass
class SavedNetwork:
    """What a .rnng file holds."""

    config: NetworkConfiguration
    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    updater_state: dict[str, dict[str, np.ndarray]]
    iteration: int
    epoch: int
    fitted_with_mask: bool
    position: Position = field(default_factory=Position)
    normalizer: AnyNormalizer | None = None
    memories: Memories = field(default_factory=dict)


def write_network(path: str | os.PathLike[str], network: SavedNetwork) -> None:
    """Write ``network`` to ``path``; on any error what stood there stays as it was.

    ModelFileError where the file cannot be written, and for what :func:`read_network` would refuse.
    """
    where = file_path(path, "save", written=True)
    content = packed_network(network, where)
    try:
        with atomic_write(where) as file:
            file.write(content)
    except OSError as error:  # which names the temporary file
        raise ModelFileError(f"{where}: cannot be written ({error.strerror or error}); what stood there is as it was") from error


def packed_network(network: SavedNetwork, where: str | os.PathLike[str]) -> bytes:
    """The file's bytes; ``where`` is what messages call it. ModelFileError for what :func:`unpacked_network` would refuse."""
    at = network.position
    told, remembered = split(network.memories)
    training = _training(network, where)
    flat = {f"{name}/{key}": array for name, states in network.updater_state.items() for key, array in states.items()}
    shapes = shapes_of(network.config)
    problem = (
        misfit_of_counts(training)
        or misfit_of_position(training.get("position"), at.states, network.config)
        or misfit_of_arrays(network.parameters, shapes, network.config.data_type)
        or misfit_of_arrays(network.buffers, buffer_shapes_of(network.config), network.config.data_type)
        or misfit_of_states(flat, shapes, network.config)
    )
    if problem:
        raise ModelFileError(f"{where}: not written, since it could not be loaded again: {problem}")
    texts = [json.dumps(training, indent=2).encode(), network.config.to_json().encode()]
    parts = dict(zip(_PARTS, [*texts, _packed(network.parameters), _packed(flat)], strict=True))
    optional = {_BUFFERS: network.buffers, CARRIED: at.states, ARRAYS: remembered}
    parts.update({name: _packed(arrays) for name, arrays in optional.items() if arrays})
    if network.memories:
        parts[TEXT] = told.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
        archive.comment = _MARK + b"0" * _DIGEST_LENGTH
    content = buffer.getvalue()[:-_DIGEST_LENGTH]
    return content + hashlib.sha256(content).hexdigest().encode()


def _training(network: SavedNetwork, where: str | os.PathLike[str]) -> dict[str, Any]:
    """What stands in training.json. ModelFileError for a normalizer that is not fitted."""
    at, plain = network.position, _kind(network.config) == _KINDS[0] and network.normalizer is None
    training: dict[str, Any] = {
        "format": 5 if network.memories else 4 if not plain else 3 if at else 2 if network.buffers else 1,
        "producer": f"rnngraph {__version__}",
        "iteration": network.iteration,
        "epoch": network.epoch,
        "fitted_with_mask": network.fitted_with_mask,
    }
    if training["format"] > 3:
        training["network"] = _kind(network.config)
    if network.normalizer is not None:
        training["normalizer"] = _normalizer_told(where, network.normalizer)
    if at:
        training["position"] = {key: getattr(at, key) for key in POSITION}
    return training


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    return save_arrays({name: np.asarray(array, order="C") for name, array in arrays.items()})


def parameters_digest(parameters: Mapping[str, np.ndarray], data_type: str) -> str:
    """The sha-256 over all parameters sorted by name, by which a network and its exported files know each other.

    Of each: ``name``, its shape as ``(4, 3)``, and its values, little-endian in ``data_type``, rows first.
    """
    digest = hashlib.sha256()
    for name in sorted(parameters):
        array = np.ascontiguousarray(parameters[name], np.dtype(data_type).newbyteorder("<"))
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def read_network(path: str | os.PathLike[str], kind: str | None = None) -> SavedNetwork:
    """Read what :func:`write_network` wrote for a network of class ``kind``, or of any.

    ModelFileError for a file that is missing, truncated, altered, newer, of another class or not of rnngraph.
    """
    where = file_path(path, "load")
    try:
        content = where.read_bytes() if _looks_right(where) else b""
    except OSError as error:
        raise ModelFileError(f"{where}: cannot be read ({error.strerror or error}); expected a .rnng file written by {_SAVE}") from error
    if not content:
        raise ModelFileError(f"{where}: not a .rnng file (it does not begin as a zip archive does); expected one written by {_SAVE}")
    return unpacked_network(content, where, kind)


def unpacked_network(content: bytes, where: Path, kind: str | None = None) -> SavedNetwork:
    """What the bytes that :func:`packed_network` made hold, as :func:`read_network`; ``where`` is what messages call them."""
    _check_digest(where, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(where, archive, content, kind)
    except ModelFileError:
        raise
    except Exception as error:  # a zip made to mislead can raise nearly anything
        raise ModelFileError(f"{where}: altered ({error}); copy it again from where it was saved") from error


def _looks_right(path: Path) -> bool:
    """Whether the file begins as a zip, so that a large file of another kind is not read."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _read(where: Path, archive: zipfile.ZipFile, content: bytes, kind: str | None) -> SavedNetwork:
    """The parts, each looked at only when those before it hold: sizes, format, configuration, arrays."""
    sizes = {info.filename: info for info in archive.infolist()}
    if sorted(n for n in sizes if n not in _OPTIONAL) != sorted(_PARTS):
        raise ModelFileError(f"{where}: a zip with the parts {', '.join(sorted(sizes)) or 'none'}; a .rnng file has {', '.join(_PARTS)}")
    for name, info in sizes.items():
        if (
            info.compress_type != zipfile.ZIP_STORED
            or info.file_size > len(content)
            or (name.endswith(".json") and info.file_size > _JSON_LIMIT)
        ):
            raise ModelFileError(
                f"{where}: altered: part {name} claims {info.file_size} bytes in a file of {len(content)}; "
                "copy the file again from where it was saved"
            )
    training = json.loads(archive.read("training.json"))
    _check_format(where, training)
    found = training.get("network", _KINDS[0])
    if found != (kind or found) or found not in _KINDS:
        wanted = kind or " or a ".join(_KINDS)
        reader = found if found in _KINDS else kind or _KINDS[0]
        raise ModelFileError(f"{where}: holds a {shown(found)}, not a {wanted}; read it by {reader}.load(path)")
    config = _configuration(where, archive.read("configuration.json").decode(), found)
    shapes = shapes_of(config)
    _refuse(where, misfit_of_size(shapes, config.data_type, sizes["parameters.safetensors"].file_size))
    parameters = load_arrays(archive.read("parameters.safetensors"))
    _refuse(where, misfit_of_arrays(parameters, shapes, config.data_type))
    buffers = _buffers(where, config, archive if _BUFFERS in sizes else None)
    states = load_arrays(archive.read("updater_state.safetensors"))
    _refuse(where, misfit_of_states(states, shapes, config))
    carried = load_arrays(archive.read(CARRIED)) if CARRIED in sizes else {}
    at = training.get("position")
    _refuse(where, misfit_of_position(at, carried, config))
    return SavedNetwork(
        config,
        {name: parameters[name] for name in shapes},
        buffers,
        _by_parameter(states, shapes),
        training["iteration"],
        training["epoch"],
        bool(training["fitted_with_mask"]),
        Position(**(at or {}), states=carried),
        _normalizer(where, training.get("normalizer")),
        joined(archive.read(TEXT), load_arrays(archive.read(ARRAYS)) if ARRAYS in sizes else {}) if TEXT in sizes else {},
    )


def _buffers(where: Path, config: NetworkConfiguration, archive: zipfile.ZipFile | None) -> dict[str, np.ndarray]:
    """The buffers that the configuration asks for; ``archive`` is None where the file has no such part."""
    shapes = buffer_shapes_of(config)
    if bool(shapes) != (archive is not None):
        there = "no part" if archive is None else "a part"
        asked = ", ".join(shapes) or "(none)"
        _refuse(where, f"the configuration asks for the buffers {asked}, the file has {there} {_BUFFERS}; the two are not of one network")
    arrays = load_arrays(archive.read(_BUFFERS)) if archive else {}
    _refuse(where, misfit_of_arrays(arrays, shapes, config.data_type))
    return {name: arrays[name] for name in shapes}


def _normalizer_told(where: str | os.PathLike[str], normalizer: AnyNormalizer) -> dict[str, Any]:
    """The normalizer for training.json. ModelFileError for one that is not fitted."""
    try:
        return normalizer.to_dict()
    except InputError as error:
        raise ModelFileError(f"{where}: not written: normalizer: {error}") from error


def _normalizer(where: Path, told: Any) -> AnyNormalizer | None:
    """The normalizer of which training.json tells, None without."""
    from rnngraph.data.multi_normalizer import any_normalizer_from

    try:
        return None if told is None else any_normalizer_from(told)
    except InputError as error:
        raise ModelFileError(f"{where}: training.json: normalizer: {error}") from error


def _check_format(where: Path, training: Any) -> None:
    """The version comes first: of a newer file nothing else is known."""
    version = training.get("format") if isinstance(training, dict) else None
    if not isinstance(version, int) or version < 1:
        raise ModelFileError(f"{where}: training.json has no format version (format={version!r}); expected a .rnng file written by {_SAVE}")
    if version > FORMAT:
        raise ModelFileError(
            f"{where}: format {version}, written by {training.get('producer')}; this is rnngraph {__version__}, which reads up to "
            f"format {FORMAT}: upgrade it with `pip install -U rnngraph`"
        )
    for key in ("iteration", "epoch", "fitted_with_mask"):
        if key not in training:
            raise ModelFileError(f"{where}: training.json lacks {key}; expected a .rnng file written by {_SAVE}")
    _refuse(where, misfit_of_counts(training))


def _check_digest(where: Path, content: bytes) -> None:
    """The digest comes before all else: of bytes that are not those written, nothing is read."""
    mark, digest = content[-len(_MARK) - _DIGEST_LENGTH : -_DIGEST_LENGTH], content[-_DIGEST_LENGTH:]
    if mark != _MARK:
        raise ModelFileError(
            f"{where}: truncated, or not a .rnng file: it does not end in a sha-256; copy it again from where it was saved"
        )
    if digest != hashlib.sha256(content[:-_DIGEST_LENGTH]).hexdigest().encode():
        raise ModelFileError(
            f"{where}: altered: its sha-256 is not the one that was written with it; copy it again from where it was saved"
        )


def _kind(config: NetworkConfiguration) -> str:
    """The class of network that a configuration is of."""
    from rnngraph.conf import ComputationGraphConfiguration

    return _KINDS[isinstance(config, ComputationGraphConfiguration)]


def _configuration(where: Path, text: str, kind: str) -> NetworkConfiguration:
    from rnngraph.conf import ComputationGraphConfiguration, MultiLayerConfiguration

    try:
        return (MultiLayerConfiguration if kind == _KINDS[0] else ComputationGraphConfiguration).from_json(text)
    except ConfigurationError as error:
        raise ModelFileError(f"{where}: configuration.json does not describe a network: {error}") from error


def _refuse(where: Path, problem: str | None) -> None:
    """ModelFileError where there is a problem."""
    if problem:
        raise ModelFileError(f"{where}: {problem}")


def _by_parameter(flat: Mapping[str, np.ndarray], names: Iterable[str]) -> dict[str, dict[str, np.ndarray]]:
    """The updaters' arrays by parameter, then by name."""
    states: dict[str, dict[str, np.ndarray]] = {}
    for name in names:
        held = {key.rpartition("/")[2]: flat[key] for key in sorted(flat) if key.rpartition("/")[0] == name}
        if held:
            states[name] = held
    return states
