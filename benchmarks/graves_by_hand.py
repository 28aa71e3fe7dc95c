"""A GravesLSTM as one writes it by hand for speed in plain torch: a peer for the generated loops.

Preallocated buffers, all views made before the loop, R transposed once, the factors of the backward that hold no running gradient for all
steps at once, one product a step, one for the gradient of R. Gates i, f, g, o; peepholes i, f, o.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class GravesByHand(torch.autograd.Function):
    """pre = x Wᵀ + b [T, N, 4H], R [4H, H], P [3, H] -> h [T, N, H], from zero states."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, R: Tensor, P: Tensor) -> Tensor:
        """Gates are computed in their own place."""
        steps, n, h = len(pre), pre.shape[1], R.shape[1]
        z, hs, cs = pre.clone(), pre.new_zeros(steps + 1, n, h), pre.new_zeros(steps + 1, n, h)
        tanh_c, turned = pre.new_empty(steps, n, h), R.t().contiguous()
        i, f, g, o = (part.unbind(0) for part in torch.split(z, h, -1))
        both, zs, h_at, c_at, t_at = z[..., : 2 * h].unbind(0), z.unbind(0), hs.unbind(0), cs.unbind(0), tanh_c.unbind(0)
        with torch.inference_mode():
            for t in range(steps):
                c, c_next = c_at[t], c_at[t + 1]
                zs[t].addmm_(h_at[t], turned)
                i[t].addcmul_(P[0], c)
                f[t].addcmul_(P[1], c)
                torch.sigmoid(both[t], out=both[t])
                torch.tanh(g[t], out=g[t])
                torch.mul(i[t], g[t], out=c_next)
                c_next.addcmul_(f[t], c)
                o[t].addcmul_(P[2], c_next)
                torch.sigmoid(o[t], out=o[t])
                torch.tanh(c_next, out=t_at[t])
                torch.mul(o[t], t_at[t], out=h_at[t + 1])
        ctx.save_for_backward(z, hs, cs, tanh_c, R, P)
        return hs[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        """dc += dh·a, dz of o = dh·of_o, dz of i, f, g = dc·of_ifg, dc before = dc·kept."""
        z, hs, cs, tanh_c, R, P = ctx.saved_tensors
        steps, n, h = tanh_c.shape
        i, f, g, o = torch.split(z, h, -1)
        of_o = tanh_c * o * (1 - o)
        a = o * (1 - tanh_c * tanh_c) + of_o * P[2]
        of_ifg = z.new_empty(steps, n, 3, h)
        torch.mul(g, i * (1 - i), out=of_ifg[:, :, 0])
        torch.mul(cs[:-1], f * (1 - f), out=of_ifg[:, :, 1])
        torch.mul(i, 1 - g * g, out=of_ifg[:, :, 2])
        kept = f + of_ifg[:, :, 0] * P[0] + of_ifg[:, :, 1] * P[1]
        dz, dh, dc = torch.empty_like(z), gradients[0].clone(), z.new_zeros(n, h)
        dz_at, dh_at, a_at, kept_at, o_at, ifg_at = (t.unbind(0) for t in (dz, dh, a, kept, of_o, of_ifg))
        dz_o, dz_ifg = dz[..., 3 * h :].unbind(0), dz[..., : 3 * h].view(steps, n, 3, h).unbind(0)
        with torch.inference_mode():
            for t in reversed(range(steps)):
                torch.mul(dh_at[t], o_at[t], out=dz_o[t])
                dc.addcmul_(dh_at[t], a_at[t])
                torch.mul(dc.unsqueeze(1), ifg_at[t], out=dz_ifg[t])
                if t:
                    dh_at[t - 1].addmm_(dz_at[t], R)
                dc.mul_(kept_at[t])
        dR = dz.flatten(0, 1).t() @ hs[:-1].flatten(0, 1)
        di, df, _, do = torch.split(dz, h, -1)
        dP = torch.stack([(d * c).sum((0, 1)) for d, c in ((di, cs[:-1]), (df, cs[:-1]), (do, cs[1:]))])
        return dz, dR, dP
