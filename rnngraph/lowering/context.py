"""What a layer's lowering works with: its parameters, buffers and states, the mask, and what is known of the value that flows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rnngraph.ir.activations import lookup
from rnngraph.ir.cell import greater, where
from rnngraph.ir.graph import Graph, Value
from rnngraph.ir.noise import UNIFORM, Law
from rnngraph.ir.types import Dim, N, floats
from rnngraph.lowering.flow import Flow, widened
from rnngraph.lowering.rates import ScheduledRate
from rnngraph.lowering.registry import buffers_of, parameters_of
from rnngraph.lowering.weight_noise import disturbed

if TYPE_CHECKING:
    from rnngraph.conf import Layer, NetworkConfiguration
    from rnngraph.conf.family import Family
    from rnngraph.conf.weight_noise import ParameterNoise


class Context:
    """The state of lowering one network, layer by layer.

    ``mask`` is the features mask, bool [T, N, 1], None without one and behind a layer that ends the time axis. ``clean`` says that the
    value that flows is 0 at masked steps. ``labels`` [T, N, C] or [N, C] and ``loss_mask`` (bool, as the labels with C = 1) are there in
    a training graph for an output layer, which adds to ``losses``. A recurrent layer whose output is one of its states sets ``final``:
    that state's key, and its value [N, H] after the last step that exists, which a held mask does not touch. A layer that makes a mask of
    its own leaves it in ``seen``. ``training`` says that the graph is the one that training differentiates, with noise and statistics of
    the minibatch. ``backward_steps`` is how many steps at the end recurrent layers learn from, None for all.

    Inside :meth:`direction`, ``reverse`` says whether time runs backwards.
    """

    def __init__(self, graph: Graph, config: NetworkConfiguration, training: bool = False, backward_steps: int | None = None) -> None:
        self.graph = graph
        self._config = config
        self.training = training
        self.backward_steps = backward_steps
        self.mask: Value | None = None
        self.clean = True
        self.labels: Value | None = None
        self.loss_mask: Value | None = None
        self.losses: list[Value] = []
        self.begun: dict[str, str] = {}
        """What the layer's states begin with, where that is a parameter or buffer: its key by the state's."""
        self.final: tuple[str, Value] | None = None
        self.seen: Value | None = None
        self.reverse = False
        self.next_states: list[tuple[str, Value, int]] = []
        self.buffer_updates: list[tuple[str, Value, int]] = []
        self.index = 0
        self._digits = 2 if len(config.layers) <= 100 else 3
        self._part = ""
        self._parameters: dict[str, Value] = {}
        self._noisy: dict[str, Value] = {}
        self._rates: dict[str, Value] = {}
        self._label = ""
        self._weight_noise: ParameterNoise | None = None
        self._buffers: dict[str, Value] = {}
        self._scope = ""
        self._whole: Value | None = None

    def enter(self, index: int) -> None:
        """Turn to layer or vertex ``index``: names and parameters are its own from here on."""
        self.index = index
        self.forget()
        layer, name, graph = self._config.layers[index], self._config.layer_names[index], self.graph
        graph.prefix = f"{name}."
        self._part = ""
        self._noisy, self._rates, self._parameters, self._buffers = {}, {}, {}, {}
        for p in parameters_of(layer):
            self._parameters[p.key] = graph.input(f"{name}.{p.key}", "parameter", floats(*p.shape), index)
        for b in buffers_of(layer):
            self._buffers[b.key] = graph.input(f"{name}.{b.key}", "buffer", floats(*b.shape), index)

    def turn(self, flow: Flow, part: int = 0) -> None:
        """Turn to what comes in. Of stacked examples each ``part`` has states and noise of its own, by the same parameters."""
        self.mask, self.clean = flow.mask, flow.clean
        self._part = f"_{part}" if part else ""
        self.forget()

    def turn_to(self, layer: Layer) -> None:
        """Let ``layer``, which has been entered or stands inside of that one, be the one whose weights are disturbed in training."""
        self._label = self._config.layer_label(self.index)
        self._weight_noise = vars(layer).get("weight_noise") if self.training else None  # layers without weights have none

    @property
    def label(self) -> str:
        """The layer or vertex in messages."""
        return self._config.layer_label(self.index)

    def forget(self) -> None:
        """Drop what the layer before has left: a new one begins."""
        self.final, self.seen = None, None
        self.begun.clear()

    @contextmanager
    def direction(self, key: str, x: Value, *, reverse: bool) -> Iterator[None]:
        """Within: the parameters are those under ``key`` (``3.backward.W``), and x [T, N, F] is a whole sequence (:meth:`whole`)."""
        scope, backwards, prefix = self._scope, self.reverse, self.graph.prefix
        self._scope, self.reverse, self.graph.prefix = f"{scope}{key}.", reverse, f"{prefix}{key}."
        with self.whole(x):
            yield
        self._scope, self.reverse, self.graph.prefix = scope, backwards, prefix

    @contextmanager
    def whole(self, x: Value) -> Iterator[None]:
        """Within: x [T, N, F] is a whole sequence, so that states begin inside the graph and are not carried to a next one."""
        before, self._whole = self._whole, x
        yield
        self._whole = before

    def parameter(self, key: str) -> Value:
        """The layer's parameter ``key``, as graph input ``3.W``; in training as its noise leaves it, the same wherever it is asked for."""
        name = self._scope + key
        if name not in self._noisy:
            clean, noise = self._parameters[name], self._weight_noise
            self._noisy[name] = clean if noise is None else disturbed(self, noise, key, clean)
        return self._noisy[name]

    def has(self, key: str) -> bool:
        """Whether the layer has a parameter ``key``."""
        return self._scope + key in self._parameters

    def buffer(self, key: str) -> Value:
        """The layer's buffer ``key``, as graph input ``3.mean``."""
        return self._buffers[self._scope + key]

    def update_buffer(self, key: str, value: Value) -> None:
        """Give the value of buffer ``key`` after this step of training."""
        self.buffer_updates.append((f"next_{self._config.layer_names[self.index]}.{key}", value, self.index))

    def noise(self, key: str, shape: tuple[Dim, ...], law: Law = UNIFORM) -> Value:
        """Numbers of ``law`` that are drawn anew for each step of training, as graph input ``noise_03_drop``."""
        return self.graph.noise(self._named("noise", key), floats(*shape), law, self.index)

    def rate(self, holder: Family, field: str, key: str) -> float | Value:
        """The number in ``field`` of ``holder``; where a schedule stands there, the graph input ``rate_03_drop``, of ``key`` "drop"."""
        given = getattr(holder, field)
        if isinstance(given, float):
            return given
        name = self._named("rate", key)
        if name not in self._rates:
            self._rates[name] = self.graph.rate(name, ScheduledRate(holder, field, self._label), self.index)
        return self._rates[name]

    def kept(self, share: float | Value, key: str, shape: tuple[Dim, ...]) -> Value:
        """Which of the elements of ``shape`` are kept, each with the probability ``share``; bool, drawn anew for each step of training."""
        return self.graph.add("greater", [share, self.noise(key, shape)], "kept")

    def _named(self, role: str, key: str) -> str:
        return f"{role}_{self.index:0{self._digits}d}_{self._scope}{key}{self._part if role != 'rate' else ''}"

    def state(self, key: str, shape: int | tuple[int, ...], initial: float = 0.0, start: str | None = None) -> Value:
        """The layer's state ``key`` [N, *shape], as graph input ``state_03_h``; each element begins at ``initial``.

        Where the layer has a parameter or buffer ``start``, each row begins as a copy of that. Where the sequence is whole the state is
        not an input but begins in the graph, at zeros or at ``start``, which noise on weights leaves alone.
        """
        name = f"{self._scope}{start}"
        source = None if start is None else self._parameters.get(name, self._buffers.get(name))
        if start is not None and source is not None:
            self.begun[key] = start
        if self._whole is not None:
            zeros = self.graph.add("zero_state", [self._whole], key, width=shape)
            return zeros if source is None else self.graph.add("add", [zeros, source], key)
        dims = (shape,) if isinstance(shape, int) else shape
        begins = None if source is None else f"{self._config.layer_names[self.index]}.{name}"
        return self.graph.input(self._state(key), "state", floats(N, *dims), self.index, initial, start=begins)

    def next_state(self, key: str, value: Value) -> None:
        """Give the new value of state ``key``, which nobody needs where the sequence is whole."""
        if self._whole is None:
            self.next_states.append((f"next_{self._state(key)}", value, self.index))

    def _state(self, key: str) -> str:
        return f"state_{self.index:0{self._digits}d}_{key}{self._part}"

    def cleaned(self, x: Value, mask_mode: str) -> Value:
        """``x`` with 0 at masked steps, whatever stands there (a product would let NaN through); as it is where the layer ignores masks."""
        if self.mask is None or self.clean or mask_mode == "ignore":
            return x
        return self.graph.add("where", [self.mask_for(x), x, 0.0], "clean")

    def mask_for(self, x: Value) -> Value:
        """The mask, which has to be there, with as many axes as ``x``: images have more than [T, N, F]."""
        assert self.mask is not None
        return widened(self.mask, x)


def activate(context: Context, z: Value, activation: object) -> Value:
    """``activation`` of z, by name or as configured; in training rrelu draws a slope for each value (Xu et al. 2015)."""
    meant = lookup(str(activation))
    if not (context.training and meant.name == "rrelu"):
        return context.graph.add("activation", [z], "y", name=str(activation))
    lower, upper = (float(meant.parameters[key] or 0.0) for key in ("lower", "upper"))
    slope = context.noise("slope", z.shape) * (upper - lower) + lower
    return where(greater(z, 0.0), z, z * slope)


def affine(context: Context, x: Value) -> Value:
    """``x · Wᵀ + b`` with the layer's own W and, if it has one, b."""
    product = context.graph.add("linear", [x, context.parameter("W")], "xW")
    return context.graph.add("add", [product, context.parameter("b")], "z") if context.has("b") else product
