from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.stats.ratios import Errors, fieller, log_ratio, roi

Z = 1.959963984540054


@given(
    n=st.floats(-5, 5),
    d=st.floats(0.5, 5),
    a=st.floats(0.01, 1),
    b=st.floats(0.001, 0.05),
    rho=st.floats(-0.9, 0.9),
)
def test_limits_are_where_the_test_just_fails(n, d, a, b, rho):
    errors = Errors(a, b, rho * math.sqrt(a * b))
    found = fieller(n, d, errors, 1.0)
    for ratio in (found.lower, found.upper):
        variance = a + ratio**2 * b - 2.0 * ratio * errors.covariance
        assert (n - ratio * d) ** 2 == pytest.approx(variance, rel=1e-6, abs=1e-9)
    assert found.lower <= found.value <= found.upper


def test_a_denominator_that_may_be_zero_bounds_nothing():
    assert fieller(1.0, 0.1, Errors(0.1, 0.1), Z)[1:] == (-math.inf, math.inf)
    assert not fieller(1.0, 0.0, Errors(0.1, 0.1), Z).bounded


def test_both_cover_a_ratio_of_noisy_means():
    rng, hits, runs = np.random.default_rng(1), np.zeros(2), 4000
    for n, d in rng.multivariate_normal([4.0, 2.0], [[0.09, 0.02], [0.02, 0.04]], runs):
        errors = Errors(0.09, 0.04, 0.02)
        for i, method in enumerate((fieller, log_ratio)):
            found = method(n, d, errors, Z)
            hits[i] += found.lower <= 2.0 <= found.upper
    assert np.abs(hits / runs - 0.95).max() < 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("arm", "published"),
    [("Mens E-Mail", (2.08, 0.94, 3.22)), ("Womens E-Mail", (0.70, -0.32, 1.72))],
)
def test_hillstroms_returns_at_forty_percent_margin_and_ten_cents(shared_data, arm, published):
    rows = pl.read_csv(shared_data / "hillstrom" / "hillstrom.csv.gz", infer_schema_length=None)
    one, other = (rows.filter(segment=name)["spend"].to_numpy() for name in (arm, "No E-Mail"))
    gain = 0.4 * (one.mean() - other.mean())
    error = 0.4**2 * (one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    found = roi(gain, 0.1, Errors(error, 0.0), Z)
    assert tuple(found) == pytest.approx(published, abs=0.005)
    delta = Z * math.sqrt(error) / 0.1
    assert tuple(found) == pytest.approx(
        (gain / 0.1 - 1, gain / 0.1 - 1 - delta, gain / 0.1 - 1 + delta)
    )


def test_returns_cover_where_the_cost_is_drawn_too():
    """Discounts that are redeemed: who buys costs; 95 of 100, three standard errors allowed."""
    rng, hits, runs, n = np.random.default_rng(2), 0, 1000, 400
    for _ in range(runs):
        bought, other = rng.random(n) < 0.3, rng.random(n) < 0.2
        value, cost = bought * rng.gamma(2.0, 5.0, n), 0.2 + 1.5 * bought
        before = other * rng.gamma(2.0, 5.0, n)
        both = np.cov(value, cost) / n
        errors = Errors(both[0, 0] + before.var(ddof=1) / n, both[1, 1], both[0, 1])
        found = roi(value.mean() - before.mean(), cost.mean(), errors, Z)
        hits += found.lower <= (0.3 - 0.2) * 10.0 / (0.2 + 1.5 * 0.3) - 1.0 <= found.upper
    assert abs(hits / runs - 0.95) < 3 * math.sqrt(0.95 * 0.05 / runs)


def test_a_return_holds_zero_where_the_net_gain_does():
    for gain in (0.9, 1.3, 2.0):
        errors = Errors(0.04, 0.01, 0.005)
        found = roi(gain, 1.0, errors, Z)
        half = Z * math.sqrt(0.04 + 0.01 - 2 * 0.005)
        assert (found.lower > 0.0) == (gain - 1.0 - half > 0.0)
    assert not roi(1.0, 0.1, Errors(0.1, 0.1), Z).bounded
