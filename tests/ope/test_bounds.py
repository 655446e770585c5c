from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit import ope
from bandit.core.errors import ConfigError, DataError
from bandit.stats import bounds
from bandit.stats.quantiles import normal_tail, student_t_quantile
from reference import ope_estimators as slow

METHODS = ("hoeffding", "bernstein", "student_t", "bootstrap", "betting")


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 10, 999, 1000, 1e5, 1e9])
@pytest.mark.parametrize("p", [0.001, 0.05, 0.5, 0.6, 0.9, 0.975, 0.999999])
def test_student_t_quantile(freedom, p):
    assert student_t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-10)


def test_normal_tail():
    assert normal_tail(-1.7) == pytest.approx(2.0 * stats.norm.sf(1.7))


@pytest.mark.parametrize("seed", range(4))
def test_betting_is_the_grid_of_capitals(seed):
    y = np.random.default_rng(seed).exponential(0.3, size=150)
    bet = bounds.wager(y, np.ones(150), 0.0, 1.0)
    assert bounds.betting(bet, 0.05) == pytest.approx(slow.betting_lower(y, 0.05), abs=1.0 / 4000)


@pytest.mark.parametrize("seed", range(4))
def test_adaptive_is_the_mixture(seed):
    y = np.random.default_rng(seed).exponential(0.3, size=400)
    bet = bounds.wager(y, np.ones(400), 0.0, 1.0)
    assert bounds.adaptive(bet, 0.05) == pytest.approx(slow.adaptive_lower(y, 0.05), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_lower_bound_lies_below_the_mean_and_falls_with_delta(method):
    terms = np.random.default_rng(0).exponential(size=300)
    loose, tight = ope.lower_bound(terms, method, 0.01), ope.lower_bound(terms, method, 0.2)
    assert loose <= tight <= terms.mean()


@pytest.mark.parametrize("method", METHODS)
def test_lower_bound_scales_with_the_unit(method):
    terms = np.random.default_rng(0).exponential(size=300)
    assert ope.lower_bound(100.0 * terms, method) == pytest.approx(
        100.0 * ope.lower_bound(terms, method)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "terms", [np.zeros(5), np.full(5, 2.0), np.array([0.0, 1e12]), -np.ones(4)]
)
def test_hostile_terms_give_a_number(method, terms):
    assert np.isfinite(ope.lower_bound(terms, method))
    assert ope.lower_bound(terms, method) <= terms.mean() + 1e-9 * abs(terms.mean())


def test_bad_limits_are_named():
    with pytest.raises(DataError, match="at least 2 terms"):
        ope.lower_bound([1.0], "bernstein")
    with pytest.raises(ConfigError, match="unknown method 'guess'"):
        ope.lower_bound([1.0, 2.0], "guess")
    with pytest.raises(ConfigError, match="delta must lie"):
        ope.lower_bound([1.0, 2.0], "betting", delta=1.0)


def test_betting_needs_no_bound_on_the_weights():
    """One weight of a million moves neither limit by more than the row it stands in."""
    rng = np.random.default_rng(5)
    r, w = (rng.random(2000) < 0.4).astype(float), rng.choice([0.5, 1.5], size=2000)
    calm = ope.ips(r, w, interval="betting")
    w[-1] = 1e6
    wild = ope.ips(r, w, interval="betting")
    assert wild.value > 100.0
    assert calm.lower <= wild.lower <= wild.upper <= 1.0 or wild.lower > wild.upper


@pytest.mark.parametrize("threads", [1, 2])
def test_bootstrap_is_the_same_on_any_number_of_threads(threads):
    import numba

    sums = np.random.default_rng(2).normal(size=(500, 3))
    before = numba.get_num_threads()
    expected = bounds.resampled(sums, seed=9)
    numba.set_num_threads(min(threads, before))
    try:
        assert np.array_equal(bounds.resampled(sums, seed=9), expected)
    finally:
        numba.set_num_threads(before)


def test_bootstrap_spread_is_the_standard_error():
    rng = np.random.default_rng(4)
    terms = rng.gamma(2.0, size=1000)
    sums = np.stack([terms, np.ones(1000)], axis=1)
    means = bounds.resampled(sums, 0)[:, 0] / 1000
    error = terms.std() / np.sqrt(1000)
    # the standard deviation of 2,000 replicates is known to 1/√4000 = 1.6 %
    assert means.std() == pytest.approx(error, rel=4 * 0.016)
    assert means.mean() == pytest.approx(terms.mean(), abs=4 * error / np.sqrt(2000))


def test_pooling_many_units_keeps_the_totals_and_the_spread():
    rng = np.random.default_rng(4)
    terms = rng.gamma(2.0, size=40_000)
    sums = np.stack([terms, np.ones(40_000)], axis=1)
    totals = bounds.resampled(sums, 0)
    means = totals[:, 0] / totals[:, 1]
    error = terms.std() / np.sqrt(40_000)
    # 1.6 % from the replicates, 1.1 % from the pooling
    assert means.std() == pytest.approx(error, rel=4 * 0.02)
