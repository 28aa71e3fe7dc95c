"""What listeners remember, as it stands in a checkpoint: JSON, and arrays beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnngraph.errors import ConfigurationError

TEXT, ARRAYS = "memories.json", "memories.safetensors"
"""The parts of a file."""
Memories = Mapping[str, Mapping[str, Any]]
"""By listener and name: values of JSON, and numpy arrays."""


def split(memories: Memories) -> tuple[str, dict[str, np.ndarray]]:
    """The JSON, and the arrays as ``EarlyStopping:0/best``. ConfigurationError for a value that is neither."""
    arrays = {f"{key}/{name}": v for key, memory in memories.items() for name, v in memory.items() if isinstance(v, np.ndarray)}
    plain = {key: {name: v for name, v in memory.items() if f"{key}/{name}" not in arrays} for key, memory in memories.items()}
    try:
        return json.dumps(plain, indent=2), arrays
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the memory of a listener ({', '.join(memories)}) cannot be kept in a checkpoint: {error}; "
            "let its method memory give numbers, text, lists, dicts and, at the top, numpy arrays"
        ) from error


def joined(text: bytes, arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """What :func:`split` took apart."""
    memories: dict[str, dict[str, Any]] = {key: dict(memory) for key, memory in json.loads(text).items()}
    for name, array in arrays.items():
        key, _, field = name.rpartition("/")
        memories[key][field] = array
    return memories
