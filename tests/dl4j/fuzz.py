"""Model files of every dialect, altered: reading one gives a network, or an error of ours that names it.

    python -m tests.dl4j.fuzz --count 20000 --seed 1

alters that many files and tells the time that each took, the most memory, and every exception that is not ours.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.conf.parameters import updater_of
from tests.dl4j.alterations import Entries, altered, zipped
from tests.dl4j.dialects import DIALECTS, FLAT, VECTOR, old_network
from tests.dl4j.documents import layer, lstm, network, object_, output, wrapper
from tests.dl4j.files import array_bytes


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
        parameters, states = _counts(text)
        arrays = {"coefficients.bin": _numbers(parameters), "updaterState.bin": _numbers(states)}
        found.append({"configuration.json": text.encode(), **arrays})
    return found


def graphs() -> list[Entries]:
    """Sound files of graphs, by the networks of an old and of a new version: its layers are vertices one behind the other."""
    found = []
    for dialect, wrapped in ((DIALECTS["0.6"], True), (DIALECTS["M2.1"], False)):
        network = json.loads(dialect.text())
        names = [str(k) for k in range(len(network["confs"]))]
        held = [{"layerConf": conf, "preProcessor": None} for conf in network.pop("confs")]
        vertices = [{"LayerVertex": one} if wrapped else {"@class": "org.deeplearning4j.nn.conf.graph.LayerVertex", **one} for one in held]
        network.update(networkInputs=["in"], networkOutputs=names[-1:], vertices=dict(zip(names, vertices, strict=True)))
        network["vertexInputs"] = {name: [before] for name, before in zip(names, ["in", *names], strict=False)}
        arrays = {name: dialect.array(VECTOR) for name in ("coefficients.bin", "updaterState.bin")}
        found.append({"configuration.json": json.dumps(network).encode(), **arrays})
    return found


def _counts(text: str) -> tuple[int, int]:
    """How many numbers the parameters of a network are, running statistics among them, and what its updaters keep."""
    config = dl4j.read_configuration(text)
    assert isinstance(config, rg.MultiLayerConfiguration)
    network = rg.MultiLayerNetwork(config)
    sizes = {name: array.size for name, array in network.parameters().items()}
    states = sum(size * len(updater_of(network.config, name).states) for name, size in sizes.items())
    return sum(sizes.values()) + sum(array.size for array in network.buffers().values()), states


def _numbers(count: int) -> bytes:
    return array_bytes(np.linspace(0, 1, count, dtype=np.float32))


def files(count: int, seed: int) -> Iterator[bytes]:
    """``count`` altered files, the same for the same ``seed``, each of the dialects in turn."""
    sound = [*seeds(), *graphs()]
    for number in range(count):
        yield altered(sound[number % len(sound)], random.Random(f"{seed} {number}"))


def outcome(path: Path) -> str:
    """How reading the file ends: "a network", or the class of our error. Any other exception is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", dl4j.ImportNote)
        for read in (dl4j.describe, dl4j.load):
            try:
                read(path)
            except rg.ModelFileError as error:
                if str(path) not in str(error) and "configuration.json" not in str(error):
                    raise AssertionError("the error names neither file nor entry") from error
                return type(error).__name__
    return "a network"


def main() -> int:
    """The command line; 1 where an exception is not ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    seconds, grown, found, foreign = [], [], Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "altered.zip"
        _read_sound_files(path)
        for number, content in enumerate(files(settings.count, settings.seed)):
            path.write_bytes(content)
            start, before = time.perf_counter(), _memory()
            try:
                found[outcome(path)] += 1
            except Exception as error:
                foreign[_place_of(error)] += 1
                if foreign[_place_of(error)] == 1:
                    print(f"file {number}:", *traceback.format_exception(error)[-4:])
            seconds.append(time.perf_counter() - start)
            grown.append(_memory() - before)
        left = [entry.name for entry in Path(folder).iterdir() if entry != path]
    print(f"{settings.count} files: {dict(found)}; not ours: {dict(foreign)}; other files written: {left}")
    median, most, longest = 1e3 * np.quantile(seconds, (0.5, 0.99, 1))
    print(f"a file takes {median:.1f} ms (median), {most:.1f} (99 %), at most {longest:.0f} (file {np.argmax(seconds)})")
    print(f"reading raised the peak of memory by {sum(grown):.0f} MiB in all, {max(grown):.0f} at most (file {np.argmax(grown)})")
    return int(bool(foreign or left))


def _read_sound_files(path: Path) -> None:
    """So that what is measured has no first time in it."""
    for entries in seeds():
        path.write_bytes(zipped(entries))
        outcome(path)


def _place_of(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _memory() -> float:
    """The most memory that the process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
