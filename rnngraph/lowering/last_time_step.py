"""LastTimeStep: a recurrent layer's output at each row's last step that exists."""

from __future__ import annotations

from rnngraph.conf import LastTimeStep
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.recurrent import Result, run
from rnngraph.lowering.registry import Parameter, family, register


def _parameters(layer: LastTimeStep) -> tuple[Parameter, ...]:
    return family(layer.layer).parameters(layer.layer)


@register(LastTimeStep, parameters=_parameters)
def lower_last_time_step(layer: LastTimeStep, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [N, H]; there is neither time axis nor mask afterwards."""
    result = run(layer.layer, context, x)
    mask, context.mask = context.mask, None
    context.clean = True
    if mask is None or layer.layer.mask_mode == "hold":
        # The output of these cells is their state h, and a masked step leaves it: what the last real step gave is what h is now.
        return result.states["h"]
    return _last_seen(layer, context, result, mask)


def _last_seen(layer: LastTimeStep, context: Context, result: Result, mask: Value) -> Value:
    """The output at the last real step, kept as a state of its own: a chunk that is wholly masked gives what the chunk before gave."""
    graph = context.graph
    last = graph.add("unsqueeze", [context.state("last", layer.n_out)], "last", axis=0)
    seen = graph.add("concat", [last, result.y], "seen", axis=0)
    index = graph.add("unsqueeze", [graph.add("last_index", [mask])], "index", axis=0)
    y = graph.add("squeeze", [graph.add("gather_steps", [seen, index])], "y", axis=0)
    context.next_state("last", y)
    return y
