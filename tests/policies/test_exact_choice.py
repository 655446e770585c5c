"""The fast choose loop against its float64 twin, on 1,000 random and hostile instances."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
import bandit.core.errors
from reference import draws, linear

BAND = 1e-5


def _instance(seed: int):
    """A posterior, contexts and prices of random size and temper."""
    rng = np.random.default_rng(seed)
    k = int(np.exp(rng.uniform(0, np.log(201))))
    d = int(np.exp(rng.uniform(0, np.log(201))))
    d = max(1, min(d, int((60_000 / k) ** 0.5)))
    n = int(rng.integers(1, 14))
    scale = 10.0 ** rng.choice([0, 0, -6, -3, 3]) * np.ones(d)
    if seed % 5 == 0:
        scale = 10.0 ** rng.uniform(-6, 6, d)
    basis = rng.normal(size=(d, d)) if seed % 3 else np.eye(d)
    observed = int(rng.choice([0, 1, 3 * k, 30 * k]))

    def contexts(rows):
        return ((rng.normal(size=(rows, d)) @ basis) * scale).astype(np.float32)

    x = contexts(observed)
    actions = rng.integers(0, k, observed)
    rewards = rng.normal(size=observed) * 10.0 ** rng.integers(-3, 4)
    if seed % 7 == 0 and k > 1:
        # Duplicates: two actions have seen the same rows.
        x, rewards = np.concatenate([x, x]), np.concatenate([rewards, rewards])
        actions = np.concatenate([np.zeros(observed, int), np.full(observed, k - 1)])
    ridge = float(10.0 ** rng.integers(-1, 2))
    posterior = bandit.Posterior.prior(k, d, ridge).update(x, actions, rewards)
    if _refused(posterior):
        ridge *= float(np.mean(x.astype(float) ** 2))
        posterior = bandit.Posterior.prior(k, d, ridge).update(x, actions, rewards)
    eligible = rng.random((n, k)) < rng.choice([0.05, 0.5, 1.0])
    eligible[np.arange(n), rng.integers(0, k, n)] = True
    if seed % 11 == 0:
        eligible = np.eye(k, dtype=bool)[rng.integers(0, k, n)]
    values = [None, rng.normal(size=k), rng.lognormal(size=(n, k))][seed % 3]
    costs = [None, rng.normal(size=(n, k)), np.full(k, 0.25)][seed // 3 % 3]
    return posterior, contexts(n), eligible, values, costs, float(rng.choice([0.0, 0.3, 2.0]))


def _refused(posterior):
    try:
        return not np.isfinite(posterior.mean).all()
    except bandit.core.errors.DataError:
        return True


def _check(choice, worth, eligible, band):
    """Equal to the twin's choice, unless the two are worth the same within the band."""
    rows = np.arange(worth.shape[0])
    expected = linear.best(worth, eligible)
    assert eligible[rows, choice].all()
    got, best = worth[rows, choice], worth[rows, expected]
    size = np.where(eligible, np.abs(worth), 0.0).max(axis=1)
    close = best - got <= band * np.maximum(np.abs(best), 1e-3 * size)
    assert (close | (choice == expected)).all()
    return int((choice != expected).sum())


@pytest.mark.parametrize(
    "block", [*range(3), *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 10))]
)
def test_choices_equal_the_float64_twin(block):
    differing = 0
    for seed in range(100 * block, 100 * block + 100):
        posterior, x, eligible, values, costs, alpha = _instance(seed)
        v = 1.0 if values is None else values
        c = 0.0 if costs is None else costs
        mean, width, worst = linear.moments(posterior.gram, posterior.shift, posterior.ridge, x)
        # Beyond 1e8 the twin's own solution has fewer digits than the band.
        band = BAND * max(1.0, worst / 1e8)
        given = {"eligible": eligible, "values": values, "costs": costs}
        choice = bandit.LinUCB(alpha).choose(posterior, x, **given)
        differing += _check(choice.action, v * (mean + alpha * width) - c, eligible, band)
        score = (mean + alpha * width)[np.arange(len(x)), choice.action]
        np.testing.assert_allclose(
            choice.score, score, rtol=2 * band, atol=2 * band * alpha * width.max()
        )
        if seed % 4 == 0:
            greedy = bandit.Greedy().choose(posterior, x, **given)
            differing += _check(greedy.action, v * mean - c, eligible, band)
        if seed % 8 == 1:
            z = draws.normals(seed, 0, range(len(x)), posterior.n_actions, 0, 8)
            sampled = bandit.LinTS(alpha).choose(posterior, x, **given, seed=seed)
            deviation = alpha * width
            # A draw in float32 is off by 1e-6 of itself: give it that, beside the band.
            worth = v * (mean + deviation * z) - c
            slack = np.abs(v * deviation * z).max() * 4e-6
            expected = linear.best(worth, eligible)
            rows = np.arange(len(x))
            gap = worth[rows, expected] - worth[rows, sampled.action]
            assert (gap <= band * np.abs(worth[rows, expected]) + slack).all()
    # Ties of duplicated actions apart, rounding decides hardly anything.
    assert differing <= 5


def test_duplicated_actions_tie_to_the_lowest_index(rng):
    x = rng.normal(size=(400, 6)).astype(np.float32)
    rewards = rng.normal(size=400)
    one = bandit.Posterior.prior(1, 6).update(x, np.zeros(400, int), rewards)
    many = one.add_actions(39, like=[0])
    for policy in (bandit.LinUCB(1.0), bandit.Greedy()):
        assert (policy.choose(many, x).action == 0).all()


def test_bits_and_booleans_say_the_same(rng):
    x = rng.normal(size=(300, 9)).astype(np.float32)
    posterior = bandit.Posterior.prior(70, 9).update(
        x, rng.integers(0, 70, 300), rng.normal(size=300)
    )
    eligible = rng.random((300, 70)) < 0.3
    eligible[:, 0] = True
    bits = np.packbits(eligible, axis=1, bitorder="little")
    dense = bandit.LinTS().choose(posterior, x, eligible=eligible)
    packed = bandit.LinTS().choose(posterior, x, eligible=bits)
    assert all(np.array_equal(a, b) for a, b in zip(dense, packed, strict=True))
