"""A few rows are decided past Numba's look at types: however arrays lie, the bytes are the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import bandit
from bandit.core.types import Array

N, K, D = 40, 12, 8


def _lying(table: Array) -> Iterator[Array]:
    """The same numbers in other layouts, and where nobody may write."""
    yield np.asfortranarray(table)
    yield np.repeat(table, 2, axis=0)[::2]
    yield table[::-1].copy()[::-1]
    if table.ndim == 2:
        yield np.repeat(table, 2, axis=1)[:, ::2]
    locked = table.copy()
    locked.flags.writeable = False
    yield locked


@pytest.mark.parametrize("policy", [bandit.LinTS(), bandit.LinUCB(), bandit.Greedy()])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_no_layout_changes_a_choice(policy, kind):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, D)), rng.integers(0, K, 500), rng.normal(size=500)
    posterior = bandit.Posterior.prior(K, D).update(*rows)
    eligible = rng.random((N, K)) < 0.7
    eligible[:, 0] = True
    asked: dict[str, Any] = {
        "contexts": rng.normal(size=(N, D)).astype(kind),
        "values": rng.random((N, K)),
        "costs": rng.random((N, K)),
        "eligible": eligible,
        "keys": np.arange(N, dtype=np.uint64) * 7,
    }
    for name, table in asked.items():
        for other in (table, table.astype(np.float32) if name in {"values", "costs"} else table):
            found = policy.choose(posterior, **(asked | {name: other}), seed=3)
            for lying in _lying(other):
                again = policy.choose(posterior, **(asked | {name: lying}), seed=3)
                for part in ("action", "propensity", "score"):
                    np.testing.assert_array_equal(getattr(again, part), getattr(found, part))
