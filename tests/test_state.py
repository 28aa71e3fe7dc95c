"""The state of a stream: what is held, cleared, read and set, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnngraph.errors import StateError
from rnngraph.state import StateSnapshot, StateSpec, StreamState

H0, C0 = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) + 10
H2 = np.arange(4.0).reshape(2, 2) + 20
HELD = {"state_00_h": H0, "state_00_c": C0, "state_02_h": H2}


def stream(held: bool = False, names: list[str] | None = None) -> StreamState:
    specs = [
        StateSpec("state_00_h", 0, "h", (3,)),
        StateSpec("state_00_c", 0, "c", (3,)),
        StateSpec("state_02_h", 2, "h", (2,)),
        StateSpec("state_02_last", 2, "last", (2,), default="h"),
    ]
    state = StreamState(specs, ["LSTM", "DenseLayer", "LastTimeStep", "OutputLayer"], "float64", names)
    if held:
        state.keep(HELD)
    return state


def test_starts_at_zero() -> None:
    arrays = stream().start(2, ["state_00_h", "state_02_last"])
    assert {k: (a.shape, a.dtype.name, a.any()) for k, a in arrays.items()} == {
        "state_00_h": ((2, 3), "float64", np.False_),
        "state_02_last": ((2, 2), "float64", np.False_),
    }


def test_goes_on_from_what_is_held() -> None:
    arrays = stream(held=True).start(2, ["state_00_c", "state_02_last"])
    np.testing.assert_array_equal(arrays["state_00_c"], C0)
    np.testing.assert_array_equal(arrays["state_02_last"], H2)


def test_another_batch_is_refused() -> None:
    with pytest.raises(StateError, match=r"x has 3 rows, but the state that is held has 2.*rnn_clear_previous_state\(\)"):
        stream(held=True).start(3, ["state_00_h"])


def test_get_gives_copies_and_nothing_before_the_first_step() -> None:
    assert stream().get(0) == {}
    state = stream(held=True)
    got = state.get(0)
    assert list(got) == ["h", "c"]
    got["h"][:] = 99
    np.testing.assert_array_equal(state.get(0)["h"], H0)


def test_set_takes_dl4j_keys_and_copies() -> None:
    state, given = stream(), {"prevAct": np.ones((2, 3)), "prevMem": np.full((2, 3), 2.0)}
    state.set(0, given)
    given["prevAct"][:] = 99
    got = state.get(0)
    assert (got["h"] == 1).all()
    assert (got["c"] == 2).all()
    assert not state.start(2, ["state_02_h"])["state_02_h"].any()


def test_set_replaces_one_layer_only() -> None:
    state = stream(held=True)
    state.set(2, {"h": np.ones((2, 2))})
    np.testing.assert_array_equal(state.get(0)["c"], C0)
    np.testing.assert_array_equal(state.start(2, ["state_02_last"])["state_02_last"], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("layer", "value", "message"),
    [
        (0, {"h": H0}, r"layers\[0\]: the state has the keys h, expected h, c \(or DL4J's prevAct, prevMem\)"),
        (0, {"h": H0, "c": C0, "z": C0}, r"layers\[0\]: the state has the keys h, c, z"),
        (0, {"h": H0, "c": C0[:, :2]}, r"layers\[0\], state 'c': it has the shape \[2, 2\], expected \[N, 3\]"),
        (0, {"h": H0[0], "c": C0}, r"state 'h': it has the shape \[3\]"),
        (0, {"h": H0[:0], "c": C0[:0]}, r"state 'h': it has the shape \[0, 3\]"),
        (0, {"h": H0 * np.nan, "c": C0}, r"state 'h': it is nan at row 0, unit 0; every value has to be finite"),
        (0, {"h": H0 > 1, "c": C0}, r"state 'h': it has the type bool, expected float64"),
        (0, {"h": H0[:1], "c": C0[:1]}, r"layers\[0\]: the state has 1 rows, other layers hold 2; call rnn_clear_previous_state\(\)"),
        (0, {"h": H0, "c": C0[:1]}, r"layers\[0\]: the state has 2, 1 rows in h, c; expected the same number in each$"),
        (0, {"h": H0, "prevAct": H0, "c": C0}, r"layers\[0\]: the state has 'h' twice, as h, prevAct; give one$"),
        (0, {}, r"layers\[0\]: the state has the keys none, expected h, c"),
        (0, None, r"layers\[0\]: the state is None; expected a mapping {'h': \[N, H\], 'c': \[N, H\]}, as rnn_get_previous_state gives$"),
        (0, [H0, C0], r"layers\[0\]: the state is \[array.{,80}; expected a mapping"),
        (0, {"h": [[1, 2], [3]], "c": C0}, r"layers\[0\], state 'h': numpy cannot make an array of \[\[1, 2\], \[3\]\] \(setting an array"),
        (0, {"h": None, "c": C0}, r"layers\[0\], state 'h': it has the type object, expected float64"),
        (np.zeros(200), {"h": H0}, r"there is no layer array\(.{,80}; layers with state: 0, 2$"),
        (1, {"h": H0}, r"layers\[1\] is a DenseLayer, which has no state; layers with state: 0, 2"),
        (7, {"h": H0}, r"there is no layer 7; layers with state: 0, 2"),
        (-1, {"h": H0}, r"there is no layer -1; layers with state: 0, 2"),
    ],
)
def test_set_refuses_what_does_not_fit_and_changes_nothing(layer: int, value: dict[str, np.ndarray], message: str) -> None:
    state = stream(held=True)
    with pytest.raises(StateError, match=message):
        state.set(layer, value)
    np.testing.assert_array_equal(state.get(0)["h"], H0)
    np.testing.assert_array_equal(state.get(2)["h"], H2)


def test_a_value_that_only_a_wider_type_holds_is_refused() -> None:
    state = StreamState([StateSpec("state_00_h", 0, "h", (3,))], ["SimpleRnn"], "float32")
    message = r"^layers\[0\], state 'h': it is 1e\+300 at row 1, unit 2; every value has to be finite \(float32 reaches 3\.4e\+38\)$"
    value = np.zeros((2, 3))
    value[1, 2] = 1e300
    with pytest.raises(StateError, match=message):
        state.set(0, {"h": value})
    with pytest.raises(StateError, match=message):
        state.restore(StateSnapshot({"state_00_h": value}))
    assert state.batch is None


def test_a_step_that_overflows_is_refused_and_the_state_stays() -> None:
    state = stream(held=True)
    after = {name: array + 1 for name, array in HELD.items()}
    state.advance(after)
    np.testing.assert_array_equal(state.get(2)["h"], H2 + 1)
    bad = H2.copy()
    bad[1, 0] = np.inf
    message = (
        r"^layers\[2\] \(LastTimeStep\): the next state 'h' is inf at row 1, unit 0 \(float64 reaches 1\.8e\+308\); the state stays as it "
        r"was before the step\. Feed smaller values, or begin the row anew with rnn_clear_previous_state\(rows=\[1\]\)$"
    )
    with pytest.raises(StateError, match=message):
        state.advance({**HELD, "state_02_h": bad})
    np.testing.assert_array_equal(state.get(0)["h"], H0 + 1)
    np.testing.assert_array_equal(state.get(2)["h"], H2 + 1)


def test_what_was_held_comes_back_whatever_it_is() -> None:
    state = stream(held=True)
    state.keep({**HELD, "state_02_h": np.full((2, 2), np.inf)})
    snapshot = state.snapshot()
    state.clear()
    state.restore(snapshot)
    np.testing.assert_array_equal(state.get(2)["h"], np.full((2, 2), np.inf))


def test_clear_all_and_rows() -> None:
    state = stream(held=True)
    state.clear(rows=[1])
    np.testing.assert_array_equal(state.get(0)["h"], [[0, 1, 2], [0, 0, 0]])
    np.testing.assert_array_equal(H0[1], [3, 4, 5])
    state.clear()
    assert state.get(0) == {}
    assert state.batch is None


@pytest.mark.parametrize(
    ("held", "rows", "message"),
    [
        (True, 2, r"rows=2: there is no row 2; the state has rows 0 to 1"),
        (True, [0, -1], r"rows=\[0, -1\]: there is no row -1"),
        (False, 0, r"rows=0: there is no row 0; no state is held yet"),
        (True, [0.5], r"rows=\[0.5\]: expected the number of a row, a list of them, or None"),
        (True, [[0], [0, 1]], r"rows=\[\[0\], \[0, 1\]\]: numpy cannot make an array of \[\[0\], \[0, 1\]\]"),
        (True, np.zeros(500), r"rows=array\(.{,80}: expected the number of a row"),
    ],
)
def test_clear_refuses_rows_that_are_not_there(held: bool, rows: object, message: str) -> None:
    with pytest.raises(StateError, match=message):
        stream(held).clear(rows)  # type: ignore[arg-type]


def test_snapshot_is_apart_from_what_follows() -> None:
    state = stream(held=True)
    snapshot = state.snapshot()
    state.clear(rows=0)
    state.restore(snapshot)
    np.testing.assert_array_equal(state.get(0)["h"], H0)
    state.restore(StateSnapshot())
    assert state.get(0) == {}


def test_restore_refuses_another_networks_snapshot() -> None:
    state = stream(held=True)
    for states in ({"state_05_h": H0}, {"state_00_h": H0}):
        with pytest.raises(StateError, match="it was taken of another network"):
            state.restore(StateSnapshot(states))
    with pytest.raises(StateError, match="2, 1, 2 rows"):
        state.restore(StateSnapshot({**HELD, "state_00_c": C0[:1]}))
    np.testing.assert_array_equal(state.get(0)["h"], H0)


NAMES = ["encoder", "dense", "decoder", "out"]


def test_a_layer_of_a_graph_is_known_by_its_name_too() -> None:
    state = stream(held=True, names=NAMES)
    np.testing.assert_array_equal(state.get("encoder")["c"], C0)
    state.set("decoder", {"h": H2 + 1})
    np.testing.assert_array_equal(state.get(2)["h"], H2 + 1)
    np.testing.assert_array_equal(state.get(0)["h"], H0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s: s.get("dense"), "vertex 'dense' is a DenseLayer, which has no state; layers with state: 'encoder', 'decoder'"),
        (lambda s: s.get("inner"), "there is no layer 'inner'; layers with state: 'encoder', 'decoder'"),
        (lambda s: s.get(9), "there is no layer 9; layers with state: 'encoder', 'decoder'"),
        (lambda s: s.set("encoder", {"h": H0}), r"vertex 'encoder': the state has the keys h, expected h, c"),
        (lambda s: s.set("encoder", 3), r"vertex 'encoder': the state is 3; expected a mapping \{'h': \[N, H\], 'c': \[N, H\]\}"),
        (lambda s: s.set("decoder", {"h": H2[:, :1]}), r"vertex 'decoder', state 'h': it has the shape \[2, 1\], expected \[N, 2\]"),
        (lambda s: s.set("decoder", {"h": H2[:1]}), "vertex 'decoder': the state has 1 rows, other layers hold 2"),
        (lambda s: s.advance({**HELD, "state_02_h": H2 * np.inf}), r"vertex 'decoder' \(LastTimeStep\): the next state 'h' is"),
        (lambda s: s.start(3, []), "the inputs have 3 rows, but the state that is held has 2"),
    ],
)
def test_messages_of_a_graph_name_the_vertex(act: Callable[[StreamState], object], message: str) -> None:
    with pytest.raises(StateError, match=message):
        act(stream(held=True, names=NAMES))


def test_layers_in_a_row_have_no_names() -> None:
    with pytest.raises(StateError, match="there is no layer 'encoder'; layers with state: 0, 2"):
        stream(held=True).get("encoder")
