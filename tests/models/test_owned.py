"""Features of some actions alone: the hybrid model over each action's own coordinates."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.models.hybrid import Strengths
from bandit.models.owned import Layout, OwnedPosterior, owned
from bandit.models.posterior import Posterior
from reference import hybrid

K, COMMON, SCORES = 9, 3, 4
D = COMMON + SCORES


def _layout() -> Layout:
    """Actions in threes share a score, one column each; the last three have two."""
    places = np.full((K, COMMON + 2), -1, np.int64)
    places[:, :COMMON] = np.arange(COMMON)
    for a in range(K):
        places[a, COMMON] = COMMON + a // 3
    places[6:, COMMON + 1] = D - 1
    return Layout(places, COMMON, np.array([False] * COMMON + [True, True]))


def _rows(rng, n, slope=1.0):
    x = rng.normal(size=(n, D)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, K, n)
    own = x[np.arange(n), COMMON + a // 3]
    r = 0.3 * x[:, 1] + slope * own + 0.1 * a + rng.normal(size=n)
    return x, a, r


def _features():
    return np.concatenate([np.ones((K, 1)), np.repeat(np.eye(3), 3, axis=0)], axis=1)


def _posterior(sums, layout, weight=2.0):
    strengths = Strengths(np.array([5.0, 40.0, 40.0, 40.0]), 30.0, 0.0)
    none = np.zeros(layout.places.shape, np.bool_)
    return OwnedPosterior(sums, layout, _features(), strengths, weight, none)


def test_equal_to_the_hybrid_model_of_gathered_rows(rng) -> None:
    """Rows are gathered one by one, and Li's algorithm knows nothing of other offers' scores."""
    x, a, r = _rows(rng, 150)
    layout, weight = _layout(), 2.0
    sums = Posterior.prior(K, D).update(x, a, r)
    found = _posterior(sums, layout, weight)
    own = np.zeros((len(x), COMMON + 2), np.float32)
    for i, (row, action) in enumerate(zip(x, a, strict=True)):
        for slot, place in enumerate(layout.places[action]):
            if place >= 0:
                own[i, slot] = row[place] * (weight if slot >= COMMON else 1.0)
    mean, covariance = hybrid.rows(own, a, r, _features(), found.strengths.shared, 30.0)
    for action in range(K):
        there = [(s, p) for s, p in enumerate(layout.places[action]) if p >= 0]
        wide = np.zeros(D)
        for s, p in there:
            wide[p] = mean[action, s] * (weight if s >= COMMON else 1.0)
        np.testing.assert_allclose(found.mean[action], wide, atol=1e-9)
        for s, p in there:
            for t, q in there:
                times = weight ** ((s >= COMMON) + (t >= COMMON))
                np.testing.assert_allclose(
                    found.covariance[action, p, q], times * covariance[action, s, t], atol=1e-9
                )
        absent = [p for p in range(D) if p not in {p for _, p in there}]
        assert (np.abs(found.covariance[action][absent].sum(axis=1)) < 1e-8).all()
    shared, alone = found.split_mean
    np.testing.assert_allclose(shared + alone, found.mean, atol=1e-12)


def test_other_offers_scores_change_nothing(rng) -> None:
    x, a, r = _rows(rng, 400)
    posterior = _posterior(Posterior.prior(K, D).update(x, a, r), _layout())
    elsewhere = x.copy()
    elsewhere[:, COMMON + 1 :] = rng.normal(size=(len(x), SCORES - 1))
    score, again = x @ posterior.mean[:3].T, elsewhere @ posterior.mean[:3].T
    np.testing.assert_allclose(score, again, atol=1e-6)


@pytest.mark.parametrize("policy", [bandit.LinTS(1.0), bandit.LinUCB(0.5)])
def test_policies_decide_by_its_moments(policy, rng) -> None:
    x, a, r = _rows(rng, 600)
    posterior = _posterior(Posterior.prior(K, D).update(x, a, r), _layout())
    assert posterior.model[1]
    choice = policy.choose(posterior, x[:200], seed=4)
    table = policy.probabilities(posterior, x[:200])
    np.testing.assert_allclose(choice.propensity, table[np.arange(200), choice.action], atol=2e-6)
    if isinstance(policy, bandit.LinUCB):
        wide = x[:200].astype(float)
        variance = np.einsum("ni,kij,nj->nk", wide, posterior.covariance, wide)
        score = wide @ posterior.mean.T + policy.alpha * np.sqrt(variance)
        np.testing.assert_array_equal(choice.action, score.argmax(axis=1))


def test_drawn_actions_come_as_often_as_their_propensities_say(rng) -> None:
    x, a, r = _rows(rng, 300)
    posterior = _posterior(Posterior.prior(K, D).update(x, a, r), _layout())
    policy, draws = bandit.LinTS(1.0), 20_000
    table = policy.probabilities(posterior, x[:20])
    inside = 0
    for row in range(20):
        many = np.repeat(x[row : row + 1], draws, axis=0)
        share = np.bincount(policy.choose(posterior, many, seed=row).action, minlength=K) / draws
        # 99.9 % of a binomial, and a count of ten for the rare ones.
        error = np.sqrt(table[row] * (1.0 - table[row]) / draws)
        inside += (np.abs(share - table[row]) <= 3.29 * error + 10 / draws).sum()
    assert inside >= 0.995 * 20 * K


def test_slopes_against_a_score_are_dropped_and_come_back(rng) -> None:
    x, a, r = _rows(rng, 4_000, slope=-1.0)
    sums, levels = Posterior.prior(K, D).update(x, a, r), np.array([0, 1, 1, 1])
    against = owned(sums, _layout(), _features(), levels, rising=True)
    assert (against.mean[:, COMMON:] >= 0.0).all()
    assert against.dropped[:, COMMON].all()
    free = owned(sums, _layout(), _features(), levels, rising=False)
    np.testing.assert_allclose(free.mean[:3, COMMON], -1.0, atol=0.2)
    x, a, r = _rows(rng, 40_000)
    back = owned(sums.update(x, a, r), _layout(), _features(), levels, rising=True)
    assert (back.mean[:3, COMMON] > 0.5).all()
    assert not back.dropped[:, COMMON].any()
