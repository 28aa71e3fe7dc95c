"""Plans for a cell's step: which value lives where, and in which order the generated loops compute them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from rnngraph.backends.torch.codegen import ACTIVATION_LINES, Plan, Storage, View, emit, over_its_operand
from rnngraph.ir.gradient import BodyGradient, differentiate
from rnngraph.ir.graph import Body, Node, Value

_LASTING = ("scratch", "piece", "full")
"""Kinds of storage by how long a value lasts in them: its step, its piece of the steps, all steps."""
_NEVER_IN_PLACE = ("linear", "integer_linear", "linear_t", "sum", "greater", "where")


def fixed_values(arguments: Iterable[Value], nodes: Iterable[Node]) -> set[Value]:
    """``arguments`` that do not change over time, and all that is computed from them alone."""
    fixed = set(arguments)
    for node in nodes:
        if all(v in fixed for v in node.inputs):
            fixed.update(node.outputs)
    return fixed


class Planner:
    """Common to both directions: places values, joins products into additions."""

    def __init__(
        self,
        nodes: list[Node],
        results: Iterable[Value],
        kept: set[Value],
        fixed: set[Value],
        owned: Iterable[Value] = (),
        brief: Iterable[Value] = (),
    ) -> None:
        """``kept`` values are read after the loop, ``brief`` ones only until the next piece of it begins.

        ``fixed`` ones are the same at every step, ``owned`` arguments may be written over.
        """
        self.plan = Plan()
        self.kept, self.fixed, self.owned, self.brief = kept, fixed, frozenset(owned), frozenset(brief)
        self.nodes = [n for n in nodes if not all(v in fixed for v in n.outputs)]
        self.uses: dict[Value, int] = {}
        for v in [*(v for n in self.nodes for v in n.inputs), *results]:
            self.uses[v] = self.uses.get(v, 0) + 1
        self.locked: set[Value] = set()
        self.last: tuple[str, View] | None = None
        self.copies: dict[Value, Value] = {}
        self.stacks: dict[Value, list[Value]] = {}
        self.stacked: dict[Node, list[Node]] = {}
        self.joined = self._joined()

    def _joined(self) -> dict[Node, tuple[Value, Node]]:
        """``a + b·c`` and ``a + x·W``: the addition -> (a, the product), where nothing else reads the product."""
        out: dict[Node, tuple[Value, Node]] = {}
        taken: set[Node] = set()
        for node in self.nodes:
            if node.op != "add":
                continue
            for product, other in (node.inputs, node.inputs[::-1]):
                p = product.producer
                if p is None or p not in self.nodes or p in taken or p.op not in ("mul", "linear", "linear_t"):
                    continue
                if self.uses[product] == 1 and product not in self.kept and other.shape == product.shape == node.outputs[0].shape:
                    out[node] = (other, p)
                    taken.add(p)
                    break
        return out

    def place(self, v: Value, view: View | None = None) -> None:
        """Give ``v`` a place; a storage of its own without ``view``."""
        self.plan.views[v] = view or View(Storage(v.shape[-1], "scratch", v.type.element))
        self._keep(v)

    def _keep(self, v: Value) -> None:
        """Let the storage of ``v`` last as long as ``v`` is read."""
        storage = self.plan.views[v].storage
        if v in self.kept and storage.kind in _LASTING:
            storage.kind = max(storage.kind, "piece" if v in self.brief else "full", key=_LASTING.index)

    def reusable(self, node: Node) -> View | None:
        """The place of an operand that nothing reads afterwards."""
        operands = [self.joined[node][0]] if node in self.joined else list(node.inputs)
        if node.op in _NEVER_IN_PLACE or (node.op == "activation" and not over_its_operand(node.attributes["name"])):
            return None
        for v in operands:
            view = self.plan.views.get(v)
            dead = self.uses.get(v, 0) == 1 and v not in self.kept and v not in self.locked and v not in self.fixed
            ours = v in self.owned or (v.producer in self.nodes and view is not None and view.storage.kind in (*_LASTING, "given"))
            if dead and ours and v.type == node.outputs[0].type:
                return view
        return None

    def compute(self, node: Node, view: View | None = None) -> None:
        """Place the output of a node and emit it."""
        out = node.outputs[0]
        if out not in self.plan.views:
            view = view or self.reusable(node)
            self.place(out, view)
        if node not in self.joined:
            if not self._merged(node):
                emit(self.plan, node)
            return
        self.last = None
        a, product = self.joined[node]
        x, y = (self.plan.name(v) for v in product.inputs)
        d, first = self.plan.name(out), self.plan.name(a)
        if product.op == "linear":
            self.plan.transposed.add(product.inputs[1])
            y = f"{y}_t"
        call = "addcmul" if product.op == "mul" else "addmm"
        # In place is the quicker call, by a microsecond.
        self.plan.lines.append(f"{d}.{call}_({x}, {y})" if d == first else f"torch.{call}({first}, {x}, {y}, out={d})")

    def _merged(self, node: Node) -> bool:
        """Let one call serve two neighbours: the same activation, in place, on adjacent columns of one storage."""
        view = self.plan.views[node.outputs[0]]
        before, self.last = self.last, None
        if node.op != "activation" or self.plan.views.get(node.inputs[0]) != view or view.stop is None:
            return False
        name = node.attributes["name"]
        self.last = (name, view)
        if before is None or before[0] != name or before[1].storage is not view.storage or before[1].stop != view.start:
            return False
        both = View(view.storage, before[1].start, view.stop, view.offset)
        value = Value(f"{name}_pair", node.outputs[0].type, node.outputs[0].block)
        self.plan.views[value] = both
        del self.plan.lines[-ACTIVATION_LINES.get(name, 1) :]
        emit(self.plan, Node("activation", (value,), (value,), node.attributes))
        self.last = (name, both)
        return True

    def split(self, node: Node) -> None:
        """Parts are views; they may be overwritten only where nothing else reads the whole."""
        source = node.inputs[0]
        whole = self.plan.views[source]
        part = node.outputs[0].shape[-1]
        for k, v in enumerate(node.outputs):
            start = whole.start + part * k
            self.plan.views[v] = View(whole.storage, start, start + part, whole.offset)
            if self.uses[source] > 1 or source in self.kept or source.producer not in self.nodes or source in self.locked:
                self.locked.add(v)
        for v in node.outputs:
            self._keep(v)

    @property
    def skipped(self) -> set[Node]:
        """Products that their addition computes."""
        return {p for _, p in self.joined.values()}


def activations_together(nodes: list[Node]) -> list[Node]:
    """The same nodes, still in an order of definition before use, with activations as late as they can be and so side by side.

    An activation is followed by those of its kind that are ready, though what it gives would let other nodes begin.
    """
    waiting = list(nodes)
    order: list[Node] = []
    made: set[Value] = set()
    produced = {v for n in nodes for v in n.outputs}
    while waiting:
        ready = [n for n in waiting if all(v in made or v not in produced for v in n.inputs)]
        same = [n for n in ready if order and n.op == order[-1].op == "activation" and n.attributes == order[-1].attributes]
        chosen = next(iter(same), next((n for n in ready if n.op != "activation"), ready[0]))
        waiting.remove(chosen)
        order.append(chosen)
        made.update(chosen.outputs)
    return order


def plan_forward(body: Body, gradient: BodyGradient | None, owned: frozenset[int] = frozenset()) -> Planner:
    """The forward step; with ``gradient``, what the backward reads is kept. ``owned`` sequences, by position, may be written over."""
    kept = set(gradient.forward.values()) if gradient else set()
    kept.add(body.results[0])
    fixed = fixed_values(body.weights, body.nodes)
    planner = Planner(activations_together(body.nodes), body.results, kept, fixed, [body.sequences[k] for k in sorted(owned)])
    for v in body.sequences:
        planner.place(v, View(Storage(v.shape[-1], "given", v.type.element)))
    own: dict[Value, View] = {}
    for state, result in zip(body.states, body.results[1:], strict=True):
        storage = Storage(state.shape[-1], "state")
        planner.plan.views[state] = View(storage)
        if result.producer in planner.nodes and result.producer.op != "split":
            own.setdefault(result, View(storage, offset=1))
    for node in planner.nodes:
        if node in planner.skipped:
            continue
        if node.op == "split":
            planner.split(node)
        else:
            planner.compute(node, own.get(node.outputs[0]))
    for state, result in zip(body.states, body.results[1:], strict=True):
        storage = planner.plan.views[state].storage
        if planner.plan.views[result].storage is not storage or planner.plan.views[result].offset != 1:
            after = Value(f"{state.name}_after", state.type, body)
            planner.plan.views[after] = View(storage, offset=1)
            planner.plan.lines.append(f"{planner.plan.name(after)}.copy_({planner.plan.name(result)})")
    return planner


@dataclass(frozen=True)
class Sum:
    """The gradient of y, added to a state's running gradient by the matrix product that makes the latter: ``dy[t-1] + dz·R`` is carried
    instead of ``dz·R``."""

    state: int
    addition: Node
    product: Node


def carried_sum(body: Body, gradient: BodyGradient) -> Sum | None:
    """Where y is a state (as in every LSTM): the addition at the loop's start that the product at its end can take over."""
    dy = gradient.running[0]
    readers = [n for n in gradient.block.nodes if dy in n.inputs]
    for k, d_state in enumerate(gradient.running[1:]):
        product = gradient.states[k].producer
        also = [n for n in gradient.block.nodes if d_state in n.inputs]
        if len(readers) == 1 and also == readers and readers[0].op == "add" and product is not None and product.op == "linear_t":
            free = not any(gradient.states[k] in n.inputs for n in gradient.block.nodes) and gradient.states.count(gradient.states[k]) == 1
            kept = any(readers[0].outputs[0] in n.inputs and gradient.part[n] == "tail" for n in gradient.block.nodes)
            if free and not kept and readers[0].outputs[0] not in gradient.block.results:
                return Sum(k, readers[0], product)
    return None


def plan_backward(body: Body, gradient: BodyGradient, total: Sum | None = None) -> Planner:
    """The backward step over the loop part; coefficients are given."""
    nodes = [n for n in gradient.block.nodes if gradient.part[n] == "loop"]
    tail = [n for n in gradient.block.nodes if gradient.part[n] == "tail"]
    kept = {v for n in tail for v in n.inputs} | set(gradient.sequences) | set(gradient.weights)
    planner = Planner(nodes, [*gradient.sequences, *gradient.states, *kept], kept, set())
    d_states = [*gradient.running[1:], *(total.addition.outputs if total else ())]
    before = Value("d_y_before", gradient.running[0].type, gradient.block)
    if total:
        planner.plan.views[before] = View(Storage(before.shape[-1], "given"), offset=-1)
        planner.nodes.remove(total.addition)
    for n in planner.nodes:
        for v in n.inputs:
            if v.producer not in nodes and v not in d_states and v not in planner.plan.views:
                planner.place(v, View(Storage(v.shape[-1] if v.shape else 1, "given", v.type.element)))
    _place_pieces(planner)
    _stack_products(planner)
    behind = {n for run in planner.stacked.values() for n in run[1:]}
    for v in d_states:
        if v in kept:
            copy = Value(f"{v.name}_kept", v.type, gradient.block)
            planner.plan.views[copy] = View(Storage(v.shape[-1], "full"))
            planner.plan.lines.append(f"{planner.plan.name(copy)}.copy_({planner.plan.name(v)})")
            planner.copies[v] = copy
    results = {v: View(Storage(v.shape[-1], "swap")) for v in gradient.states if v not in kept and v not in planner.plan.views}
    for node in planner.nodes:
        if node in planner.skipped or node in behind:
            continue
        if node in planner.stacked:
            _emit_stack(planner, planner.stacked[node])
        elif total and node is total.product:
            planner.place(node.outputs[0], planner.plan.views[before])
            d, a, w = (planner.plan.name(v) for v in (node.outputs[0], *node.inputs))
            planner.plan.lines.append(f"{d}.addmm_({a}, {w})")
        elif node.op == "concat":
            for v, view in zip(node.inputs, _pieces(planner, node), strict=True):
                if planner.plan.views.get(v) != view:
                    piece = Value(f"{v.name}_piece", v.type, gradient.block)
                    planner.plan.views[piece] = view
                    planner.plan.lines.append(f"{planner.plan.name(piece)}.copy_({planner.plan.name(v)})")
        else:
            planner.compute(node, results.get(node.outputs[0]))
    return planner


def _pieces(planner: Planner, node: Node) -> list[View]:
    """The columns of a concatenation that its operands fill."""
    storage, start = planner.plan.views[node.outputs[0]].storage, 0
    views = []
    for v in node.inputs:
        stop = start + v.shape[-1]
        views.append(View(storage, start, stop))
        start = stop  # type: ignore[assignment]
    return views


def _place_pieces(planner: Planner) -> None:
    """Let the operands of a concatenation be computed in their columns of it."""
    for node in planner.nodes:
        if node.op != "concat":
            continue
        planner.kept.add(node.outputs[0])
        planner.place(node.outputs[0])
        for v, view in zip(node.inputs, _pieces(planner, node), strict=True):
            if v not in planner.plan.views and v.producer in planner.nodes:
                planner.plan.views[v] = view
                planner.locked.add(v)


def _stack_products(planner: Planner) -> None:
    """Find neighbours in a concatenation that are products of one value with given coefficients: one call serves all of them."""
    for concat in (n for n in planner.nodes if n.op == "concat"):
        run: list[Node] = []
        for v in [*concat.inputs, None]:
            node = v.producer if v else None
            fits = node is not None and _stackable(planner, node) and concat.inputs.count(node.outputs[0]) == 1
            if run and not (fits and node and node.inputs[0] is run[0].inputs[0] and _side_by_side(planner, run[-1], node)):
                if len(run) > 1:
                    planner.stacked[run[0]] = run
                run = []
            if fits and node:
                run.append(node)


def _side_by_side(planner: Planner, left: Node, right: Node) -> bool:
    """Whether two nodes compute into neighbouring columns of one storage; a value that stands in two concatenations is placed in one."""
    a, b = (planner.plan.views[n.outputs[0]] for n in (left, right))
    return a.storage is b.storage and a.stop == b.start and left.outputs[0].shape == right.outputs[0].shape


def _stackable(planner: Planner, node: Node) -> bool:
    """A product of a running value and a coefficient of its shape, computed straight into its columns of a concatenation."""
    if node.op != "mul" or node not in planner.nodes or node in planner.skipped or node.inputs[1].shape != node.outputs[0].shape:
        return False
    taken = any(node in run for run in planner.stacked.values())
    coefficient, view = planner.plan.views.get(node.inputs[1]), planner.plan.views.get(node.outputs[0])
    running = node.inputs[0].producer in planner.nodes or node.inputs[0] not in planner.plan.views
    return (
        not taken
        and running
        and coefficient is not None
        and coefficient.storage.kind == "given"
        and view is not None
        and view.stop is not None
    )


def _emit_stack(planner: Planner, run: list[Node]) -> None:
    """``out[k] = value · coefficient[k]`` in one call."""
    plan = planner.plan
    first, last = (plan.views[n.outputs[0]] for n in (run[0], run[-1]))
    block = run[0].outputs[0].block
    coefficients = Value("coefficients", run[0].outputs[0].type, block)
    target = Value("products", run[0].outputs[0].type, block)
    plan.views[coefficients] = View(Storage(run[0].outputs[0].shape[-1] * len(run), "piece"), parts=len(run))
    plan.views[target] = View(first.storage, first.start, last.stop, parts=len(run))
    planner.stacks[coefficients] = [n.inputs[1] for n in run]
    plan.lines.append(f"torch.mul({plan.name(run[0].inputs[0])}.unsqueeze(1), {plan.name(coefficients)}, out={plan.name(target)})")


@cache
def forward_plan(body: Body, train: bool, owned: frozenset[int] = frozenset()) -> Planner:
    """The forward plan of ``body``; for training it keeps what the derived backward reads."""
    return plan_forward(body, differentiate(body) if train else None, owned)
