"""The soak in a short form; ``python -m tests.runtime.soak`` is the long one."""

from __future__ import annotations

import pytest

from rnngraph.runtime.rows import Rows
from tests.runtime.files import File, Spec
from tests.runtime.soak import Soak


@pytest.mark.parametrize("seed", range(2))
def test_random_operations_on_a_pool(seed: int, file: File) -> None:
    soak = Soak(file(Spec(fragile=True)), seed)
    soak.run(2500)
    assert min(soak.done.values()) > 50
    assert soak.pool.capacity >= 16
    assert max(steps for _, steps in soak.model.streams.values()) > 50


@pytest.mark.parametrize("method", ["move", "keep", "begin"])
def test_a_pool_that_is_wrong_is_found(method: str, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rows, method, lambda *_: None)
    with pytest.raises(AssertionError):
        Soak(file(Spec(fragile=True))).run(500)
