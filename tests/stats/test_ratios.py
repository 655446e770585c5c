from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.stats.ratios import Errors, fieller, log_ratio

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
