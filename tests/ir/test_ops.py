"""The type rules: each way in which operands or attributes can be wrong is a GraphError that says what fits."""

from __future__ import annotations

from typing import Any

import pytest

from rnngraph.errors import GraphError
from rnngraph.ir.cell import trace
from rnngraph.ir.cells import lstm
from rnngraph.ir.ops import infer
from rnngraph.ir.passes.mask_body import mask_body
from rnngraph.ir.types import N, T, TensorType, floats

X, W, ROW = floats(T, N, 4), floats(8, 4), floats(N, 4)
FLAGS, NUMBERS = TensorType("bool", (T, N, 4)), TensorType("int64", (T, N, 4))
MASK, INDEX = TensorType("bool", (T, N, 1)), TensorType("int64", (T, N))
BODY = trace(lstm, act="tanh", gate="sigmoid")

OPERANDS: list[tuple[str, list[TensorType], dict[str, Any], str]] = [
    ("exp", [FLAGS], {}, r"exp\(bool\[T, N, 4\]\): expected float as operand 0, which is bool; use cast, or another op"),
    ("not", [X], {}, r"not\(\[T, N, 4\]\): expected bool as operand 0, which is float"),
    ("add", [FLAGS, FLAGS], {}, r"add\(.*\): expected float or int64 as operand 0, which is bool"),
    ("add", [X, NUMBERS], {}, r"add\(.*\): expected operands of one element type whose shapes broadcast"),
    ("sqrt", [NUMBERS], {}, r"sqrt\(int64\[T, N, 4\]\): expected float as operand 0, which is int64"),
    ("div", [NUMBERS, NUMBERS], {}, r"expected float as operand 0, which is int64"),
    ("where", [X, X, X], {}, r"expected bool as operand 0, which is float"),
    ("where", [FLAGS, X, NUMBERS], {}, r"expected a bool condition and two operands of one element type"),
    ("linear", [FLAGS, W], {}, r"linear\(bool\[T, N, 4\], \[8, 4\]\): expected float as operand 0"),
    ("linear", [X, X], {}, r"expected x \[\.\.\., K\] and W \[M, K\]"),
    ("linear_t", [X, W], {}, r"expected x \[\.\.\., M\] and W \[M, K\]"),
    ("outer_sum", [X, ROW], {}, r"expected a \[\.\.\., M\] and b \[\.\.\., K\] with the same leading axes"),
    ("sum", [floats()], {"keepdims": True}, r"sum\(\[\]\): expected an operand with a last axis"),
    ("sum", [FLAGS], {"keepdims": True}, r"expected float as operand 0"),
    ("sum_all", [FLAGS], {}, r"sum_all\(bool\[T, N, 4\]\): expected float"),
    ("sum_to", [X], {"shape": (5,)}, r"expected an operand to which \[5\] broadcasts"),
    (
        "softmax_cross_entropy",
        [floats(), floats()],
        {"weights": None, "clip": 0.0},
        r"expected logits and labels \[\.\.\., C\] of one shape",
    ),
    ("straight_through", [X, ROW], {}, r"straight_through\(.*\): expected two values of one shape"),
    ("scale_features", [X], {"values": (1.0, 2.0)}, r"expected a last axis of 2, as many as there are values"),
    ("split", [X], {"parts": 3}, r"expected a last axis that divides into 3 parts"),
    ("split", [floats()], {"parts": 2}, r"expected a last axis that divides into 2 parts"),
    ("concat", [X, NUMBERS], {"axis": -1}, r"expected operands of one element type whose shapes differ along axis -1 only"),
    ("concat", [X, ROW], {"axis": -1}, r"whose shapes differ along axis -1 only"),
    ("concat", [X, X], {"axis": 7}, r"expected at least one operand, with an axis 7"),
    ("concat", [], {"axis": 0}, r"concat\(\): expected at least one operand, with an axis 0"),
    ("take", [W], {"index": 8}, r"expected a weight \[K, M\] with a row 8"),
    ("take", [W], {"index": -1}, r"expected a weight \[K, M\] with a row -1"),
    ("place", [floats(4)], {"index": 3, "shape": (3, 4)}, r"expected a row of \[3, 4\], which has a row 3"),
    ("place", [floats(4)], {"index": 0, "shape": (3, 5)}, r"expected a row of \[3, 5\]"),
    ("transpose", [X], {"order": (0, 1)}, r"expected a rank that fits the order \(0, 1\)"),
    ("unsqueeze", [X], {"axis": 9}, r"expected a rank that allows a new axis 9"),
    ("unsqueeze", [X], {"axis": -5}, r"expected a rank that allows a new axis -5"),
    ("squeeze", [X], {"axis": 2}, r"expected an axis 2 of size 1"),
    ("squeeze", [floats()], {"axis": 0}, r"expected an axis 0 of size 1"),
    ("row", [X], {"index": 5}, r"expected a first axis with an entry 5 whatever its size; 0 and -1 are always there"),
    ("row", [W], {"index": 8}, r"expected a first axis with an entry 8"),
    ("row", [floats()], {"index": 0}, r"expected a first axis with an entry 0"),
    ("split_steps", [floats(3, 4)], {"count": 3}, r"split_steps\(\[3, 4\]\): expected a first axis of more than 3 steps"),
    ("split_steps", [floats()], {"count": 1}, r"expected a first axis of more than 1 steps"),
    ("normalize", [floats()], {"epsilon": 1e-5}, r"normalize\(\[\]\): expected an operand with a last axis"),
    ("normalize_backward", [ROW, X], {"epsilon": 1e-5}, r"expected a gradient and an x \[\.\.\., K\] of one shape"),
    ("block_rows", [W], {"start": 0, "stop": 1, "blocks": 3}, r"expected a weight with 3 equal blocks of rows, of which 0 to 1 are taken"),
    ("block_rows", [W], {"start": 1, "stop": 3, "blocks": 2}, r"expected a weight with 2 equal blocks of rows, of which 1 to 3 are taken"),
    ("zero_state", [ROW], {"width": 4}, r"zero_state\(\[N, 4\]\): expected a sequence \[T, N, F\]"),
    ("first_index", [FLAGS], {}, r"first_index\(bool\[T, N, 4\]\): expected a bool mask \[T, N, 1\]"),
    ("reset_columns", [floats(6, 4), floats(5)], {"value": -1.0}, r"expected a weight \[3H, I\] and a bias \[3H\]"),
    ("reset_columns", [W, floats(8)], {"value": -1.0}, r"expected a weight \[3H, I\] and a bias \[3H\]"),
    ("pack_index", [X], {"reverse": False}, r"expected bool as operand 0"),
    ("pack_index", [FLAGS], {"reverse": False}, r"expected a bool mask \[T, N, 1\]"),
    ("last_index", [X], {}, r"last_index\(\[T, N, 4\]\): expected bool as operand 0, which is float"),
    ("last_index", [FLAGS], {}, r"expected a bool mask \[T, N, 1\]"),
    ("gather_steps", [X, X], {}, r"expected int64 as operand 1, which is float"),
    ("gather_steps", [floats(T, 3, 4), INDEX], {}, r"expected x \[T, N, F\] and an int64 index \[K, N\]"),
    ("mask_columns", [floats(9, 4)], {"values": (1.0, 0.0)}, r"expected a weight \[4H, I\] whose rows divide into 2 blocks"),
]


@pytest.mark.parametrize(("name", "types", "attributes", "message"), OPERANDS)
def test_operands_that_do_not_fit(name: str, types: list[TensorType], attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(name, types, attributes)


ATTRIBUTES: list[tuple[str, list[TensorType], dict[str, Any], str]] = [
    ("activation", [X], {"name": "tahn"}, r"activation: name='tahn'; expected an activation as nodes spell it, like 'tanh' or"),
    ("activation", [X], {}, r"activation: the attributes are none; expected exactly these: name"),
    ("cast", [X], {"to": "foo"}, r"cast: to='foo'; expected one of 'float', 'int64', 'bool'"),
    ("cast", [X], {"to": ["float"]}, r"cast: to=\['float'\]; expected one of"),
    ("exp", [X], {"base": 2}, r"exp: the attributes are base; expected exactly these: none"),
    ("transpose", [X], {"order": (2, 0, 1), "axis": 1}, r"the attributes are order, axis; expected exactly these: order"),
    ("transpose", [X], {"order": "201"}, r"transpose: order='201'; expected whole numbers"),
    ("split", [X], {}, r"split: the attributes are none; expected exactly these: parts"),
    ("split", [X], {"parts": 0}, r"split: parts=0; expected a whole number of at least 1"),
    ("concat", [X], {"axis": 1.0}, r"concat: axis=1\.0; expected a whole number"),
    ("softmax_cross_entropy", [X, X], {"weights": (), "clip": 0.0}, r"weights=\(\); expected None, or at least one number"),
    ("sum", [X], {"keepdims": 1}, r"sum: keepdims=1; expected True or False"),
    ("sum_to", [X], {"shape": 4}, r"sum_to: shape=4; expected a shape"),
    ("constant", [], {"value": "1"}, r"constant: value='1'; expected a number"),
    ("mask_columns", [W], {"values": ()}, r"mask_columns: values=\(\); expected at least one number"),
]


@pytest.mark.parametrize(("name", "types", "attributes", "message"), ATTRIBUTES)
def test_attributes_that_do_not_fit(name: str, types: list[TensorType], attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(name, types, attributes)


def test_an_unknown_op_and_a_wrong_number_of_operands() -> None:
    with pytest.raises(GraphError, match=r"there is no op 'gemm'; ops are abs, activation, add"):
        infer("gemm", [X], {})
    with pytest.raises(GraphError, match=r"add takes 2 operands, not 1"):
        infer("add", [X], {})


def test_what_fits_at_the_edges() -> None:
    assert infer("row", [floats(3, 4)], {"index": -3}) == (floats(4),)
    assert infer("unsqueeze", [X], {"axis": 3}) == (floats(T, N, 4, 1),)
    assert infer("unsqueeze", [X], {"axis": -4}) == (floats(1, T, N, 4),)
    assert infer("add", [NUMBERS, NUMBERS], {}) == (NUMBERS,)
    assert infer("sum_to", [X], {"shape": ()}) == (floats(),)
    assert infer("split_steps", [X], {"count": 3}) == (floats(T + (-3), N, 4), floats(3, N, 4))
    assert infer("concat", list(infer("split_steps", [NUMBERS], {"count": 3})), {"axis": 0}) == (NUMBERS,)
    assert infer("stop_gradient", [X], {}) == (X,)


# Recurrent ops. BODY takes xw [T, N, 4H], h and c [N, H], R [4H, H].

LOOP: dict[str, Any] = {"body": BODY, "reverse": False, "mask_mode": None}
HELD = {**LOOP, "mask_mode": "hold"}
XW, STATE, R = floats(T, N, 12), floats(N, 3), floats(12, 3)


def test_a_loop_gives_its_output_and_its_states() -> None:
    assert infer("recurrent", [XW, STATE, STATE, R], LOOP) == (floats(T, N, 3), STATE, STATE)
    assert infer("recurrent", [XW, STATE, STATE, R, MASK], HELD) == (floats(T, N, 3), STATE, STATE)
    masked = {**LOOP, "body": mask_body(BODY, "hold")}
    assert infer("recurrent", [XW, MASK, STATE, STATE, R], masked) == (floats(T, N, 3), STATE, STATE)
    frozen = [floats(T, 7, 12), floats(7, 3), floats(7, 3), R]
    assert infer("recurrent", frozen, LOOP) == (floats(T, 7, 3), floats(7, 3), floats(7, 3))


LABEL = r"lstm\(act=tanh, gate=sigmoid\)"
LOOPS: list[tuple[list[TensorType], dict[str, Any], str]] = [
    ([XW, STATE, STATE, R, X], HELD, rf"{LABEL}, the mask: expected bool\[T, N, 1\] with H=3, got \[T, N, 4\]; give an operand of"),
    ([XW, STATE, STATE, R, TensorType("bool", (T, 7, 1))], HELD, r"the mask: expected bool\[T, N, 1\] with H=3, got bool\[T, 7, 1\]"),
    ([XW, STATE, STATE, R, MASK], {**LOOP, "mask_mode": "foo"}, r"recurrent: mask_mode='foo'; expected one of None, 'hold', 'reset'"),
    ([XW, STATE, STATE, R], {"body": BODY, "mask_mode": None}, r"the attributes are body, mask_mode; expected exactly .* reverse"),
    ([XW, STATE, STATE, R], {**LOOP, "body": lstm}, r"recurrent: body=Cell\(.*; expected a cell's body, as trace gives it"),
    ([XW, STATE, STATE, R], HELD, rf"recurrent\(.*\): expected 5 operands for {LABEL} and a mask, a sequence \[T, N, \.\] first"),
    ([floats(12), STATE, STATE, R], LOOP, r"expected 4 operands for .*, a sequence \[T, N, \.\] first"),
    ([XW, TensorType("int64", (N, 3)), STATE, R], LOOP, rf"{LABEL}, operand 'h': expected \[N, H\] with H=3, got int64\[N, 3\]"),
    ([XW, floats(7, 3), STATE, R], LOOP, r"operand 'h': expected \[N, H\] with H=3, got \[7, 3\]"),
    ([XW, STATE, floats(7, 3), R], LOOP, r"operand 'c': expected \[N, H\] with H=3, got \[7, 3\]"),
    ([floats(T, 7, 12), STATE, STATE, R], LOOP, r"operand 'h': expected \[7, H\] with H=3, got \[N, 3\]"),
    ([XW, floats(N, 4), STATE, R], LOOP, r"operand 'h': expected \[N, H\] with H=3, got \[N, 4\]"),
    ([floats(T, N, 13), STATE, STATE, R], LOOP, r"operand 'xw': expected \[T, N, 4H\], got \[T, N, 13\]"),
    ([XW, STATE, STATE, floats(12, N)], LOOP, r"operand 'R': expected \[4H, H\] with H=3, got \[12, N\]"),
]


@pytest.mark.parametrize(("types", "attributes", "message"), LOOPS)
def test_a_loop_that_does_not_fit(types: list[TensorType], attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer("recurrent", types, attributes)


FUSED: dict[str, Any] = {"activation": "tanh", "gate_activation": "sigmoid", "peephole": False, "reverse": False, "mask_mode": None}
OF_LSTM = [X, floats(12, 4), R, floats(12), STATE, STATE]


def test_a_fused_lstm_gives_its_output_and_its_states() -> None:
    want = (floats(T, N, 3), STATE, STATE)
    assert infer("lstm", OF_LSTM, FUSED) == want
    assert infer("lstm", [*OF_LSTM, floats(3, 3), MASK], {**FUSED, "peephole": True, "mask_mode": "reset"}) == want


@pytest.mark.parametrize(
    ("place", "type_"),
    [
        (0, floats(N, 4)),
        (0, NUMBERS),
        (1, floats(12, 5)),
        (1, floats(8, 4)),
        (2, floats(12, 4)),
        (3, floats(5)),
        (4, floats(N, 4)),
        (4, floats(7, 3)),
        (5, TensorType("int64", (N, 3))),
        (5, floats(N, 4)),
    ],
)
def test_an_operand_of_an_lstm_that_does_not_fit(place: int, type_: TensorType) -> None:
    types = [type_ if k == place else t for k, t in enumerate(OF_LSTM)]
    message = r"lstm\(.*\): expected x \[T, N, I\], W \[4H, I\], R \[4H, H\], b \[4H\], h \[N, H\], c \[N, H\]$"
    with pytest.raises(GraphError, match=message):
        infer("lstm", types, FUSED)


@pytest.mark.parametrize(
    ("changes", "extra", "message"),
    [
        ({"peephole": True}, [], r"c \[N, H\], P \[3, H\]$"),
        ({"mask_mode": "hold"}, [], r"c \[N, H\], mask bool\[T, N, 1\]$"),
        ({}, [MASK], r"c \[N, H\]$"),
        ({"peephole": True, "mask_mode": "hold"}, [floats(3, 3), X], r"c \[N, H\], P \[3, H\], mask bool\[T, N, 1\]$"),
        ({"peephole": True}, [floats(2, 3)], r"P \[3, H\]$"),
        ({"activation": "tahn"}, [], r"lstm: activation='tahn'; expected an activation as nodes spell it"),
        ({"peephole": None}, [], r"lstm: peephole=None; expected True or False"),
    ],
)
def test_an_lstm_without_the_operands_of_its_attributes(changes: dict[str, Any], extra: list[TensorType], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer("lstm", [*OF_LSTM, *extra], {**FUSED, **changes})


OF_GRU = [X, floats(9, 4), floats(9, 3), floats(9), floats(9), floats(N, 3)]
FUSED_GRU = {"activation": "tanh", "gate_activation": "sigmoid", "reset_after": True, "reverse": False, "mask_mode": None}


def test_a_fused_gru_gives_its_output_and_state() -> None:
    want = (floats(T, N, 3), floats(N, 3))
    assert infer("gru", OF_GRU, FUSED_GRU) == want
    assert infer("gru", [*OF_GRU, MASK], {**FUSED_GRU, "mask_mode": "hold"}) == want
    assert infer("gru", [*OF_GRU[:4], OF_GRU[5]], {**FUSED_GRU, "reset_after": False}) == want


@pytest.mark.parametrize("position", range(6))
def test_each_operand_of_a_fused_gru_is_checked(position: int) -> None:
    types = [*OF_GRU[:position], floats(T, N, 7) if position == 0 else floats(5, 5), *OF_GRU[position + 1 :]]
    with pytest.raises(GraphError, match=r"gru\(.*\): expected x \[T, N, I\], W \[3H, I\], R \[3H, H\], b \[3H\], bR \[3H\], h \[N, H\]$"):
        infer("gru", types, FUSED_GRU)


def test_a_fused_gru_takes_a_mask_where_it_says_so() -> None:
    with pytest.raises(GraphError, match=r"h \[N, H\], mask bool\[T, N, 1\]$"):
        infer("gru", OF_GRU, {**FUSED_GRU, "mask_mode": "reset"})
    with pytest.raises(GraphError, match=r"expected x \[T, N, I\], W \[3H, I\], R \[3H, H\], b \[3H\], h \[N, H\]$"):
        infer("gru", OF_GRU, {**FUSED_GRU, "reset_after": False})
