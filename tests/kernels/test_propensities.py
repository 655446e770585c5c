"""Winning probabilities against SciPy's adaptive quadrature, smooth and degenerate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bandit.kernels.beta import beta
from bandit.kernels.beta import beta_win_probability as thompson
from tests.kernels.wins import normal_wins as _normal


def _twin(centres, scales, own):
    """∫ φ(z) Π Φ((m + s z − m_b)/s_b) dz, split where the integrand bends."""
    others = [b for b in range(len(centres)) if b != own]

    def integrand(z):
        reach = (centres[own] + scales[own] * z - centres[others]) / scales[others]
        return stats.norm.pdf(z) * np.prod(stats.norm.cdf(reach))

    bends = (centres[others] - centres[own]) / scales[own]
    points = np.clip(bends, -8.9, 8.9)
    return integrate.quad(integrand, -9, 9, points=points, limit=400, epsabs=1e-11)[0]


@pytest.mark.parametrize("seed", range(40))
def test_normal_rivals(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 12))
    centres = rng.normal(size=count) * 10.0 ** rng.uniform(-1, 1)
    spread = rng.choice([0.2, 1.0, 3.0])
    scales = np.exp(rng.normal(size=count) * spread)
    own = int(rng.integers(count))
    assert _normal(centres, scales, own) == pytest.approx(_twin(centres, scales, own), abs=1e-7)


def test_certain_rivals_and_ties():
    assert _normal(np.array([1.0, 1.0]), np.zeros(2), 0) == 1.0
    assert _normal(np.array([1.0, 1.0]), np.zeros(2), 1) == 0.0
    assert _normal(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0) == pytest.approx(
        stats.norm.sf(1.0), abs=1e-8
    )
    assert _normal(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 1) == pytest.approx(
        stats.norm.cdf(1.0), abs=1e-8
    )
    assert _normal(np.array([3.0]), np.array([1.0]), 0) == 1.0


def test_many_alike_share_evenly():
    centres, scales = np.zeros(100), np.full(100, 0.3)
    total = [_normal(centres, scales, own) for own in range(100)]
    np.testing.assert_allclose(total, 0.01, atol=1e-8)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (2.5, 700.0), (40_000.0, 3.0), (5e5, 5e5)])
def test_beta_functions(a, b):
    law = stats.beta(a, b)
    for p in (1e-9, 0.01, 0.5, 0.999):
        x = law.ppf(p)
        assert beta.beta_cumulative(a, b, x) == pytest.approx(p, rel=1e-8)
        assert beta.beta_quantile(a, b, p) == pytest.approx(x, rel=1e-9)
        assert beta.beta_density(a, b, x) == pytest.approx(law.pdf(x), rel=1e-7)
    quantiles, slopes = np.zeros((1, beta.NODES)), np.zeros((1, beta.NODES))
    beta.table_into(0, 1, np.array([a]), np.array([b]), quantiles, slopes)
    for z in np.linspace(-6, 6, 97):
        x = beta.quantile_at(quantiles, slopes, 0, z)
        assert abs(law.cdf(x) - stats.norm.cdf(z)) < 2e-8
        assert abs(beta.cumulative_at(quantiles, slopes, 0, x) - stats.norm.cdf(z)) < 1e-8


@pytest.mark.parametrize("seed", range(6))
def test_beta_rivals(seed):
    rng = np.random.default_rng(seed)
    first, second = 1.0 + rng.poisson(5, 4) * 10.0**seed, 1.0 + rng.poisson(9, 4) * 10.0**seed
    value, cost = rng.choice([-1.0, 0.5, 2.0], 4), rng.normal(size=4) * 0.1
    sample = value * rng.beta(first, second, (400_000, 4)) - cost
    share = np.bincount(np.argmax(sample, axis=1), minlength=4) / len(sample)
    every, rivals_of = np.arange(4), np.zeros(4, np.int64)
    quantiles, slopes = np.zeros((4, beta.NODES)), np.zeros((4, beta.NODES))
    beta.table_into(0, 4, first, second, quantiles, slopes)
    for a in range(4):
        p = thompson.winning_probability(quantiles, slopes, value, cost, a, every, 4, rivals_of)
        assert abs(p - share[a]) < 4.5 * np.sqrt(max(p * (1 - p), 1e-6) / len(sample))
