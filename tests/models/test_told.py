"""What is told of a mean is wider than what is drawn by, by what the model takes for certain."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.models.hybrid import Strengths
from bandit.models.owned import Layout, OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior, factors, relative
from bandit.models.told import variance

K, D = 6, 3
FEATURES = np.concatenate([np.ones((K, 1)), np.tile(np.eye(3), (2, 1))], axis=1)
NONE = Strengths(np.full(4, 1e7), 1e8, 0.1)
"""What is likeliest where nothing was found to differ."""


def _rows(rng, n=600):
    x = rng.normal(size=(n, D)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, K, n)
    return x, a, (rng.random(n) < 0.01 + 0.01 * a).astype(np.float64)


def test_counts_have_the_doubt_of_their_factor_and_of_a_line_of_all(rng) -> None:
    """Recomputed from the rows: the events that came, and the rows' products one by one."""
    x, a, r = _rows(rng)
    sums = Posterior.prior(K, D).update(x, a, r)
    found = factors(sums, FEATURES)
    part = RelativePosterior(sums, PooledPosterior(relative(sums, found), FEATURES, NONE), found)
    at = rng.normal(size=D)
    whole = 100.0 * np.eye(D)
    for row, action in zip(x.astype(np.float64), a, strict=True):
        whole += found.actions[action] * np.outer(row, row)
    line = at @ np.linalg.solve(whole, at)
    for action in range(K):
        mean = float(part.mean[action] @ at)
        f, came = found.actions[action], r[a == action].sum()
        drawn = part.noise_scale**2 * (at @ part.covariance[action] @ at)
        expected = max(drawn, (part.noise_scale * f) ** 2 * line) + mean**2 / (came + 5.0)
        told = variance(part, part.noise_scale, action, at, mean)
        assert told == pytest.approx(expected, rel=1e-9)
        assert told > drawn


def test_a_width_that_is_found_stays_and_so_do_those_of_actions_that_learn_alone(rng) -> None:
    """A line of all is no more to add to what is wider already; amounts have no factor."""
    x, a, r = _rows(rng)
    sums = Posterior.prior(K, D).update(x, a, r)
    wide = PooledPosterior(sums, FEATURES, Strengths(np.full(4, 1.0), 1.0, 1.0))
    for part in (sums, wide):
        for action in range(K):
            own = 4.0 * float(x[0] @ part.covariance[action] @ x[0])
            assert variance(part, 2.0, action, x[0].astype(np.float64), 0.3) == pytest.approx(own)


def test_scores_are_no_part_of_a_line_of_all(rng) -> None:
    """The last feature is the score of the odd actions' offer: others know nothing of it."""
    x, a, r = _rows(rng)
    places = np.array([[0, 1, 2 if i % 2 else -1] for i in range(K)])
    layout = Layout(places, 2, np.array([False, False, True]))
    sums = Posterior.prior(K, D).update(x, a, r)
    part = OwnedPosterior(sums, layout, FEATURES, NONE, 1.0, np.zeros((K, D), bool))
    near, far = np.array([1.0, 0.5, 0.0]), np.array([1.0, 0.5, 9.0])
    for action in (0, 2):
        told = [variance(part, 1.0, action, at, 0.1) for at in (near, far)]
        assert told[0] == pytest.approx(told[1], rel=1e-3)


def held(seed: int, rates: tuple[float, ...], slope: float) -> tuple[list[bool], list[bool]]:
    """Whether means lie within 1.96 widths of the truth, a line; as drawn by and as told."""
    rng = np.random.default_rng(seed)
    k, n = len(rates), 500
    a = np.repeat(np.arange(k), n)
    x = np.stack([np.ones(k * n), rng.uniform(-1.0, 1.0, k * n)], axis=1)
    p = np.array(rates)
    r = (rng.random(k * n) < p[a] * (1.0 + slope * x[:, 1])).astype(np.float64)
    sums = Posterior.prior(k, 2, ridge=1.0).update(x.astype(np.float32), a, r)
    features = np.concatenate([np.ones((k, 1)), np.eye(k)], axis=1)
    found = factors(sums, features)
    levels = np.array([0] + [1] * k)
    inner = relative(sums, found).pooled(features, levels=levels)
    part = RelativePosterior(sums, inner, found)
    drawn, told = [], []
    for action in range(k):
        for z in (-0.8, 0.1, 0.7):
            at = np.array([1.0, z])
            mean = float(part.mean[action] @ at)
            off = abs(mean - rates[action] * (1.0 + slope * z))
            own = float(at @ part.covariance[action] @ at) ** 0.5 * part.noise_scale
            drawn.append(off <= 1.96 * own)
            told.append(off <= 1.96 * variance(part, part.noise_scale, action, at, mean) ** 0.5)
    return drawn, told


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_what_is_told_holds_the_truth_where_the_truth_is_a_line(slope: float) -> None:
    rates = (0.01, 0.02, 0.03, 0.045, 0.015)
    found = [held(seed, rates, slope) for seed in range(16)]
    drawn, told = (np.mean([one[i] for one in found]) for i in (0, 1))
    assert told >= 0.85 > drawn + 0.1, (drawn, told)
