"""Means that rise along chains: against a twin, and propensities of what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit import Greedy, LinTS, LinUCB, Mixture, Posterior, Uniform
from bandit.models.moved import TakenMean
from bandit.models.rising import Response, Rising
from reference import isotonic

N, K, D = 400, 8, 4
CHAINS = [[2, 1, 4], [5, 6, 7]]


def _posterior(seed: int = 0, rows: int = 300) -> Rising:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, D)).astype(np.float32)
    inner = Posterior.prior(K, D, ridge=2.0).update(
        x, rng.integers(0, K, rows).astype(np.int32), rng.normal(0.3, 1.0, rows)
    )
    chain, start = np.concatenate(CHAINS), np.array([0, 3, 6])
    return Rising(inner, (Response(inner.mean, np.ones(K)),), chain, start)


def _contexts(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, D)).astype(np.float32)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_lifts_are_the_nearest_rise_of_each_row(kind: type) -> None:
    posterior, x = _posterior(), _contexts().astype(kind)
    means = x.astype(np.float64) @ posterior.mean.T
    found = means + posterior.lifts(x)
    for row, lifted in zip(means, found, strict=True):
        for chain in CHAINS:
            np.testing.assert_allclose(lifted[chain], isotonic.rising(row[chain]), atol=1e-12)
        np.testing.assert_array_equal(lifted[[0, 3]], row[[0, 3]])
    assert (np.abs(found - means) > 1e-3).any()


def test_a_row_is_lifted_alike_in_every_batch() -> None:
    posterior, x = _posterior(), _contexts()
    whole = posterior.lifts(x)
    np.testing.assert_array_equal(whole[17:19], posterior.lifts(x[17:19]))


def test_several_responses_add_up_by_what_they_are_worth() -> None:
    one, x = _posterior(), _contexts()
    other, worth = one.inner.mean[::-1].copy(), np.linspace(-2.0, 3.0, K)
    both = Rising(one.inner, (*one.responses, Response(other, worth)), one.chain, one.start)
    alone = Rising(one.inner, (Response(other, np.ones(K)),), one.chain, one.start)
    np.testing.assert_allclose(both.lifts(x), one.lifts(x) + worth * alone.lifts(x), atol=1e-12)


VALUES = np.array([1.0, 0.5, 0.8, 1.0, 0.4, 1.0, 0.9, 0.7])
COSTS = np.linspace(0.0, 0.2, K)


def test_propensities_are_those_of_the_lifted_means() -> None:
    """The same policy told of the lifts by costs a row, which it has always been exact for."""
    posterior, x = _posterior(), _contexts()
    charges = COSTS - VALUES * posterior.lifts(x)
    for policy in (LinTS(0.5), LinUCB(0.5), Greedy()):
        told = policy.choose(posterior, x, values=VALUES, costs=COSTS, seed=3)
        plain = policy.choose(posterior.inner, x, values=VALUES, costs=charges, seed=3)
        np.testing.assert_array_equal(told.action, plain.action)
        np.testing.assert_array_equal(told.propensity, plain.propensity)
        table = policy.probabilities(posterior, x, values=VALUES, costs=COSTS)
        np.testing.assert_allclose(table[np.arange(N), told.action], told.propensity, atol=2e-6)
        lifted = policy.scores(posterior.inner, x) + posterior.lifts(x)
        np.testing.assert_allclose(policy.scores(posterior, x), lifted, atol=1e-12)
        np.testing.assert_allclose(told.score, lifted[np.arange(N), told.action], rtol=1e-5)


def test_redraws_agree_with_what_is_stated() -> None:
    posterior, x = _posterior(), _contexts()[:20]
    policy = Mixture([(0.3, Uniform()), (0.7, LinTS(0.5))], holdout=0.1, exploration=0.05)
    stated = policy.probabilities(posterior, x, values=VALUES, costs=COSTS)
    counts, redraws = np.zeros(stated.shape), 2_000
    for seed in range(redraws):
        made = policy.choose(posterior, x, values=VALUES, costs=COSTS, seed=seed)
        counts[np.arange(20), made.action] += 1
    low, high = (stats.binom.ppf(q, redraws, stated) for q in (0.0005, 0.9995))
    # A share of 0.1 % falls outside by chance: of 160 pairs rarely two.
    assert ((counts < low) | (counts > high)).sum() <= 2


def test_what_was_taken_is_told_with_its_lift() -> None:
    posterior, x = _posterior(), _contexts()
    action = np.random.default_rng(2).integers(0, K, N).astype(np.int32)
    means = x.astype(np.float64) @ posterior.mean.T + posterior.lifts(x)
    found = TakenMean(posterior).of(x, action, 64)
    np.testing.assert_allclose(found, means[np.arange(N), action], rtol=1e-5, atol=1e-6)
