"""Every element that DL4J has becomes the one that rnngraph has, or is refused by its name."""

from __future__ import annotations

from typing import Any

import pytest

from rnngraph import dl4j
from rnngraph.conf.layers import Layer
from rnngraph.dl4j import activations, initializers, layouts, losses, masks
from rnngraph.dl4j.layers import LAYERS
from tests.dl4j.documents import layer, network, object_, output


def read(field: str, stored: dict[str, Any]) -> tuple[Layer | None, str]:
    """The layer with ``stored`` in ``field``, and what is lacking where there is none."""
    one = {**(output("OutputLayer") if field == "lossFn" else layer("DenseLayer")), field: stored}
    try:
        return dl4j.read_configuration(network(one)).layers[0], ""
    except dl4j.UnsupportedError as error:
        return None, error.element


@pytest.mark.parametrize(("kind", "name"), activations.NAMES.items())
def test_activations(kind: str, name: str) -> None:
    got, lacking = read("activationFn", object_("a", kind))
    assert lacking == f"activation {name}" if got is None else name in str(got.activation).lower().replace("_", "")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "name"), losses.NAMES.items())
def test_losses(kind: str, name: str) -> None:
    got, lacking = read("lossFn", object_("l", kind))
    assert lacking == f"loss {name}" if got is None else str(got.loss) == name  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "name"), initializers.NAMES.items())
def test_initialisers(kind: str, name: str) -> None:
    got, lacking = read("weightInitFn", object_("w", kind))
    assert lacking == f"initialiser {name}" if got is None else str(got.weight_init) == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", initializers.DISTRIBUTIONS)
@pytest.mark.parametrize("spelling", ["{}", "org.deeplearning4j.nn.conf.distribution.{}Distribution"])
def test_distributions(kind: str, spelling: str) -> None:
    name, fields = initializers.DISTRIBUTIONS[kind]
    values = {theirs: (3 if ours == "trials" else 0.25) for theirs, ours in fields.items()}
    stored = {"type": spelling.format(kind), **values, **({"upper": 0.5} if kind == "uniform" else {})}
    got, lacking = read("weightInitFn", object_("w", "WeightInitDistribution", distribution=stored))
    if got is None:
        assert lacking == f"distribution {kind}"
    else:
        held = got.weight_init  # type: ignore[attr-defined]
        assert type(held).__name__ == name
        assert {ours: getattr(held, ours) for ours in fields.values()} == {o: stored[t] for t, o in fields.items()}


def test_weights_of_losses() -> None:
    stored = object_("l", "LossMCXENT", softmaxClipEps=1e-10, weights={"dataType": "FLOAT", "shape": [1, 2], "data": [0.5, 2]})
    got, lacking = read("lossFn", stored)
    if got is None:
        assert lacking == "loss mcxent with weights"
    else:
        assert list(got.loss.weights) == [0.5, 2.0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("LReLU", "alpha", 0.3), ("ELU", "alpha", 2.0), ("ReLU", "threshold", 0.5), ("ThresholdedReLU", "theta", 2.0), ("RReLU", "l", 0.2)],
)
def test_parameters_of_activations_are_read(kind: str, field: str, value: float) -> None:
    got, lacking = read("activationFn", object_("a", f"Activation{kind}", **{field: value}))
    if got is None:
        assert lacking.startswith(f"activation {activations.NAMES[f'Activation{kind}']}")
    else:
        held = got.activation  # type: ignore[attr-defined]
        assert getattr(held, activations.PARAMETERS[activations.NAMES[f"Activation{kind}"]][field][0]) == value


def test_every_layer_with_parameters_has_a_layout() -> None:
    bare = {"ActivationLayer", "DropoutLayer", "GlobalPoolingLayer", "LossLayer", "RnnLossLayer", "Subsampling1DLayer", "SubsamplingLayer"}
    wrappers = {"Bidirectional", "LastTimeStep", "MaskZeroLayer", "TimeDistributed"}
    assert set(layouts.LAYOUTS) == set(LAYERS) - bare - wrappers
    assert set(masks.MODES) <= set(LAYERS)
