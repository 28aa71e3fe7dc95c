"""ComputationGraph: a network as a graph of layers and vertices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.base_network import Network
from rnngraph.conf import ComputationGraphConfiguration, NetworkConfiguration
from rnngraph.errors import ConfigurationError, InputError
from rnngraph.inputs import Inputs, OpenInputs
from rnngraph.names import shown
from rnngraph.several import one_for_each
from rnngraph.spelling import spelled

if TYPE_CHECKING:
    from rnngraph.data import Data
    from rnngraph.evaluation import ROC, BaseEvaluation, Evaluation, RegressionEvaluation, ROCMultiClass

E = TypeVar("E", bound="BaseEvaluation")
Es = TypeVarTuple("Es")
Arrays = Sequence[ArrayLike] | Mapping[str, ArrayLike] | np.ndarray
"""An array for each input: in their order, by their names, or the one array of the only input."""
ArrayMasks = Sequence[ArrayLike | None] | Mapping[str, ArrayLike | None] | np.ndarray | None


class ComputationGraph(Network):
    """A graph of layers and vertices with named inputs and outputs, ready to train, to evaluate and to step.

    Arrays go in as lists in the order of ``config.inputs``, or as mappings by name, and come out as lists in the order of
    ``config.outputs``, each shaped as in a :class:`~rnngraph.MultiLayerNetwork`. ``fit``, ``score``, ``gradient`` and ``evaluate`` take
    MultiDataSets, and DataSets where there is one input and one output. Parameters are named by vertex: ``encoder.W``.

    Raises ConfigurationError for anything but a configuration, and for start values that its data type cannot hold; MissingDependencyError
    without torch.
    """

    config: ComputationGraphConfiguration
    _configuration: ClassVar[type[NetworkConfiguration]] = ComputationGraphConfiguration
    _several: ClassVar[bool] = True

    @spelled
    def __init__(self, config: ComputationGraphConfiguration) -> None:
        self._begin(config)

    def __repr__(self) -> str:
        ports = f"{', '.join(self.config.inputs)} -> {', '.join(self.config.outputs)}"
        return f"ComputationGraph({ports}; {len(self.config.vertices)} vertices, iteration {self.iteration}, epoch {self.epoch})"

    @spelled
    def output(self, features: Arrays, features_masks: ArrayMasks = None) -> list[np.ndarray]:
        """The outputs, from the initial state; the streaming state stays as it is.

        features [N, F, T] or [N, F] for each input, features_masks [N, T] or None for each (None: all ones for all) -> [N, n_out, T] or
        [N, n_out] for each output. Raises InputError as :meth:`MultiLayerNetwork.output`, naming the input.
        """
        outputs, _ = self._run(*self._inputs.features(self._listed(features), self._listed_masks(features_masks)), None)
        return outputs

    @spelled
    def rnn_time_step(self, x: Arrays, features_masks: ArrayMasks = None) -> list[np.ndarray]:
        """The outputs for the next step or steps of each row's stream; the state is kept for the call after.

        Time series as [N, F] are one step, and give outputs without a time axis; as [N, F, T] they give those with one. Inputs without a
        time axis are given at each call. InputError where some series have a time axis and others not; other errors as
        :meth:`MultiLayerNetwork.rnn_time_step`.
        """
        self._check_streams()
        return self._step(self._listed(x), self._listed_masks(features_masks))

    # Evaluation of one output, by its name where there are several; its labels count by its labels mask, in a time series without one by
    # the features mask

    @spelled
    def evaluate(self, data: Data, output: str | None = None, labels: Sequence[str] | None = None, top_n: int = 1) -> Evaluation:
        """Accuracy and the rest of one output over ``data``; ``labels`` are the names of the classes.

        Raises InputError for an ``output`` that is not there, and as :meth:`MultiLayerNetwork.evaluate`.
        """
        from rnngraph.evaluation import Evaluation

        width = self.config.heads[self._output_number(output, "evaluate")].width
        return self._evaluated(data, Evaluation(width, labels, top_n), output, "evaluate")

    @spelled
    def evaluate_regression(self, data: Data, output: str | None = None) -> RegressionEvaluation:
        """Errors and correlations of each column of one output over ``data``; masks of single columns too."""
        from rnngraph.evaluation import RegressionEvaluation

        return self._evaluated(data, RegressionEvaluation(), output, "evaluate_regression")

    @spelled
    def evaluate_roc(self, data: Data, threshold_steps: int = 0, output: str | None = None) -> ROC:
        """The curves of an output of one column, or of two classes, over ``data``; InputError for another one."""
        from rnngraph.evaluation import ROC

        return self._evaluated(data, ROC(threshold_steps), output, "evaluate_roc")

    @spelled
    def evaluate_roc_multi_class(self, data: Data, threshold_steps: int = 0, output: str | None = None) -> ROCMultiClass:
        """The curves of each class of one output against all others over ``data``."""
        from rnngraph.evaluation import ROCMultiClass

        return self._evaluated(data, ROCMultiClass(threshold_steps), output, "evaluate_roc_multi_class")

    def do_evaluation(self, data: Data, *evaluations: *Es, output: str | None = None) -> tuple[*Es]:
        """All ``evaluations`` of one output in one pass over ``data``; as :meth:`MultiLayerNetwork.do_evaluation`."""
        from rnngraph.evaluation.networks import evaluate

        evaluate(self, data, evaluations, self._output_number(output, "do_evaluation"))
        return evaluations

    def _evaluated(self, data: Data, evaluation: E, output: str | None, method: str) -> E:
        from rnngraph.evaluation.networks import evaluate

        evaluate(self, data, [evaluation], self._output_number(output, method))
        return evaluation

    def _output_number(self, output: str | None, method: str) -> int:
        """The number of the output of that name; None is the only one. InputError that names ``method``."""
        names = self.config.outputs
        if output is None and len(names) > 1:
            raise InputError(f"{method}: the network has the outputs {', '.join(names)}; say which by output={names[0]!r}")
        if output is not None and output not in names:
            raise InputError(f"{method}: output={shown(output)}; expected one of {', '.join(names)}")
        return 0 if output is None else names.index(output)

    def _learn_widths(self, names: Sequence[str]) -> None:
        """Take the widths of the inputs ``names``, which nobody knows, from the first arrays that come."""
        if names:
            known = self._inputs
            self._inputs = OpenInputs(known.config, known.inputs, known.lengths, lambda arrays: self._settled(names, arrays))

    def _check_settled(self, what: str) -> None:
        if isinstance(self._inputs, OpenInputs):
            raise InputError(
                f"{what}: the widths of this graph's inputs are a guess, since the file that it was read from does not tell them; give it "
                "arrays first (output, fit), or say them by dl4j.load(path, input_types={...})"
            )

    def _settled(self, names: Sequence[str], arrays: Sequence[ArrayLike]) -> Inputs:
        """The inputs with the widths that ``arrays`` have; as they are where these do not fit what the layers take."""
        shapes = dict(zip(self.config.inputs, map(np.shape, arrays), strict=False))
        types = {
            name: flow.replaced(size=shapes[name][1]) if name in names and len(shapes.get(name, ())) > 1 and shapes[name][1] else flow
            for name, flow in self.config.input_types.items()
        }
        try:
            config = self.config.replaced(input_types=types)
        except ConfigurationError:
            return self._inputs_of(self.config)
        self.config, self._programs, self._inputs = config, {}, self._inputs_of(config)
        return self._inputs

    def _listed(self, given: Arrays) -> Sequence[Any]:
        """The arrays in the order of the inputs."""
        return one_for_each(given, self.config.inputs, "features", "the network")

    def _listed_masks(self, given: ArrayMasks) -> Sequence[Any]:
        """A mask or None for each input."""
        return one_for_each({} if given is None else given, self.config.inputs, "features_masks", "the network", partly=True)
