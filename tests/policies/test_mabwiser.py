"""MABWiser: a peer that agrees at l2_lambda = 1, and a guest in replays."""

from __future__ import annotations

import numpy as np
import pytest
from mabwiser.mab import LearningPolicy, NeighborhoodPolicy

import bandit
from bandit.policies.mabwiser import MabwiserPolicy


@pytest.fixture
def rows(rng):
    x = rng.normal(size=(2000, 8))
    return x, rng.integers(0, 6, 2000), rng.normal(size=2000)


@pytest.mark.parametrize("alpha", [0.0, 1.3])
def test_lin_ucb_agrees(rows, alpha):
    x, actions, rewards = rows
    posterior = bandit.Posterior.prior(6, 8, ridge=1.0).update(x, actions, rewards)
    learning = LearningPolicy.LinUCB(alpha=alpha, l2_lambda=1)
    peer = MabwiserPolicy.of(6, learning).learn(*rows)
    ours = bandit.LinUCB(alpha) if alpha else bandit.Greedy()
    np.testing.assert_allclose(ours.scores(posterior, x), peer.scores(posterior, x), atol=1e-6)
    choice = ours.choose(posterior, x)
    np.testing.assert_array_equal(choice.action, peer.choose(posterior, x).action)


@pytest.mark.parametrize(
    "learning",
    [LearningPolicy.EpsilonGreedy(0.1), LearningPolicy.LinTS(0.5), LearningPolicy.UCB1(1.0)],
    ids=lambda p: type(p).__name__,
)
def test_any_policy_is_a_certain_choice(rows, learning):
    neighborhood = NeighborhoodPolicy.Clusters(3) if "UCB1" in str(learning) else None
    peer = MabwiserPolicy.of(6, learning, neighborhood).learn(*rows)
    eligible = np.zeros((50, 6), bool)
    eligible[:, [1, 4]] = True
    choice = peer.choose(None, rows[0][:50], eligible=eligible)
    assert set(choice.action) <= {1, 4}
    table = peer.probabilities(None, rows[0][:50], eligible=eligible)
    np.testing.assert_array_equal(table[np.arange(50), choice.action], 1.0)
    again = peer.choose(None, rows[0][:1], eligible=eligible[:1])
    assert again.action.shape == (1,)
