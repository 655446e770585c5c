"""Seeds and small posteriors."""

from __future__ import annotations

import numpy as np
import pytest

import bandit


@pytest.fixture
def rng():
    return np.random.default_rng(20240511)


@pytest.fixture
def small(rng):
    """A posterior of 7 actions over 4 features with rewards 0 and 1, and 60 contexts."""
    x = rng.normal(size=(900, 4)).astype(np.float32)
    actions = rng.integers(0, 7, 900)
    chance = 0.2 + 0.08 * actions + 0.1 * (x[:, 0] > 0)
    posterior = bandit.Posterior.prior(7, 4).update(x, actions, rng.random(900) < chance)
    return posterior, x[:60]
