"""A layer's product with its bias against torch's own, in float64."""

from __future__ import annotations

import pytest
import torch

from rnngraph.backends.torch.affine import affine


@pytest.mark.parametrize("width", [1, 12, 63, 64])
@pytest.mark.parametrize("shape", [(5,), (7, 3), (2, 7, 3)])
@pytest.mark.parametrize("passes_on", [True, False])
def test_value_and_gradients_are_those_of_linear(width: int, shape: tuple[int, ...], passes_on: bool) -> None:
    generator = torch.Generator().manual_seed(width)
    x, w, b, dz = (
        torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True)
        for s in [(*shape[::-1], width), (4, width), (4,), (*shape, 4)]
    )
    order = [*reversed(range(len(shape))), len(shape)]
    turned = (x if passes_on else x.detach()).permute(order)  # as features come, [N, F, T] seen as [T, N, F]
    ours, expected = affine(turned, w, b), torch.nn.functional.linear(x.permute(order), w, b)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    wanted = [x, w, b] if passes_on else [w, b]
    found = torch.autograd.grad(ours, wanted, dz)
    for gradient, oracle in zip(found, torch.autograd.grad(expected, wanted, dz), strict=True):
        torch.testing.assert_close(gradient, oracle, rtol=1e-12, atol=1e-12)
    assert all(gradient.is_contiguous() for gradient in found[-2:])  # as parameters are, or an updater goes through them one by one


def test_frozen_weights_and_inference() -> None:
    x, w, b = torch.randn(6, 3, requires_grad=True), torch.randn(4, 3), torch.randn(4)
    expected = x.detach() @ w.t() + b
    torch.testing.assert_close(affine(x, w, b).detach(), expected)
    (gradient,) = torch.autograd.grad(affine(x, w, b).sum(), x)
    torch.testing.assert_close(gradient, w.sum(0).expand(6, 3))
    with torch.no_grad():
        torch.testing.assert_close(affine(x, w.requires_grad_(), b.requires_grad_()), expected)


def test_the_result_may_be_written_over() -> None:
    """As a recurrent loop does, which owns it."""
    w, b = torch.ones(2, 3, requires_grad=True), torch.zeros(2, requires_grad=True)
    dw, db = torch.autograd.grad(affine(torch.ones(5, 4, 3), w, b).mul_(2.0).sum(), [w, b])
    assert dw.tolist() == [[40.0] * 3] * 2
    assert db.tolist() == [40.0] * 2


def test_under_autocast_it_is_as_short_as_any_product() -> None:
    x, w, b = torch.randn(6, 3), torch.randn(4, 3, requires_grad=True), torch.randn(4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = affine(x, w, b)
    assert y.dtype is torch.bfloat16
    (gradient,) = torch.autograd.grad(y.sum(), w)
    torch.testing.assert_close(gradient, x.sum(0).expand(4, 3), rtol=0.02, atol=0.05)
