"""Networks and what files hold of them, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from rnngraph.memories import Memories
from rnngraph.serialization import SavedNetwork

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

NetworkT = TypeVar("NetworkT", bound="Network")


def saved(network: Network, memories: Memories | None = None) -> SavedNetwork:
    """What a file holds of ``network``, valid until its next update; ``memories`` are those of listeners.

    InputError where something of the configuration is a guess that data are still to settle.
    """
    network._check_settled("save")
    states = {name: {key: tensor.cpu().numpy() for key, tensor in held.items()} for name, held in network.updater_state.items()}
    counters = network.iteration, network.epoch, network.fitted_with_mask
    at = replace(network._position, states={name: tensor.cpu().numpy() for name, tensor in network._position.states.items()})
    return SavedNetwork(network.config, network.parameters(), network.buffers(), states, *counters, at, network.normalizer, memories or {})


def made(kind: type[NetworkT], kept: SavedNetwork) -> NetworkT:
    """The network of class ``kind`` that ``kept`` is of."""
    network = kind._holding(kept.config, kept.parameters, kept.buffers)
    _take_over(network, kept)
    network.normalizer, network._memories = kept.normalizer, kept.memories
    return network


def put_back(network: Network, kept: SavedNetwork) -> None:
    """Make ``network`` again what it was when ``kept`` was taken of it; its normalizer stays."""
    import torch

    with torch.no_grad():
        for held, arrays in ((network._parameters, kept.parameters), (network._buffers, kept.buffers)):
            for name, array in arrays.items():
                held[name].copy_(torch.from_numpy(array))
    _take_over(network, kept)


def _take_over(network: Network, kept: SavedNetwork) -> None:
    """Counters, what updaters keep, and the position."""
    import torch

    network.iteration, network.epoch, network.fitted_with_mask = kept.iteration, kept.epoch, kept.fitted_with_mask
    network.updater_state = {name: {key: torch.tensor(array) for key, array in held.items()} for name, held in kept.updater_state.items()}
    network._position = replace(kept.position, states={name: torch.tensor(array) for name, array in kept.position.states.items()})


def network_of(kept: SavedNetwork) -> MultiLayerNetwork | ComputationGraph:
    """The network that ``kept`` is of, of whichever class it is."""
    from rnngraph.conf import MultiLayerConfiguration
    from rnngraph.graph_network import ComputationGraph
    from rnngraph.network import MultiLayerNetwork

    return made(MultiLayerNetwork, kept) if isinstance(kept.config, MultiLayerConfiguration) else made(ComputationGraph, kept)
