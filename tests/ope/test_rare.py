"""Rare and skewed rewards: intervals hold, and what too few purchases speak for is refused."""

from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.ope.diagnostics import weigh
from bandit.ope.gate import judge
from bandit.stats.rare import caution, effective_rewards
from simulations.coverage import rare

LOGS = 60
FEW = 25


def test_intervals_hold_where_one_row_in_a_hundred_buys():
    # at most 7 % may be missed: 3 standard errors of the logs
    for name, found in rare.kept(rare.World(5_000), FEW).held.items():
        assert found.holds >= 0.93 - 3 * np.sqrt(0.07 * 0.93 / FEW), (name, found)


def test_five_purchases_decide_nothing():
    said = rare.kept(rare.World(500), LOGS).said
    assert said["refused"] >= 0.95
    assert "ship" not in said


@pytest.mark.long
def test_an_equal_policy_is_not_called_worse():
    said = rare.kept(rare.World(5_000, clustered=True), LOGS).said
    assert said.get("hold", 0.0) <= 0.035 + 3 * np.sqrt(0.035 * 0.965 / LOGS)


def test_caution_is_the_formula_and_fades():
    rng = np.random.default_rng(0)
    a, e = rng.exponential(size=400), rng.normal(size=400) * (rng.random(400) < 0.1)
    apart = np.mean(a**2) * np.sum(e**2) / np.sum((a * e) ** 2)
    expected = max(1.0, (7.0 + 150.0 * apart) / 157.0) ** 0.5
    assert caution(a, e, 7.0) == pytest.approx(expected)
    assert caution(a, np.zeros(400), 0.0) == 1.0
    low = a * (e != 0.0) < 0.5  # only small weights met a reward: the sample's error is too small
    assert caution(a, np.where(low, e, 0.0), 5.0) > caution(a, np.where(low, e, 0.0), 5e4) > 1.0
    assert caution(a, np.where(low, e, 0.0), 5e9) == pytest.approx(1.0, abs=1e-6)


def test_effective_rewards_of_equal_sales_is_their_number():
    w, r = np.ones(100), np.repeat([5.0, 0.0], 50)
    assert effective_rewards(w, r) == pytest.approx(50.0)
    assert effective_rewards(w, -r) == pytest.approx(50.0)
    assert effective_rewards(w, 0.0 * r) == 0.0


def test_a_bounded_reward_is_not_refused_for_few_effective_rows():
    """Ten times the log's value with an effective sample size below 100: limits by betting ship."""
    rng = np.random.default_rng(1)
    n, share = 1000, 0.04
    taken = rng.random(n) < share
    rewards = np.where(taken, rng.random(n) < 0.6, rng.random(n) < 0.03).astype(float)
    weights = taken / share
    overlap = weigh(weights, rewards=rewards)
    assert overlap.effective_sample_size < 100.0
    lift = ope.lift(ope.Recipe("ips"), rewards, weights)
    assert judge({"the log": lift}, overlap).decision == "not enough data"
    sure = ope.lift(
        ope.Recipe("ips"), rewards, weights, interval="betting", reward_range=(0.0, 1.0)
    )
    assert judge({"the log": lift}, overlap, proven={"the log": sure}).decision == "ship"
