from __future__ import annotations

import math

import numpy as np
import pytest

from bandit import experiments
from bandit.core.errors import ConfigError
from bandit.stats.quantiles import normal_quantile

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_limits_of_five_looks_are_those_of_the_tables():
    # Jennison, Turnbull (2000), Group Sequential Methods, and the R package ldbounds
    found = experiments.boundaries(FIVE)
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=5e-4)
    found = experiments.boundaries(FIVE, spending="pocock")
    assert found == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=5e-4)


def test_one_look_is_the_fixed_test():
    assert experiments.boundaries([1.0]) == pytest.approx([normal_quantile(0.975)], abs=1e-9)
    assert experiments.inflation([1.0]) == pytest.approx(1.0, abs=1e-9)


def test_a_limit_does_not_know_the_looks_to_come():
    early, late = experiments.boundaries([0.3, 0.5]), experiments.boundaries([0.3, 0.5, 0.9, 1.0])
    assert early == pytest.approx(late[:2], abs=1e-12)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_walks_pass_the_limits_as_often_as_promised(spending):
    looks = np.array([0.1, 0.25, 0.3, 0.7, 1.0])
    limits = experiments.boundaries(looks, alpha=0.1, spending=spending)
    grown = experiments.inflation(looks, alpha=0.1, power=0.7, spending=spending)
    rng, runs = np.random.default_rng(12), 200_000
    steps = np.sqrt(np.diff(looks, prepend=0.0))
    walk = (rng.normal(size=(runs, 5)) * steps).cumsum(axis=1)
    passed = (np.abs(walk / np.sqrt(looks)) > limits).any(axis=1).mean()
    assert abs(passed - 0.1) < 4 * math.sqrt(0.1 * 0.9 / runs)
    drift = math.sqrt(grown) * (normal_quantile(0.95) + normal_quantile(0.7))
    found = (np.abs((walk + drift * looks) / np.sqrt(looks)) > limits).any(axis=1).mean()
    assert abs(found - 0.7) < 4 * math.sqrt(0.7 * 0.3 / runs)


def test_a_sequence_is_once_and_a_half_as_wide_at_its_best_and_holds_at_every_look():
    assert experiments.sequence(1.0) / normal_quantile(0.975) == pytest.approx(1.55, abs=0.005)
    around = [experiments.sequence(t) * math.sqrt(1 / t) for t in (0.98, 1.0, 1.02)]
    assert around[0] > around[1] > around[2]
    best = [experiments.sequence(t) for t in (0.9, 1.0, 1.1)]
    assert best[1] < min(best[0], best[2])
    rng, runs = np.random.default_rng(13), 4000
    times = np.arange(1, 401) / 200
    walk = (rng.normal(size=(runs, 400)) * math.sqrt(1 / 200)).cumsum(axis=1) / np.sqrt(times)
    limits = np.array([experiments.sequence(t) for t in times])
    assert (np.abs(walk) > limits).any(axis=1).mean() <= 0.05


def test_a_look_and_a_sequence_are_limits_of_a_comparison():
    rng = np.random.default_rng(0)
    treated = np.arange(4000) % 2 == 0
    found = experiments.compare(rng.normal(size=4000) + 0.1 * treated, treated)
    limit = experiments.sequence(1.0)
    low, high = found.within(limit)
    assert high - low == pytest.approx(2 * limit * found.standard_error)
    assert found.passes(limit) == (low > 0.0)


@pytest.mark.parametrize(
    ("fractions", "options", "message"),
    [
        ([], {}, "at least one"),
        ([0.5, 0.5], {}, "fractions must rise"),
        ([0.5, 1.1], {}, "fractions must rise"),
        ([0.0, 1.0], {}, "fractions must rise"),
        ([1.0], {"spending": "all"}, "unknown spending 'all'; choose one of obrien_fleming"),
        ([1.0], {"alpha": 0.0}, "alpha must lie between"),
    ],
)
def test_what_is_no_plan_of_looks_is_refused(fractions, options, message):
    with pytest.raises(ConfigError, match=message):
        experiments.boundaries(fractions, **options)
    with pytest.raises(ConfigError, match="fraction must be above 0"):
        experiments.sequence(0.0)


def test_an_open_end_spends_at_most_what_it_may_however_many_looks_there_are():
    rng, looks, runs = np.random.default_rng(3), 40, 100_000
    seen = np.cumsum(rng.integers(1, 9, looks)).astype(float)
    limits = experiments.open_ended(seen, alpha=0.1)
    steps = np.sqrt(np.diff(seen, prepend=0.0))
    z = (rng.normal(size=(runs, looks)) * steps).cumsum(axis=1) / np.sqrt(seen)
    for k in (1, 4, 40):
        crossed = np.mean((np.abs(z[:, :k]) > limits[:k]).any(axis=1))
        spent = 0.1 * k / (k + experiments.looks.HALF_SPENT)
        assert crossed == pytest.approx(spent, abs=4 * math.sqrt(spent / runs))


def test_an_open_end_does_not_know_the_looks_to_come_nor_the_unit():
    early, late = (experiments.open_ended(n, alpha=0.1) for n in ([3, 5], [30, 50, 70]))
    assert early == pytest.approx(late[:2], abs=1e-7)


def test_a_look_that_adds_nothing_is_none():
    found = experiments.open_ended([100.0, 100.0, 200.0])
    assert np.isnan(found[1])
    plain = experiments.open_ended([100.0, 150.0, 200.0])
    assert found[2] != plain[2]
    with pytest.raises(ConfigError, match="never falling"):
        experiments.open_ended([2.0, 1.0])
