"""Networks of ours, written for DL4J and read again: nothing that has an effect is lost."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.writing.configuration import configuration_json
from tests.conf.strategies import configurations
from tests.dl4j.networks import NETWORKS, data, effective, network

LACKING = (
    "backward length",
    "initial state but zero",
    "layer GRU",
    "layer normalisation in OutputLayer",
    "layer normalisation in RnnOutputLayer",
    "layer normalisation in SimpleRnn",
    "LastTimeStep around a DenseLayer",
    "MaskZeroLayer inside a Bidirectional",
    "SpatialDropout of vectors",
    "updater AdaBelief",
    "updater TorchUpdater",
)


@settings(max_examples=300)
@given(config=configurations())
def test_any_configuration_comes_back_or_is_refused(config: rg.MultiLayerConfiguration) -> None:
    try:
        text = configuration_json(config)
    except dl4j.NotInDL4JError as error:
        assert error.element in LACKING  # noqa: PT017  (any of these will do)
        return
    back = dl4j.read_configuration(text, config.input_type)
    assert [effective(layer) for layer in back.layers] == [effective(layer) for layer in config.layers]
    for setting in ("seed", "data_type", "backprop", "mini_batch", "preprocessors", "input_type"):
        assert getattr(back, setting) == getattr(config, setting)


def reloaded(net: rg.MultiLayerNetwork, path: Path) -> rg.MultiLayerNetwork:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl4j.DL4JWarning)
        dl4j.save(net, path)
    found = dl4j.load(path, net.config.input_type)
    assert isinstance(found, rg.MultiLayerNetwork)
    return found


def assert_equal(a: rg.MultiLayerNetwork, b: rg.MultiLayerNetwork) -> None:
    """All numbers, bit by bit."""
    for ours, theirs in ((a.parameters(), b.parameters()), (a.buffers(), b.buffers())):
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            np.testing.assert_array_equal(theirs[name], array, err_msg=name)
            assert theirs[name].dtype == array.dtype
    assert (a.iteration, a.epoch) == (b.iteration, b.epoch)
    assert a.updater_state.keys() == b.updater_state.keys()
    for name, kept in a.updater_state.items():
        assert kept.keys() == b.updater_state[name].keys()
        for state, tensor in kept.items():
            assert torch.equal(tensor, b.updater_state[name][state]), f"{name} {state}"


@pytest.mark.parametrize("name", NETWORKS)
def test_training_goes_on_from_the_file_as_from_the_network(name: str, tmp_path: Path) -> None:
    net = network(name)
    batch = data(net)
    net.fit(batch, epochs=2, progress=False)
    back = reloaded(net, tmp_path / "m.zip")
    assert_equal(net, back)
    for one in (net, back):
        one.fit(batch, progress=False)
    assert_equal(net, back)


@pytest.mark.parametrize("name", ["lstm_adam", "mask_zero", "simple_rnn_rms_prop"])
def test_a_new_network_begins_from_the_file_as_from_itself(name: str, tmp_path: Path) -> None:
    """DL4J writes what its updaters begin with: 0, and the epsilon of AdaGrad and RmsProp."""
    net = network(name)
    back = reloaded(net, tmp_path / "m.zip")
    assert back.updater_state.keys() == net.parameters().keys()
    for one in (net, back):
        one.fit(data(one), progress=False)
    assert_equal(net, back)


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    net = network("lstm_adam")
    for name in ("a.zip", "b.zip"):
        reloaded(net, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
