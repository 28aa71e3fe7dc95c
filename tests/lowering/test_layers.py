"""Networks drawn at random from pooling, embeddings, normalisation, dropout and plain layers: what must hold of every layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnngraph as rg
from tests.lowering.properties import check_backends, check_gradient, check_masked_steps, dataset, network

WIDTHS = st.integers(1, 9)
SMOOTH = st.sampled_from(["tanh", "sigmoid", "softsign", "identity"])
SPATIAL = rg.SpatialDropout(retain=0.7)
NOISE: list[Any] = [
    rg.Dropout(retain=0.3),
    rg.Dropout(retain=1.0),
    SPATIAL,
    rg.GaussianDropout(0.2),
    rg.GaussianNoise(0.3),
    rg.AlphaDropout(retain=0.8),
]
WEIGHT_NOISE: list[Any] = [
    rg.DropConnect(retain=0.7, apply_to_biases=True),
    rg.WeightNoise(rg.NormalDistribution(1.0, 0.2), additive=False),
]


def made(kind: Any, fields: dict[str, Any]) -> Any:
    return kind(**fields)


@st.composite
def middles(draw: st.DrawFn) -> Any:
    """A layer that keeps the time axis if there is one."""
    dense: dict[str, Any] = {"n_out": WIDTHS, "activation": SMOOTH, "has_bias": st.booleans(), "has_layer_norm": st.booleans()}
    return draw(
        st.one_of(
            st.fixed_dictionaries(dense).map(lambda f: made(rg.DenseLayer, f)),
            st.builds(lambda lock: rg.BatchNormalization(lock_gamma_beta=lock, gamma=1.5, beta=-0.25), st.booleans()),
            st.sampled_from(NOISE).map(rg.DropoutLayer),
            st.builds(lambda a: rg.ActivationLayer(activation=a), SMOOTH),
        )
    )


@st.composite
def stacks(draw: st.DrawFn) -> list[Any]:
    """Layers that take time series or ids, with an output layer of either kind."""
    embedding: dict[str, Any] = {"n_in": WIDTHS, "n_out": WIDTHS, "has_bias": st.booleans(), "activation": SMOOTH}
    first = draw(
        st.one_of(
            st.builds(lambda i, n: rg.LSTM(n_in=i, n_out=n), WIDTHS, WIDTHS),
            st.fixed_dictionaries(embedding).map(lambda f: made(rg.EmbeddingSequenceLayer, f)),
        )
    )
    layers: list[Any] = [
        first,
        *draw(st.lists(middles(), max_size=2)),
        *draw(st.lists(st.builds(lambda n: rg.SimpleRnn(n_out=n), WIDTHS), max_size=1)),
    ]
    if draw(st.booleans()):
        kind, p = draw(st.sampled_from(["max", "avg", "sum", "pnorm"])), draw(st.integers(1, 4))
        layers += [made(rg.GlobalPoolingLayer, {"pooling_type": kind, "pnorm": p}), *draw(st.lists(middles(), max_size=1))]
        ends = st.sampled_from([rg.LossLayer(loss="mse", activation="tanh"), rg.OutputLayer(n_out=3, has_layer_norm=True)])
    else:
        ends = st.sampled_from([rg.RnnLossLayer(loss="mse", activation="tanh"), rg.RnnOutputLayer(n_out=2)])
    return [*layers, draw(ends)]


MASKS = st.integers(1, 4).flatmap(lambda n: st.integers(1, 8).map(lambda t: (n, t))).flatmap(
    lambda s: st.lists(st.lists(st.integers(0, 1), min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0])
).filter(lambda rows: any(map(any, rows)))  # fmt: skip


@settings(max_examples=40)
@given(
    layers=stacks(), masked=st.booleans(), mode=st.sampled_from(["hold", "reset", "ignore"]), target=st.sampled_from(["portable", "cpu"])
)
def test_backends_agree_and_bits_do_not_depend_on_pieces(layers: list[Any], masked: bool, mode: str, target: str) -> None:
    check_backends(network(layers, mask_mode=mode), features_mask=masked, target=target)


@settings(max_examples=10)
@given(layers=stacks(), masked=st.booleans())
def test_files_of_one_step(layers: list[Any], masked: bool) -> None:
    check_backends(network(layers), features_mask=masked, steps=1)


@settings(max_examples=40)
@given(
    layers=stacks(),
    mask=MASKS,
    mode=st.sampled_from(["hold", "reset", "ignore"]),
    dropout=st.sampled_from([None, *NOISE]),
    weight_noise=st.sampled_from([None, *WEIGHT_NOISE]),
)
def test_gradients_are_those_of_the_reference(layers: list[Any], mask: list[list[int]], mode: str, dropout: Any, weight_noise: Any) -> None:
    net = network(layers, data_type="float64", mask_mode=mode, dropout=dropout, weight_noise=weight_noise)
    real = np.array(mask, float)
    real[0, 0] = 1.0
    check_gradient(net, dataset(net, len(real), len(real[0]), real))
    check_gradient(net, dataset(net, len(real), len(real[0])))


@settings(max_examples=60)
@given(
    layers=stacks(),
    mask=MASKS,
    at=st.lists(st.integers(0, 8), min_size=1, max_size=4),
    dropout=st.sampled_from([None, SPATIAL]),
    weight_noise=st.sampled_from([None, *WEIGHT_NOISE]),
)
def test_a_masked_step_does_not_exist(layers: list[Any], mask: list[list[int]], at: list[int], dropout: Any, weight_noise: Any) -> None:
    """With noise too that does not stand at steps by their number."""
    layers = [layer for layer in layers if not isinstance(layer, rg.DropoutLayer) or layer.dropout == SPATIAL]
    net = network(layers, data_type="float64", dropout=dropout, weight_noise=weight_noise)
    real = np.array(mask, float)
    check_masked_steps(net, dataset(net, len(real), len(real[0]), real), [min(k, real.shape[1]) for k in at])


@pytest.mark.parametrize(
    "layers",
    [
        [rg.EmbeddingLayer(n_in=7, n_out=4, has_bias=True, activation="tanh"), rg.BatchNormalization(), rg.OutputLayer(n_out=3)],
        [rg.DenseLayer(n_in=3, n_out=5, has_layer_norm=True, has_bias=False), rg.DropoutLayer(rg.Dropout(retain=0.6)), rg.LossLayer()],
        [rg.BatchNormalization(n_in=3), rg.ActivationLayer(activation="tanh"), rg.OutputLayer(n_out=3, has_layer_norm=True)],
    ],
    ids=["embedding", "layer norm", "batch norm"],
)  # fmt: skip
def test_networks_without_a_time_axis(layers: list[Any]) -> None:
    check_backends(network(layers))
    net = network(layers, data_type="float64")
    check_gradient(net, dataset(net, 5, 1))
