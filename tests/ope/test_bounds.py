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

    parts = of(np.random.default_rng(2).normal(size=500))
    before = numba.get_num_threads()
    expected = bounds.studentised(parts, seed=9)
    numba.set_num_threads(min(threads, before))
    try:
        assert np.array_equal(bounds.studentised(parts, seed=9), expected)
    finally:
        numba.set_num_threads(before)


def of(terms):
    ones = np.ones(len(terms))
    sums = np.stack([0.0 * ones, terms, ones, ones], axis=1)[:, None]
    return bounds.Parts(sums, np.array([False]), np.array([[0, -1]]), np.array([terms.mean()]))


@pytest.mark.parametrize("n", [1000, 40_000])
def test_studentised_replicates_lean_against_the_skewness(n):
    """E t* = -γ/2√n and sd t* = 1 to first order, pooled or not; Hall (1992), section 2.6."""
    terms = np.random.default_rng(4).gamma(0.04, size=n)
    t = bounds.studentised(of(terms), 0)[:, 0]
    centred = terms - terms.mean()
    skewness = np.mean(centred**3) / np.mean(centred**2) ** 1.5
    # 2,000 replicates: the mean is known to 1/√2000, the spread to 1/√4000 and what pooling adds
    assert t.mean() == pytest.approx(-skewness / 2 / np.sqrt(n), abs=4 / np.sqrt(2000))
    assert t.std() == pytest.approx(1.0, rel=0.15)
    assert np.quantile(t, 0.025) < -1.96


def test_a_skewed_sample_reaches_farther_to_the_side_of_its_tail():
    terms = np.random.default_rng(4).gamma(0.01, size=2000)
    low, high = bounds.bootstrap_t(bounds.studentised(of(terms), 0)[:, 0], 0.025)
    assert -low > 1.2 * high
    assert high >= 1.95
