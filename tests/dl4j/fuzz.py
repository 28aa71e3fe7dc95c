"""Model files of every dialect, altered: reading one gives a network, or an error of ours that names it.

    python -m tests.dl4j.fuzz --count 20000 --seed 1

alters that many files and tells the time that each took, the most memory, and every exception that is not ours.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import struct
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph import dl4j
from tests.dl4j.dialects import DIALECTS, FLAT, VECTOR, old_network
from tests.dl4j.documents import layer, lstm, network, object_, output, wrapper
from tests.dl4j.files import array_bytes

Entries = dict[str, bytes]
EXTREMES: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 255, 10**6, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30, 0.0, -0.0, 0.5, 1e-300, 1e300,
    float("inf"), float("nan"), "NaN", "Infinity", "", "NCW", "NWC", "FLOAT", "x" * 1000, "\0", "\ud800", None, True, False, [], {}, [[]],
    [0], [-1], [2**31 - 1, 2**31 - 1], [1, 1], {"@class": "x"}, {"": {}}, {"@class": None},
)  # fmt: skip
"""What a number, a name or an object becomes."""


def _other_layers() -> list[str]:
    """Documents with what the network of every dialect does not have."""
    window: dict[str, Any] = {"kernelSize": [3, 3], "stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "convolutionMode": "Same"}
    images = {"inputHeight": 4, "inputWidth": 4, "numChannels": 1}
    before = {
        "0": object_("p", "RnnToCnnPreProcessor", **images),
        "1": object_("p", "CnnToRnnPreProcessor", **{**images, "numChannels": 4}),
    }
    norm = layer("BatchNormalization", 4, 4, decay=0.9, eps=1e-5, gamma=1.0, beta=0.0, lockGammaBeta=False, useLogStd=True)
    pool = object_("l", "GlobalPoolingLayer", poolingType="PNORM", pnorm=2, collapseDimensions=True, poolingDimensions=None)
    noise = object_(
        "d", "Dropout", p=0.5, pschedule=object_("s", "StepSchedule", scheduleType="EPOCH", initialValue=0.9, decayRate=0.5, step=3)
    )
    limits = [object_("c", "MaxNormConstraint", params=["W"], maxNorm=0.5, dimensions=[1], epsilon=1e-6)]
    alpha = {"LSTM": {**FLAT, "nin": 3, "nout": 4, "activationFn": {"TanH": {}}}}
    return [
        network(wrapper("Bidirectional", lstm(), mode="CONCAT"), layer("SimpleRnn", 8, 4, hasLayerNorm=True), output()),
        network(wrapper("LastTimeStep", lstm("GravesLSTM")), norm, output("OutputLayer")),
        network(wrapper("MaskZeroLayer", lstm(), maskingValue=0.0), wrapper("TimeDistributed", layer("DenseLayer", 4, 4)), output()),
        network(lstm("GravesBidirectionalLSTM", constraints=limits), pool, output("OutputLayer", idropout=noise)),
        network(layer("EmbeddingSequenceLayer", 5, 3), layer("Convolution1DLayer", 3, 4, **window, hasBias=True), output()),
        network(layer("ConvolutionLayer", 1, 4, **window, hasBias=True), lstm(n_in=64), output(), inputPreProcessors=before),
        old_network({"Bidirectional": {"fwd": alpha, "bwd": alpha, "mode": "ADD"}}, backpropType="Standard"),
    ]


def seeds() -> list[Entries]:
    """Sound files: one of each dialect, and one of each further kind of layer."""
    found: list[Entries] = []
    for dialect in DIALECTS.values():
        arrays = {name: dialect.array(VECTOR) for name in ("coefficients.bin", "updaterState.bin")}
        found.append({"configuration.json": dialect.text().encode(), **arrays})
    for text in _other_layers():
        vector = np.linspace(-1, 1, _count(text), dtype=np.float32)
        states = np.linspace(0, 1, 2 * len(vector), dtype=np.float32)
        found.append(
            {"configuration.json": text.encode(), "coefficients.bin": array_bytes(vector), "updaterState.bin": array_bytes(states)}
        )
    return found


def _count(text: str) -> int:
    config = dl4j.read_configuration(text)
    arrays = rg.MultiLayerNetwork(config)
    return sum(a.size for a in (*arrays.parameters().values(), *arrays.buffers().values()))


def zipped(entries: Entries) -> bytes:
    """The bytes of a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def altered_bytes(content: bytes, rng: random.Random) -> bytes:
    """Some bytes replaced, removed, put in or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            del data[at : at + rng.choice((1, 4, 100))]
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
        elif kind == 2 and rng.random() < 0.2:
            del data[at:]
        else:
            data[at : at + 1] = bytes([rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))])
    return bytes(data)


def altered_header(content: bytes, rng: random.Random) -> bytes:
    """A number of the header of an array, or its whole front, replaced."""
    data = bytearray(content)
    code = rng.choice((">i", ">q", ">H", "<i", "<q"))
    at = rng.randrange(min(len(data), 140))
    value = rng.choice((0, 1, 2, 8, 99, 255, 32767, 2**31 - 1, -1, -(2**31)))
    size = struct.calcsize(code)
    data[at : at + size] = struct.pack(code, value & 32767 if size == 2 else value)
    return bytes(data)


def altered_json(content: bytes, rng: random.Random) -> bytes:
    """Some values of a document dropped, replaced, exchanged, repeated or nested."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(document))
        if not places:
            break
        holder, key = rng.choice(places)
        _ALTER[rng.choice(tuple(_ALTER))](holder, key, rng, places)
    try:
        return json.dumps(document).encode(errors="surrogatepass")
    except (ValueError, RecursionError):
        return content


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _drop(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    del holder[key]


def _replace(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    holder[key] = rng.choice(EXTREMES)


def _exchange(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    """What stands elsewhere stands here, copied so that nothing holds itself."""
    other, place = rng.choice(places)
    held = json.loads(json.dumps(other[place])) if place in other or (isinstance(other, list) and place < len(other)) else None
    holder[key] = held


def _reclass(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    """The class of this object is that of another."""
    classes = [place["@class"] for place, at in places if at == "@class" and "@class" in place]
    if classes and isinstance(holder, dict):
        holder["@class"] = rng.choice((*classes, "com.example.Own"))


def _rename(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(("own", "LSTM", "gravesLSTM", "dense", "@class", "vertices", ""))] = holder.pop(key)


def _repeat(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key] * rng.choice((2, 20, 1100))


def _nest(holder: Any, key: Any, rng: random.Random, places: list[Any]) -> None:
    for _ in range(rng.choice((1, 3, 70))):
        holder[key] = {"underlying": holder[key], "@class": "a.LastTimeStep"} if rng.random() < 0.5 else [holder[key]]


_ALTER: dict[str, Callable[[Any, Any, random.Random, list[Any]], None]] = {
    "drop": _drop, "exchange": _exchange, "nest": _nest, "reclass": _reclass, "rename": _rename, "repeat": _repeat, "replace": _replace,
    "replace again": _replace,
}  # fmt: skip


def altered(entries: Entries, rng: random.Random) -> bytes:
    """A file out of ``entries`` in which something is otherwise."""
    entries = dict(entries)
    name = rng.choice(tuple(entries))
    kind = rng.choice(("zip", "entry", "json", "json", "json", "header", "missing", "mixed"))
    if kind == "zip":
        return altered_bytes(zipped(entries), rng)
    if kind == "json":
        entries["configuration.json"] = altered_json(entries["configuration.json"], rng)
    elif kind == "header":
        name = rng.choice(("coefficients.bin", "updaterState.bin"))
        entries[name] = altered_header(entries[name], rng)
    elif kind == "entry":
        entries[name] = altered_bytes(entries[name], rng)
    elif kind == "missing":
        entries.pop(name)
    else:
        entries["configuration.json"] = altered_json(entries["configuration.json"], rng)
        entries[name] = altered_bytes(entries[name], rng)
    return zipped(entries)


def files(count: int, seed: int) -> Iterator[bytes]:
    """``count`` altered files, the same for the same ``seed``, each of the dialects in turn."""
    sound = seeds()
    for number in range(count):
        yield altered(sound[number % len(sound)], random.Random(f"{seed} {number}"))


def outcome(path: Path) -> str:
    """How reading the file ends: "a network", or the class of our error. Any other exception is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.ImportNote)
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
        for read in (dl4j.describe, dl4j.load):
            try:
                read(path)
            except rg.ModelFileError as error:
                assert str(path) in str(error) or "configuration.json" in str(error), f"names neither file nor entry: {error}"
                return type(error).__name__
    return "a network"


def main() -> int:
    """The command line; 1 where an exception is not ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    taken, found, foreign = np.zeros(settings.count), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "altered.zip"
        before = _memory()
        for number, content in enumerate(files(settings.count, settings.seed)):
            path.write_bytes(content)
            start = time.perf_counter()
            try:
                found[outcome(path)] += 1
            except Exception as error:
                foreign[_place_of(error)] += 1
                if foreign[_place_of(error)] == 1:
                    print(f"file {number}:", *traceback.format_exception(error)[-4:])
            taken[number] = time.perf_counter() - start
        left = [entry.name for entry in Path(folder).iterdir() if entry != path]
    print(f"{settings.count} files: {dict(found)}; not ours: {dict(foreign)}; other files written: {left}")
    print(
        f"ms a file: median {1e3 * np.median(taken):.1f}, 99 % {1e3 * np.quantile(taken, 0.99):.1f}, most {1e3 * taken.max():.0f}", end=""
    )
    print(f" (file {taken.argmax()}); memory {before:.0f} MiB before, at most {_memory():.0f} MiB")
    return int(bool(foreign or left))


def _place_of(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _memory() -> float:
    """The most memory that the process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
