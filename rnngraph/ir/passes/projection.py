"""The product that a fused cell takes over."""

from __future__ import annotations

from rnngraph.ir.graph import Value


def projection(xw: Value) -> tuple[Value, Value, Value] | None:
    """(x, W, b) where the value is ``linear(x, W) + b`` over all steps, in either order; None where it is something else."""
    if xw.producer is None or xw.producer.op != "add":
        return None
    left, right = xw.producer.inputs
    for product, b in ((left, right), (right, left)):
        linear = product.producer
        if linear is not None and linear.op == "linear" and linear.inputs[0].type.rank == 3 and b.shape == xw.shape[-1:]:
            return (*linear.inputs, b)  # type: ignore[return-value]
    return None
