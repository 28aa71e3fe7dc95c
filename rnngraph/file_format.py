"""What writers and readers of exported files agree on: keys of the metadata, and where golden samples lie. Needs nothing but Python."""

from __future__ import annotations

import os
from pathlib import Path

FORMAT = 4
"""The newest format of the manifest that this version reads. It writes 4 where a state begins with other numbers in each unit, or weights
are stored in fewer bits; else 3 for a network that is a graph, which has several inputs and outputs; of layers in a row 2 where the input
takes ids, images or sequences of a least length, else 1."""
KEY = "rnngraph"
"""The metadata's key of the manifest."""
DIGEST_KEY = "rnngraph_digest"
"""The metadata's key of the digest: the sha-256 of the file's bytes with the digest's own digits replaced by zeros."""
DIGEST_PREFIX = "sha256:"
DIGEST_DIGITS = 64
EMPTY_DIGEST = DIGEST_PREFIX + DIGEST_DIGITS * "0"

DATA_SET = "test_data_set_"
"""Golden samples have the form of the ONNX model zoo: ``test_data_set_0/input_0.pb``, one TensorProto a file."""
INPUT, OUTPUT = "input", "output"


def golden_folder(path: str | os.PathLike[str]) -> Path:
    """Where the golden samples of the exported file ``path`` lie."""
    return Path(f"{os.fspath(path)}.golden")


def tensor_file(kind: str, number: int | str) -> str:
    """The name of the file of input or output ``number`` in a data set; ``kind`` is INPUT or OUTPUT, the number "*" matches all."""
    return f"{kind}_{number}.pb"
