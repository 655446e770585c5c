"""Counts relative to how often each action has them: the hybrid model of scaled rows."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.models.hybrid import Strengths
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import (
    LEAST,
    PRIOR,
    Factors,
    RelativePosterior,
    counted,
    factors,
    relative,
)
from reference import hybrid

K, D = 8, 3
FEATURES = np.concatenate(
    [np.ones((K, 1)), np.repeat(np.eye(2), 4, axis=0), np.tile(np.eye(4), (2, 1))], axis=1
)
STRENGTHS = Strengths(np.array([5.0, 9.0, 9.0, 7.0, 7.0, 7.0, 7.0]), 30.0, 0.0)


def _rows(rng, n=400):
    x = rng.normal(size=(n, D)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, K, n)
    return x, a, (rng.random(n) < 0.05 + 0.04 * a).astype(np.float64)


def _factors(rng, a):
    """Any factors whose sum over the rows is their number."""
    some = rng.uniform(0.3, 3.0, K)
    return Factors(some * len(a) / some[a].sum(), np.ones(7), 1.0, np.zeros(K))


def test_equal_to_the_hybrid_model_of_scaled_rows(rng) -> None:
    """Contexts ``x √f`` and rewards ``r / √f`` by Li's algorithm row by row, and back by f."""
    x, a, r = _rows(rng)
    found = _factors(rng, a)
    sums = Posterior.prior(K, D).update(x, a, r)
    inner = PooledPosterior(relative(sums, found), FEATURES, STRENGTHS)
    posterior = RelativePosterior(sums, inner, found)
    root = np.sqrt(found.actions[a])
    scaled = x.astype(np.float64) * root[:, None]
    mean, covariance = hybrid.rows(scaled, a, r / root, FEATURES, STRENGTHS.shared, 30.0)
    f = found.actions
    np.testing.assert_allclose(posterior.mean, f[:, None] * mean, atol=1e-9)
    np.testing.assert_allclose(posterior.covariance, f[:, None, None] ** 2 * covariance, atol=1e-9)
    shared, own = posterior.split_mean
    np.testing.assert_allclose(shared + own, posterior.mean, atol=1e-12)


def test_evidence_is_the_density_of_the_counts(rng) -> None:
    """Of r, not of r/√f: so that it may be held against another model's."""
    x, a, r = _rows(rng, 120)
    found = _factors(rng, a)
    sums = Posterior.prior(K, D).update(x, a, r)
    inner = PooledPosterior(relative(sums, found), FEATURES, STRENGTHS)
    root = np.sqrt(found.actions[a])
    scaled, _ = hybrid.evidence(
        x * root[:, None], a, r / root, FEATURES, STRENGTHS.shared, STRENGTHS.own
    )
    expected = scaled - np.log(root).sum()
    assert RelativePosterior(sums, inner, found).evidence == pytest.approx(expected, abs=1e-6)


def test_factors_that_are_all_one_change_nothing(rng) -> None:
    """The relative model of actions that have events alike is the hybrid one, to the bit."""
    x, a, r = _rows(rng)
    sums = Posterior.prior(K, D, constant=np.eye(D)[0]).update(x, a, r)
    alike = Factors(np.ones(K), np.ones(7), 1.0, np.zeros(K))
    plain = PooledPosterior(sums, FEATURES, STRENGTHS)
    inner = PooledPosterior(relative(sums, alike), FEATURES, STRENGTHS)
    posterior = RelativePosterior(sums, inner, alike)
    np.testing.assert_array_equal(posterior.mean, plain.mean)
    np.testing.assert_array_equal(posterior.covariance, plain.covariance)
    assert posterior.evidence == plain.evidence


def _sums_of(count, came):
    n = np.array(count, np.float64)
    gram = n[:, None, None] * np.eye(1)
    told = np.array(came, np.float64)
    return Posterior(gram, told[:, None].copy(), n, told, told.copy(), 1.0)


def test_columns_multiply_and_as_many_events_are_expected_as_came() -> None:
    """Rates that are products are found again where there is much to see; Σ f n is Σ n."""
    first, second = np.array([0.5, 2.0]), np.array([0.25, 1.0, 2.0, 4.0])
    rate = 0.01 * np.outer(first, second).ravel()
    count = np.full(K, 1e7)
    found = factors(_sums_of(count, rate * count), FEATURES)
    np.testing.assert_allclose(found.actions, rate / rate.mean(), rtol=1e-3)
    assert float(found.actions @ count) == pytest.approx(count.sum())
    np.testing.assert_allclose(found.of(FEATURES), found.actions, rtol=1e-3)
    np.testing.assert_allclose(found.columns[2] / found.columns[1], 4.0, rtol=1e-3)


def test_few_events_move_a_factor_little_and_none_stays_above_zero() -> None:
    """`PRIOR` events stand beside those that came, of one action alone without features."""
    none = np.ones((2, 1))
    found = factors(_sums_of([100.0, 100.0], [6.0, 0.0]), none)
    ratio = (6.0 + PRIOR) / (0.0 + PRIOR)
    assert found.actions[0] / found.actions[1] == pytest.approx(ratio)
    never = factors(_sums_of([1e9, 1e3], [0.0, 1e3]), none)
    assert never.actions[0] > 0.0
    assert never.actions[0] / never.actions[1] >= LEAST**2


def test_a_new_action_has_the_factors_of_its_features() -> None:
    """One without rows changes nobody's factor and gets the product of its columns'."""
    count = np.full(K, 1e6)
    came = count * 0.02 * np.repeat([0.5, 1.5], 4)
    seen = factors(_sums_of(count, came), FEATURES)
    wider = np.concatenate([FEATURES, [[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]]])
    grown = factors(_sums_of([*count, 0.0], [*came, 0.0]), wider)
    np.testing.assert_allclose(grown.actions[:K], seen.actions, rtol=1e-12)
    assert grown.actions[K] == pytest.approx(float(grown.of(wider[K:])[0]))
    assert grown.actions[K] == pytest.approx(1.5, rel=0.01)


def test_numbers_are_no_columns_of_yes_and_no() -> None:
    """A price has no factor; what nobody has seen has none either."""
    price = np.linspace(-1.0, 1.0, K)[:, None]
    found = factors(_sums_of(np.full(K, 100.0), np.full(K, 5.0)), price)
    np.testing.assert_array_equal(found.columns, 1.0)
    np.testing.assert_array_equal(factors(_sums_of([0.0], [0.0]), np.ones((1, 1))).actions, 1.0)


def test_counts_are_told_from_amounts_by_their_sums(rng) -> None:
    """0 and 1 are their own squares; EUR are not, and nothing at all is no count."""
    x, a, r = _rows(rng)
    prior = Posterior.prior(K, D)
    assert counted(prior.update(x, a, r))
    assert counted(prior.update(x, a, r).decay(0.37))
    assert not counted(prior.update(x, a, 12.5 * r))
    assert not counted(prior.update(x, a, r - 0.5))
    assert not counted(prior.update(x, a, 0.0 * r))


def test_noise_of_an_action_grows_as_the_root_of_its_factor(rng) -> None:
    """What is learned of r/√f has one noise."""
    x, a, r = _rows(rng)
    found = _factors(rng, a)
    sums = Posterior.prior(K, D).update(x, a, r)
    inner = PooledPosterior(relative(sums, found), FEATURES, STRENGTHS)
    posterior = RelativePosterior(sums, inner, found)
    np.testing.assert_allclose(posterior.scale**2 / found.actions, inner.noise_scale**2)


def test_actions_that_go_together_have_one_factor_whatever_tells_them_apart(rng) -> None:
    """Four depths of two offers: how often each sells is no part of it, how often the offer is."""
    x, a, r = _rows(rng, 4000)
    sums = Posterior.prior(K, D).update(x, a, r)
    offer = np.arange(K) // 4
    found = factors(sums, FEATURES, offer)
    assert found.actions[:4] == pytest.approx(found.actions[0], rel=1e-12)
    assert found.actions[4:] == pytest.approx(found.actions[4], rel=1e-12)
    assert (found.columns[3:] == 1.0).all()
    rate = np.bincount(offer[a], r) / np.bincount(offer[a])
    assert found.actions[4] / found.actions[0] == pytest.approx(rate[1] / rate[0], rel=0.1)
    assert (found.actions * sums.count).sum() == pytest.approx(sums.count.sum())
    alone = factors(sums, FEATURES, np.arange(K))
    np.testing.assert_array_equal(alone.actions, factors(sums, FEATURES).actions)
