"""A recurrent layer from outside the package: two states of different width, two matrix products, defined in this file alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

import rnngraph as rg
from rnngraph.conf import RecurrentLayer
from rnngraph.conf.activations import ActivationName
from rnngraph.conf.base import Configured
from rnngraph.conf.family import MEMBERS
from rnngraph.ir.cell import Cell, H, linear, split
from rnngraph.ir.graph import Value
from rnngraph.ir.types import symbol
from rnngraph.lowering import register_cell, registry
from tests.layers import properties

M = symbol("M")


def step(xw: Value, m: Value, a: Value, R: Value, S: Value, act: Callable[[Value], Value], gate: Callable[[Value], Value]) -> Any:
    """A wide memory m [N, M] read through S [2 H, M], a narrow state a [N, H] written to it through R [M, H]; y is no state."""
    u, v = split(xw + linear(m, S), 2)
    a = gate(u) * a + act(v)
    m = m * 0.5 + linear(a, R)
    return a * gate(v), m, a


MEMORY = Cell(
    "memory",
    step,
    sequences={"xw": 2 * H},
    states={"m": M, "a": H},
    weights={"R": (M, H), "S": (2 * H, M)},
    activations=("act", "gate"),
)


@pytest.fixture(scope="module", autouse=True)
def memory_layer() -> Iterator[type[RecurrentLayer]]:
    """The layer class, known to the package while these tests run."""
    members, fields, families = list(MEMBERS), dict(Configured.known_fields), dict(registry._FAMILIES)

    class MemoryRnn(RecurrentLayer):
        """The cell as a layer."""

        type: Literal["MemoryRnn"] = "MemoryRnn"
        memory: int = Field(default=5, description="width of the memory")
        gate_activation: ActivationName = Field(default="sigmoid", description="activation of the gates")

    register_cell(MemoryRnn, MEMORY, sizes=lambda layer: {"H": layer.n_out, "M": layer.memory})
    global Memory
    Memory = MemoryRnn
    yield MemoryRnn
    MEMBERS[:] = members
    for known, before in ((Configured.known_fields, fields), (registry._FAMILIES, families)):
        known.clear()
        known.update(before)  # type: ignore[arg-type]


Memory: Any = None

FORMS: dict[str, Callable[[], Any]] = {
    "alone": lambda: Memory(n_out=3),
    "other activations": lambda: Memory(n_out=2, memory=7, activation="softsign", gate_activation="hardsigmoid"),
    "last": lambda: rg.LastTimeStep(Memory(n_out=3)),
}
BOTH: dict[str, Callable[[], Any]] = {
    "both ways": lambda: rg.Bidirectional(Memory(n_out=3)),
    "last of both": lambda: rg.LastTimeStep(rg.Bidirectional("add", Memory(n_out=3))),
    "both lasts": lambda: rg.Bidirectional(rg.LastTimeStep(Memory(n_out=3))),
}


def test_parameters_follow_from_the_cell() -> None:
    net = properties.network(Memory(n_out=3))
    shapes = {k: v.shape for k, v in net.parameters().items() if k.startswith("0.")}
    assert shapes == {"0.W": (6, 3), "0.b": (6,), "0.R": (5, 3), "0.S": (6, 5)}
    assert net.config.from_json(net.config.to_json()) == net.config


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("form", [*FORMS, *BOTH])
def test_backends_agree_and_it_is_exported(form: str, mode: str, tmp_path: Path) -> None:
    properties.check_backends({**FORMS, **BOTH}[form](), tmp_path, mode)


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("form", [*FORMS, *BOTH])
def test_it_trains(form: str, mode: str) -> None:
    properties.check_gradient({**FORMS, **BOTH}[form](), mode)


@pytest.mark.parametrize("form", [*FORMS, *BOTH])
def test_a_masked_step_does_not_exist(form: str) -> None:
    properties.check_a_masked_step_does_not_exist({**FORMS, **BOTH}[form]())


@pytest.mark.parametrize("mode", properties.MODES)
@pytest.mark.parametrize("form", FORMS)
def test_it_streams_with_equal_bits(form: str, mode: str, tmp_path: Path) -> None:
    properties.check_streaming(FORMS[form](), tmp_path, mode)


@pytest.mark.parametrize("form", BOTH)
def test_both_ways_need_whole_sequences(form: str, tmp_path: Path) -> None:
    properties.check_whole_sequences_only(BOTH[form](), tmp_path)


def test_its_states_have_their_names_and_widths() -> None:
    net = properties.network(Memory(n_out=3))
    net.rnn_time_step(properties.features())
    assert {k: v.shape for k, v in net.rnn_get_previous_state(0).items()} == {"m": (5, 5), "a": (5, 3)}


def test_it_may_begin_with_learned_states_where_it_tells_their_widths(memory_layer: type[RecurrentLayer], monkeypatch: Any) -> None:
    with pytest.raises(
        rg.ConfigurationError, match=r"MemoryRnn: initial_state='learned': its cell has the states \{'m': 5, 'a': 3\}, its "
    ):
        properties.network(Memory(n_out=3, initial_state="learned"))
    monkeypatch.setattr(memory_layer, "state_sizes", property(lambda layer: {"m": layer.memory, "a": layer.n_out}))
    layer = Memory(n_out=3, initial_state={"m": "learned", "a": [1.0, 2.0, 3.0]})
    net = properties.network(layer)
    assert (net.parameters()["0.m0"].shape, list(net.buffers()["0.a0"])) == ((5,), [1.0, 2.0, 3.0])
    assert layer.is_bias("m0")
    properties.check_gradient(layer, "hold")


def test_a_weight_with_the_name_of_what_a_state_begins_with_is_refused() -> None:
    def step(xw: Value, h: Value, h0: Value, act: Callable[[Value], Value]) -> Any:
        h = act(xw + h * h0)
        return h, h

    cell = Cell("shifted", step, sequences={"xw": H}, states={"h": H}, weights={"h0": (H,)}, activations=("act",))
    message = r"^register_cell\(MemoryRnn\): the cell 'shifted' has a weight 'h0', which is the name of what its state .h. begins"
    with pytest.raises(rg.ConfigurationError, match=message):
        register_cell(Memory, cell)
