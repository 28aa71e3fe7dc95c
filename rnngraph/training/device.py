"""Where a fit computes, and in what precision."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from rnngraph.conf import NetworkConfiguration
from rnngraph.conf.parameters import updater_of
from rnngraph.errors import ConfigurationError, TrainingWarning
from rnngraph.ir.streaming import layer_of
from rnngraph.names import shown
from rnngraph.training.update import whole

if TYPE_CHECKING:
    from rnngraph.base_network import Network

CPU = torch.device("cpu")


def resolve(device: str) -> torch.device:
    """The device that ``device`` means: "cpu", "cuda", "cuda:1", or "auto", which is CUDA where torch finds a GPU.

    ConfigurationError for anything else, and for a GPU that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    meant = re.fullmatch(r"cpu|cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if meant is None:
        raise ConfigurationError(f'device={shown(device)}: expected "auto", "cpu", "cuda", or a GPU by its number, such as "cuda:1"')
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device != "cpu" and int(meant[1] or 0) >= count:
        raise ConfigurationError(
            f'device="{device}": torch {torch.__version__} finds {count or "no"} GPU{"s" * (count != 1)}; use device="auto", or install a '
            "CUDA build of torch and NVIDIA's driver"
        )
    return torch.device(device)


@contextmanager
def placed(network: Network, device: torch.device) -> Iterator[None]:
    """Within, the network's tensors are on ``device``, and computed there without TF32; afterwards they are on the CPU again."""
    if device == CPU:
        yield
        return
    try:
        with whole():
            _move(network, device)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False), warnings.catch_warnings():
            # cuDNN wants all weights of an LSTM in one piece; ours are parameters of their own, which it copies at each call.
            warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk", UserWarning)
            yield
    finally:
        with whole():
            _move(network, CPU)


def _move(network: Network, device: torch.device) -> None:
    """All that a fit computes with, but for counts that an optimiser of torch's keeps on the CPU wherever its parameters are."""
    for parameter in network._parameters.values():
        parameter.data = parameter.data.to(device)
    for name, tensor in network._buffers.items():
        network._buffers[name] = tensor.to(device)
    for parameter_name, held in network.updater_state.items():
        options = getattr(updater_of(network.config, parameter_name), "options", {})
        counts = device if options.get("fused") or options.get("capturable") else CPU
        for name, tensor in held.items():
            held[name] = tensor.to(device if tensor.dim() else counts)
    carried = {name: state.to(device) for name, state in network._position.states.items()}
    network._position = replace(network._position, states=carried)


def check_autocast(network: Network, autocast: str | None, device: torch.device) -> torch.dtype | None:
    """The type that products are computed in, None for the network's own.

    ConfigurationError for anything but None and "bfloat16", and for a float64 network. A TrainingWarning names what is computed in float32
    all the same: cells that torch has not fused, and everything where the device has no such arithmetic.
    """
    if autocast is None:
        return None
    if autocast != "bfloat16":
        raise ConfigurationError(f'autocast={shown(autocast)}: expected None, or "bfloat16"')
    if network.config.data_type != "float32":
        raise ConfigurationError(
            f'autocast="bfloat16": the network is of data_type "{network.config.data_type}", which asks for more precision, not less; '
            'use data_type="float32", or leave autocast out'
        )
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        warnings.warn(
            f'autocast="bfloat16" does not apply: {device} has no such arithmetic; float32 is used', TrainingWarning, stacklevel=5
        )
        return None
    loops = own_loops(network)
    if loops:
        warnings.warn(
            f'autocast="bfloat16" does not apply to {", ".join(loops)}: torch has not fused these cells, and their steps are computed in '
            "float32; their products with the inputs, and other layers, are in bfloat16",
            TrainingWarning,
            stacklevel=5,
        )
    return torch.bfloat16


def own_loops(network: Network) -> list[str]:
    """The layers whose steps are loops of ours in training: ``layers[1] (GravesLSTM)``."""
    graph = network._program(features_mask=(), labels_mask=False, loss=True, training=True).graph
    indices = {layer_of(graph, node) for node in graph.nodes if node.op == "recurrent"}
    return [_titled(network.config, k) for k in range(len(network.config.layers)) if k in indices]


def _titled(config: NetworkConfiguration, index: int) -> str:
    """A layer in messages, with what it holds: ``layers[1] (LastTimeStep(GravesLSTM))``."""
    return config.layer_label(index).replace(f"({config.layers[index].tag()})", f"({config.layers[index].title})")
