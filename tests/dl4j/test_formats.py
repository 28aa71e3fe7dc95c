"""Time series whose steps come before their features, in all layers or in some."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rnngraph import dl4j
from rnngraph.conf import Layer
from tests.dl4j.documents import Json, layer, lstm, network, object_, output, wrapper

NWC: Json = {"rnnDataFormat": "NWC"}
STEPS = {"1": object_("org.deeplearning4j.nn.conf.preprocessor", "RnnToFeedForwardPreProcessor", **NWC)}


def pooling(dimensions: Any) -> Json:
    return object_("l", "GlobalPoolingLayer", poolingType="MAX", pnorm=2, collapseDimensions=True, poolingDimensions=dimensions)


def read(*layers: Json, **fields: Any) -> Sequence[Layer]:
    with pytest.warns(dl4j.ImportNote, match=r"takes and gives time series as \[N, T, F\] in DL4J \(NWC\); here they are \[N, F, T\]"):
        return dl4j.read_configuration(network(*layers, **fields)).layers


def test_a_network_of_nwc_is_read_with_a_note() -> None:
    """The same network: only the caller's arrays have other axes."""
    swapped = read(lstm(**NWC), layer("DenseLayer", 4, 4), output(**NWC), inputPreProcessors=STEPS)
    assert swapped == dl4j.read_configuration(network(lstm(), layer("DenseLayer", 4, 4), output())).layers
    read(wrapper("Bidirectional", lstm(**NWC), mode="ADD", rnndataFormat="NWC"), output(**NWC))
    read(lstm(**NWC), pooling([1]), output("OutputLayer"))
    read(layer("EmbeddingSequenceLayer", outputFormat="NWC"), lstm(n_in=4, **NWC), output(**NWC))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_network_without_nwc_has_no_note(backwards: bool) -> None:
    first = wrapper("Bidirectional", lstm(), mode="ADD", rnndataFormat="NCW") if backwards else lstm()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl4j.read_configuration(network(first, output()))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([lstm(), lstm(n_in=4, **NWC), output()], r"layers\[1\]: data format NWC is not .*\(configuration.json: layers\[0\] has NCW\)"),
        ([lstm(**NWC), output(rnnDataFormat=None)], r"layers\[0\]: data format NWC .*\(configuration.json: layers\[1\] has NCW\)"),
        ([lstm(**NWC), layer("SimpleRnn", 4, 4)], r"layers\[0\]: data format NWC .*\(configuration.json: layers\[1\] has NCW\)"),
        ([wrapper("LastTimeStep", lstm(**NWC)), lstm(n_in=4)], r"layers\[0\].*: data format NWC .*layers\[1\] has NCW\)"),
        ([lstm(**NWC), pooling(None), output("OutputLayer")], r"layers\[1\]: poolingDimensions None is not supported"),
        ([lstm(), pooling([1]), output("OutputLayer")], r"layers\[1\]: poolingDimensions \[1\] is not supported"),
        ([wrapper("MaskZeroLayer", lstm(**NWC), maskingValue=0.0)], "layer MaskZeroLayer in a network of data format NWC is not supported"),
        ([lstm(rnnDataFormat="CNW")], r"layers\[0\] \(LSTM\): data format CNW is not supported"),
        ([layer("ConvolutionLayer", cnn2dDataFormat="NHWC")], r"layers\[0\] \(ConvolutionLayer\): data format NHWC is not supported"),
    ],
    ids=lambda v: v[:40] if isinstance(v, str) else "",
)  # fmt: skip
def test_formats_that_no_network_here_has_are_named(layers: list[Json], message: str) -> None:
    with pytest.raises(dl4j.UnsupportedError, match=message):
        dl4j.read_configuration(network(*layers))


def test_images_of_another_format_are_named() -> None:
    before = {"0": object_("p", "RnnToCnnPreProcessor", inputHeight=2, inputWidth=2, numChannels=1, format="NHWC")}
    with pytest.raises(dl4j.UnsupportedError, match=r"inputPreProcessors\[0\]: data format NHWC is not supported"):
        dl4j.read_configuration(network(lstm(), output(), inputPreProcessors=before))


def test_sixteen_bits_are_told() -> None:
    with pytest.warns(dl4j.ImportNote, match="this network computes in 16 bits in DL4J; here it computes in float32"):
        config = dl4j.read_configuration(network(lstm(), output(), dataType="HALF"))
    assert config.data_type == "float32"
    assert np.dtype(config.data_type) == np.float32
