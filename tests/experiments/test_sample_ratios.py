from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit import experiments
from bandit.core.errors import DataError
from bandit.experiments.sample_ratios import alike


def test_it_is_pearsons_chi_square():
    counts, shares = [10_120, 4_880, 5_050], [0.5, 0.25, 0.25]
    theirs = stats.chisquare(counts, np.sum(counts) * np.array(shares)).pvalue
    assert experiments.sample_ratio(counts, shares) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize(
    ("count", "total", "share"), [(0, 5, 0.5), (3, 400, 0.02), (60, 100, 0.5), (4, 5000, 1e-4)]
)
def test_two_small_arms_are_judged_exactly(count, total, share):
    found = experiments.sample_ratio([count, total - count], [share, 1.0 - share])
    assert found == pytest.approx(stats.binomtest(count, total, share).pvalue, rel=1e-9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tea_tasting_agrees():
    import pyarrow as pa
    import tea_tasting as tt

    rng = np.random.default_rng(3)
    for _ in range(20):
        arm = (rng.random(5000) < 0.5).astype(int)
        theirs = tt.Experiment(ratio=tt.SampleRatio(method="norm", correction=False)).analyze(
            pa.table({"variant": arm})
        )
        counts = [5000 - arm.sum(), arm.sum()]
        found = experiments.sample_ratio(counts, [0.5, 0.5])
        assert found == pytest.approx(theirs["ratio"].pvalue, rel=1e-9)


def test_shares_are_relative():
    assert experiments.sample_ratio([500, 1500], [1, 3]) == 1.0


def test_a_loss_of_two_percent_of_one_arm_alarms_and_clean_runs_do_not():
    keys, alarms = np.arange(1_000_000), 0
    for run in range(1000):
        arm = experiments.arms(keys[: 20_000 + run], "clean", [0.5, 0.3, 0.2], seed=run)
        p = experiments.sample_ratio(np.bincount(arm, minlength=3), [0.5, 0.3, 0.2])
        alarms += p < experiments.ALARM
    assert alarms <= 3
    arm = experiments.arms(keys, "x", [0.9, 0.1])
    counts = np.bincount(arm)
    assert experiments.sample_ratio(counts, [0.9, 0.1]) > experiments.ALARM
    lost = counts - [0, counts[1] // 50]
    assert experiments.sample_ratio(lost, [0.9, 0.1]) < experiments.ALARM


@pytest.mark.parametrize(
    ("total", "shares"),
    [(5000, [0.9999, 0.0001]), (100, [0.99, 0.005, 0.005]), (2000, [0.998, 0.001, 0.001])],
)
def test_arms_that_hardly_have_anybody_alarm_no_more_often_than_claimed(total, shares):
    drawn = np.random.default_rng(1).multinomial(total, shares, 20_000)
    kinds, often = np.unique(drawn, axis=0, return_counts=True)
    alarms = [experiments.sample_ratio(kind, shares) < experiments.ALARM for kind in kinds]
    assert often @ np.array(alarms) <= 30
    assert experiments.sample_ratio([total, *[20] * (len(shares) - 1)], shares) < 1e-6


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([10], [1.0], "2 arms or more"),
        ([10, 5], [1.0, 0.0], "shares above 0"),
        ([10, 5], [0.5], "shares has 1 rows"),
        ([0, 0], [0.5, 0.5], "not all 0"),
        ([1.5, 2], [0.5, 0.5], "whole numbers"),
        ([-1, 2], [0.5, 0.5], "whole numbers"),
    ],
)
def test_what_is_no_count_is_refused(counts, shares, message):
    with pytest.raises(DataError, match=message):
        experiments.sample_ratio(counts, shares)


def test_alike_is_pearsons_test_of_homogeneity():
    some, of = np.array([970, 940, 480]), np.array([1000, 990, 500])
    theirs = stats.chi2_contingency([some, of - some], correction=False).pvalue
    assert alike(some, of) == pytest.approx(theirs, rel=1e-10)
    assert alike([970, 940, 480, 3], [1000, 990, 500, 3]) == alike(some, of)
    for nothing in (([5, 6], [9, 9]), ([0, 0], [500, 500]), ([500, 400], [500, 400]), ([9], [10])):
        assert alike(*nothing) == 1.0


def test_two_percent_of_one_arms_deliveries_lost_alarm_and_clean_runs_do_not():
    rng = np.random.default_rng(8)
    of = np.array([5000, 5000, 2000])
    clean = [alike(rng.binomial(of, 0.97), of) < experiments.ALARM for _ in range(1000)]
    assert sum(clean) <= 3
    lost = [0.97, 0.95, 0.97]
    found = [alike(rng.binomial(of, lost), of) < experiments.ALARM for _ in range(200)]
    assert np.mean(found) > 0.95
