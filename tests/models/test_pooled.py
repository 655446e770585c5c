"""The hybrid posterior: Li's second algorithm, its limits, its evidence, in every policy."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError
from bandit.models.hybrid import factor
from reference import hybrid


def _problem(seed, n=None):
    """Offers × channels with one-hot and numeric features; every third time dense ones."""
    rng = np.random.default_rng(seed)
    k, d = int(rng.integers(3, 12)), int(rng.integers(2, 7))
    n = int(rng.integers(5, 200)) if n is None else n
    parts = [np.ones((k, 1)), np.eye(4)[rng.integers(0, 4, k)], np.eye(3)[rng.integers(0, 3, k)]]
    features = np.concatenate([*parts, rng.normal(size=(k, 1))], axis=1)
    if seed % 3 == 0:
        features = rng.normal(size=(k, 3))
    features = features.astype(np.float32)
    x = rng.normal(size=(n, d)).astype(np.float32)
    a, r = rng.integers(0, k, n), rng.normal(size=n)
    strengths = 10.0 ** rng.uniform(-1, 2, features.shape[1]), float(10.0 ** rng.uniform(-1, 3))
    return x, a, r, features, *strengths


@pytest.mark.parametrize("seed", range(50))
def test_equal_to_algorithm_2_row_by_row(seed):
    x, a, r, features, shared, own = _problem(seed)
    prior = bandit.Posterior.prior(len(features), x.shape[1])
    posterior = prior.update(x, a, r).pooled(features, shared=shared, own=own)
    mean, covariance = hybrid.rows(x, a, r, features.astype(float), shared, own)
    np.testing.assert_allclose(posterior.mean, mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(posterior.covariance, covariance, rtol=1e-9, atol=1e-9)
    factor = posterior.inverse_factor
    np.testing.assert_allclose(np.swapaxes(factor, 1, 2) @ factor, covariance, rtol=1e-9, atol=1e-9)
    likely, variance = hybrid.evidence(x, a, r, features.astype(float), shared, own)
    assert abs(posterior.evidence - likely) < 1e-8 * (1.0 + abs(likely))
    assert abs(posterior.noise_scale**2 - variance) < 1e-9 * variance


@pytest.mark.parametrize("d", [1, 8, 13])
def test_covariances_of_systems_of_many_blocks_are_those_of_one_inverse(d, rng):
    offers, channels = np.divmod(np.arange(27), 3)
    features = np.concatenate([np.ones((28, 1)), np.zeros((28, 12)), rng.normal(size=(28, 4))], 1)
    features[np.arange(1, 28), 1 + offers] = rng.uniform(0.5, 2.0, 27)
    features[np.arange(1, 28), 10 + channels] = 1.0
    x, a, r = rng.normal(size=(900, d)), rng.integers(0, 25, 900), rng.normal(size=900)
    shared, own = 10.0 ** rng.uniform(-1, 2, 17), 3.0
    sums = bandit.Posterior.prior(28, d).update(x, a, r)
    system = np.kron(np.diag(shared), np.eye(d))
    for z, gram in zip(features, sums.gram, strict=True):
        system += np.kron(np.outer(z, z), own * np.linalg.solve(gram + own * np.eye(d), gram))
    for z, gram, found in zip(
        features, sums.gram, sums.pooled(features, shared=shared, own=own).covariance, strict=True
    ):
        rest, turned = np.linalg.inv(gram + own * np.eye(d)), np.kron(z, np.eye(d))
        middle = turned @ np.linalg.solve(system, turned.T)
        expected = own**2 * rest @ middle @ rest + rest
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_disjoint_and_shared_are_its_limits():
    x, a, r, features, shared, _ = _problem(1)
    k, d = len(features), x.shape[1]
    sums = bandit.Posterior.prior(k, d, ridge=3.0).update(x, a, r)
    disjoint = sums.pooled(features, shared=1e12, own=3.0)
    np.testing.assert_allclose(disjoint.mean, sums.mean, atol=1e-9)
    np.testing.assert_allclose(disjoint.covariance, sums.covariance, atol=1e-9)
    one = sums.pooled(features, shared=shared, own=1e12)
    wide = np.stack([np.kron(features[j], row) for row, j in zip(x, a, strict=True)]).astype(float)
    beta = np.linalg.solve(wide.T @ wide + np.diag(np.repeat(shared, d)), wide.T @ r)
    shown = np.stack([np.kron(z, np.eye(d)) @ beta for z in features.astype(float)])
    np.testing.assert_allclose(one.mean, shown, atol=1e-6)


def test_parts_merge_decay_and_corrections_equal_the_whole():
    x, a, r, features, shared, own = _problem(2, n=120)
    prior = bandit.Posterior.prior(len(features), x.shape[1])
    prior = prior.pooled(features, shared=shared, own=own)
    whole = prior.update(x, a, r)
    first, second = prior.update(x[:50], a[:50], r[:50]), prior.update(x[50:], a[50:], r[50:])
    for parts in (first.update(x[50:], a[50:], r[50:]), second.merge(first)):
        np.testing.assert_allclose(parts.mean, whole.mean, atol=1e-10)
        np.testing.assert_allclose(parts.covariance, whole.covariance, atol=1e-10)
    # A sale that comes late: the row with the new reward in place of the old one.
    late = r.copy()
    late[7] += 5.0
    sums = whole.sums
    shift, total = sums.shift.copy(), sums.reward_sum.copy()
    shift[a[7]] += 5.0 * x[7].astype(float)
    total[a[7]] += 5.0
    corrected = bandit.Posterior(sums.gram, shift, sums.count, total, sums.square_sum, sums.ridge)
    again = corrected.pooled(features, shared=shared, own=own)
    np.testing.assert_allclose(again.mean, prior.update(x, a, late).mean, atol=1e-10)
    weights = np.full(len(x), 0.5)
    np.testing.assert_allclose(
        whole.decay(0.5).mean, prior.update(x, a, r, weights).mean, atol=1e-10
    )
    with pytest.raises(DataError, match="only with the same features"):
        whole.merge(bandit.Posterior.prior(len(features), x.shape[1]).pooled(features, own=7.0))


def _shop(rng, n, own=0.0, level=0.0):
    """20 offers × 5 channels that have much in common; the truth's coefficients and the rows."""
    offers, channels, d = 20, 5, 6
    k = offers * channels
    features = np.concatenate(
        [
            np.ones((k, 1)),
            np.repeat(np.eye(offers), channels, axis=0),
            np.tile(np.eye(channels), (offers, 1)),
        ],
        axis=1,
    )
    truth = features @ rng.normal(size=(features.shape[1], d))
    truth += own * rng.normal(size=(k, d))
    x = rng.normal(size=(n, d)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, k, n)
    r = level + np.einsum("nd,nd->n", x, truth[a]) + 3.0 * rng.normal(size=n)
    return features, truth, x, a, r


def _error(posterior, truth):
    return float(np.sqrt(np.mean((posterior.mean - truth) ** 2)))


def test_strengths_by_evidence_beat_the_disjoint_model_and_yield_to_what_is_not_shared(rng):
    unit = np.eye(6)[0]
    features, truth, x, a, r = _shop(rng, 2_000)
    sums = bandit.Posterior.prior(100, 6, ridge=9.0, constant=unit).update(x, a, r)
    shared = sums.pooled(features)
    assert _error(shared, truth) < 0.5 * _error(sums, truth)
    assert abs(shared.noise_scale - 3.0) < 0.1 * 3.0
    # Nothing in common: the shared part must not cost.
    features, truth, x, a, r = _shop(rng, 20_000, own=3.0)
    truth -= features @ np.linalg.lstsq(features, truth, rcond=None)[0]
    r = np.einsum("nd,nd->n", x, truth[a]) + 3.0 * rng.normal(size=len(x))
    sums = bandit.Posterior.prior(100, 6, ridge=1.0, constant=unit).update(x, a, r)
    assert _error(sums.pooled(features), truth) < 1.02 * _error(sums, truth)


def test_an_offer_with_much_data_of_its_own_is_believed(rng):
    features, truth, x, a, r = _shop(rng, 5_000)
    strange = np.array([9.0, -4.0, 4.0, 0.0, 0.0, 0.0])
    r = np.where(a == 17, x @ strange + rng.normal(size=len(x)), r)
    more = rng.normal(size=(4_000, 6)).astype(np.float32)
    posterior = bandit.Posterior.prior(100, 6).update(x, a, r)
    posterior = posterior.update(more, np.full(4_000, 17), more @ strange).pooled(features)
    np.testing.assert_allclose(posterior.mean[17], strange, atol=0.2)
    assert _error(posterior, np.where(np.arange(100)[:, None] == 17, strange, truth)) < 0.8


def test_a_new_action_starts_from_what_its_features_say(rng):
    features, truth, x, a, r = _shop(rng, 5_000)
    keep = a != 99
    posterior = bandit.Posterior.prior(99, 6).update(x[keep], a[keep], r[keep])
    posterior = posterior.pooled(features[:99]).add_actions(1, features=features[99:])
    assert np.abs(posterior.mean[99] - truth[99]).max() < 0.6 * np.abs(truth[99]).max()
    width = np.sqrt(np.diag(posterior.covariance[99]))
    assert (width > np.sqrt(np.diag(posterior.covariance[98]))).all()
    again = posterior.align([99, -1, 3])
    np.testing.assert_array_equal(again.sums.gram[2], posterior.sums.gram[3])
    np.testing.assert_array_equal(again.sums.gram[1], 0.0)
    np.testing.assert_array_equal(again.features[0], features[99])


def test_what_all_rewards_share_changes_the_level_alone(rng):
    unit = np.eye(6)[0]
    features, _, x, a, r = _shop(rng, 1_000)
    prior = bandit.Posterior.prior(100, 6, constant=unit)
    one, other = (prior.update(x, a, r + level).pooled(features) for level in (0.0, 500.0))
    np.testing.assert_allclose(other.mean, one.mean + 500.0 * unit, atol=1e-7)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-12)


@pytest.mark.parametrize(
    "policy",
    [
        bandit.LinUCB(0.5),
        bandit.LinTS(0.5),
        bandit.Greedy(),
        bandit.EpsilonGreedy(0.1),
        bandit.Mixture([(0.4, bandit.Rules([3])), (0.6, bandit.LinTS(1.0))], 0.1, 0.05),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_every_policy_decides_by_its_moments(policy, rng):
    features, _, x, a, r = _shop(rng, 3_000)
    posterior = bandit.Posterior.prior(100, 6).update(x, a, r).pooled(features)
    values, costs = rng.uniform(1.0, 3.0, 100), rng.uniform(0.0, 1.0, 100)
    eligible = rng.random((400, 100)) < 0.3
    eligible[:, 0] = True
    given = {"eligible": eligible, "values": values, "costs": costs}
    choice = policy.choose(posterior, x[:400], **given, seed=5)
    table = policy.probabilities(posterior, x[:400], **given)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(choice.propensity, table[np.arange(400), choice.action], atol=2e-6)
    if isinstance(policy, bandit.LinUCB | bandit.Greedy):
        wide = x[:400].astype(float)
        variance = np.einsum("ni,kij,nj->nk", wide, posterior.covariance, wide)
        score = wide @ posterior.mean.T + getattr(policy, "alpha", 0.0) * np.sqrt(variance)
        worth = np.where(eligible, values * score - costs, -np.inf)
        np.testing.assert_array_equal(choice.action, worth.argmax(axis=1))


def test_drawn_actions_come_as_often_as_their_propensities_say(rng):
    features, _, x, a, r = _shop(rng, 2_000)
    posterior = bandit.Posterior.prior(100, 6).update(x, a, r).pooled(features)
    policy, draws = bandit.LinTS(1.0), 4_000
    table = policy.probabilities(posterior, x[:20])
    for row in range(20):
        many = np.repeat(x[row : row + 1], draws, axis=0)
        taken = policy.choose(posterior, many, seed=row).action
        share = np.bincount(taken, minlength=100) / draws
        # Binomial: five standard errors over 2,000 shares, and a count of ten for the rare ones.
        error = np.sqrt(table[row] * (1.0 - table[row]) / draws)
        assert (np.abs(share - table[row]) < 5.0 * error + 10.0 / draws).all()


def test_the_same_bytes_whatever_the_threads(rng):
    features, _, x, a, r = _shop(rng, 2_000)
    sums = bandit.Posterior.prior(100, 6, constant=np.eye(6)[0]).update(x, a, r)
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            posterior = sums.pooled(features)
            found.append((posterior.mean.tobytes(), posterior.inverse_factor.tobytes()))
    finally:
        numba.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("size", [1, 23, 24, 50, 167])
def test_a_factor_of_any_size_is_that_of_lapack_whatever_the_threads(size, rng):
    root = rng.normal(size=(size, size + 5))
    matrix = root @ root.T
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            found.append(matrix.copy())
            factor(found[-1])
    finally:
        numba.set_num_threads(before)
    lower = np.tril(found[0])
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-9)
    assert lower.tobytes() == np.tril(found[1]).tobytes()


def test_file_gives_back_the_same_moments(rng, tmp_path):
    features, _, x, a, r = _shop(rng, 500)
    posterior = bandit.Posterior.prior(100, 6).update(x, a, r).pooled(features)
    path = tmp_path / "posterior.safetensors"
    bandit.save_posterior(path, posterior)
    loaded = bandit.load_posterior(path)
    assert loaded.mean.tobytes() == posterior.mean.tobytes()
    assert loaded.covariance.tobytes() == posterior.covariance.tobytes()
    assert loaded.evidence == posterior.evidence


def test_what_does_not_fit_is_refused():
    posterior = bandit.Posterior.prior(3, 2)
    with pytest.raises(DataError, match=r"features must be finite numbers \[3, q\]"):
        posterior.pooled(np.ones((2, 2)))
    with pytest.raises(DataError, match="features must be finite"):
        posterior.pooled(np.full((3, 2), np.nan))
    with pytest.raises(DataError, match="positive precisions"):
        posterior.pooled(np.ones((3, 2)), shared=-1.0)
    with pytest.raises(DataError, match="levels must be 2 numbers"):
        posterior.pooled(np.ones((3, 2)), levels=[0])
    np.testing.assert_array_equal(posterior.pooled(np.ones((3, 2))).mean, 0.0)
