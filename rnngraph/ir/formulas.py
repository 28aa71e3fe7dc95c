"""The activations' formulas in primitives, with their derivatives.

A function ``name`` gives y from x, ``name_slope`` gives dy/dx from (x, y). Which of the two a slope reads is told where it is entered
(``rnngraph.ir.activations``): y is at hand for free, x costs a buffer in training, so slopes use y where they can. Definitions: DL4J's
(``org.nd4j.linalg.activations``) except where ``docs/differences.md`` says otherwise. All forms have the same bits whatever the shape in
onnxruntime, and overflow nowhere.
"""

from __future__ import annotations

from rnngraph.ir.cell import absolute, activation, exp, greater, less, maximum, minimum, sum_last, where
from rnngraph.ir.graph import Value

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
GELU_RATE = 1.702
GELU_TANH_RATE, GELU_CUBIC = 0.7978845608028654, 0.044715
"""√(2/π), and the coefficient of the cube (Hendrycks and Gimpel 2016)."""
LARGE = 20.0
"""Where ``tanh(ln(1 + e^x))`` is 1 in float64 too, and ``e^(4x)`` still fits float32."""


def sigmoid(x: Value) -> Value:
    """``1 / (1 + e^-x)``."""
    return 1.0 / (1.0 + exp(-x))


def tanh(x: Value) -> Value:
    """``2 sigmoid(2x) - 1``."""
    return 2.0 * sigmoid(2.0 * x) - 1.0


def _named(name: str, x: Value) -> Value:
    """Another activation of x, by the op that a backend has for it."""
    return activation(x, name=name)


def cube(x: Value) -> Value:
    """``x³``."""
    return x * x * x


def cube_slope(x: Value, y: Value) -> Value:
    """``3x²``."""
    return 3.0 * (x * x)


def elu(x: Value, alpha: float) -> Value:
    """x above 0, ``α(e^x - 1)`` below, by a sum of both parts: one of them is 0."""
    negative = exp(minimum(x, 0.0)) - 1.0
    return (negative if alpha == 1.0 else alpha * negative) + maximum(x, 0.0)


def elu_slope(x: Value, y: Value, alpha: float) -> Value:
    """1 above 0, ``α e^x = y + α`` below."""
    return minimum(y, 0.0) + 1.0 if alpha == 1.0 else where(less(y, 0.0), y + alpha, 1.0)


def selu(x: Value) -> Value:
    """``λx`` above 0, ``λα(e^x - 1)`` below."""
    return (SELU_SCALE * SELU_ALPHA) * (exp(minimum(x, 0.0)) - 1.0) + SELU_SCALE * maximum(x, 0.0)


def selu_slope(x: Value, y: Value) -> Value:
    """``λ`` above 0, ``λα e^x = y + λα`` below and at 0."""
    return where(greater(y, 0.0), SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


def hardsigmoid(x: Value) -> Value:
    """``0.2x + 0.5`` between 0 and 1."""
    return maximum(minimum(0.2 * x + 0.5, 1.0), 0.0)


def hardsigmoid_slope(x: Value, y: Value) -> Value:
    """0.2 inside."""
    return where(greater(0.5 - absolute(y - 0.5), 0.0), 0.2, 0.0)


def hardtanh(x: Value) -> Value:
    """x between -1 and 1."""
    return maximum(minimum(x, 1.0), -1.0)


def hardtanh_slope(x: Value, y: Value) -> Value:
    """1 inside."""
    return where(less(absolute(y), 1.0), 1.0, 0.0)


def leaky(x: Value, slope: float) -> Value:
    """x from 0 on, ``slope · x`` below."""
    return where(less(x, 0.0), slope * x, x)


def leaky_slope(x: Value, y: Value, slope: float) -> Value:
    """1 from 0 on, ``slope`` below; y tells which as long as the slope is positive."""
    return where(less(y if slope > 0.0 else x, 0.0), slope, 1.0)


def rationaltanh(x: Value) -> Value:
    """``1.7159 tanh(v)`` with ``v = 2x / 3`` and tanh approximated by ``sign(v) (1 - 1/d)``, ``d = 1 + |v| + v² + 1.41645 v⁴``.

    Written as ``v (1 + |v| + 1.41645 |v|³) / d``, which loses nothing near 0 and has its derivative there.
    """
    v = x * (2.0 / 3.0)
    a = absolute(v)
    square = v * v
    shared = 1.0 + a
    return 1.7159 * (v * (shared + 1.41645 * (a * square)) / (shared + square + 1.41645 * (square * square)))


def rationaltanh_slope(x: Value, y: Value) -> Value:
    """The exact derivative; 1.7159 · 2/3 at 0."""
    a = absolute(x * (2.0 / 3.0))
    square = a * a
    inverse = 1.0 / (1.0 + a + square + 1.41645 * (square * square))
    return (1.7159 * 2.0 / 3.0) * ((1.0 + 2.0 * a + (4.0 * 1.41645) * (square * a)) * inverse * inverse)


def rectifiedtanh(x: Value) -> Value:
    """``max(0, tanh x)``."""
    return maximum(_named("tanh", x), 0.0)


def rectifiedtanh_slope(x: Value, y: Value) -> Value:
    """``1 - y²`` above 0."""
    return where(greater(y, 0.0), 1.0 - y * y, 0.0)


def relu(x: Value, max: float | None, threshold: float, negative_slope: float) -> Value:
    """x from ``threshold`` on, ``negative_slope · (x - threshold)`` below, ``max`` at most."""
    if threshold == 0.0:
        y = maximum(x, 0.0) if negative_slope == 0.0 else leaky(x, negative_slope)
    else:
        y = where(less(x, threshold), negative_slope * (x - threshold), x)
    return y if max is None else minimum(y, max)


def relu_slope(x: Value, y: Value, max: float | None, threshold: float, negative_slope: float) -> Value:
    """1 from ``threshold`` on (above it where it is 0 and flat), ``negative_slope`` below, 0 where y reaches ``max``."""
    if threshold == 0.0 and negative_slope == 0.0:
        slope = where(greater(x, 0.0), 1.0, 0.0)
    else:
        slope = where(less(x, threshold), negative_slope, 1.0)
    return slope if max is None else where(less(y, max), slope, 0.0)


def relu6(x: Value) -> Value:
    """x between 0 and 6."""
    return minimum(maximum(x, 0.0), 6.0)


def relu6_slope(x: Value, y: Value) -> Value:
    """1 strictly inside."""
    return where(less(absolute(y - 3.0), 3.0), 1.0, 0.0)


def thresholdedrelu(x: Value, theta: float) -> Value:
    """x above ``theta``, else 0."""
    return where(greater(x, theta), x, 0.0)


def thresholdedrelu_slope(x: Value, y: Value, theta: float) -> Value:
    """1 above ``theta``; y tells it as long as ``theta`` is not negative."""
    return where(greater(y, 0.0) if theta >= 0.0 else greater(x, theta), 1.0, 0.0)


def softmax(x: Value) -> Value:
    """Over the last axis, without the shift by its maximum, which only guards against overflow: backends have an op of their own."""
    e = exp(x)
    return e / sum_last(e)


def softmax_pullback(y: Value, g: Value) -> Value:
    """The gradient of x from y and y's."""
    return y * (g - sum_last(g * y))


def softplus(x: Value, levels: int) -> Value:
    """``ln(1 + e^x) = max(x, 0) + ln(1 + u)`` with ``u = e^-|x|``, which is at most 1.

    ``ln(1 + u) = 2 artanh(s)``, ``s = u / (2 + u)``, by Gauss's continued fraction
    ``artanh(s) = s / (1 - s²/(3 - 4s²/(5 - 9s²/(7 - ...))))``, cut after ``levels``: each makes the error 34 times smaller or more. The
    relative error stays at a few roundings however small the result is.
    """
    u = exp(-absolute(x))
    s = u / (u + 2.0)
    square = s * s
    k = levels
    rest: Value = (2.0 * k - 1.0) - square * (k * k / (2.0 * k + 1.0))
    for k in range(levels - 1, 0, -1):
        rest = (2.0 * k - 1.0) - (float(k * k) * square if k > 1 else square) / rest
    return maximum(x, 0.0) + 2.0 * s / rest


def softplus_slope(x: Value, y: Value) -> Value:
    """``sigmoid(x) = 1 - e^-y``."""
    return 1.0 - exp(-y)


def softsign(x: Value) -> Value:
    """``x / (1 + |x|)``."""
    return x / (1.0 + absolute(x))


def softsign_slope(x: Value, y: Value) -> Value:
    """``(1 - |y|)²``."""
    rest = 1.0 - absolute(y)
    return rest * rest


def swish(x: Value, rate: float = 1.0) -> Value:
    """``x sigmoid(rate · x)``."""
    return x * _named("sigmoid", x if rate == 1.0 else rate * x)


def swish_slope(x: Value, y: Value, rate: float = 1.0) -> Value:
    """``s + rate · y (1 - s)`` with ``s = sigmoid(rate · x)``."""
    s = _named("sigmoid", x if rate == 1.0 else rate * x)
    return s + (y if rate == 1.0 else rate * y) * (1.0 - s)


def _gelu_argument(x: Value) -> Value:
    return GELU_TANH_RATE * (x + GELU_CUBIC * (x * x * x))


def gelu_tanh(x: Value) -> Value:
    """``x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))``."""
    return 0.5 * x * (1.0 + _named("tanh", _gelu_argument(x)))


def gelu_tanh_slope(x: Value, y: Value) -> Value:
    """The exact derivative."""
    t = _named("tanh", _gelu_argument(x))
    inner = GELU_TANH_RATE * (1.0 + (3.0 * GELU_CUBIC) * (x * x))
    return 0.5 * (1.0 + t) + 0.5 * x * ((1.0 - t * t) * inner)


def mish(x: Value) -> Value:
    """``x tanh(ln(1 + e^x)) = x n / (n + 2)`` with ``n = w(w + 2)``, ``w = e^x``: neither logarithm nor tanh is needed."""
    w = exp(minimum(x, LARGE))
    n = w * (w + 2.0)
    return x * (n / (n + 2.0))


def mish_slope(x: Value, y: Value) -> Value:
    """``n / (n + 2) + x · 4w(w + 1) / (n + 2)²``."""
    w = exp(minimum(x, LARGE))
    n = w * (w + 2.0)
    inverse = 1.0 / (n + 2.0)
    return n * inverse + x * (4.0 * w * (w + 1.0) * inverse * inverse)
