from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from simulations.coverage.analysis import PROMISE
from simulations.coverage.environment import KINDS, simulate, without_lift
from simulations.coverage.sweep import coverage, shipped_under_peeking, shipped_without_lift

LOGS = 150


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth_as_often_as_they_promise(kind):
    for found in coverage(kind, LOGS, 400, ("student_t", "bernstein", "betting", "adaptive")):
        promised = PROMISE.get(found.method, 0.95)
        slack = 3 * np.sqrt(promised * (1 - promised) / LOGS)
        assert found.share >= promised - slack, found


def test_the_gate_ships_no_policy_without_lift():
    # 2.5 % by design; the bar is 5 %
    assert shipped_without_lift(200, 600, "student_t") <= 0.05


def test_peeking_does_not_fool_betting():
    betting, naive = shipped_under_peeking(200, 3000, 300)
    assert betting <= 0.05
    assert naive > 0.05


def test_evidence_and_betting_interval_say_the_same_at_every_look():
    rewards, weights = without_lift(600, seed=3)
    rewards = np.where(weights > 1, 1.0, rewards)  # a lift, so that there is a crossing
    recipe, limit = ope.Recipe("ips"), np.log(2 / 0.05)
    evidence = ope.lift_evidence(recipe, rewards, weights)
    assert evidence[-1] > limit > evidence[5]
    for look in range(5, 600, 35):
        found = ope.lift(recipe, rewards[:look], weights[:look], interval="betting")
        assert (found.lower > 0) == (evidence[look - 1] > limit)


def test_simulated_truth_is_the_mean_reward_of_the_target():
    values = [ope.ips(*simulate("drifting", 2000, s)[:2], interval="student_t") for s in range(60)]
    mean = np.mean([v.value for v in values])
    error = np.std([v.value for v in values], ddof=1) / np.sqrt(60)
    assert abs(mean - simulate("drifting", 10, 0).truth) < 3 * error
