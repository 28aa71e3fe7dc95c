"""LastTimeStep: a layer's output at each row's last step that exists."""

from __future__ import annotations

from rnngraph.conf import LastTimeStep
from rnngraph.ir.graph import Value
from rnngraph.lowering.context import Context
from rnngraph.lowering.dropout import lower_layer
from rnngraph.lowering.registry import register
from rnngraph.lowering.wrappers import inner_buffers, inner_parameters


@register(LastTimeStep, parameters=inner_parameters, buffers=inner_buffers)
def lower_last_time_step(layer: LastTimeStep, context: Context, x: Value) -> Value:
    """x [T, N, I] -> [N, H]; there is neither time axis nor mask afterwards. Where time runs backwards the last step is the first one.

    1. The output is a state that the mask holds: that state.
    2. The output is the state h, which the mask does not hold: the output at the last real step, kept as the state ``last``; without a
       mask that is h, and there is no such state.
    3. Otherwise: the same, kept as the state ``last_output`` with and without a mask.

    Before a row's first real step that is what it begins with: the state, where the output is one, else 0.
    """
    context.forget()
    y = lower_layer(layer.layer, context, x)
    mask = context.mask if context.seen is None else context.seen
    state, final = context.final or ("", None)
    start = context.begun.get(state)
    context.forget()
    context.mask = None
    context.clean = True
    if final is not None and (layer.mask_mode == "hold" or (mask is None and state == "h")):
        return final
    key = "last" if state == "h" else "last_output"
    if layer.causal:
        return last_seen(context, key, y, mask, start)
    with context.whole(y):
        return last_seen(context, key, y, mask)


def last_seen(context: Context, key: str, y: Value, mask: Value | None, start: str | None = None) -> Value:
    """y [T, N, F] at the last real step, kept as a state of its own: a chunk that is wholly masked gives what the chunk before gave.

    ``start`` as of :meth:`Context.state`.
    """
    graph, reverse = context.graph, context.reverse
    width = y.shape[2]
    assert isinstance(width, int)  # features are never symbols
    state = context.state(key, width, start=start)
    if mask is None:
        last = graph.add("row", [y], "last", index=0 if reverse else -1)
    else:
        before = graph.add("unsqueeze", [state], "before", axis=0)
        seen = graph.add("concat", [y, before] if reverse else [before, y], "seen", axis=0)
        index = graph.add("unsqueeze", [graph.add("first_index" if reverse else "last_index", [mask])], "index", axis=0)
        last = graph.add("squeeze", [graph.add("gather_steps", [seen, index])], "last", axis=0)
    context.next_state(key, last)
    return last
