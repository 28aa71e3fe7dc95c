"""MultiLayerNetwork: a configuration, its parameters and the state of one stream, computed by torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric, as_parameter, masks_outputs
from rnngraph.conf import MultiLayerConfiguration
from rnngraph.errors import ConfigurationError, InputError, MissingDependencyError, StreamingError
from rnngraph.ids import is_one_step
from rnngraph.inputs import Inputs
from rnngraph.ir.padding import reads_padding
from rnngraph.ir.steps import steps_of
from rnngraph.ir.streaming import why_not
from rnngraph.lowering import buffer_shapes, initial_buffers, initial_parameters, lower, parameter_shapes
from rnngraph.lowering.states import state_specs
from rnngraph.names import shown
from rnngraph.position import Position
from rnngraph.runtime.snapshot import StateSnapshot, checked_snapshot
from rnngraph.serialization import SavedNetwork, parameters_digest, read_network, write_network
from rnngraph.spelling import Spelled, spelled
from rnngraph.state import Rows, StreamState
from rnngraph.summary import summary_table

if TYPE_CHECKING:
    import torch

    from rnngraph.backends.torch import Program
    from rnngraph.data import Data, DataSet
    from rnngraph.evaluation import Evaluation
    from rnngraph.training.listeners import TrainingListener


class MultiLayerNetwork(Spelled):
    """A network of layers in a row, ready to train, to evaluate and to step.

    Arrays go in and come out as numpy: features [N, F, T] ([N, F] where the network has no time axis; ids [N, T] or [N, 1, T], and [N, 1]
    or [N], where it begins with an embedding), masks [N, T] of 0 and 1, output [N, n_out, T] or [N, n_out]. A masked step does not
    exist: nothing that stands there is read.

    ``iteration`` and ``epoch`` count finished updates and epochs, ``fitted_with_mask`` says whether a features mask was ever trained with,
    ``interrupted`` whether the last ``fit`` was ended by Ctrl-C.

    Raises ConfigurationError for anything but a configuration, and for start values that its data type cannot hold; MissingDependencyError
    without torch.
    """

    updater_state: dict[str, dict[str, torch.Tensor]]
    """What the updaters keep, by parameter and then by name: ``{"0.W": {"m": ..., "v": ...}}``; empty before the first update."""
    _parameters: dict[str, torch.Tensor]
    _buffers: dict[str, torch.Tensor]

    @spelled
    def __init__(self, config: MultiLayerConfiguration) -> None:
        if not isinstance(config, MultiLayerConfiguration):
            raise ConfigurationError(
                f"MultiLayerNetwork takes a MultiLayerConfiguration, not {type(config).__name__}; "
                "from JSON: MultiLayerConfiguration.from_json(text)"
            )
        arrays = initial_parameters(config)
        for name, array in arrays.items():
            try:
                as_parameter(array, array.shape, config.data_type, name)
            except InputError as error:
                layer = int(name.split(".")[0])
                raise ConfigurationError(f"layers[{layer}] ({type(config.layers[layer]).__name__}): at the start {error}") from None
        self._set_up(config, arrays, initial_buffers(config))

    def _set_up(self, config: MultiLayerConfiguration, arrays: Mapping[str, np.ndarray], buffers: Mapping[str, np.ndarray]) -> None:
        torch = _torch()
        self.config = config
        graph = lower(config, features_mask=config.starts_in_time_series)
        self._steps = steps_of(graph)
        self._inputs = Inputs(config, reads_padding(graph), self._steps)
        self.iteration = 0
        self.epoch = 0
        self.fitted_with_mask = False
        self.interrupted = False
        self._position = Position()
        self.updater_state = {}
        dtype = getattr(torch, config.data_type)
        self._parameters = {name: torch.tensor(arrays[name], dtype=dtype, requires_grad=True) for name in parameter_shapes(config)}
        self._digest: tuple[list[int], str] | None = None
        self._listeners: list[TrainingListener] = []
        self._buffers = {name: torch.tensor(buffers[name], dtype=dtype) for name in buffer_shapes(config)}
        self._programs: dict[tuple[tuple[str, Any], ...], Program] = {}
        self._streams = all(layer.causal for layer in config.layers)
        self._stream = StreamState(state_specs(config), [type(layer).__name__ for layer in config.layers], config.data_type)

    @property
    def _device(self) -> torch.device:
        """Where the tensors are: on the CPU, unless a fit has them elsewhere."""
        return next((tensor.device for tensor in self._parameters.values()), _torch().device("cpu"))

    def __repr__(self) -> str:
        layers = ", ".join(f"{type(layer).__name__}({layer.n_in} -> {layer.n_out})" for layer in self.config.layers)
        return f"MultiLayerNetwork({layers}; iteration {self.iteration}, epoch {self.epoch})"

    # Parameters

    def init(self) -> None:
        """Nothing: a network has its parameters from the start. Here because DL4J's programs call it."""

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of all parameters by name.

        ``0.W`` [4H, I], ``0.R`` [4H, H], ``0.b`` [4H] of an LSTM in the gate order i, f, g, o, ``0.P`` [3, H] in the order i, f, o; ``0.W``
        [H, I], ``0.R`` [H, H], ``0.b`` [H] of a SimpleRnn, with layer normalisation the gains ``0.g`` [2, H] of both products; ``0.W``
        [3H, I], ``0.R`` [3H, H], ``0.b`` [3H] of a GRU in the order r, z, n, with ``reset_after`` a second bias ``0.bR``;
        ``0.forward.W``, ``0.backward.W`` in a Bidirectional; ``1.W`` [n_out, n_in], ``1.b`` [n_out] of a dense or output layer.
        """
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self._parameters.items()}

    @spelled
    def set_parameters(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Replace all parameters, in the layout of :meth:`parameters`; the mapping has to name each of them.

        Raises InputError, and changes nothing, where a name is missing or unknown, or an array has another shape, another kind of type or
        a value that is not finite.
        """
        self._replace(self._parameters, mapping, "parameters")

    def buffers(self) -> dict[str, np.ndarray]:
        """Copies of what training keeps beside the parameters, by name: ``2.mean``, ``2.var`` [F] of a BatchNormalization."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._buffers.items()}

    def set_buffers(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Replace all buffers, as :meth:`set_parameters` replaces parameters; a negative variance is an InputError too."""
        self._replace(self._buffers, mapping, "buffers")

    def _replace(self, held: Mapping[str, torch.Tensor], mapping: Mapping[str, ArrayLike], what: str) -> None:
        """Copy the arrays of ``mapping`` into the tensors that are held; InputError, and nothing is changed, where they do not fit."""
        torch = _torch()
        if not isinstance(mapping, Mapping):
            raise InputError(
                f"set_{what}: expected a mapping from names to arrays ({', '.join(held)}), not {shown(mapping)}; "
                f"{what}() gives one to start from"
            )
        missing, unknown = held.keys() - mapping.keys(), mapping.keys() - held.keys()
        if missing or unknown:
            told = [f"missing: {', '.join(sorted(missing))}"] * bool(missing)
            told += [f"unknown: {', '.join(sorted(map(str, unknown)))}"] * bool(unknown)
            raise InputError(
                f"set_{what}: {'; '.join(told)}. It takes all of {', '.join(held) or '(there are none)'}; "
                f"to change some, change the mapping that {what}() gives"
            )
        checked = {
            name: as_parameter(mapping[name], tuple(tensor.shape), self.config.data_type, f"set_{what}: {name}")
            for name, tensor in held.items()
        }
        negative = [name for name, array in checked.items() if held is self._buffers and name.endswith(".var") and (array < 0).any()]
        if negative:
            raise InputError(f"set_{what}: {negative[0]} holds {checked[negative[0]].min()}; expected variances, which are at least 0")
        with torch.no_grad():
            for name, array in checked.items():
                held[name].copy_(torch.from_numpy(array))

    # Inference

    @spelled
    def output(self, features: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The network's output, from zero state; the streaming state stays as it is.

        features [N, F, T] or [N, F], features_mask [N, T] (None: all ones) -> [N, n_out, T] or [N, n_out]; what it holds at masked steps
        is unspecified.
        Raises InputError for arrays that do not fit the network, or that are not finite at steps that exist.
        """
        x, mask = self._inputs.features(features, features_mask, "features")
        y, _ = self._run(x, mask, None)
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
        if not self._streams:
            reason = why_not(lower(self.config), [layer.title for layer in self.config.layers])
            raise StreamingError(f"the network cannot be fed step by step: {reason}; output(x) computes whole sequences")
        given = as_numeric(x, "x")
        single = is_one_step(given) if self.config.ids is not None else given.ndim in (2, 4) and self.config.starts_in_time_series
        array, mask = self._inputs.features(given, features_mask, "x", step_allowed=True)
        y, states = self._run(array, mask, self._stream)
        self._stream.advance(states)
        return y[..., 0] if single and self._steps.output is not None else y

    def rnn_clear_previous_state(self, rows: Rows = None) -> None:
        """Forget the streaming state, or set it to zero for some rows. StateError for rows that are not there."""
        self._stream.clear(rows)

    def rnn_get_previous_state(self, layer: int) -> dict[str, np.ndarray]:
        """Copies of a layer's streaming state, ``{"h": [N, H], "c": [N, H]}``; {} before the first step. StateError for a layer without."""
        return self._stream.get(layer)

    def rnn_set_previous_state(self, layer: int, state: Mapping[str, np.ndarray]) -> None:
        """Replace a layer's streaming state, DL4J's keys prevAct, prevMem accepted. StateError for what does not fit or is not finite."""
        self._stream.set(layer, state)

    def snapshot(self) -> StateSnapshot:
        """The streaming state now, as copies, for :meth:`restore` and for a StreamingSession; ``to_bytes`` makes it travel."""
        return self._stream.snapshot(self._model())

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go on from ``snapshot``, of this network or of a session of a file of it; it stays as it is.

        StateError for one of a network with other parameters: a state of what they were before a ``fit`` is another network's.
        """
        remedy = "take it anew; restore(StateSnapshot(snapshot.states)) takes it all the same"
        checked = checked_snapshot(snapshot, self._model(), "this network", remedy)
        self._stream.restore(checked)

    def _model(self) -> str:
        """The sha-256 of parameters and buffers, as in the manifest of an exported file; computed anew after they changed only."""
        versions = [tensor._version for tensor in (*self._parameters.values(), *self._buffers.values())]
        if self._digest is None or self._digest[0] != versions:
            self._digest = versions, parameters_digest({**self.parameters(), **self.buffers()}, self.config.data_type)
        return self._digest[1]

    # Training

    def set_listeners(self, *listeners: TrainingListener | Sequence[TrainingListener]) -> None:
        """The listeners of every later ``fit``, in the place of those set before. ConfigurationError for what is none."""
        from rnngraph.training.listeners import as_listeners

        self._listeners = as_listeners(*listeners)

    @spelled
    def fit(
        self,
        data: Data,
        epochs: int = 1,
        listeners: TrainingListener | Sequence[TrainingListener] = (),
        validation: Data | None = None,
        progress: bool | None = None,
        resume: bool = False,
        device: str = "auto",
        autocast: str | None = None,
    ) -> None:
        """Train in place; see :func:`rnngraph.training.fit.fit`. ``listeners`` are added to those of :meth:`set_listeners`.

        ``resume=True`` goes on with a run that was stopped after any iteration, here or before :meth:`save` and :meth:`load`, until the
        network has trained ``epochs`` epochs in all; of a new network it is an ordinary fit.

        Raises InputError for data that do not fit the network, TrainingError for data that are spent after one of several epochs, or fewer
        or shaped otherwise than those of the run that was stopped, and for an update by which a number is not finite, ConfigurationError
        for a network that cannot be trained; the network is then as after the last whole update.
        """
        _torch()
        from rnngraph.training.fit import fit
        from rnngraph.training.listeners import as_listeners

        told = [*self._listeners, *as_listeners(listeners)]
        fit(self, data, epochs, told, validation, progress, resume=resume, device=device, autocast=autocast)

    @spelled
    def score(self, data: Data) -> float:
        """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties.

        With ``mini_batch=False`` it is not divided. Several DataSets score as one that has all their rows. Raises InputError for arrays
        that do not fit the network, TrainingError where there is no data.
        """
        from rnngraph.training.objective import score_all

        return score_all(self, data)

    @spelled
    def gradient(self, dataset: DataSet) -> tuple[float, dict[str, np.ndarray]]:
        """The score, and the gradients by name as DL4J's: summed over examples and steps, undivided, without penalties.

        Raises InputError for anything but one DataSet, and for arrays that do not fit the network.
        """
        from rnngraph.data import DataSet
        from rnngraph.training.objective import gradient

        if not isinstance(dataset, DataSet):
            raise InputError(
                f"gradient: expected one DataSet, not a {type(dataset).__name__}; make one by rg.DataSet(features, labels), "
                "and call it for each of several"
            )
        return gradient(self, dataset)

    @spelled
    def evaluate(self, data: Data) -> Evaluation:
        """Accuracy and the rest over ``data``; steps count where the labels mask is 1, in a time series without one the features mask."""
        from rnngraph.data.iteration import epochs_over
        from rnngraph.evaluation import Evaluation

        evaluation = Evaluation(self.config.n_out)
        for one in next(epochs_over(data, 1)):
            y = self.output(one.features, one.features_mask)
            labels, mask = self._inputs.dense_labels(one, len(y), y.shape[2] if y.ndim == 3 else None)
            if masks_outputs(mask, labels.shape):
                raise InputError(
                    f"labels_mask has shape {list(labels.shape)}: it masks single outputs, but a class is told by whole rows; "
                    "evaluate with a mask of rows or steps"
                )
            evaluation.eval(labels, y, mask)
        return evaluation

    # Files and text

    def summary(self) -> str:
        """A table of the layers: index, type, sizes, parameters, and whether each streams."""
        return summary_table(self.config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write configuration, parameters, buffers, updater state, counters and, from a listener, the position in the epoch to one file.

        Through a link, to the file that it points to. Going on after :meth:`load` equals never having stopped (``fit``'s ``resume``).
        Raises ModelFileError for a path that cannot be written, and for what :meth:`load` would refuse; what stood there is then as it was.
        """
        states = {name: {key: tensor.cpu().numpy() for key, tensor in held.items()} for name, held in self.updater_state.items()}
        counters = self.iteration, self.epoch, self.fitted_with_mask
        at = replace(self._position, states={name: tensor.cpu().numpy() for name, tensor in self._position.states.items()})
        write_network(path, SavedNetwork(self.config, self.parameters(), self.buffers(), states, *counters, at))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MultiLayerNetwork:
        """The network that :meth:`save` wrote. ModelFileError for a file that is missing, truncated, altered, newer or not of rnngraph."""
        torch = _torch()
        saved = read_network(path)
        network = cls.__new__(cls)
        network._set_up(saved.config, saved.parameters, saved.buffers)
        network.iteration, network.epoch, network.fitted_with_mask = saved.iteration, saved.epoch, saved.fitted_with_mask
        network.updater_state = {
            name: {key: torch.tensor(array) for key, array in held.items()} for name, held in saved.updater_state.items()
        }
        carried = {name: torch.tensor(array) for name, array in saved.position.states.items()}
        network._position = replace(saved.position, states=carried)
        return network

    # What training shares with inference

    def _program(self, **kind: Any) -> Program:
        """The graph ``lower(config, **kind)`` made ready to run, one for each kind that was ever asked for."""
        from rnngraph.backends.torch import Program

        key = tuple(sorted(kind.items()))
        if key not in self._programs:
            self._programs[key] = Program(lower(self.config, **kind), leave_out=["y"] if kind.get("loss") else ())
        return self._programs[key]

    def _run(self, x: np.ndarray, mask: np.ndarray | None, stream: StreamState | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Output and new states, from the stream's state or from zero; the caller's own arrays."""
        torch = _torch()
        program = self._program(features_mask=mask is not None)
        feeds = self._feeds(program, x, mask, stream)
        with torch.no_grad():
            results = program(feeds)
        states = {p.name.removeprefix("next_"): results[p.name].cpu().numpy() for p in program.graph.ports("next_state")}
        return results["y"].cpu().numpy().copy(), states

    def _feeds(self, program: Program, x: np.ndarray, mask: np.ndarray | None, stream: StreamState | None) -> dict[str, torch.Tensor]:
        torch = _torch()
        names = [p.name for p in program.graph.ports("state")]
        states = self._stream.initial(len(x), names) if stream is None else stream.start(len(x), names)
        arrays = {"x": x, **states} if mask is None else {"x": x, "features_mask": mask, **states}
        return {**self._parameters, **self._buffers, **{name: torch.from_numpy(a).to(self._device) for name, a in arrays.items()}}


def _torch() -> Any:
    """torch, imported on first use."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            'MultiLayerNetwork computes with torch, which is not installed; run: pip install "rnngraph[train]"'
        ) from error
    return torch
