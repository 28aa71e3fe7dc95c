"""LastTimeStep: a recurrent layer's output at each row's last step that exists."""

from __future__ import annotations

from rnngraph.conf import LastTimeStep
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.registry import Parameter, family, register


def _parameters(layer: LastTimeStep) -> tuple[Parameter, ...]:
    return family(layer.layer).parameters(layer.layer)


@register(LastTimeStep, parameters=_parameters)
def lower_last_time_step(layer: LastTimeStep, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [N, H]; there is neither time axis nor mask afterwards."""
    y = family(layer.layer).lower(layer.layer, context, x)
    mask, context.mask = context.mask, None
    context.clean = True
    if mask is not None and layer.mask_mode != "hold":
        return _last_seen(layer, context, y, mask)
    assert context.final is not None
    return context.final


def _last_seen(layer: LastTimeStep, context: Context, y: Value, mask: Value) -> Value:
    """y at the last real step, kept as a state of its own: a chunk that is wholly masked gives what the chunk before gave."""
    graph = context.graph
    before = graph.add("unsqueeze", [context.state("last", layer.n_out)], "before", axis=0)
    seen = graph.add("concat", [before, y], "seen", axis=0)
    index = graph.add("unsqueeze", [graph.add("last_index", [mask])], "index", axis=0)
    last = graph.add("squeeze", [graph.add("gather_steps", [seen, index])], "last", axis=0)
    context.next_state("last", last)
    return last
