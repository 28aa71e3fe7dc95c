"""Alterations of model files: of the bytes of a zip or of an entry, of numbers in the header of an array, of values in a document."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

Entries = dict[str, bytes]
"""The content of a file's entries by name."""
EXTREMES: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 255, 10**6, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30, 0.0, -0.0, 0.5, 1e-300, 1e300,
    float("inf"), float("nan"), "NaN", "Infinity", "", "NCW", "NWC", "FLOAT", "x" * 1000, "\0", "\ud800", None, True, False, [], {}, [[]],
    [0], [-1], [2**31 - 1, 2**31 - 1], [1, 1], {"@class": "x"}, {"": {}}, {"@class": None},
)  # fmt: skip
"""What a number, a name or an object becomes."""


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
