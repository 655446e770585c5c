"""Numbers that no integral can be taken over are refused by row, and at once."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError
from tests.kernels.wins import normal_wins

POLICIES = [
    bandit.LinTS(),
    bandit.LinUCB(),
    bandit.Greedy(),
    bandit.Mixture([(1.0, bandit.LinTS())]),
]


def _posterior(rng):
    x = rng.normal(size=(300, 4))
    return bandit.Posterior.prior(3, 4).update(x, rng.integers(0, 3, 300), rng.normal(size=300))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e160, 1e200, -1.7e308])
@pytest.mark.parametrize("what", ["contexts", "values", "costs"])
def test_refused_with_the_row(policy, bad, what, rng):
    posterior, x = _posterior(rng), rng.normal(size=(50, 4))
    given = {"values": np.ones((50, 3)), "costs": np.zeros((50, 3))}
    table = x if what == "contexts" else given[what]
    table[37, 2] = bad
    with pytest.raises(DataError, match=f"{what} must be finite, row 37 has .* (feature|action) 2"):
        policy.choose(posterior, x, **given)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e160])
def test_one_row_of_values_for_all(bad, rng):
    posterior, x = _posterior(rng), rng.normal(size=(50, 4)).astype(np.float32)
    with pytest.raises(DataError, match=r"values must be finite, row 0 has .* for action 0"):
        bandit.LinTS().choose(posterior, x, values=np.array([bad, 1.0, 1.0]))


def test_large_contexts_within_reach_are_decided(rng):
    x = rng.normal(size=(20, 4)) * 1e30
    choice = bandit.LinTS().choose(_posterior(rng), x)
    assert ((choice.propensity > 0.0) & (choice.propensity <= 1.0)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_integral_ends_whatever_it_is_given(bad):
    for own in range(3):
        centres, scales = np.array([bad, 0.0, 1.0]), np.array([1.0, 0.001, 5.0])
        assert np.isnan(normal_wins(centres, scales, own))
