"""The memory of a plan: one tensor a storage, and what each value is of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from rnngraph.backends.torch.codegen import Plan, Storage, View
from rnngraph.ir.graph import Value
from rnngraph.ir.types import evaluate

torch.empty((1 << 25) - (1 << 16), dtype=torch.uint8)
# Never touched, so it costs nothing. The C library (glibc) gives memory back to the system when more of it is free than twice the largest
# block ever freed. A training step frees more than that in buffers of a few MB, and the next one had all of it handed out and zeroed again,
# page by page: a sixth of its time at H=256, N=32, T=50. Freeing a block of 32 MB, the largest that counts, ends that.

Tensors = dict[Storage, Tensor]
_TORCH_TYPES = {"bool": torch.bool, "int64": torch.int64}


class Buffers:
    """The tensors of a plan's storages, of the data type and on the device of ``like``; a piece has ``piece`` of the steps.

    Two plans that share storages share ``tensors``.
    """

    def __init__(self, plan: Plan, steps: int, rows: int, sizes: dict[str, int], like: Tensor, piece: int = 1) -> None:
        self.plan, self.steps, self.rows, self.sizes, self.like, self.piece = plan, steps, rows, sizes, like, piece
        self.tensors: Tensors = {}
        self._steps: dict[View, list[Tensor]] = {}

    def tensor(self, storage: Storage) -> Tensor:
        """The storage's tensor, allocated on first use."""
        if storage not in self.tensors:
            lead = {"full": (self.steps,), "piece": (self.piece,), "state": (self.steps + 1,), "swap": (2,), "scratch": ()}[storage.kind]
            dtype = _TORCH_TYPES.get(storage.element, self.like.dtype)
            self.tensors[storage] = self.like.new_empty(*lead, self.rows, evaluate(storage.width, self.sizes), dtype=dtype)
        return self.tensors[storage]

    def all_steps(self, v: Value) -> Tensor:
        """A value that is kept, for all steps [T, N, .], or for those of a piece."""
        view = self.plan.views[v]
        tensor = view.of(self.tensor(view.storage), self.sizes)
        return tensor[view.offset : self.steps + view.offset] if view.storage.kind == "state" else tensor

    def allocate(self, values: Iterable[Value]) -> None:
        """Make the tensors of these values now."""
        for v in values:
            self.tensor(self.plan.views[v].storage)

    def per_step(self, v: Value) -> list[Tensor]:
        """A value's tensor at each step."""
        view: View = self.plan.views[v]
        if view.storage.kind == "scratch":
            return [view.of(self.tensor(view.storage), self.sizes)] * self.steps
        parts = self._unbound(view)
        if view.storage.kind == "given" and parts[0].dim() < 2:
            return [self.tensor(view.storage)] * self.steps
        if len(parts) < self.steps:  # each piece uses the same ones anew
            return (parts * -(-self.steps // len(parts)))[: self.steps]
        if view.offset < 0:
            return [torch.zeros_like(parts[0]), *parts[:-1]]
        return parts[view.offset : self.steps + view.offset]

    def _unbound(self, view: View) -> list[Tensor]:
        """The columns of a view at each index of the first axis, made once for the state before a step and after it."""
        columns = replace(view, offset=0)
        if columns not in self._steps:
            self._steps[columns] = list(view.of(self.tensor(view.storage), self.sizes).unbind(0))
        return self._steps[columns]
