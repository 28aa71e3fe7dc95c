"""MultiLayerNetwork: a network of layers in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVarTuple

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.base_network import Network
from rnngraph.conf import MultiLayerConfiguration, NetworkConfiguration
from rnngraph.spelling import spelled

if TYPE_CHECKING:
    from rnngraph.data import Data
    from rnngraph.evaluation import ROC, Evaluation, RegressionEvaluation, ROCMultiClass

Es = TypeVarTuple("Es")


class MultiLayerNetwork(Network):
    """A network of layers in a row, ready to train, to evaluate and to step.

    Arrays go in and come out as numpy: features [N, F, T] ([N, F] where the network has no time axis; ids [N, T] or [N, 1, T], and [N, 1]
    or [N], where it begins with an embedding), masks [N, T] of 0 and 1, output [N, n_out, T] or [N, n_out]. A masked step does not
    exist: nothing that stands there is read.

    ``iteration`` and ``epoch`` count finished updates and epochs, ``fitted_with_mask`` says whether a features mask was ever trained with,
    ``interrupted`` whether the last ``fit`` was ended by Ctrl-C, ``stopped_by`` why a listener ended it, None where none did.

    Raises ConfigurationError for anything but a configuration, and for start values that its data type cannot hold; MissingDependencyError
    without torch.
    """

    config: MultiLayerConfiguration
    _configuration: ClassVar[type[NetworkConfiguration]] = MultiLayerConfiguration
    _several: ClassVar[bool] = False

    @spelled
    def __init__(self, config: MultiLayerConfiguration) -> None:
        self._begin(config)

    def __repr__(self) -> str:
        layers = ", ".join(f"{type(layer).__name__}({layer.n_in} -> {layer.n_out})" for layer in self.config.layers)
        return f"MultiLayerNetwork({layers}; iteration {self.iteration}, epoch {self.epoch})"

    @spelled
    def output(self, features: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The network's output, from the initial state; the streaming state stays as it is.

        features [N, F, T] or [N, F], features_mask [N, T] (None: all ones) -> [N, n_out, T] or [N, n_out]; what it holds at masked steps
        is unspecified.
        Raises InputError for arrays that do not fit the network, or that are not finite at steps that exist.
        """
        (y,), _ = self._run(*self._inputs.features([features], [features_mask]), None)
        return y

    @spelled
    def rnn_time_step(self, x: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The output for the next step or steps of each row's stream; the state is kept for the call after.

        x [N, F] -> [N, n_out], x [N, F, T] -> [N, n_out, T]; where the output has no time axis both give [N, n_out]. Ids: [N] and [N, 1]
        are one step, [N, 1, T] (any T) and [N, T] (T > 1) give [N, n_out, T]. A row whose mask [N, T] ([N] for one step) is 0 keeps its
        state.
        Raises InputError as :meth:`output`, StateError for another N than the state's and where the next state is not finite,
        StreamingError for a network that needs whole sequences; the state is then as it was.
        """
        self._check_streams()
        (y,) = self._step([x], [features_mask], name="x")
        return y

    # Evaluation: labels count by the labels mask, in a time series without one by the features mask

    @spelled
    def evaluate(self, data: Data, labels: Sequence[str] | None = None, top_n: int = 1) -> Evaluation:
        """Accuracy and the rest over ``data``, a DataSet or any iterable of them; ``labels`` are the names of the classes.

        Raises InputError for data that do not fit the network, for a mask of single outputs and for other names than one a class.
        """
        from rnngraph.evaluation import Evaluation

        return self.do_evaluation(data, Evaluation(self.config.heads[0].width, labels, top_n))[0]

    @spelled
    def evaluate_regression(self, data: Data) -> RegressionEvaluation:
        """Errors and correlations of each output over ``data``; masks of single outputs too."""
        from rnngraph.evaluation import RegressionEvaluation

        return self.do_evaluation(data, RegressionEvaluation())[0]

    @spelled
    def evaluate_roc(self, data: Data, threshold_steps: int = 0) -> ROC:
        """The curves of an output of one column, or of two classes, over ``data``; InputError for another one."""
        from rnngraph.evaluation import ROC

        return self.do_evaluation(data, ROC(threshold_steps))[0]

    @spelled
    def evaluate_roc_multi_class(self, data: Data, threshold_steps: int = 0) -> ROCMultiClass:
        """The curves of each class against all others over ``data``."""
        from rnngraph.evaluation import ROCMultiClass

        return self.do_evaluation(data, ROCMultiClass(threshold_steps))[0]

    def do_evaluation(self, data: Data, *evaluations: *Es) -> tuple[*Es]:
        """All ``evaluations`` in one pass over ``data``, which is added to what they have counted.

        Raises InputError for what is no evaluation, for data that do not fit the network, and for labels or masks that do not fit an
        evaluation; then none of them is changed.
        """
        from rnngraph.evaluation.networks import evaluate

        evaluate(self, data, evaluations)
        return evaluations
