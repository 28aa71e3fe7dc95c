"""MultiLayerNetwork: a configuration, its parameters and the state of one stream, computed by torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_features, as_labels, as_mask, check_finite
from rnngraph.conf import MultiLayerConfiguration
from rnngraph.errors import ConfigurationError, InputError, MissingDependencyError
from rnngraph.ids import as_ids, id_array, is_one_step
from rnngraph.lowering import buffer_shapes, initial_buffers, initial_parameters, lower, parameter_shapes
from rnngraph.lowering.states import state_specs
from rnngraph.serialization import SavedNetwork, read_network, write_network
from rnngraph.state import Rows, StateSnapshot, StreamState
from rnngraph.summary import summary_table

if TYPE_CHECKING:
    import torch

    from rnngraph.backends.torch import Program
    from rnngraph.data import DataSet
    from rnngraph.evaluation import Evaluation
    from rnngraph.training.listeners import TrainingListener

    Data = DataSet | Iterable[DataSet]


class MultiLayerNetwork:
    """A network of layers in a row, ready to train, to evaluate and to step.

    Arrays go in and come out as numpy: features [N, F, T] ([N, F] where the network has no time axis; ids [N, T] or [N, 1, T], and [N, 1]
    or [N], where it begins with an embedding), masks [N, T] of 0 and 1, output
    [N, n_out, T] or [N, n_out]. A masked step does not exist: nothing that stands there is read.

    ``iteration`` and ``epoch`` count finished updates and epochs, ``fitted_with_mask`` says whether a features mask was ever trained with,
    ``interrupted`` whether the last ``fit`` was ended by Ctrl-C.

    Raises ConfigurationError for anything but a configuration, MissingDependencyError without torch.
    """

    updater_state: dict[str, dict[str, torch.Tensor]]
    """What the updaters keep, by parameter and then by name: ``{"0.W": {"m": ..., "v": ...}}``; empty before the first update."""
    _parameters: dict[str, torch.Tensor]
    _buffers: dict[str, torch.Tensor]

    def __init__(self, config: MultiLayerConfiguration) -> None:
        if not isinstance(config, MultiLayerConfiguration):
            raise ConfigurationError(
                f"MultiLayerNetwork takes a MultiLayerConfiguration, not {type(config).__name__}; "
                "from JSON: MultiLayerConfiguration.from_json(text)"
            )
        self._set_up(config, initial_parameters(config), initial_buffers(config))

    def _set_up(self, config: MultiLayerConfiguration, arrays: Mapping[str, np.ndarray], buffers: Mapping[str, np.ndarray]) -> None:
        torch = _torch()
        self.config = config
        self.iteration = 0
        self.epoch = 0
        self.fitted_with_mask = False
        self.interrupted = False
        self.updater_state = {}
        dtype = getattr(torch, config.data_type)
        self._parameters = {name: torch.tensor(arrays[name], dtype=dtype, requires_grad=True) for name in parameter_shapes(config)}
        self._buffers = {name: torch.tensor(buffers[name], dtype=dtype) for name in buffer_shapes(config)}
        self._listeners: list[TrainingListener] = []
        self._programs: dict[tuple[bool, bool, bool, bool], Program] = {}
        self._stream = StreamState(state_specs(config), [type(layer).__name__ for layer in config.layers], config.data_type)

    def __repr__(self) -> str:
        layers = ", ".join(f"{type(layer).__name__}({layer.n_in} -> {layer.n_out})" for layer in self.config.layers)
        return f"MultiLayerNetwork({layers}; iteration {self.iteration}, epoch {self.epoch})"

    # Parameters

    def init(self) -> None:
        """Nothing: a network has its parameters from the start. Here because DL4J's programs call it."""

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of all parameters by name.

        ``0.W`` [4H, I], ``0.R`` [4H, H], ``0.b`` [4H] of an LSTM in the gate order i, f, g, o, ``0.P`` [3, H] in the order i, f, o; ``0.W``
        [H, I], ``0.R`` [H, H], ``0.b`` [H] of a SimpleRnn; ``1.W`` [n_out, n_in], ``1.b`` [n_out] of a dense or output layer.
        """
        return {name: tensor.detach().numpy().copy() for name, tensor in self._parameters.items()}

    def set_parameters(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Replace all parameters, in the layout of :meth:`parameters`; the mapping has to name each of them.

        Raises InputError, and changes nothing, where a name is missing or unknown, or an array has another shape, another kind of type or
        a value that is not finite.
        """
        self._replace(self._parameters, mapping, "parameters")

    def buffers(self) -> dict[str, np.ndarray]:
        """Copies of what training keeps beside the parameters, by name: ``2.mean``, ``2.var`` [F] of a BatchNormalization."""
        return {name: tensor.numpy().copy() for name, tensor in self._buffers.items()}

    def set_buffers(self, mapping: Mapping[str, ArrayLike]) -> None:
        """Replace all buffers, as :meth:`set_parameters` replaces parameters; a negative variance is an InputError too."""
        negative = [k for k in mapping if k in self._buffers and k.endswith(".var") and (np.asarray(mapping[k]) < 0).any()]
        if negative:
            raise InputError(f"set_buffers: {negative[0]} holds {np.min(mapping[negative[0]])}; a variance is at least 0")
        self._replace(self._buffers, mapping, "buffers")

    def _replace(self, held: Mapping[str, torch.Tensor], mapping: Mapping[str, ArrayLike], what: str) -> None:
        """Copy the arrays of ``mapping`` into the tensors that are held; InputError, and nothing is changed, where they do not fit."""
        torch = _torch()
        missing, unknown = held.keys() - mapping.keys(), mapping.keys() - held.keys()
        if missing or unknown:
            told = [f"missing: {', '.join(sorted(missing))}"] * bool(missing)
            told += [f"unknown: {', '.join(sorted(map(str, unknown)))}"] * bool(unknown)
            raise InputError(
                f"set_{what}: {'; '.join(told)}. It takes all of {', '.join(held) or '(there are none)'}; "
                f"to change some, change the mapping that {what}() gives"
            )
        checked = {name: self._checked_array(f"set_{what}: {name}", mapping[name], tuple(held[name].shape)) for name in held}
        with torch.no_grad():
            for name, array in checked.items():
                held[name].copy_(torch.from_numpy(array))

    def _checked_array(self, name: str, value: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or array.shape != shape:
            raise InputError(f"{name} is {array.dtype}{list(array.shape)}, expected {self.config.data_type}{list(shape)}")
        if not np.isfinite(array).all():
            position = np.argwhere(~np.isfinite(array))[0].tolist()
            raise InputError(f"{name} is {array[tuple(position)]} at {position}; every value has to be finite")
        return np.array(array, dtype=self.config.data_type)

    # Inference

    def output(self, features: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The network's output, from zero state; the streaming state stays as it is.

        features [N, F, T] or [N, F], features_mask [N, T] (None: all ones) -> [N, n_out, T] or [N, n_out]; what it holds at masked steps
        is unspecified.
        Raises InputError for arrays that do not fit the network, or that are not finite at steps that exist.
        """
        x, mask = self._checked_features(features, features_mask, "features")
        y, _ = self._run(x, mask, None)
        return y

    def rnn_time_step(self, x: ArrayLike, features_mask: ArrayLike | None = None) -> np.ndarray:
        """The output for the next step or steps of each row's stream; the state is kept for the call after.

        x [N, F] -> [N, n_out], x [N, F, T] -> [N, n_out, T]; where the output has no time axis both give [N, n_out]. Ids: [N] and [N, 1]
        are one step, [N, 1, T] (any T) and [N, T] (T > 1) give [N, n_out, T]. A row whose mask
        [N, T] ([N] for one step) is 0 keeps its state.
        Raises InputError as :meth:`output`, StateError for another N than the state's; the state is then as it was.
        """
        single = is_one_step(x) if self.config.ids is not None else np.ndim(x) == 2 and self.config.starts_in_time_series
        array, mask = self._checked_features(x, features_mask, "x", step_allowed=True)
        y, states = self._run(array, mask, self._stream)
        self._stream.keep(states)
        return y[:, :, 0] if single and y.ndim == 3 else y

    def rnn_clear_previous_state(self, rows: Rows = None) -> None:
        """Forget the streaming state, or let some rows begin anew. StateError for rows that are not there."""
        self._stream.clear(rows)

    def rnn_get_previous_state(self, layer: int) -> dict[str, np.ndarray]:
        """Copies of a layer's streaming state, ``{"h": [N, H], "c": [N, H]}``; {} before the first step. StateError for a layer without."""
        return self._stream.get(layer)

    def rnn_set_previous_state(self, layer: int, state: Mapping[str, np.ndarray]) -> None:
        """Replace a layer's streaming state, DL4J's keys prevAct, prevMem accepted. StateError for keys or shapes that do not fit."""
        self._stream.set(layer, state)

    def snapshot(self) -> StateSnapshot:
        """The streaming state now, for :meth:`restore`."""
        return self._stream.snapshot()

    def restore(self, snapshot: StateSnapshot) -> None:
        """Go back to a snapshot's state. StateError for one that was taken of a network of other layers."""
        self._stream.restore(snapshot)

    # Training

    def set_listeners(self, *listeners: TrainingListener | Sequence[TrainingListener]) -> None:
        """The listeners of every later ``fit``, in the place of those set before."""
        self._listeners = []
        for given in listeners:
            self._listeners.extend(given if isinstance(given, Sequence) else [given])

    def fit(
        self,
        data: Data,
        epochs: int = 1,
        listeners: Sequence[TrainingListener] = (),
        validation: Data | None = None,
        progress: bool | None = None,
    ) -> None:
        """Train in place; see :func:`rnngraph.training.fit.fit`. ``listeners`` are added to those of :meth:`set_listeners`."""
        _torch()
        from rnngraph.training.fit import fit

        self.interrupted = False
        fit(self, data, epochs=epochs, listeners=[*self._listeners, *listeners], validation=validation, progress=progress)

    def score(self, data: Data) -> float:
        """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties.

        Several DataSets score as one that has all their rows. Raises InputError for arrays that do not fit the network, TrainingError
        where there is no data.
        """
        from rnngraph.training.objective import score

        sets = list(_sets(data))
        rows = [one.num_examples() for one in sets]
        return sum(score(self, one) * n for one, n in zip(sets, rows, strict=True)) / sum(rows)

    def gradient(self, dataset: DataSet) -> tuple[float, dict[str, np.ndarray]]:
        """The score, and the gradients by name as DL4J's: summed over examples and steps, undivided, without penalties.

        Raises InputError for arrays that do not fit the network.
        """
        from rnngraph.training.objective import gradient

        return gradient(self, dataset)

    def evaluate(self, data: Data) -> Evaluation:
        """Accuracy and the rest over ``data``; steps count where the labels mask is 1, in a time series without one the features mask."""
        from rnngraph.evaluation import Evaluation

        evaluation = Evaluation(self.config.n_out)
        for one in _sets(data):
            y = self.output(one.features, one.features_mask)
            labels = as_labels(one.labels, len(y), self.config.n_out, y.shape[2] if y.ndim == 3 else None)
            mask = one.labels_mask
            if mask is None and self.config.ends_in_time_series:
                mask = one.features_mask
            evaluation.eval(labels, y, mask)
        return evaluation

    # Files and text

    def summary(self) -> str:
        """A table of the layers: index, type, sizes, parameters, and whether each streams."""
        return summary_table(self.config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write configuration, parameters, buffers, updater state and counters to one file.

        Going on after :meth:`load` equals never having stopped.
        """
        states = {name: {key: tensor.numpy() for key, tensor in held.items()} for name, held in self.updater_state.items()}
        saved = SavedNetwork(self.config, self.parameters(), self.buffers(), states, self.iteration, self.epoch, self.fitted_with_mask)
        write_network(path, saved)

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
        return network

    # What training shares with inference

    def _program(self, *, features_mask: bool = False, labels_mask: bool = False, loss: bool = False, training: bool = False) -> Program:
        """The graph made ready to run, one for each combination that was ever asked for."""
        from rnngraph.backends.torch import Program

        key = (features_mask, labels_mask, loss, training)
        if key not in self._programs:
            graph = lower(self.config, features_mask=features_mask, labels_mask=labels_mask, loss=loss, training=training)
            self._programs[key] = Program(graph, leave_out=["y"] if loss else ())
        return self._programs[key]

    def _run(self, x: np.ndarray, mask: np.ndarray | None, stream: StreamState | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Output and new states, from the stream's state or from zero; the caller's own arrays."""
        torch = _torch()
        program = self._program(features_mask=mask is not None)
        feeds = self._feeds(program, x, mask, stream)
        with torch.no_grad():
            results = program(feeds)
        states = {p.name.removeprefix("next_"): results[p.name].numpy() for p in program.graph.ports("next_state")}
        return results["y"].numpy().copy(), states

    def _feeds(self, program: Program, x: np.ndarray, mask: np.ndarray | None, stream: StreamState | None) -> dict[str, torch.Tensor]:
        torch = _torch()
        names = [p.name for p in program.graph.ports("state")]
        states = self._stream.initial(len(x), names) if stream is None else stream.start(len(x), names)
        feeds = {**self._parameters, **self._buffers, "x": torch.from_numpy(x)}
        feeds.update((name, torch.from_numpy(array)) for name, array in states.items())
        if mask is not None:
            feeds["features_mask"] = torch.from_numpy(mask)
        return feeds

    def _losses(self, data: DataSet, training: bool) -> dict[str, torch.Tensor]:
        """``loss`` and, with ``training``, the updates of buffers (``next_2.mean``) for ``data``, which is checked.

        With ``training`` noise is that of the current iteration.
        """
        torch = _torch()
        x, mask = self._checked_features(data.features, data.features_mask, "features")
        labels, labels_mask = self._checked_labels(data, x, mask)
        program = self._program(features_mask=mask is not None, labels_mask=labels_mask is not None, loss=True, training=training)
        feeds = self._feeds(program, x, mask, None)
        feeds["labels"] = torch.from_numpy(labels)
        if labels_mask is not None:
            feeds["labels_mask"] = torch.from_numpy(labels_mask)
        if program.graph.ports("noise"):
            from rnngraph.training.noise import draw

            feeds.update(draw(program.graph, {"N": len(x), "T": x.shape[-1]}, self.config.seed, self.iteration))
        return program(feeds)

    def _checked_features(
        self, features: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and mask as the graph takes them. Layers that ignore masks read padding, which then has to be finite too."""
        config = self.config
        if config.ids is not None:
            return self._checked_ids(config.ids, features, features_mask, name, step_allowed)
        x = as_features(features, config.n_in, config.data_type, name, step_allowed, config.starts_in_time_series)
        if features_mask is None:
            check_finite(x, name=name)
            return x, None
        self._check_maskable()
        mask = as_mask(features_mask, len(x), x.shape[2], data_type=config.data_type)
        check_finite(x, None if any(layer.mask_mode == "ignore" for layer in config.layers) else mask, name)
        return x, mask

    def _checked_ids(
        self, count: int, ids: ArrayLike, features_mask: ArrayLike | None, name: str, step_allowed: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Ids and mask as the graph takes them. Ids that are masked are not read, unless the embedding ignores masks."""
        time = self.config.starts_in_time_series
        mask = None
        if features_mask is not None:
            self._check_maskable()
            n, t = id_array(ids, name, step_allowed, time).shape
            mask = as_mask(features_mask, n, t, data_type=self.config.data_type)
        read = None if self.config.layers[0].mask_mode == "ignore" else mask
        return as_ids(ids, count, read, name, step_allowed, time), mask

    def _check_maskable(self) -> None:
        if not self.config.starts_in_time_series:
            width = 1 if self.config.ids is not None else self.config.n_in
            raise InputError(f"features_mask: the network's input [N, {width}] has no time axis to mask; leave the mask out")

    def _checked_labels(self, data: DataSet, x: np.ndarray, features_mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Labels and labels mask as the training graph takes them; labels that do not count may hold anything."""
        config = self.config
        steps = x.shape[-1] if config.ends_in_time_series else None
        labels = as_labels(data.labels, len(x), config.n_out, steps, config.data_type)
        if data.labels_mask is None:
            check_finite(labels, features_mask if steps else None, "labels", "output")
            return labels, None
        mask = as_mask(data.labels_mask, len(x), steps or 1, "labels_mask", config.data_type)
        check_finite(labels, mask, "labels", "output")
        return labels, mask


def _torch() -> Any:
    """torch, imported on first use."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            'MultiLayerNetwork computes with torch, which is not installed; run: pip install "rnngraph[train]"'
        ) from error
    return torch


def _sets(data: Data) -> Iterable[DataSet]:
    """One DataSet, or each of an iterable, whose elements may be tuples as in ``fit``."""
    from rnngraph.data.iteration import epochs_over

    return next(epochs_over(data, 1))
