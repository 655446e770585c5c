"""The logistic posterior: a penalised GLM, alone or pooled; rare and separated successes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import bandit
from bandit.core.errors import DataError
from reference import logistic


def _rows(rng, n=600, k=4, d=5, rate=-1.0):
    x = rng.normal(size=(n, d)).astype(np.float32)
    truth = rng.normal(size=(k, d))
    a = rng.integers(0, k, n)
    chance = 1.0 / (1.0 + np.exp(-rate - np.einsum("nd,nd->n", x, truth[a])))
    return x, a, (rng.random(n) < chance).astype(float), rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("ridge", [0.3, 1.0, 20.0])
def test_equal_to_scikit_learns_penalised_glm(rng, ridge):
    x, a, y, w = _rows(rng)
    posterior = bandit.LogisticPosterior.prior(4, 5, ridge=ridge).update(x, a, y, w)
    for action in range(4):
        mine = a == action
        model = LogisticRegression(
            C=1.0 / ridge, fit_intercept=False, tol=1e-12, solver="newton-cholesky", max_iter=1000
        ).fit(x[mine].astype(float), y[mine], w[mine])
        np.testing.assert_allclose(posterior.mean[action], model.coef_[0], atol=1e-6)
        chance = model.predict_proba(x[mine].astype(float))[:, 1]
        curved = x[mine].astype(float) * (w[mine] * chance * (1.0 - chance))[:, None]
        precision = ridge * np.eye(5) + x[mine].astype(float).T @ curved
        np.testing.assert_allclose(
            posterior.covariance[action], np.linalg.inv(precision), rtol=1e-5
        )
    assert posterior.link == "logit"
    assert posterior.noise_scale == 1.0


def test_parts_merge_and_decay_equal_the_whole(rng):
    x, a, y, w = _rows(rng)
    prior = bandit.LogisticPosterior.prior(4, 5)
    whole = prior.update(x, a, y, w)
    first, second = prior.update(x[:200], a[:200], y[:200], w[:200]), prior
    for start in range(200, 600, 50):
        part = slice(start, start + 50)
        second = second.update(x[part], a[part], y[part], w[part])
    np.testing.assert_allclose(second.merge(first).mean, whole.mean, atol=1e-10)
    np.testing.assert_allclose(
        whole.decay(0.5).mean, prior.update(x, a, y, 0.5 * w).mean, atol=1e-10
    )
    np.testing.assert_array_equal(whole.decay(0.0).mean, 0.0)


def test_actions_are_added_and_lined_up(rng):
    x, a, y, w = _rows(rng)
    posterior = bandit.LogisticPosterior.prior(4, 5).update(x, a, y, w)
    more = posterior.add_actions(2, like=[1, 3])
    both = np.isin(a, [1, 3])
    same = bandit.LogisticPosterior.prior(1, 5).update(
        x[both], np.zeros(both.sum(), int), y[both], w[both]
    )
    np.testing.assert_allclose(more.mean[5], same.mean[0], atol=1e-10)
    np.testing.assert_allclose(more.mean[:4], posterior.mean, atol=1e-10)
    turned = posterior.align([2, -1, 0])
    np.testing.assert_allclose(turned.mean[[0, 2]], posterior.mean[[2, 0]], atol=1e-10)
    np.testing.assert_array_equal(turned.mean[1], 0.0)


@pytest.mark.parametrize("won", [0, 1, 40, 200])
def test_separation_and_no_success_stay_finite(won):
    x = np.ones((200, 2), np.float32)
    x[:, 1] = np.linspace(-50.0, 50.0, 200)
    y = (np.arange(200) >= 200 - won).astype(float)
    unit = np.array([1.0, 0.0])
    posterior = bandit.LogisticPosterior.prior(2, 2, 1e-3, unit).update(x, np.zeros(200, int), y)
    assert np.isfinite(posterior.mean).all()
    assert np.isfinite(posterior.covariance).all()
    # What was never tried starts from the odds of all.
    chance = 1.0 / (1.0 + np.exp(-posterior.mean[1, 0]))
    assert abs(chance - (won + 0.5) / 201.0) < 1e-9


def test_one_in_a_million_is_learned_as_one_in_a_million():
    n = 1_000_000
    y = np.zeros(n)
    y[123] = 1.0
    prior = bandit.LogisticPosterior.prior(1, 1, 1.0, np.ones(1))
    posterior = prior.update(np.ones((n, 1), np.float32), np.zeros(n, int), y)
    chance = 1.0 / (1.0 + np.exp(-posterior.mean[0, 0]))
    assert 0.5 / n < chance < 2.0 / n
    assert 0.5 < np.sqrt(posterior.covariance[0, 0, 0]) < 2.0


def _shop(rng, n, own=0.0, rate=-3.0):
    k, d = 12, 3
    features = np.concatenate(
        [np.ones((k, 1)), np.repeat(np.eye(4), 3, axis=0), np.tile(np.eye(3), (4, 1))], axis=1
    )
    truth = features @ (0.7 * rng.normal(size=(8, d))) + own * rng.normal(size=(k, d))
    truth[:, 0] += rate
    x = rng.normal(size=(n, d)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, k, n)
    chance = 1.0 / (1.0 + np.exp(-np.einsum("nd,nd->n", x, truth[a])))
    return features, truth, x, a, (rng.random(n) < chance).astype(float)


def test_pooled_equals_the_joint_regression(rng):
    features, _, x, a, y = _shop(rng, 400, rate=-1.0)
    shared, own = 10.0 ** rng.uniform(-1, 1, 8), 3.0
    posterior = bandit.LogisticPosterior.prior(12, 3).update(x, a, y)
    posterior = posterior.pooled(features, shared=shared, own=own)
    design, precision, turns = logistic.joint(x, a, features, shared, own)
    theta, whole = logistic.mode(design, y, np.ones(len(y)), precision)
    np.testing.assert_allclose(posterior.mean, turns @ theta, atol=1e-8)
    covariance = turns @ np.linalg.inv(whole) @ np.swapaxes(turns, 1, 2)
    np.testing.assert_allclose(posterior.covariance, covariance, rtol=1e-7)
    likely = logistic.evidence(design, y, np.ones(len(y)), precision)
    assert abs(posterior.evidence - likely) < 1e-6 * abs(likely)


def test_strengths_by_evidence_beat_each_alone_where_successes_are_rare(rng):
    features, truth, x, a, y = _shop(rng, 3_000)
    unit = np.array([1.0, 0.0, 0.0])
    alone = bandit.LogisticPosterior.prior(12, 3, 1.0, unit).update(x, a, y)
    shared = alone.pooled(features)

    def error(posterior):
        return float(np.sqrt(np.mean((posterior.mean - truth) ** 2)))

    assert error(shared) < 0.8 * error(alone)
    assert shared.evidence >= alone.pooled(features, shared=1e6).evidence


def test_expanded_rows_and_files_give_the_same_moments(rng, tmp_path):
    features, _, x, a, y = _shop(rng, 500)
    unit = np.array([1.0, 0.0, 0.0])
    posterior = bandit.LogisticPosterior.prior(12, 3, 2.0, unit).update(x, a, y)
    path = tmp_path / "posterior.safetensors"
    for one in (posterior, posterior.pooled(features, shared=3.0, own=5.0)):
        bandit.save_posterior(path, one)
        loaded = bandit.load_posterior(path)
        np.testing.assert_allclose(loaded.mean, one.mean, atol=1e-9)
        np.testing.assert_allclose(loaded.covariance, one.covariance, rtol=1e-9)
        np.testing.assert_array_equal(loaded.rate_shapes, one.rate_shapes)


@pytest.mark.parametrize(
    "policy",
    [
        bandit.LinUCB(0.5),
        bandit.LinTS(0.5),
        bandit.Greedy(),
        bandit.EpsilonGreedy(0.1),
        bandit.BetaTS(),
        bandit.Mixture([(0.4, bandit.Rules([3])), (0.6, bandit.LinTS(1.0))], 0.1, 0.05),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_every_policy_weighs_chances_by_values(policy, rng):
    features, _, x, a, y = _shop(rng, 2_000, rate=-1.0)
    posterior = bandit.LogisticPosterior.prior(12, 3).update(x, a, y)
    posterior = posterior.pooled(features, shared=3.0, own=10.0)
    values, costs = rng.uniform(10.0, 50.0, 12), rng.uniform(0.0, 3.0, 12)
    given = {"values": values, "costs": costs}
    choice = policy.choose(posterior, x[:300], **given, seed=5)
    table = policy.probabilities(posterior, x[:300], **given)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(choice.propensity, table[np.arange(300), choice.action], atol=2e-6)
    if isinstance(policy, bandit.LinUCB | bandit.Greedy):
        wide = x[:300].astype(float)
        width = np.sqrt(np.einsum("ni,kij,nj->nk", wide, posterior.covariance, wide))
        score = wide @ posterior.mean.T + getattr(policy, "alpha", 0.0) * width
        worth = values / (1.0 + np.exp(-score)) - costs
        np.testing.assert_array_equal(choice.action, worth.argmax(axis=1))


def test_what_is_no_success_is_refused():
    prior = bandit.LogisticPosterior.prior(2, 1)
    x, a = np.ones((3, 1), np.float32), np.zeros(3, int)
    with pytest.raises(DataError, match=r"successes in \[0, 1\], row 1 has 12.5"):
        prior.update(x, a, np.array([0.0, 12.5, 1.0]))
    with pytest.raises(DataError, match="only pooled posteriors have an evidence"):
        _ = prior.update(x, a, np.zeros(3)).evidence
