"""What sessions do to a GPU, as calls of CUDA's libraries: a program of its own, since stand-ins for them are loaded where it begins.

    LD_LIBRARY_PATH=... python -m tests.runtime.counted FILE...

onnxruntime's real CUDA provider runs on libraries that only count. One JSON object: for each file the calls of one single step ("step"), of
chunks of 4 and of 12 steps ("chunk", "long chunk"), of a step with TF32 ("tf32"), of one with the masks of the last, or with others ("same
masks", "other masks"), of one that is replayed ("replayed"), also with such masks ("replayed, same masks"), and of a chunk beside it, where
the file has these; or the error ("error") with which the file is refused.
"""

from __future__ import annotations

import ctypes
import json
import sys
from itertools import cycle
from typing import Any

import numpy as np

from rnngraph.errors import ModelFileError
from rnngraph.runtime import StreamingSession

ROUNDS = 4
"""How many calls are counted; their mean has to be a whole number, since each does the same."""


def main() -> None:
    """Count for each file, and print."""
    log = ctypes.CDLL("libfakelog.so", mode=ctypes.RTLD_GLOBAL)
    sys.stdout.write(json.dumps({path: counts(log, path) for path in sys.argv[1:]}))


def counts(log: Any, path: str) -> dict[str, Any]:
    """The calls of each kind of call, or the error of a file that is refused."""
    try:
        session = StreamingSession(path, "cuda")
    except ModelFileError as error:
        return {"error": str(error)}
    steps = {"step": 1, "chunk": 4, "long chunk": 12}
    if not session.manifest.streams:
        return {name: counted(log, session.output, given(session, steps[name])) for name in ("chunk", "long chunk")}
    made = {name: counted(log, session.rnn_time_step, given(session, t)) for name, t in steps.items()}
    made |= with_masks(log, session, "")
    if session.manifest.steps is None and session.manifest.ports("mask"):
        made["tf32"] = counted(log, StreamingSession(path, "cuda", tf32=True).rnn_time_step, given(session, 1))
    if session.manifest.steps == 1:
        recorded = StreamingSession(path, "cuda", cuda_graph=True)
        made["replayed"] = counted(log, recorded.rnn_time_step, given(session, 1))
        made |= with_masks(log, recorded, "replayed, ")
        made["chunk beside"] = counted(log, recorded.rnn_time_step, given(session, 4))
    return made


def with_masks(log: Any, session: StreamingSession, prefix: str) -> dict[str, Any]:
    """The calls of a step whose masks are those of the last step, or others; nothing of a file without masks."""
    names = [p.name for p in session.manifest.ports("input") if p.mask is not None]
    word = "features_masks" if session.manifest.is_graph else "features_mask"
    made = {}
    for kind, rows in (("same masks", [[0, 1]]), ("other masks", [[0, 1], [1, 1]])) if names else ():
        masks = cycle([{word: dict.fromkeys(names, row) if session.manifest.is_graph else row} for row in rows])
        made[prefix + kind] = counted(log, lambda x, masks=masks: session.rnn_time_step(x, **next(masks)), given(session, 1))
    return made


def given(session: StreamingSession, t: int) -> Any:
    """Two rows of ``t`` steps: zeros, which are numbers and ids."""
    ports = session.manifest.ports("input")
    shapes = [[2 if k == 0 else t if k == p.time_axis else d for k, d in enumerate(p.shape)] for p in ports]
    shapes = [[2, 1, t] if p.ids and p.time_axis is not None else shape for p, shape in zip(ports, shapes, strict=True)]
    xs = [np.zeros([int(d) for d in shape], p.data_type) for p, shape in zip(ports, shapes, strict=True)]
    return xs if session.manifest.is_graph else xs[0]


def counted(log: Any, verb: Any, x: Any) -> dict[str, int]:
    """The calls of ``verb(x)``, after some that warm up."""
    for _ in range(ROUNDS):
        verb(x)
    log.fake_reset()
    for _ in range(ROUNDS):
        verb(x)
    buffer = ctypes.create_string_buffer(1 << 20)
    log.fake_dump(buffer, len(buffer))
    calls = dict(line.rsplit("=", 1) for line in buffer.value.decode().splitlines())
    assert all(int(n) % ROUNDS == 0 for n in calls.values()), calls
    return {name: int(n) // ROUNDS for name, n in calls.items() if not name.startswith("kernel ")}


if __name__ == "__main__":
    main()
