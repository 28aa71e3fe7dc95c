"""Masks at the speed of no mask: fused cells that obey a mask through their weights and the order of steps.

"A masked step does not exist" for any pattern of 0 and 1, in four steps:

1. x is replaced by 0 at masked steps, by ``where`` (a product would let NaN through);
2. each row's real steps are moved together, to the front, or to the end where the layer runs backward;
3. one more input feature, 1 at masked steps, has the weight -1e30 into the gates i and o and +1e30 into f: after a row's real steps c is
   held exactly (f = 1, i = 0) and h is 0;
4. the outputs are moved back, and the last h is taken at the row's last real step, or is the initial h where there is none.

"reset" needs steps 1 and 3 only, with -1e30 into i, f and o. Exact for gates that saturate, which is what
:func:`~rnngraph.ir.passes.fuse_lstm.fuse_lstm` fuses.

A GRU's output is its only state, so "hold" needs steps 1, 2 and 4. "reset" needs steps 1 and 3: -1e30 into r and z, and into n the negative
of its bias, so that n = act(0) = 0 and h = 0.
"""

from __future__ import annotations

from rnngraph.errors import GraphError
from rnngraph.ir.activations import lookup
from rnngraph.ir.cell import where
from rnngraph.ir.graph import Graph, Node, Value
from rnngraph.ir.passes.prune import prune
from rnngraph.ir.rewrite import Rewriter

CLOSED = -1e30
OPEN = 1e30
COLUMNS = {"hold": (CLOSED, OPEN, 0.0, CLOSED), "reset": (CLOSED, CLOSED, 0.0, CLOSED)}
"""Weights of the mask feature into the gates i, f, g, o."""


def mask_weights(graph: Graph, right_padded: bool = False) -> Graph:
    """Each masked ``lstm`` and ``gru`` becomes an unmasked one and the ops of the four steps; values that layers share are made once.

    ``right_padded=True``: the caller knows that in every row of every mask that is an input the 1s come first, so that nothing needs to be
    moved (a backward LSTM with an initial h other than zeros is moved all the same: its padding comes first, and h would be lost there; so
    is a backward GRU, which nothing holds at its start).
    """
    new = _Masking(graph, right_padded)
    for node in graph.nodes:
        if node.op in ("lstm", "gru") and node.attributes["mask_mode"] is not None:
            new.rewrite(node)
        else:
            new.copy(node)
    return prune(new.finish())


class _Masking(Rewriter):
    """Rewrites masked cells; keys of the caches are values of the old graph."""

    def __init__(self, old: Graph, right_padded: bool) -> None:
        super().__init__(old)
        self.right_padded = right_padded
        self._features: dict[Value, Value] = {}
        self._packs: dict[tuple[Value, bool], tuple[Value, ...]] = {}
        self._lengths: dict[Value, Value] = {}
        self._cleaned: dict[tuple[Value, Value], Value] = {}

    def rewrite(self, node: Node) -> None:
        """Put the four steps in the place of ``node``."""
        attributes = node.attributes
        mode, reverse, mask = attributes["mask_mode"], attributes["reverse"], node.inputs[-1]
        if mode not in COLUMNS:
            raise GraphError(f"{node.outputs[0].name!r}: mask_mode {mode!r}; expected {', '.join(map(repr, COLUMNS))} or None")
        if not lookup(attributes["gate_activation"]).saturates:
            raise GraphError(
                f"{node.outputs[0].name!r}: the gate activation {attributes['gate_activation']!r} never closes a gate entirely, as mask "
                "weights need; keep such a layer a recurrent node (fuse_lstm and fuse_gru do)"
            )
        graph = self.at(node)
        lstm = node.op == "lstm"
        h0 = node.inputs[4 if lstm else -2]
        starts_at_zero = h0.producer is not None and h0.producer.op in ("zeros", "zero_state")
        moved = mode == "hold" and not (self.right_padded and _given(mask) and (not reverse or (lstm and starts_at_zero)))
        x, w = self._weighted(graph, node, mode, mask)
        source = destination = last = None
        if moved:
            source, destination, last = self._pack(graph, mask, reverse)
            x = graph.add("gather_steps", [x, source])
        rest = [self[v] for v in node.inputs[2:-1]]
        y, h, *c = graph.add_many(node.op, [x, w, *rest], f"masked_{node.op}", **{**attributes, "mask_mode": None})
        if mode == "hold" and not reverse and not moved:
            last = self._length(graph, mask)
        if last is not None:
            h = _state_at(graph, self[h0], y, last, reverse)
        if destination is not None:
            y = graph.add("gather_steps", [y, destination])
        if destination is not None or not (lstm or mode == "reset"):
            y = where(self[mask], y, 0.0)
        self.replace(node, (y, h, *c))

    def _weighted(self, graph: Graph, node: Node, mode: str, mask: Value) -> tuple[Value, Value]:
        """x, 0 at masked steps and with the mask as a feature where that has weights, and these weights."""
        x, w = self._clean(graph, node.inputs[0], mask), self[node.inputs[1]]
        if node.op == "gru" and mode == "hold":
            return x, w
        x = graph.add("concat", [x, self._feature(graph, mask)], axis=-1)
        if node.op == "gru":
            return x, graph.add("reset_columns", [w, self[node.inputs[3]]], value=CLOSED)
        return x, graph.add("mask_columns", [w], values=COLUMNS[mode])

    def _clean(self, graph: Graph, x: Value, mask: Value) -> Value:
        """x with 0 at masked steps."""
        if is_clean(x, mask):
            return self[x]
        if (x, mask) not in self._cleaned:
            self._cleaned[x, mask] = where(self[mask], self[x], 0.0)
        return self._cleaned[x, mask]

    def _feature(self, graph: Graph, mask: Value) -> Value:
        """1 at masked steps, 0 elsewhere: [T, N, 1]."""
        if mask not in self._features:
            self._features[mask] = graph.add("cast", [graph.add("not", [self[mask]])], to="float")
        return self._features[mask]

    def _pack(self, graph: Graph, mask: Value, reverse: bool) -> tuple[Value, ...]:
        if (mask, reverse) not in self._packs:
            self._packs[mask, reverse] = graph.add_many("pack_index", [self[mask]], reverse=reverse)
        return self._packs[mask, reverse]

    def _length(self, graph: Graph, mask: Value) -> Value:
        """How many steps each row of a right-padded mask has: [N]."""
        if mask not in self._lengths:
            self._lengths[mask] = graph.add("last_index", [self[mask]])
        return self._lengths[mask]


def _given(mask: Value) -> bool:
    """Whether the mask is an input of the graph, or several joined, with their steps in their order, and not computed from other inputs."""
    graph, pending = mask.block, [mask]
    assert isinstance(graph, Graph)
    given = {p.value for p in graph.ports("mask")}
    while pending:
        value = pending.pop()
        if value.producer is not None and value.producer.op == "reverse_steps":
            return False
        if value.producer is not None:
            pending += value.producer.inputs
        elif value not in given:
            return False
    return True


def is_clean(x: Value, mask: Value) -> bool:
    """Whether x is known to be 0 at masked steps."""
    node = x.producer
    if node is None:
        return False
    if node.op == "where":
        condition, _, other = node.inputs
        return condition is mask and other.producer is not None and other.producer.attributes.get("value") == 0.0
    if node.op in ("recurrent", "lstm", "gru"):
        return node.attributes["mask_mode"] is not None and node.inputs[-1] is mask and x is node.outputs[0]
    if node.op == "concat":
        return node.attributes["axis"] == -1 and all(is_clean(v, mask) for v in node.inputs)
    return False


def _state_at(graph: Graph, start: Value, y: Value, index: Value, reverse: bool) -> Value:
    """Row ``index`` [N] of (start, y), with ``reverse`` of (y, start): the last h, [N, H]."""
    first = graph.add("unsqueeze", [start], axis=0)
    states = graph.add("concat", [y, first] if reverse else [first, y], axis=0)
    picked = graph.add("gather_steps", [states, graph.add("unsqueeze", [index], axis=0)])
    return graph.add("row", [picked], index=0)
