"""Winning probabilities against SciPy's adaptive quadrature, smooth and degenerate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bandit.kernels._compile import entered
from bandit.kernels.beta import beta, beta_below
from bandit.kernels.beta import beta_rows as thompson
from bandit.models.sums import rate_tables
from reference.beta_win_probability import winning_probability as beta_twin
from tests.kernels.wins import normal_wins as _normal

_below_at = entered(beta_below.below_at)
_has_corner = entered(beta_below.has_corner)


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
    below = np.zeros((1, 2 * beta_below.GRID))
    beta_below.table_into(0, 1, quantiles, slopes, below)
    tables = beta_below.Tables(quantiles, slopes, below)
    for z in np.linspace(-6, 6, 97):
        x = beta.quantile_at(quantiles, slopes, 0, z)
        assert abs(law.cdf(x) - stats.norm.cdf(z)) < 2e-8
        place = (x - quantiles[0, 0]) / (quantiles[0, -1] - quantiles[0, 0]) * (beta_below.GRID - 1)
        assert abs(_below_at(tables, 0, _has_corner(tables, 0), place) - stats.norm.cdf(z)) < 3e-8


def _beta(tables, value, cost, own):
    """By the kernel that choices use."""
    out = np.zeros(1)
    thompson.taken_probability_into(
        0, 1, tables, np.zeros((1, 1), np.uint8), 0, value[None], cost[None],
        np.array([own], np.int32), out,
    )  # fmt: skip
    return out[0]


def _alike(rng, m):
    seen = rng.integers(500, 5_000, m)
    return 1.0 + rng.binomial(seen, 0.01), 1.0 + 0.99 * seen


def _ages(rng, m):
    seen = 10.0 ** rng.uniform(0, 7, m)
    return 1.0 + np.floor(0.02 * seen), 1.0 + seen


def _young(rng, m):
    return 1.0 + rng.integers(0, 3, m), 1.0 + rng.integers(0, 200, m)


def _one_new(rng, m):
    first, second = 1.0 + rng.integers(19_000, 21_000, m), np.full(m, 1e6)
    first[0] = second[0] = 1.0
    return first, second


def _spread(rng, m):
    seen = 10.0 ** rng.uniform(2, 4, m)
    return 1.0 + seen * rng.uniform(0.005, 0.05, m), 1.0 + seen


@pytest.mark.parametrize("law", [_alike, _ages, _young, _one_new, _spread])
@pytest.mark.parametrize("prices", ["none", "values", "both", "signs"])
def test_beta_rivals(law, prices):
    rng = np.random.default_rng([len(prices), len(law.__name__)])
    for m in (2, 8):
        first, second = law(rng, m)
        tables = rate_tables(first, second)
        value, cost = np.ones(m), np.zeros(m)
        if prices != "none":
            value = rng.lognormal(0.0, 0.5, m)
        if prices in {"both", "signs"}:
            cost = rng.exponential(0.01, m)
        if prices == "signs":
            value *= rng.choice([-1.0, 0.0, 1.0], m, p=[0.2, 0.2, 0.6])
        for own in {0, int(rng.integers(m))}:
            p = _beta(tables, value, cost, own)
            assert p == pytest.approx(beta_twin(first, second, value, cost, own), abs=1e-6)


@pytest.mark.parametrize("law", [_alike, _ages, _young, _one_new, _spread])
def test_beta_probabilities_sum_to_one(law):
    rng = np.random.default_rng(9)
    for m in (2, 5, 40):
        first, second = law(rng, m)
        value, cost = rng.lognormal(0.0, 0.3, m), rng.exponential(0.005, m)
        tables = rate_tables(first, second)
        total = sum(_beta(tables, value, cost, own) for own in range(m))
        assert total == pytest.approx(1.0, abs=2e-7 * m)
