"""Ops that go over the time axis, as loops over steps and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rnngraph.backends.reference.activations import function
from rnngraph.backends.reference.types import Array, Attributes, Row
from rnngraph.ir.graph import Body

Step = Callable[[list[Array], list[Array]], tuple[Array, list[Array]]]
"""(slices of the sequences at one step, states) -> (output, next states)."""


def recurrent(table: dict[str, Row], inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Any cell: its body, interpreted op by op through ``table``, once a step."""
    body: Body = attributes["body"]
    a, b = len(body.sequences), len(body.sequences) + len(body.states)
    sequences, states, weights = list(inputs[:a]), list(inputs[a:b]), list(inputs[b : b + len(body.weights)])

    def step(x: list[Array], s: list[Array]) -> tuple[Array, list[Array]]:
        values = dict(zip((*body.sequences, *body.states, *body.weights), (*x, *s, *weights), strict=True))
        for node in body.nodes:
            values.update(zip(node.outputs, table[node.op]([values[v] for v in node.inputs], node.attributes), strict=True))
        y, *following = (values[v] for v in body.results)
        return y, following

    return _over_time(step, sequences, states, inputs[-1], attributes)


def lstm(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The LSTM's equations as Graves (2013, eqs. 7-11) has them; without ``peephole`` P is 0."""
    x, w, r, bias, h, c = inputs[:6]
    act, gate = function(attributes["activation"]), function(attributes["gate_activation"])
    p_i, p_f, p_o = inputs[6] if attributes["peephole"] else np.zeros((3, h.shape[1]))

    def step(x: list[Array], s: list[Array]) -> tuple[Array, list[Array]]:
        h, c = s
        z_i, z_f, z_g, z_o = np.split(x[0] @ w.T + h @ r.T + bias, 4, axis=1)
        i = gate(z_i + p_i * c)
        f = gate(z_f + p_f * c)
        c = f * c + i * act(z_g)
        o = gate(z_o + p_o * c)
        h = o * act(c)
        return h, [h, c]

    return _over_time(step, [x], [h, c], inputs[-1], attributes)


def gru(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The GRU's equations as torch.nn.GRU's documentation has them; without ``reset_after`` as Cho et al. (2014, eqs. 5-8) have them."""
    x, w, r, bias, *rest = inputs
    h_bias, h = (rest[0], rest[1]) if attributes["reset_after"] else (np.zeros_like(bias), rest[0])
    act, gate = function(attributes["activation"]), function(attributes["gate_activation"])
    w_r, w_z, w_n = np.split(w, 3)
    r_r, r_z, r_n = np.split(r, 3)
    b_r, b_z, b_n = np.split(bias, 3)
    c_r, c_z, c_n = np.split(h_bias, 3)

    def step(x: list[Array], s: list[Array]) -> tuple[Array, list[Array]]:
        (v,), (h,) = x, s
        reset = gate(v @ w_r.T + b_r + h @ r_r.T + c_r)
        z = gate(v @ w_z.T + b_z + h @ r_z.T + c_z)
        recurrent = reset * (h @ r_n.T + c_n) if attributes["reset_after"] else (reset * h) @ r_n.T
        h = (1.0 - z) * act(v @ w_n.T + b_n + recurrent) + z * h
        return h, [h]

    return _over_time(step, [x], [h], inputs[-1], attributes)


def _over_time(step: Step, sequences: list[Array], states: list[Array], mask: Array, attributes: Attributes) -> tuple[Array, ...]:
    """Run ``step`` over all steps; at masked ones the output is 0 and the states are kept ("hold") or become 0 ("reset")."""
    mode, length = attributes["mask_mode"], len(sequences[0])
    outputs: dict[int, Array] = {}
    for t in reversed(range(length)) if attributes["reverse"] else range(length):
        if mode is None:
            outputs[t], states = step([s[t] for s in sequences], states)
            continue
        real = mask[t]  # [N, 1]
        y, following = step([np.where(real, s[t], 0) for s in sequences], states)
        outputs[t] = np.where(real, y, 0.0)
        states = [np.where(real, new, old if mode == "hold" else 0.0) for new, old in zip(following, states, strict=True)]
    return np.stack([outputs[t] for t in range(length)]), *states


def _steps_of(mask: Array) -> Iterator[tuple[int, list[int], list[int]]]:
    """For each row of a mask [T, N, 1]: its number, its real steps, its masked steps."""
    for n in range(mask.shape[1]):
        real = [t for t in range(len(mask)) if mask[t, n, 0]]
        yield n, real, [t for t in range(len(mask)) if t not in real]


def pack_index(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """Both orders keep the steps' own order: real steps, then masked ones; with ``reverse`` masked steps, then real ones."""
    (mask,) = inputs
    source = np.zeros(mask.shape[:2], np.int64)
    destination = np.zeros_like(source)
    last = np.zeros(mask.shape[1], np.int64)
    for n, real, masked in _steps_of(mask):
        order = [*masked, *real] if attributes["reverse"] else [*real, *masked]
        source[:, n] = order
        destination[order, n] = range(len(order))
        last[n] = len(masked) if attributes["reverse"] else len(real)
    return source, destination, last


def last_index(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """1 + the last real step, 0 where there is none."""
    (mask,) = inputs
    last = np.zeros(mask.shape[1], np.int64)
    for n, real, _ in _steps_of(mask):
        last[n] = 1 + real[-1] if real else 0
    return (last,)


def first_index(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """The first real step, T where there is none."""
    (mask,) = inputs
    first = np.zeros(mask.shape[1], np.int64)
    for n, real, _ in _steps_of(mask):
        first[n] = real[0] if real else len(mask)
    return (first,)


def gather_steps(inputs: Sequence[Array], attributes: Attributes) -> tuple[Array, ...]:
    """For each row its own steps."""
    x, index = inputs
    return (np.stack([np.stack([x[t, n] for n, t in enumerate(row)]) for row in index]),)
