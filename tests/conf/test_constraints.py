from __future__ import annotations

from typing import Any

import pytest

from rnngraph.conf import (
    Convolution1DLayer,
    ConvolutionLayer,
    DenseLayer,
    GlobalPoolingLayer,
    InputType,
    MaxNormConstraint,
    MinMaxNormConstraint,
    MultiLayerConfiguration,
    NonNegativeConstraint,
    OutputLayer,
    SimpleRnn,
    UnitNormConstraint,
)
from rnngraph.errors import ConfigurationError

LISTED: Any = [0, 1]
UNKNOWN: Any = "bias"


def test_settings_may_stand_without_their_names_and_one_constraint_without_brackets() -> None:
    one = MaxNormConstraint(2.0, 0)
    assert one == MaxNormConstraint(max_norm=2.0, dimensions=(0,), on="weights")
    assert MinMaxNormConstraint(1.0, 2.0, 0.5, LISTED) == MinMaxNormConstraint(min_norm=1.0, max_norm=2.0, rate=0.5, dimensions=(0, 1))
    assert UnitNormConstraint(0) == UnitNormConstraint(dimensions=(0,))
    assert SimpleRnn(n_out=2, constraints=one) == SimpleRnn(n_out=2, constraints=[one])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxNormConstraint(0.0), "max_norm=0.0: expected a number greater than 0"),
        (lambda: MaxNormConstraint(-1.0), "max_norm=-1.0: expected a number greater than 0"),
        (lambda: MaxNormConstraint(float("nan")), "max_norm=nan: expected a finite number"),
        (lambda: MinMaxNormConstraint(2.0, 1.0), "min_norm=2 is above max_norm=1; exchange them"),
        (lambda: MinMaxNormConstraint(0.5, 1.0, 1.5), "rate=1.5: expected a number of at most 1"),
        (
            lambda: UnitNormConstraint(4),
            r"^UnitNormConstraint: dimensions=4: expected dimensions from 0 to 3, at least one and each once, such as 1 or \(0, 1\)$",
        ),
        (lambda: UnitNormConstraint((1, 1)), r"^UnitNormConstraint: dimensions=\(1, 1\): expected dimensions from 0 to 3"),
        (lambda: UnitNormConstraint(()), r"^UnitNormConstraint: dimensions=\(\): expected dimensions from 0 to 3, at least one[^\n]*$"),
        (lambda: UnitNormConstraint(True), r"^UnitNormConstraint: dimensions=True: expected dimensions from 0 to 3[^\n]*$"),
        (lambda: NonNegativeConstraint(on=UNKNOWN), "on='bias': expected one of weights, input_weights, recurrent_weights, biases, all"),
        (lambda: SimpleRnn(n_out=2, constraints="max"), r"^SimpleRnn: constraints\[0\]='max': expected a constraint \(MaxNorm"),  # type: ignore[arg-type]
        (lambda: SimpleRnn(n_out=2, constraints=MaxNormConstraint), r"write MaxNormConstraint\(\.\.\.\)"),  # type: ignore[arg-type]
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


FILTERS = MaxNormConstraint(1.0, (1, 2, 3))


@pytest.mark.parametrize(
    ("constraint", "what", "last"), [(FILTERS, "weights", 1), (UnitNormConstraint(2, on="biases"), "biases", 1)], ids=["weights", "biases"]
)
def test_dimensions_that_there_are_not_name_layer_and_constraint(constraint: Any, what: str, last: int) -> None:
    layers = [DenseLayer(n_in=2, n_out=3, constraints=()), DenseLayer(n_out=3)]
    message = (
        rf"^layers\[1\] \(DenseLayer\): constraints\[1\] \({constraint.tag()}\): dimensions=.*, but its {what} have "
        rf"the dimensions 0 to {last}; give the layer constraints of its own$"
    )
    with pytest.raises(ConfigurationError, match=message):
        MultiLayerConfiguration(layers=layers, constraints=[NonNegativeConstraint(), constraint])


def test_filters_have_four_dimensions_and_biases_two() -> None:
    image = InputType.convolutional(4, 4, 1)
    head = OutputLayer(n_out=2, constraints=())
    MultiLayerConfiguration(layers=[ConvolutionLayer(2, 2, n_out=3, constraints=FILTERS), head], input_type=image)
    MultiLayerConfiguration(
        layers=[Convolution1DLayer(kernel_size=2, n_in=2, n_out=3, constraints=FILTERS), GlobalPoolingLayer("max"), head]
    )
    with pytest.raises(ConfigurationError, match=r"layers\[0\] \(ConvolutionLayer\): .* but its biases have the dimensions 0 to 1"):
        MultiLayerConfiguration(layers=[ConvolutionLayer(2, 2, n_out=3, constraints=FILTERS.replaced(on="all")), head], input_type=image)
