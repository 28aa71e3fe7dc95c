"""The verifier finds each way in which a graph can be broken, and says where."""

from __future__ import annotations

from typing import Any

import pytest

from rnngraph.errors import GraphError
from rnngraph.ir.cell import Cell, trace
from rnngraph.ir.cells import lstm
from rnngraph.ir.graph import Body, Graph, Node, Port, Value
from rnngraph.ir.noise import NORMAL, UNIFORM
from rnngraph.ir.types import N, T, floats, symbol
from rnngraph.ir.verify import verify
from tests.ir.builders import Layer, build

H = symbol("H")


def simple() -> tuple[Graph, Value]:
    """x -> zeros -> y, with a state that is passed on."""
    graph = Graph()
    x = graph.input("x", "input", floats(N, 2))
    s = graph.input("state_00_h", "state", floats(N, 3))
    y = graph.add("zeros", [x])
    graph.output("y", "output", y)
    graph.output("next_state_00_h", "next_state", s)
    return graph, y


def broken(message: str, graph: Graph) -> None:
    with pytest.raises(GraphError, match=message):
        verify(graph)


@pytest.mark.parametrize("mode", [None, "hold", "reset"])
def test_sound_graphs_pass(mode: str | None) -> None:
    verify(build((Layer(), Layer(cell="graves_lstm", reverse=True), Layer(cell="simple_rnn")), mode))
    verify(simple()[0])


def test_use_before_definition() -> None:
    graph, y = simple()
    graph.add("neg", [y])
    graph.nodes.reverse()
    broken(r"graph: 'neg' \(neg\) reads 'zeros', which is not defined before it in this block; order the nodes", graph)


def test_a_value_of_another_block() -> None:
    graph, _ = simple()
    other, y = simple()
    node = Node("neg", (y,), (Value("stray", floats(N, 2), graph),), {})
    graph.nodes.append(node)
    broken(r"graph: 'stray' \(neg\) reads 'zeros', which is not defined before it in this block", graph)
    other.nodes.append(Node("identity", (y,), (graph.inputs[0].value,), {}))
    broken("'x' was made for another block|two values are named 'x'", other)


def test_a_wrong_type() -> None:
    graph, y = simple()
    y.type = floats(N, 7)
    broken(r"graph: 'zeros' \(zeros\) is typed \[N, 7\], but its op gives \[N, 2\]; let Block.add infer types", graph)


def test_operands_that_no_longer_fit() -> None:
    graph, y = simple()
    y = graph.add("add", [y, graph.inputs[0].value])
    graph.inputs[0].value.type = floats(N, 5)
    broken(r"\[N, 2\], but its op gives \[N, 5\]", graph)


def test_duplicate_names() -> None:
    graph, y = simple()
    graph.add("neg", [y]).name = "zeros"
    broken("graph: two values are named 'zeros'; names must be unique", graph)


def test_a_foreign_producer() -> None:
    graph, y = simple()
    y.producer = None
    broken("the producer of 'zeros' is another node", graph)


def test_a_result_of_another_block() -> None:
    graph, _ = simple()
    graph.output("z", "output", simple()[1])
    broken("graph: the result 'zeros' is not a value of this block", graph)


@pytest.mark.parametrize(("role", "kind"), [("output", "input"), ("state", "output")])
def test_roles_of_the_wrong_kind(role: Any, kind: str) -> None:
    graph, y = simple()
    if kind == "input":
        graph.input("z", role, floats(N))
        broken("input 'z' has the role 'output'; expected one of input, mask, label, parameter, buffer, state, noise, rate", graph)
    else:
        graph.output("z", role, y)
        broken("output 'z' has the role 'state'; expected one of output, loss, next_state, buffer_update", graph)


def test_two_ports_of_one_name() -> None:
    graph, y = simple()
    graph.output("x", "output", y)
    broken("two inputs or outputs are named 'x'", graph)


def test_ports_and_results_that_differ() -> None:
    graph, y = simple()
    graph.outputs.append(Port("z", "output", y))
    broken("the graph's inputs and outputs differ from its arguments and results", graph)


def test_a_next_state_without_state() -> None:
    graph, y = simple()
    graph.output("next_state_01_h", "next_state", y)
    broken(r"the next state 'next_state_01_h' belongs to no state; name it 'next_' and one of state_00_h", graph)


def test_a_next_state_of_another_type() -> None:
    graph, y = simple()
    graph.input("state_01_h", "state", floats(N, 9))
    graph.output("next_state_01_h", "next_state", y)
    broken(r"the next state 'next_state_01_h' is \[N, 2\], its state \[N, 9\]; both need one type", graph)


def test_a_loss_that_is_no_scalar() -> None:
    graph, y = simple()
    graph.output("loss", "loss", y)
    broken(r"the loss 'loss' is \[N, 2\]; expected a scalar, end it in sum_all", graph)


def test_a_state_without_a_next_state() -> None:
    graph, _ = simple()
    graph.input("state_01_h", "state", floats(N, 3))
    broken(
        "the state 'state_01_h' has no next state; declare the output 'next_state_01_h', the state itself where nothing changes it", graph
    )


def test_two_losses() -> None:
    graph, y = simple()
    loss = graph.add("sum_all", [y])
    graph.output("loss", "loss", loss)
    verify(graph)
    graph.output("penalty", "loss", loss)
    broken("the graph has the losses loss, penalty; expected one, add them up", graph)


def test_buffers_and_their_updates() -> None:
    graph, _ = simple()
    mean = graph.input("2.mean", "buffer", floats(3))
    verify(graph)  # inference updates none
    graph.output("next_2.mean", "buffer_update", mean)
    verify(graph)
    graph.output("2.mean.new", "buffer_update", mean)
    broken(r"the buffer update '2\.mean\.new' belongs to no buffer; name it 'next_' and one of 2\.mean", graph)
    del graph.outputs[-1], graph.results[-1]
    graph.input("2.variance", "buffer", floats(2))
    graph.output("next_2.variance", "buffer_update", mean)
    broken(r"the buffer update 'next_2\.variance' is \[3\], its buffer \[2\]; both need one type", graph)


def test_a_buffer_update_without_any_buffer() -> None:
    graph, y = simple()
    graph.output("next_mean", "buffer_update", y)
    broken(r"the buffer update 'next_mean' belongs to no buffer; name it 'next_' and one of \(no buffers\)", graph)


def with_body(body: Body) -> Graph:
    """A graph that runs an lstm-like body."""
    graph = Graph()
    operands = [graph.input("xw", "input", floats(T, N, 8)), *(graph.input(k, "input", floats(N, 2)) for k in "hc")]
    operands.append(graph.input("R", "parameter", floats(8, 2)))
    graph.output("y", "output", graph.add_many("recurrent", list(operands), body=body, reverse=False, mask_mode=None)[0])
    return graph


def lstm_body() -> Body:
    """A body that no other test sees, for breaking."""
    cell = Cell("broken", lstm.step, lstm.sequences, lstm.states, lstm.weights, lstm.activations)
    return trace(cell, act="tanh", gate="sigmoid")


def test_a_body_with_an_op_that_knows_time() -> None:
    body = lstm_body()
    body.add("zeros", [body.states[0]])
    broken(r"body of broken\(act=tanh, gate=sigmoid\): 'zeros' is no primitive; a step is made of abs, activation, add", with_body(body))


def test_a_body_that_forgets_an_argument() -> None:
    body = lstm_body()
    body.argument("extra", floats(N, H))
    broken("its arguments are not its sequences, states and weights; declare each once", with_body(body))


def test_a_body_that_lacks_a_next_state() -> None:
    body = lstm_body()
    body.results.pop()
    broken(r"next states \['\[N, H\]'\], expected those of the states, \['\[N, H\]', '\[N, H\]'\]", with_body(body))


class Half:
    """A rate that is always one half."""

    def value_at(self, iteration: int, epoch: int) -> float:
        return 0.5

    def __str__(self) -> str:
        return "one half"


def test_noise_without_a_law_and_rates_without_a_source() -> None:
    graph, _ = simple()
    graph.noise("n", floats(N, 2), NORMAL, 0)
    graph.rate("r", Half(), 0)
    verify(graph)
    for role, law, rate, message in (
        ("noise", None, None, r"the noise 'z' has the law None; noise has one and nothing else, declare it by Graph.noise"),
        ("label", UNIFORM, None, r"the label 'z' has the law uniform \[0, 1\); noise has one and nothing else"),
        ("rate", None, None, r"the rate 'z' \[N\] has the rate None; a rate is a scalar, declare it by Graph.rate"),
        ("rate", None, Half(), r"the rate 'z' \[N\] has the rate one half; a rate is a scalar"),
        ("label", None, Half(), r"the label 'z' \[N\] has the rate one half; a rate is a scalar, declare it by Graph.rate"),
    ):
        graph, _ = simple()
        role_: Any = role
        graph.inputs.append(Port("z", role_, graph.argument("z", floats(N)), law=law, rate=rate))
        broken(message, graph)


@pytest.mark.parametrize(
    ("start", "found"),
    [("0.h0", "which is not there"), ("0.c0", r"\[4\]"), ("x", "which is not there")],
)
def test_what_a_state_starts_with(start: str, found: str) -> None:
    graph = Graph()
    graph.input("0.c0", "parameter", floats(4))
    x = graph.input("x", "input", floats(3))
    s = graph.input("state_00_h", "state", floats(N, 3), start=start)
    graph.output("y", "output", graph.add("add", [x, s]))
    graph.output("next_state_00_h", "next_state", s)
    broken(rf"the state 'state_00_h' \[N, 3\] starts with '{start}' \({found}\); a state starts with a parameter or buffer \[3\]", graph)
