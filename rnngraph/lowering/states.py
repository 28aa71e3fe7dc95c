"""The states of a network, as the drivers that carry them ask for them."""

from __future__ import annotations

from rnngraph.conf import NetworkConfiguration
from rnngraph.lowering.build import lower
from rnngraph.state import StateSpec, stand_in


def state_specs(config: NetworkConfiguration) -> list[StateSpec]:
    """All states that a graph of ``config`` may take, in the order of layers.

    ``last`` of a LastTimeStep exists in the graph with a mask only. Without a mask it equals h, the state that its layer gives as output,
    which stands for it where it is not given.
    """
    specs = []
    for port in lower(config, features_mask=bool(config.clocks)).ports("state"):
        key = port.name.split("_", 2)[2]
        shape = tuple(d for d in port.value.shape[1:] if isinstance(d, int))
        assert len(shape) == port.value.type.rank - 1
        assert port.layer is not None
        specs.append(StateSpec(port.name, port.layer, key, shape, port.initial, stand_in(key), port.start))
    return specs
