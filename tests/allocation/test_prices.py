"""Streamed prices equal those in memory; drawn policies keep the limits; what-if."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from bandit import allocation
from bandit.allocation.nested import Tellers
from bandit.allocation.passes import Contenders, told
from bandit.allocation.problem import Problem
from bandit.allocation.solve import in_memory
from bandit.core.errors import DataError

N, K, M = 20_000, 12, 6


@pytest.fixture(scope="module")
def wave() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r = np.random.default_rng(11)
    values = (r.gamma(2, 1, (N, K)) * r.uniform(0.5, 1.5, K) - 1.0).astype(np.float32)
    usage = np.zeros((K, M))
    usage[np.arange(K), np.arange(K) % 2] = 1
    usage[np.arange(K), 2 + np.arange(K) % 4] = 1
    limits = np.floor(N * np.array([0.3, 0.2, 0.05, 0.3, 0.04, 0.3]))
    return values, usage, limits


def test_streamed_equals_in_memory(wave: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, usage, limits = wave
    keyed = np.random.default_rng(12).random(N)

    def blocks(share: float) -> Iterator[allocation.Block]:
        for start in range(0, N, 3001):
            part = slice(start, start + 3001)
            yield allocation.Block(values[part][keyed[part] < share])

    streamed = allocation.find_prices(blocks, N, usage, limits)
    whole = allocation.solve(values, usage, limits)
    assert streamed.dual_value == pytest.approx(whole.dual_value, rel=1e-6)
    assert streamed.gap <= 1e-4
    assert streamed.passes == 1
    assert streamed.undecided < N
    assert (streamed.usage <= limits).all()
    assert (streamed.counts @ usage == streamed.usage).all()
    np.testing.assert_allclose(streamed.costs, usage @ streamed.prices)
    # Prices of a piecewise linear dual are not unique, its value is; near ones are close.
    np.testing.assert_allclose(streamed.prices, whole.prices, atol=0.02)


def test_too_small_a_box_costs_time_and_not_truth(
    wave: tuple[np.ndarray, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    values, usage, limits = wave
    monkeypatch.setattr(allocation.nested, "WIDTH", 0.05)
    narrow = allocation.find_prices(in_memory(values, None), N, usage, limits, ladder=[0.1, 1.0])
    monkeypatch.undo()
    whole = allocation.solve(values, usage, limits)
    assert narrow.passes > 1
    assert whole.dual_value * (1 - 1e-6) <= narrow.dual_value <= whole.dual_value * (1 + 2e-5)


def test_corrected_prices_bring_a_drawn_policy_to_its_limits(
    wave: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    values, usage, limits = wave

    def drawn(seed: int) -> np.ndarray:
        return values + 0.8 * np.random.default_rng(seed).standard_normal((N, K), dtype=np.float32)

    def served(costs: np.ndarray) -> np.ndarray:
        total = np.zeros(K)
        for seed in range(20, 28):
            worth = drawn(seed) - costs
            best = worth.argmax(axis=1)
            total += np.bincount(best[worth.max(axis=1) > 0], minlength=K)
        return total / 8 @ usage

    # Found for expected values alone, the prices let a policy that draws pass its limits.
    prices = allocation.find_prices(in_memory(values, None), N, usage, limits)
    before = served(prices.costs) / limits
    assert before.max() > 1.1
    prices = allocation.answering(prices, in_memory(drawn(1), None))
    for _ in range(2):
        prices = allocation.correct(prices, served(prices.costs))
    after = served(prices.costs) / limits
    # Eight draws of the tightest limit, 800 contacts: a standard error of 1.3 % at most.
    assert after.max() < 1.04
    assert after[prices.prices > 0.01].min() > 0.96


class Told(NamedTuple):
    """Customers who say what they take at costs between two: a third of them never listen."""

    worth: np.ndarray
    firm: np.ndarray

    def contenders(self, problem: Problem, low: np.ndarray, high: np.ndarray) -> Contenders:
        most = self.worth - low
        floor = (self.worth - high).max(axis=1)
        able = most >= floor[:, None]
        open_ = (able.sum(axis=1) > 1) & ~self.firm
        taken = np.where(open_, -1, (self.worth - high).argmax(axis=1)).astype(np.int32)
        taken[self.firm] = self.worth[self.firm].argmax(axis=1)
        rows = np.flatnonzero(open_)
        offsets = np.concatenate([[0], np.cumsum(able[rows].sum(axis=1))])
        row, action = np.nonzero(able[rows])
        worth = self.worth[rows][row, action]
        return told(
            taken, self.firm, rows, offsets, action.astype(np.int32), worth, problem, low, high
        )


def test_prices_follow_what_draws_take(wave: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, usage, limits = wave
    # Action 0 is no contact, as of a policy.
    values, usage = np.hstack([np.zeros((N, 1)), values]), np.vstack([np.zeros(M), usage])
    rng = np.random.default_rng(7)
    keyed, firm = rng.random(N), rng.random(N) < 0.3
    drawn = values + 0.8 * rng.standard_normal(values.shape)
    found = allocation.find_prices(in_memory(values, None), N, usage, limits)

    def blocks(share: float) -> Iterator[Told]:
        for start in range(0, N, 3001):
            part = slice(start, start + 3001)
            keep = keyed[part] < share
            yield Told(drawn[part][keep], firm[part][keep])

    def used(costs: np.ndarray) -> np.ndarray:
        best = np.where(firm, drawn.argmax(axis=1), (drawn - costs).argmax(axis=1))
        return np.bincount(best, minlength=K + 1) @ usage

    least = np.zeros(M)
    for share in (0.3, 1.0):
        found = allocation.follow(found, blocks, share, limits.astype(float), least)
    after = used(found.costs)
    stuck = np.bincount(drawn[firm].argmax(axis=1), minlength=K + 1) @ usage
    movable = stuck < limits
    assert movable.any()
    assert not movable.all()
    assert (after[movable] <= limits[movable] + 3).all()
    priced = movable & (found.prices > 0.01)
    assert (after[priced] >= limits[priced] - 3).all()
    # Where those who do not listen pass a limit by themselves, next to nobody joins them.
    assert (after[~movable] <= stuck[~movable] + 0.006 * limits[~movable] + 2).all()
    assert found.found.people.sums(found.costs).counts @ usage == pytest.approx(after)


@pytest.mark.parametrize(
    ("expected", "wide"),
    [(0.0, 1.0), (-0.04, 1.0), (-3.0, 1.0), (0.1, 30.0), (-1e-9, 1e-6)],
    ids=["nothing known", "at a cost", "dear", "wide draws", "small units"],
)
def test_prices_follow_draws_where_expectation_leaves_limits_free(
    expected: float, wide: float
) -> None:
    rng = np.random.default_rng(3)
    values = np.full((N, K + 1), expected)
    values[:, 0] = 0.0
    usage = np.zeros((K + 1, 2))
    usage[1 : K // 2, 0] = usage[K // 2 :, 1] = 1.0
    limits, least = np.array([N // 30, N // 20]), np.zeros(2)
    drawn = values + wide * rng.standard_normal(values.shape)
    drawn[:, 0] = 0.0
    found = allocation.find_prices(in_memory(values, None), N, usage, limits)
    for share in (0.3, 1.0):
        keep = np.arange(N) < share * N
        blocks = _one_block(drawn[keep])
        found = allocation.follow(found, blocks, keep.mean(), limits.astype(float), least)
    used = np.bincount((drawn - found.costs).argmax(axis=1), minlength=K + 1) @ usage
    assert (used <= 1.01 * limits).all()
    assert (used[found.prices > 0.0] >= 0.99 * limits[found.prices > 0.0]).all()


def _one_block(drawn: np.ndarray) -> Tellers:
    def blocks(share: float) -> Iterator[Told]:
        del share
        yield Told(drawn, np.zeros(len(drawn), np.bool_))

    return blocks


def test_what_if_is_concave_and_its_slope_is_the_price(
    wave: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    values, usage, limits = wave
    levels = [2000.0, 6000.0, 4000.0, 3000.0]
    table = allocation.what_if(in_memory(values, None), N, usage, limits, 0, levels)
    assert [point.limit for point in table] == levels
    table.sort()
    assert all(a.price >= b.price for a, b in pairwise(table))
    for a, b in pairwise(table):
        rise = (b.value - a.value) / (b.limit - a.limit)
        assert b.price - 1e-3 <= rise <= a.price + 1e-3
    limits = limits.copy()
    limits[0] = 3000
    there = allocation.solve(values, usage, limits)
    assert table[1].value == pytest.approx(there.dual_value, rel=1e-6)


def test_what_if_of_a_sample_estimates(wave: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    values, usage, limits = wave
    blocks = in_memory(values, None)
    whole = allocation.what_if(blocks, N, usage, limits, 0, [3000.0])[0]
    part = allocation.what_if(blocks, N, usage, limits, 0, [3000.0], share=0.25)[0]
    # 5,000 customers of which some 40 % take values spread like their mean: about 2 %.
    assert part.value == pytest.approx(whole.value, rel=0.08)


def test_infeasible_minimum_is_named_from_a_stream() -> None:
    values = np.zeros((9000, 2), np.float32)
    with pytest.raises(allocation.InfeasibleError) as caught:
        allocation.find_prices(
            in_memory(values, None),
            9000,
            np.array([[1.0, 1.0], [1.0, 0.0]]),
            [5000, 9000],
            minimums=[0, 6000],
        )
    assert caught.value.resource == 1
    assert caught.value.nearest == 5000


def test_what_if_refuses_what_is_not_there() -> None:
    blocks = in_memory(np.ones((5, 1), np.float32), None)
    with pytest.raises(DataError, match="resource must lie in"):
        allocation.what_if(blocks, 5, [[1.0]], [2], 3, [1.0])
    with pytest.raises(DataError, match="must be finite"):
        allocation.what_if(blocks, 5, [[1.0]], [2], 0, [np.inf])
