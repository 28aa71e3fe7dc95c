"""Losses as DL4J defines them (``org.nd4j.linalg.lossfunctions.impl``): values of each output, or of each row.

Where DL4J's gradient is not the derivative of its score, which clips, the value passes through ``straight_through`` with another
expression's gradient.
"""

from __future__ import annotations

from collections.abc import Callable

from rnngraph.conf.losses import CLIP_EPS, CROSS_ENTROPIES, Loss, with_options
from rnngraph.ir.cell import absolute, greater, less, log, maximum, minimum, sqrt, sum_last, where
from rnngraph.ir.graph import Value

NORM_FLOOR = 1e-5
KL_FLOOR = 1e-5
NEUTRAL = 0.5
"""A number that every loss takes for output and label; it stands where outputs do not count."""


def loss_values(loss: str | Loss, activation: str, z: Value, y: Value, labels: Value) -> Value:
    """The loss of every output [..., C], or where outputs have one in common of every row [..., 1] or [...].

    z, y = activation(z) and labels are [..., C].
    """
    chosen = with_options(loss)
    clip = chosen.clip_eps or CLIP_EPS.get(chosen.name, 0.0)
    if couples_outputs(loss, activation):
        if chosen.name == "cosine_proximity":
            return _cosine_proximity(y, labels)
        return z.block.add("softmax_cross_entropy", [z, labels], "losses", weights=chosen.weights, clip=clip)
    values = _xent(y, labels, clip) if chosen.name == "xent" else VALUES[chosen.name](y, labels)
    return values if chosen.weights is None else values.block.add("scale_features", [values], values=chosen.weights)


def couples_outputs(loss: str | Loss, activation: str) -> bool:
    """Whether the loss is one of whole rows, of which no single output can be masked."""
    name = with_options(loss).name
    return name == "cosine_proximity" or (name in CROSS_ENTROPIES and activation == "softmax")


def per_output_misfit(loss: str | Loss, activation: str) -> str:
    """Why single outputs of a row cannot be masked, where :func:`couples_outputs`."""
    name = with_options(loss).name
    if name == "cosine_proximity":
        return f"single outputs are masked, but loss={name!r} is an angle of whole rows; mask rows or steps"
    return (
        f"single outputs are masked, but with activation={activation!r} and loss={name!r} the outputs of a row are one decision; "
        "mask rows or steps, or use activation='sigmoid' and loss='xent'"
    )


def _straight_through(value: Value, through: Value) -> Value:
    """``value`` with the gradient of ``through``."""
    return value.block.add("straight_through", [value, through])


def _width(labels: Value) -> float:
    """The number of classes or targets, which is always a number."""
    width = labels.shape[-1]
    assert isinstance(width, int)
    return float(width)


def _times_log(labels: Value, y: Value) -> Value:
    """``labels · ln y``, where 0 · ln 0 is 0, in the gradient as well."""
    return labels * log(where(greater(absolute(labels), 0.0), y, 1.0))


def _cross_entropy(y: Value, labels: Value) -> Value:
    return -_times_log(labels, y)


def _xent(y: Value, labels: Value, clip: float) -> Value:
    """``-(t ln y + (1 - t) ln(1 - y))``, y clipped; the gradient is taken at the clipped y."""
    clipped = _straight_through(maximum(minimum(y, 1.0 - clip), clip), y)
    return -(labels * log(clipped) + (1.0 - labels) * log(1.0 - clipped))


def _kl_divergence(y: Value, labels: Value) -> Value:
    """``t ln(t / y)``, both clipped in the value; the gradient is ``-t / y``."""
    t, p = (maximum(minimum(v, 1.0), KL_FLOOR) for v in (labels, y))
    return _straight_through(t * (log(t) - log(p)), -_times_log(labels, y))


def _squared(y: Value, labels: Value) -> Value:
    rest = labels - y
    return rest * rest


def _absolute(y: Value, labels: Value) -> Value:
    return absolute(labels - y)


def _mean(values: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    """Divided by the number of outputs."""
    return lambda y, labels: values(y, labels) / _width(labels)


def _percentage(y: Value, labels: Value) -> Value:
    return 100.0 * absolute((labels - y) / labels)


def _squared_logarithm(y: Value, labels: Value) -> Value:
    ratio = log((y + 1.0) / (labels + 1.0))
    return ratio * ratio


def _hinge(y: Value, labels: Value) -> Value:
    rest = 1.0 - labels * y
    return where(less(rest, 0.0), 0.0, rest)


def _squared_hinge(y: Value, labels: Value) -> Value:
    hinge = _hinge(y, labels)
    return hinge * hinge


def _poisson(y: Value, labels: Value) -> Value:
    return y - _times_log(labels, y)


def _product(y: Value, labels: Value) -> Value:
    return labels * y


def _cosine_proximity(y: Value, labels: Value) -> Value:
    """Minus the cosine of the angle between y and labels, their norms at least 1e-5."""
    norms = [sqrt(maximum(sum_last(v * v), NORM_FLOOR**2)) for v in (y, labels)]
    return -sum_last(labels * y) / (norms[0] * norms[1])


VALUES: dict[str, Callable[[Value, Value], Value]] = {
    **dict.fromkeys(CROSS_ENTROPIES, _cross_entropy),
    "hinge": _hinge,
    "kl_divergence": _kl_divergence,
    "l1": _absolute,
    "l2": _squared,
    "mean_absolute_error": _mean(_absolute),
    "mean_absolute_percentage_error": _mean(_percentage),
    "mean_squared_logarithmic_error": _mean(_squared_logarithm),
    "mse": _mean(_squared),
    "poisson": _poisson,
    "squared_hinge": _squared_hinge,
    "wasserstein": _mean(_product),
}
"""(y, labels) -> the loss of every output, for the losses that need no more."""
