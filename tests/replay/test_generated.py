from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.replay import Customers, Learning, replay_world


class Lines:
    """Rewards linear in the context, actions barred for some; outcomes up to 3 waves late."""

    def __init__(self, n=200, k=4, d=3, seed=0):
        rng = np.random.default_rng(seed)
        self.n, self.k, self.theta = n, k, rng.normal(size=(k, d))

    def customers(self, wave):
        rng = np.random.default_rng([7, wave])
        x = rng.normal(size=(self.n, self.theta.shape[1])).astype(np.float32)
        eligible = rng.random((self.n, self.k)) < 0.8
        eligible[:, 0] = True
        return Customers(x, eligible, np.arange(self.n, dtype=np.uint64))

    def expected(self, wave, customers):  # noqa: ARG002 - the protocol's names
        return customers.contexts.astype(float) @ self.theta.T

    def outcomes(self, wave, customers, actions, seed):
        rng = np.random.default_rng([seed, wave])
        mean = self.expected(wave, customers)[np.arange(self.n), actions]
        return mean + rng.normal(size=self.n), rng.integers(0, 4, self.n)


@pytest.mark.parametrize("policy", [bandit.LinUCB(alpha=1.0), bandit.LinTS(alpha=0.3)])
def test_learning_nears_the_best(policy):
    learner = Learning(policy, bandit.Posterior.prior(4, 3))
    curve, taught = replay_world(Lines(), learner, 25, window=3, seed=1)
    gap = curve.best - curve.value
    assert np.all(gap >= 0.0)
    assert gap[-5:].mean() < 0.15 * gap[:3].mean()
    assert np.all(np.diff(curve.regret) >= 0.0)
    assert taught.posterior.count.sum() == 200 * 21  # the last four waves' windows are open


def test_same_seed_same_curve():
    def run(seed):
        learner = Learning(bandit.LinTS(alpha=1.0), bandit.Posterior.prior(4, 3))
        return replay_world(Lines(), learner, 6, seed=seed)[0].total

    assert np.array_equal(run(5), run(5))
    assert not np.array_equal(run(5), run(6))
