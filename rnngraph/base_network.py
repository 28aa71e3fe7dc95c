"""What all networks are: a configuration, its parameters and the state of one stream, computed by torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from rnngraph.checks import as_numeric, as_parameter
from rnngraph.conf import NetworkConfiguration
from rnngraph.conf.parameters import label
from rnngraph.data.rows import Masks, Several
from rnngraph.errors import ConfigurationError, InputError, MissingDependencyError, StreamingError
from rnngraph.inputs import Inputs
from rnngraph.ir.streaming import why_not
from rnngraph.lowering import buffer_shapes, initial_buffers, initial_parameters, lower, parameter_shapes
from rnngraph.lowering.states import state_specs
from rnngraph.names import shown
from rnngraph.position import Position
from rnngraph.runtime.snapshot import StateSnapshot, checked_snapshot
from rnngraph.saving import made, saved
from rnngraph.serialization import parameters_digest, read_network, write_network
from rnngraph.several import is_single_step
from rnngraph.spelling import Spelled, spelled
from rnngraph.state import Rows, StreamState
from rnngraph.summary import summary_table

if TYPE_CHECKING:
    import torch

    from rnngraph.backends.torch import Program
    from rnngraph.data import Data
    from rnngraph.data.iteration import Examples
    from rnngraph.data.multi_normalizer import AnyNormalizer
    from rnngraph.memories import Memories
    from rnngraph.training.current import CurrentFit
    from rnngraph.training.listeners import TrainingListener


class Network(Spelled):
    """Base of the networks: parameters, training, streaming, files.

    ``iteration`` and ``epoch`` count finished updates and epochs, ``fitted_with_mask`` says whether a features mask was ever trained with,
    ``interrupted`` whether the last ``fit`` was ended by Ctrl-C, ``stopped_by`` why a listener ended it, None where none did.
    """

    updater_state: dict[str, dict[str, torch.Tensor]]
    """What the updaters keep, by parameter and then by name: ``{"0.W": {"m": ..., "v": ...}}``; empty before the first update."""
    _parameters: dict[str, torch.Tensor]
    _buffers: dict[str, torch.Tensor]
    _configuration: ClassVar[type[NetworkConfiguration]]
    """What it is made of."""
    _several: ClassVar[bool]
    """Whether callers give and get lists of arrays."""

    def _begin(self, config: Any) -> None:
        """Set up a new network."""
        kind = self._configuration.__name__
        if not isinstance(config, self._configuration):
            raise ConfigurationError(
                f"{type(self).__name__} takes a {kind}, not {type(config).__name__}; from JSON: {kind}.from_json(text)"
            )
        arrays, buffers = initial_parameters(config), initial_buffers(config)
        for name, array in (*arrays.items(), *buffers.items()):
            try:
                as_parameter(array, array.shape, config.data_type, name)
            except InputError as error:
                raise ConfigurationError(f"{label(config, name)}: at the start {error}") from None
        self._set_up(config, arrays, buffers)

    @classmethod
    def _holding(cls, config: Any, parameters: Mapping[str, np.ndarray], buffers: Mapping[str, np.ndarray]) -> Self:
        """A network with these arrays, which are as it needs them; none are drawn."""
        network = cls.__new__(cls)
        network._set_up(config, parameters, buffers)
        return network

    def _set_up(self, config: Any, arrays: Mapping[str, np.ndarray], buffers: Mapping[str, np.ndarray]) -> None:
        torch = _torch()
        self.config = config
        self._inputs = self._inputs_of(config)
        self.iteration = 0
        self.epoch = 0
        self.fitted_with_mask = False
        self.interrupted = False
        self.stopped_by: str | None = None
        self._current: CurrentFit | None = None
        self._memories: Memories = {}
        self._normalizer: AnyNormalizer | None = None
        self._position = Position()
        self.updater_state = {}
        dtype = getattr(torch, config.data_type)
        self._parameters = {name: torch.tensor(arrays[name], dtype=dtype, requires_grad=True) for name in parameter_shapes(config)}
        self._digest: tuple[list[int], str] | None = None
        self._listeners: list[TrainingListener] = []
        self._buffers = {name: torch.tensor(buffers[name], dtype=dtype) for name in buffer_shapes(config)}
        self._programs: dict[tuple[tuple[str, Any], ...], Program] = {}
        titles, names = [layer.title for layer in config.layers], list(config.layer_names)
        self._reason = why_not(lower(config), titles, names if self._several else None)
        types = [type(layer).__name__ for layer in config.layers]
        self._stream = StreamState(state_specs(config), types, config.data_type, names if self._several else None, self._started)

    @classmethod
    def _inputs_of(cls, config: NetworkConfiguration) -> Inputs:
        """What a network of ``config`` takes, by its graph of inference with all masks that there may be."""
        return Inputs.of(config, lower(config, features_mask=bool(config.clocks)), cls._several)

    @property
    def _device(self) -> torch.device:
        """Where the tensors are: on the CPU, unless a fit has them elsewhere."""
        return next((tensor.device for tensor in self._parameters.values()), _torch().device("cpu"))

    # Parameters

    def init(self) -> None:
        """Nothing: a network has its parameters from the start. Here because DL4J's programs call it."""

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of all parameters by name.

        ``0.W`` [4H, I], ``0.R`` [4H, H], ``0.b`` [4H] of an LSTM in the gate order i, f, g, o, ``0.P`` [3, H] in the order i, f, o; ``0.W``
        [H, I], ``0.R`` [H, H], ``0.b`` [H] of a SimpleRnn, with layer normalisation the gains ``0.g`` [2, H] of both products; ``0.W``
        [3H, I], ``0.R`` [3H, H], ``0.b`` [3H] of a GRU in the order r, z, n, with ``reset_after`` a second bias ``0.bR``;
        ``0.forward.W``, ``0.backward.W`` in a Bidirectional; ``1.W`` [n_out, n_in], ``1.b`` [n_out] of a dense or output layer. States that
        are learned begin with ``0.h0``, ``0.c0`` [H].
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
        """Copies of what is kept beside the parameters, by name: ``2.mean``, ``2.var`` [F] of a BatchNormalization, and ``0.h0`` [H] of a
        layer whose ``initial_state`` was given."""
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

    # The streaming state

    def rnn_clear_previous_state(self, rows: Rows = None) -> None:
        """Forget the streaming state, or let some rows begin anew. StateError for rows that are not there."""
        self._stream.clear(rows)

    def rnn_get_previous_state(self, layer: int | str) -> dict[str, np.ndarray]:
        """Copies of a layer's streaming state, ``{"h": [N, H], "c": [N, H]}``; {} before the first step. StateError for a layer without."""
        return self._stream.get(layer)

    def rnn_set_previous_state(self, layer: int | str, state: Mapping[str, np.ndarray]) -> None:
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

    def _started(self, name: str) -> np.ndarray:
        """The parameter or buffer with which each row of a state begins, as it is now."""
        tensor = self._parameters[name] if name in self._parameters else self._buffers[name]
        return tensor.detach().cpu().numpy()

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
        network has trained ``epochs`` epochs in all; of a new network it is an ordinary fit. Listeners remember what they knew then, of a
        network that :meth:`CheckpointListener.resume` gives.

        Raises InputError for data that do not fit the network, TrainingError for data that are spent after one of several epochs, or fewer
        or shaped otherwise than those of the run that was stopped, and for an update by which a number is not finite, ConfigurationError
        for a network that cannot be trained; the network is then as after the last whole update.
        """
        _torch()
        from rnngraph.training.fit import fit
        from rnngraph.training.listeners import as_listeners

        told = [*self._listeners, *as_listeners(listeners)]
        fit(self, data, epochs, told, validation, progress, resume=resume, device=device, autocast=autocast)

    def stop_fit(self, reason: str) -> None:
        """End the fit that is under way, from a listener or a thread: after this update, as Ctrl-C does; ``stopped_by`` is the reason then.

        Nothing where no fit is under way.
        """
        if self._current is not None:
            self.stopped_by = reason

    @spelled
    def score(self, data: Data) -> float:
        """DL4J's score: the loss summed over steps and outputs, divided by the number of examples, plus penalties.

        With ``mini_batch=False`` it is not divided. Several DataSets score as one that has all their rows. Raises InputError for arrays
        that do not fit the network, TrainingError where there is no data.
        """
        from rnngraph.training.objective import score_all

        return score_all(self, data)

    @spelled
    def gradient(self, dataset: Examples) -> tuple[float, dict[str, np.ndarray]]:
        """The score, and the gradients by name as DL4J's: summed over examples and steps, undivided, without penalties.

        Raises InputError for anything but one DataSet, and for arrays that do not fit the network.
        """
        from rnngraph.data import DataSet, MultiDataSet
        from rnngraph.training.objective import gradient

        if not isinstance(dataset, (DataSet, MultiDataSet)):
            raise InputError(
                f"gradient: expected one DataSet, not a {type(dataset).__name__}; make one by rg.DataSet(features, labels), "
                "and call it for each of several"
            )
        return gradient(self, dataset)

    # Files and text

    @property
    def normalizer(self) -> AnyNormalizer | None:
        """The normalizer of the data that it was trained with, None at first: kept, saved and loaded along, never applied by itself.

        ``export_onnx(net, path, normalizer=net.normalizer)`` writes it into a file. Setting anything but a normalizer or None raises
        InputError, saving one that is not fitted ModelFileError.
        """
        return self._normalizer

    @normalizer.setter
    def normalizer(self, normalizer: AnyNormalizer | None) -> None:
        from rnngraph.data.multi_normalizer import MultiNormalizer
        from rnngraph.data.normalizer import Normalizer

        if normalizer is not None and not isinstance(normalizer, (Normalizer, MultiNormalizer)):
            raise InputError(f"normalizer: expected a normalizer or None, not {shown(normalizer)}; rg.NormalizerStandardize() is one")
        self._normalizer = normalizer

    def summary(self) -> str:
        """A table of the layers: index, type, sizes, parameters, and whether each streams."""
        return summary_table(self.config)

    def _check_settled(self, what: str) -> None:
        """InputError where something of the configuration is a guess that data are still to settle."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write configuration, parameters, buffers, updater state, counters, normalizer and, from a listener, the position in the epoch.

        Through a link, to the file that it points to. Going on after :meth:`load` equals never having stopped (``fit``'s ``resume``).
        Raises ModelFileError for a path that cannot be written, and for what :meth:`load` would refuse; what stood there is then as it was.
        """
        write_network(path, saved(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The network that :meth:`save` wrote. ModelFileError for a file that is missing, truncated, altered, newer or not of rnngraph."""
        _torch()
        return made(cls, read_network(path, cls.__name__))

    # What training shares with inference

    def _program(self, **kind: Any) -> Program:
        """The graph ``lower(config, **kind)`` made ready to run, one for each kind that was ever asked for."""
        from rnngraph.backends.torch import Program

        key = tuple(sorted(kind.items()))
        if key not in self._programs:
            outputs = [head.name for head in self.config.heads]
            self._programs[key] = Program(lower(self.config, **kind), leave_out=outputs if kind.get("loss") else ())
        return self._programs[key]

    def _mask_names(self, masks: Masks) -> tuple[str, ...]:
        """The inputs that have a mask."""
        return tuple(entry.name for entry, mask in zip(self.config.entries, masks, strict=True) if mask is not None)

    def _run(self, xs: Several, masks: Masks, stream: StreamState | None) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Outputs and new states, from the stream's state or from the initial one; the caller's own arrays."""
        torch = _torch()
        program = self._program(features_mask=self._mask_names(masks))
        names = [p.name for p in program.graph.ports("state")]
        states = self._stream.initial(len(xs[0]), names) if stream is None else stream.start(len(xs[0]), names)
        arrays = {**self._fed(xs, masks), **states}
        feeds = {**self._parameters, **self._buffers, **{name: torch.from_numpy(a).to(self._device) for name, a in arrays.items()}}
        with torch.no_grad():
            results = program(feeds)
        following = {p.name.removeprefix("next_"): results[p.name].cpu().numpy() for p in program.graph.ports("next_state")}
        return [results[head.name].cpu().numpy().copy() for head in self.config.heads], following

    def _fed(self, xs: Several, masks: Masks) -> dict[str, np.ndarray]:
        """Features and masks by the names of the graph's inputs."""
        entries = self.config.entries
        fed = {entry.name: x for entry, x in zip(entries, xs, strict=True)}
        return fed | {entry.mask_name: mask for entry, mask in zip(entries, masks, strict=True) if mask is not None}

    def _step(self, given: Sequence[ArrayLike], masks: Sequence[ArrayLike | None], name: str | None = None) -> list[np.ndarray]:
        """The outputs for the next step or steps, without a time axis where series are given without; the state is kept for the call after.

        ``name`` is what the caller calls the only input.
        """
        arrays = [as_numeric(array, name or one.array) for array, one in zip(given, self._inputs.inputs, strict=True)]
        entries = [one.entry for one in self._inputs.inputs]
        single = is_single_step((e.name, array, e.ids is not None) for e, array in zip(entries, arrays, strict=True) if e.has_time)
        xs, known = self._inputs.features(arrays, masks, step_allowed=True, name=name)
        outputs, states = self._run(xs, known, self._stream)
        lengths = {x.shape[-1] for x, entry in zip(xs, entries, strict=True) if entry.has_time}
        self._stream.advance(states, lengths.pop() if len(lengths) == 1 else None)
        return [y[..., 0] if single and steps is not None else y for y, steps in zip(outputs, self._inputs.lengths, strict=True)]

    def _check_streams(self) -> None:
        """StreamingError where the network needs whole sequences."""
        if self._reason is not None:
            raise StreamingError(f"the network cannot be fed step by step: {self._reason}; output(x) computes whole sequences")


def _torch() -> Any:
    """torch, imported on first use."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingDependencyError('networks compute with torch, which is not installed; run: pip install "rnngraph[train]"') from error
    return torch
