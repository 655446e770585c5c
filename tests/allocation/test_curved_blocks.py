"""Contenders by means that go through curves equal those from a table of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.allocation import passes
from bandit.allocation.blocks import Bent, Block
from bandit.core.types import Float64
from bandit.models.curved import Curve, Curved
from bandit.models.posterior import Posterior
from tests.allocation.test_linear_blocks import problem_of


def made(seed: int, n: int, k: int, d: int, each: bool) -> tuple[Bent, Float64]:
    """A block, and what the formula says of its worths; the line's part may be any."""
    r = np.random.default_rng(seed)
    size = 10.0 ** r.integers(-3, 3)
    learned = Posterior.prior(k, d)
    x, a = r.normal(size=(500, d)), r.integers(0, k, 500)
    learned = learned.update(x, a, r.normal(size=500))
    line = learned.mean * r.choice([1.0, 0.0, 1e-3])
    parts = [
        Curve(size * r.normal(size=(k, d)), line if e else learned.mean - line,
              r.normal(size=k) * 10.0 ** r.integers(-3, 4)) for e in range(2)
    ]  # fmt: skip
    parts = [c._replace(mean=c.mean / c.weight[:, None]) for c in parts]
    if r.random() < 0.5:
        parts = parts[:1]
    model = Curved(learned, {f"kind-{e}": c for e, c in enumerate(parts)})
    contexts = r.normal(size=(n, d)).astype(np.float32) * np.float32(10.0 ** r.integers(-2, 3))
    factors = r.uniform(0.5, 2.0, (n if each else 1, k)).astype(np.float32)
    wide = contexts.astype(np.float64)
    mean = wide @ learned.mean.T
    for c in parts:
        score = np.clip(wide @ c.theta.T, -700, 700)
        mean += c.weight / (1.0 + np.exp(-score)) - wide @ (c.weight[:, None] * c.mean).T
    costs = r.uniform(0, 0.3, k) * np.abs(mean).mean()
    worth = factors * mean - costs
    block = Bent(
        contexts, model.means, factors, costs, r.random((n, k)) < 0.7, r.random(n) < 0.9,
        np.arange(k) > 0,
    )  # fmt: skip
    return block, worth - worth[:, :1]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    k=st.integers(2, 90),
    d=st.integers(1, 9),
    each=st.booleans(),
    width=st.sampled_from([0.0, 0.05, 0.5, 1e200]),
)
def test_contenders_equal_those_of_the_formula(
    seed: int, n: int, k: int, d: int, each: bool, width: float
) -> None:
    block, worth = made(seed, n, k, d, each)
    problem = problem_of(k)
    typical = float(np.abs(worth).mean())
    centre = np.random.default_rng(seed + 1).uniform(0, 1, k) * typical
    low, high = centre - width * typical, centre + width * typical
    wanted = passes.contenders([Block(worth, block.eligible)], problem, low, high)
    found = passes.contenders([block], problem, low, high)
    for name in ("rows", "offsets", "action", "fixed_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    off = 1e-9 * float(np.abs(worth).max())
    np.testing.assert_allclose(found.value, wanted.value, rtol=1e-9, atol=off)
    np.testing.assert_allclose(block.values, worth, rtol=1e-9, atol=off)
    assert found.fixed_value == pytest.approx(wanted.fixed_value, rel=1e-9, abs=n * off)
    assert found.customers == n


@pytest.mark.parametrize("at", [1e18, 1e25, 3e38])
def test_contexts_that_float32_cannot_multiply_leave_nobody_out(at: float) -> None:
    block, _ = made(3, 60, 20, 4, each=False)
    contexts = block.contexts.copy()
    contexts[::3, 1] = at
    block = block._replace(contexts=contexts)
    low, high = np.full(20, -np.inf), np.full(20, 0.1)
    problem = problem_of(20)
    wanted = passes.contenders([Block(block.values, block.eligible)], problem, low, high)
    found = passes.contenders([block], problem, low, high)
    np.testing.assert_array_equal(found.offsets, wanted.offsets)
    np.testing.assert_array_equal(found.action, wanted.action)


def test_it_hangs_on_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more may win than there is room for, all are listed, a few rows at a time."""
    block, _ = made(9, 5000, 20, 4, each=True)
    problem, low, high = problem_of(20), np.full(20, -1.0), np.full(20, 0.2)
    roomy = passes.contenders([block], problem, low, high)
    monkeypatch.setattr(passes, "ROOM", 1)
    monkeypatch.setattr(passes, "CELLS", 1)
    found = passes.contenders([block], problem, low, high)
    for name in ("rows", "offsets", "action", "value", "fixed_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(roomy, name))
    assert found.fixed_value == pytest.approx(roomy.fixed_value, rel=1e-14)
