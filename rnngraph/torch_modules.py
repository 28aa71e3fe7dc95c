"""from_torch: a network out of trained torch modules.

1. The module is read from front to back (``rnngraph.torch_parts``): each part is a layer and its weights.
2. ``last_step`` ends the time axis at the last recurrent part; ``activation`` and ``loss`` make the output layer.
3. The layers make the configuration, and the weights go in as they are: rnngraph keeps torch's own layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import nn

from rnngraph.conf import (
    ActivationLayer,
    Bidirectional,
    DenseLayer,
    EmbeddingLayer,
    EmbeddingSequenceLayer,
    InputType,
    LastTimeStep,
    Loss,
    LossLayer,
    MultiLayerConfiguration,
    OutputLayer,
    RnnLossLayer,
    RnnOutputLayer,
)
from rnngraph.conf.activations import Activation
from rnngraph.conf.layers import Layer
from rnngraph.errors import ConfigurationError
from rnngraph.names import shown
from rnngraph.network import MultiLayerNetwork
from rnngraph.torch_parts import Part, read

LastStep = bool | Literal["output", "h_n"]


def from_torch(
    module: nn.Module,
    *,
    loss: str | Loss | None = None,
    activation: str | Activation | None = None,
    last_step: LastStep = False,
    data_type: str | None = None,
    **settings: Any,
) -> MultiLayerNetwork:
    """A network that computes what ``module`` computes in evaluation, ready to export, to stream and to train on.

    ``module`` is an nn.LSTM, nn.GRU, nn.RNN, nn.Linear or nn.Embedding, or an nn.Sequential of these, of nn.LayerNorm behind a Linear
    without bias, of nn.Dropout, nn.Identity and activations, nested or not. torch itself cannot call a Sequential that holds an nn.LSTM,
    which returns a tuple; here the output sequence of a recurrent module goes on to the next one, and its final state is not used. So a
    class whose ``forward`` does that is given by its parts::

        net = rg.from_torch(nn.Sequential(model.lstm, model.head), activation="softmax", loss="mcxent", updater=rg.Adam(1e-3))

    The network takes features [N, F, T] whatever ``batch_first`` says, ids [N, T] where it begins with an Embedding; [N, F] and [N] where
    no module is recurrent and ``input_type`` does not say otherwise. It gives [N, n_out, T] or [N, n_out].

    - ``last_step``: True or "output" goes on with the last recurrent module's ``output[:, -1]``, "h_n" with its last layer's final ``h_n``,
      of both directions side by side. Of one direction these are the same.
    - ``activation`` acts on what the module gives. ``loss`` makes an output layer, so that the network can be trained: an RnnOutputLayer
      or OutputLayer of the Linear at the module's end and the activation behind it, else an RnnLossLayer or LossLayer. Logits become
      probabilities: nn.CrossEntropyLoss is ``activation="softmax", loss="mcxent"``, nn.BCEWithLogitsLoss ``activation="sigmoid",
      loss="xent"``. Scores are summed over steps and outputs and divided by N, as DL4J's.
    - ``data_type``: float64 where any weight is, else float32, to which half-precision weights are converted.
    - ``settings`` are those of :class:`MultiLayerConfiguration`: ``updater``, ``seed``, ``l2``, ``backprop``, ``input_type`` and so on.

    The weights are copied, from any device; the module stays as it is. Of an nn.LSTM and nn.RNN torch's two biases are one, so that a step
    of Sgd moves their sum half as far as torch's; where there are none the network's are 0 and are not trained. The row of a
    ``padding_idx`` is a row like any other. A module that stands in two places becomes two layers.

    Raises ConfigurationError that names position, as ``module[2]``, and class of what rnngraph does not have, of modules that compute
    something else than their class says (a ``forward`` of their own, hooks, parametrisations), of widths that do not follow each other,
    and of weights that are not finite.
    """
    if "layers" in settings:
        raise ConfigurationError(
            "from_torch: the layers are those of the module; leave layers out, and put more modules into an nn.Sequential"
        )
    parts = read(module)
    width, given = _checked_width(parts), settings.pop("input_type", None)
    time = any(part.recurrent for part in parts) or (isinstance(given, InputType) and given.has_time)
    if given is None:
        given = InputType.recurrent(width) if time else InputType.feed_forward(width)
    if not time:
        parts[0] = _of_one_id(parts[0])
    parts, time = _ended(parts, last_step, time)
    parts = _with_output(parts, activation, loss, time)
    if data_type is None:
        data_type = "float64" if any(w.dtype == torch.float64 for w in module.parameters()) else "float32"
    layers = [part.layer for part in parts]
    net = MultiLayerNetwork(MultiLayerConfiguration(layers=layers, input_type=given, data_type=data_type, **settings))
    net.set_parameters({f"{k}.{key}": w.double().numpy() for k, part in enumerate(parts) for key, w in part.weights.items()})
    return net


def _checked_width(parts: Sequence[Part]) -> int:
    """How many values come in. ConfigurationError where what one part gives is not what the next takes, and for ids behind numbers."""
    for k, part in enumerate(parts):
        if k and part.layer.reads_ids:
            raise ConfigurationError(f"{part.where}: it reads ids, which only the network's input can be; make it the first module")
    wide = [part for part in parts if part.widths]
    if not wide:
        raise ConfigurationError(
            "from_torch: module holds nothing that has weights, so nothing tells how many values come in; put an nn.LSTM or nn.Linear in it"
        )
    for before, after in pairwise(wide):
        if before.n_out != after.n_in:
            raise ConfigurationError(
                f"{after.where}: it takes {after.n_in} values, but {before.where} gives {before.n_out}; "
                "give the modules in the order in which they are computed"
            )
    return wide[0].n_in


def _ended(parts: list[Part], last_step: LastStep, time: bool) -> tuple[list[Part], bool]:
    """``parts`` without a time axis behind the last recurrent one where ``last_step`` says so; whether there is one at the end."""
    if last_step not in (False, True, "output", "h_n"):
        raise ConfigurationError(f"from_torch: last_step={shown(last_step)}; expected True or 'output', 'h_n', or False for all steps")
    if not last_step:
        _check_axes(parts, time)
        return parts, time
    end = max((k for k, part in enumerate(parts) if part.recurrent), default=None)
    if end is None:
        raise ConfigurationError(
            f"from_torch: last_step={last_step!r}, but no module is recurrent, so there is no last step; leave last_step out"
        )
    _check_axes(parts[:end], True)
    _check_axes(parts[end + 1 :], False)
    return [*parts[:end], _last_step(parts[end], last_step), *parts[end + 1 :]], False


def _check_axes(parts: Sequence[Part], time: bool) -> None:
    """ConfigurationError for a softmax over anything but the features, which are torch's last axis."""
    own = 2 if time else 1
    for part in parts:
        if part.axis not in (-1, own):
            raise ConfigurationError(
                f"{part.where}: dim={part.axis} is not the axis of features, which is the last here (dim=-1 or {own}); "
                "set dim=-1 if the features are meant"
            )


def _of_one_id(part: Part) -> Part:
    """An embedding as that of one id per example; any other part as it is."""
    if not isinstance(part.layer, EmbeddingSequenceLayer):
        return part
    return replace(part, layer=EmbeddingLayer(n_in=part.n_in, n_out=part.n_out))


def _last_step(part: Part, which: LastStep) -> Part:
    """The recurrent part with one vector for its output; ``h_n`` has the last step of each direction."""
    layer = part.layer
    if which == "h_n" and isinstance(layer, Bidirectional):
        return replace(part, layer=Bidirectional(layer.mode, LastTimeStep(layer.layer)))
    return replace(part, layer=LastTimeStep(layer))


def _with_output(parts: list[Part], activation: str | Activation | None, loss: str | Loss | None, time: bool) -> list[Part]:
    """``parts`` ending in an activation, and in an output layer where there is a loss; the Linear at the end goes into it."""
    last = parts[-1]
    if isinstance(last.layer, ActivationLayer) and activation is not None:
        raise ConfigurationError(
            f"from_torch: activation={shown(activation)}, but the module ends in one already, {last.where}; leave one of the two out"
        )
    if loss is None:
        return parts if activation is None else [*parts, Part("activation", ActivationLayer(activation))]
    if isinstance(last.layer, ActivationLayer):
        activation, parts = last.layer.activation, parts[:-1]
    chosen: dict[str, Any] = {"activation": activation or "identity", "loss": loss}
    dense = parts[-1].layer
    if not isinstance(dense, DenseLayer):
        return [*parts, Part("loss", RnnLossLayer(**chosen) if time else LossLayer(**chosen))]
    fields = {name: getattr(dense, name) for name in ("n_in", "n_out", "has_bias", "has_layer_norm")}
    layer: Layer = RnnOutputLayer(**fields, **chosen) if time else OutputLayer(**fields, **chosen)
    return [*parts[:-1], replace(parts[-1], layer=layer)]
