"""Torch modules as layers with weights: what :func:`rnngraph.from_torch` reads, and what it refuses by position and class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from rnngraph.conf import (
    GRU,
    LSTM,
    ActivationLayer,
    Bidirectional,
    DenseLayer,
    Dropout,
    DropoutLayer,
    EmbeddingSequenceLayer,
    FixedSchedule,
    Sgd,
    SimpleRnn,
)
from rnngraph.conf.layers import Layer
from rnngraph.errors import ConfigurationError
from rnngraph.ir.cell import EPSILON
from rnngraph.names import shown
from rnngraph.torch_activations import ACTIVATIONS, activation_of

HINTS = {
    "DataParallel": "give the module inside, module.module",
    "Flatten": "leave it out: the axes are [N, F, T] or [N, F] in any case, and last_step=True goes on with the last step",
    "GRUCell": "give an nn.GRU with its weights",
    "LSTMCell": "give an nn.LSTM with its weights",
    "LogSoftmax": "leave it out, and give activation='softmax', loss='mcxent': with nn.NLLLoss it is that loss",
    "ModuleList": "give nn.Sequential(*modules), in the order in which they are computed",
    "OptimizedModule": "give the module that was compiled, module._orig_mod",
    "RNNCell": "give an nn.RNN with its weights",
    "RecursiveScriptModule": "give the module that was scripted",
}
"""What to do about modules that rnngraph does not have, by class."""
FROZEN = Sgd(FixedSchedule(0.0))
"""The updater of biases that the torch module does not have: they are 0 and stay so."""


@dataclass(frozen=True)
class Part:
    """A layer, and the weights of its parameters by key."""

    where: str
    """The module that it came from, for messages."""
    layer: Layer
    widths: tuple[int, int] | None = None
    """How many values come in and go out; None where the layer takes any number."""
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict)
    recurrent: bool = False
    axis: int | None = -1
    """The one that it acts on, where it acts on whole rows."""

    @property
    def n_in(self) -> int:
        """Values that come in, where there are widths."""
        return self.widths[0] if self.widths else 0

    @property
    def n_out(self) -> int:
        """Values that go out, where there are widths."""
        return self.widths[1] if self.widths else 0


def read(module: object) -> list[Part]:
    """The parts of ``module`` from front to back. Raises ConfigurationError for what is no module, and for what rnngraph does not have."""
    parts: list[Part] = []
    for where, inner in _flat(_checked(module), "module"):
        label = _label(inner, where)
        if isinstance(inner, nn.LayerNorm):
            parts[-1:] = [_normalised(parts[-1] if parts else None, inner, label)]
        elif isinstance(inner, tuple(_READERS)):
            parts += next(reader for cls, reader in _READERS.items() if isinstance(inner, cls))(inner, label)
        else:
            parts.append(Part(label, ActivationLayer(activation_of(inner, label)), axis=getattr(inner, "dim", -1)))
    return parts


def _checked(module: object) -> nn.Module:
    if isinstance(module, nn.Module):
        return module
    if isinstance(module, type):
        raise ConfigurationError(f"from_torch: module is the class {module.__name__}; give a module, as {module.__name__}(...) makes one")
    remedy = "expected a torch.nn.Module that has its trained weights"
    if isinstance(module, Mapping):
        remedy += "; a state_dict has these alone: load it into its module (load_state_dict) and give that"
    elif isinstance(module, (list, tuple)):
        remedy += ": give nn.Sequential(*modules)"
    raise ConfigurationError(f"from_torch: module is a {type(module).__name__}, {shown(module)}; {remedy}")


def _label(module: nn.Module, where: str) -> str:
    return f"{where} ({type(module).__name__})"


def _flat(module: nn.Module, where: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules in ``module`` from front to back, and where each stands; all compute what their class does."""
    _check_plain(module, where)
    if not isinstance(module, nn.Sequential):
        yield where, module
        return
    for k, inner in enumerate(module):
        yield from _flat(inner, f"{where}[{k}]")


def _check_plain(module: nn.Module, where: str) -> None:
    """ConfigurationError for a module of a class that rnngraph does not have, and for one that computes something else than its class."""
    label = _label(module, where)
    cls = next((c for c in _known() if isinstance(module, c)), None)
    if cls is None:
        raise ConfigurationError(f"{label}: rnngraph has no layer for it; {_remedy(module, where)}")
    if type(module).forward is not cls.forward or "forward" in vars(module):
        raise ConfigurationError(
            f"{label}: its forward is not that of nn.{cls.__name__} and may compute anything; give the plain modules that it is made of"
        )
    if parametrize.is_parametrized(module):
        raise ConfigurationError(
            f"{label}: its weights are parametrised, and would be trained otherwise here; make them plain first, by "
            "torch.nn.utils.parametrize.remove_parametrizations(module, name)"
        )
    if any(nn.parameter.is_lazy(p) for p in module.parameters(recurse=False)):
        raise ConfigurationError(f"{label}: it has no weights before its first call; call it on an example")
    if module._forward_hooks or module._forward_pre_hooks:
        raise ConfigurationError(
            f"{label}: it has forward hooks, which may change what it computes; remove them (a hook's handle.remove(), or "
            "torch.nn.utils.remove_weight_norm, remove_spectral_norm, prune.remove)"
        )


def _remedy(module: nn.Module, where: str) -> str:
    cls = type(module)
    if cls.__module__.startswith("torch.ao."):
        return f"it is quantised ({cls.__module__}): give the module of floats that it was made from"
    if cls.__name__ in HINTS:
        return HINTS[cls.__name__]
    children = ", ".join(f"{where}.{name}" for name, _ in module.named_children() if name.isidentifier())
    if children and not cls.__module__.startswith("torch."):
        return f"give what its forward computes, in order, as nn.Sequential({children})"
    return f"leave it out, or put one of these in its place: {', '.join(c.__name__ for c in _known())}"


def _known() -> list[type[nn.Module]]:
    return [*_READERS, nn.LayerNorm, nn.Sequential, *ACTIVATIONS]


def _recurrent(module: Any, label: str) -> list[Part]:
    """A layer for each of ``num_layers``, with dropout between them."""
    if module.proj_size:
        raise ConfigurationError(
            f"{label}: proj_size={module.proj_size}: rnngraph's LSTM gives its whole hidden state; use one without a projection"
        )
    parts = [_one_recurrent(module, label, 0)]
    for k in range(1, module.num_layers):
        parts += [*_noise(module.dropout, label), _one_recurrent(module, label, k)]
    return parts


def _one_recurrent(module: Any, label: str, k: int) -> Part:
    """Layer ``k`` of the module, one way or both ways."""
    n_in, n_out = module.weight_ih_l0.shape[1] if k == 0 else module.hidden_size * (1 + module.bidirectional), module.hidden_size
    fields: dict[str, Any] = {"n_in": n_in, "n_out": n_out, "activation": getattr(module, "nonlinearity", "tanh")}
    if not module.bias:
        fields["bias_updater"] = FROZEN
    layer = next(made for cls, made in _LAYERS.items() if isinstance(module, cls))(**fields)
    forward = _recurrent_weights(module, f"l{k}", label)
    if not module.bidirectional:
        return Part(label, layer, (n_in, n_out), forward, recurrent=True)
    ways = {"forward": forward, "backward": _recurrent_weights(module, f"l{k}_reverse", label)}
    weights = {f"{way}.{key}": w for way, held in ways.items() for key, w in held.items()}
    return Part(label, Bidirectional("concat", layer), (n_in, 2 * n_out), weights, recurrent=True)


def _recurrent_weights(module: Any, suffix: str, label: str) -> dict[str, torch.Tensor]:
    """W, R and the biases of one layer and direction: torch's two are summed, but for a GRU, whose reset gate multiplies the second."""
    w, r = (_weight(module, f"weight_{kind}_{suffix}", label) for kind in ("ih", "hh"))
    if module.bias:
        b, b_recurrent = (_weight(module, f"bias_{kind}_{suffix}", label) for kind in ("ih", "hh"))
    else:
        b = b_recurrent = w.new_zeros(len(w))
    biases = {"b": b, "bR": b_recurrent} if isinstance(module, nn.GRU) else {"b": b.double() + b_recurrent.double()}
    return {"W": w, "R": r, **biases}


def _linear(module: Any, label: str) -> list[Part]:
    widths, has_bias = (module.in_features, module.out_features), module.bias is not None
    layer = DenseLayer(n_in=widths[0], n_out=widths[1], has_bias=has_bias, activation="identity")
    names = {"W": "weight", **({"b": "bias"} if has_bias else {})}
    return [Part(label, layer, widths, {key: _weight(module, name, label) for key, name in names.items()})]


def _normalised(before: Part | None, module: nn.LayerNorm, label: str) -> Part:
    """The Linear in front together with the normalisation, g LN(W x) + b."""
    dense = None if before is None else before.layer
    if before is None or not isinstance(dense, DenseLayer) or dense.has_bias or dense.has_layer_norm:
        raise ConfigurationError(
            f"{label}: rnngraph normalises inside of a dense layer, g LN(W x) + b, and has no layer for an nn.LayerNorm elsewhere; put an "
            "nn.Linear(n, n, bias=False) whose weight is torch.eye(n) in front of it, which changes no output, or leave it out"
        )
    if tuple(module.normalized_shape) != (dense.n_out,) or np.float32(module.eps) != np.float32(EPSILON) or not module.elementwise_affine:
        raise ConfigurationError(
            f"{label}: it normalises {list(module.normalized_shape)} with eps={module.eps:g}, "
            f"elementwise_affine={module.elementwise_affine}; rnngraph normalises the {dense.n_out} values that {before.where} gives, "
            f"with eps={EPSILON:g} and a gain: give nn.LayerNorm({dense.n_out})"
        )
    names = {"g": "weight", **({} if module.bias is None else {"b": "bias"})}
    layer = DenseLayer(n_in=dense.n_in, n_out=dense.n_out, has_bias="b" in names, has_layer_norm=True, activation="identity")
    return replace(before, layer=layer, weights={**before.weights, **{key: _weight(module, name, label) for key, name in names.items()}})


def _embedding(module: Any, label: str) -> list[Part]:
    for name in ("max_norm", "scale_grad_by_freq"):
        value = getattr(module, name)
        if value:
            plain = None if name == "max_norm" else False
            raise ConfigurationError(f"{label}: {name}={value}: an embedding is a plain table here; give one with {name}={plain}")
    widths = (module.num_embeddings, module.embedding_dim)
    return [Part(label, EmbeddingSequenceLayer(n_in=widths[0], n_out=widths[1]), widths, {"W": _weight(module, "weight", label)})]


def _dropout(module: Any, label: str) -> list[Part]:
    return _noise(module.p, label)


def _noise(p: float, label: str) -> list[Part]:
    """Torch counts the values dropped; none where nothing is."""
    if p >= 1.0:
        raise ConfigurationError(f"{label}: a dropout of p={p:g} leaves nothing to train on; give a p below 1")
    return [Part(label, DropoutLayer(Dropout(retain=1.0 - p)))] if p else []


def _weight(module: nn.Module, name: str, label: str) -> torch.Tensor:
    """The module's weight ``name`` on the CPU. Raises ConfigurationError where there are no numbers, or one that is not finite."""
    w: torch.Tensor = getattr(module, name).detach()
    if w.is_meta or not w.is_floating_point():
        what = "on the meta device, without values" if w.is_meta else f"of {w.dtype}"
        raise ConfigurationError(f"{label}: {name} is {what}; expected floats: load the trained weights into the module")
    w = w.cpu()
    bad = (~torch.isfinite(w)).nonzero()
    if len(bad):
        position = bad[0].tolist()
        raise ConfigurationError(f"{label}: {name} is {w[tuple(position)].item()} at {position}; every weight has to be finite")
    return w


_LAYERS: Mapping[type[nn.Module], Callable[..., Layer]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: SimpleRnn}
_READERS: Mapping[type[nn.Module], Callable[[Any, str], list[Part]]] = {
    nn.LSTM: _recurrent,
    nn.GRU: _recurrent,
    nn.RNN: _recurrent,
    nn.Linear: _linear,
    nn.Embedding: _embedding,
    nn.Dropout: _dropout,
    nn.Identity: lambda module, label: [],
}
