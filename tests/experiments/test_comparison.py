from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from bandit import experiments
from bandit.core.errors import ConfigError, DataError

NOTED = {
    ("Mens E-Mail", "spend"): (0.769827, 0.485140, 1.054515),
    ("Mens E-Mail", "visit"): (0.076590, 0.069953, 0.083226),
    ("Mens E-Mail", "conversion"): (0.006805, 0.005000, 0.008610),
    ("Womens E-Mail", "spend"): (0.424412, 0.168957, 0.679868),
}


@pytest.fixture(scope="module")
def hillstrom(shared_data):
    return pl.read_csv(shared_data / "hillstrom" / "hillstrom.csv.gz", infer_schema_length=None)


def against_none(table, arm):
    return table.filter(pl.col("segment").is_in([arm, "No E-Mail"]))


def limits(found):
    return found.effect, found.lower, found.upper


@pytest.mark.parametrize(("arm", "metric"), NOTED)
def test_hillstroms_effects_to_the_noted_digits(hillstrom, arm, metric):
    rows = against_none(hillstrom, arm)
    found = experiments.compare(rows[metric], rows["segment"] == arm)
    assert limits(found) == pytest.approx(NOTED[arm, metric], abs=1e-6)


def test_hillstroms_history_as_a_covariate_and_the_relative_effect_to_the_noted_digits(hillstrom):
    rows = against_none(hillstrom, "Mens E-Mail")
    treated = rows["segment"] == "Mens E-Mail"
    plain = experiments.compare(rows["spend"], treated)
    assert plain.relative == pytest.approx(1.1793, abs=5e-5)
    assert (plain.relative_lower, plain.relative_upper) == pytest.approx((0.6284, 1.9165), abs=5e-5)
    adjusted = experiments.compare(rows["spend"], treated, covariate=rows["history"])
    assert limits(adjusted) == pytest.approx((0.767438, 0.482813, 1.052064), abs=1e-6)


def random_data(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(200, 2000))
    treated = rng.random(n) < rng.uniform(0.1, 0.9)
    cluster = rng.integers(0, n // 3, n)
    x = rng.gamma(2.0, 1.0, n) + 0.5 * rng.normal(size=n // 3)[cluster]
    size = rng.integers(1, 6, n).astype(float)
    y = 3.0 + x * rng.uniform(-1, 1) + treated * (0.3 + 0.2 * x) + rng.normal(size=n)
    return y, treated, x, cluster, size


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tea_tasting_agrees_on_means_covariates_and_ratios(seed):
    import pyarrow as pa
    import tea_tasting as tt

    y, treated, x, _, size = random_data(seed)
    table = pa.table(
        {"variant": treated.astype(int), "y": y, "x": x, "size": size, "one": np.ones(len(y))}
    )
    theirs = tt.Experiment(
        plain=tt.Mean("y"),
        cuped=tt.Mean("y", covariate="x"),
        ratio=tt.RatioOfMeans("y", "size"),
        both=tt.RatioOfMeans("y", "size", numer_covariate="x", denom_covariate="one"),
    ).analyze(table)
    ours = {
        "plain": experiments.compare(y, treated),
        "cuped": experiments.compare(y, treated, covariate=x),
        "ratio": experiments.compare(y, treated, sizes=size),
        "both": experiments.compare(y, treated, sizes=size, covariate=x),
    }
    for name, found in ours.items():
        other = theirs[name]
        assert (*limits(found), found.p_value) == pytest.approx(
            (
                other.effect_size,
                other.effect_size_ci_lower,
                other.effect_size_ci_upper,
                other.pvalue,
            ),
            rel=1e-8,
            abs=1e-10,
        )
        assert (found.relative, found.relative_lower, found.relative_upper) == pytest.approx(
            (
                other.rel_effect_size,
                other.rel_effect_size_ci_lower,
                other.rel_effect_size_ci_upper,
            ),
            rel=1e-7,
            abs=1e-9,
        )


@pytest.mark.parametrize("seed", range(50))
def test_statsmodels_agrees_on_errors_clusters_and_interacted_covariates(seed):
    import statsmodels.api as sm

    y, treated, x, cluster, _ = random_data(seed)
    n, ones, centred = len(y), np.ones(len(y)), x - x.mean()
    plain = sm.OLS(y, np.column_stack([ones, treated])).fit(cov_type="HC2")
    ours = experiments.compare(y, treated)
    assert (ours.effect, ours.standard_error) == pytest.approx(
        (plain.params[1], plain.bse[1]), rel=1e-9
    )
    design = np.column_stack([ones, treated, centred, treated * centred])
    lin = sm.OLS(y, design).fit()
    ours = experiments.compare(y, treated, covariate=x, adjustment="lin")
    assert ours.effect == pytest.approx(lin.params[1], rel=1e-9)
    # theirs holds the customers fixed; over a population the mean covariate itself is drawn, and
    # their sandwich weighs rows by leverage, which differs by O(1/√n) of itself
    drawn = lin.params[3] ** 2 * np.var(x, ddof=1) / n
    robust = math.hypot(sm.OLS(y, design).fit(cov_type="HC1").bse[1], math.sqrt(drawn))
    assert ours.standard_error == pytest.approx(robust, rel=0.05)
    # households that were assigned as a whole: intercepts of the arms, clustered
    whole = cluster % 2 == 0
    ours = experiments.compare(y, whole, clusters=cluster)
    arms = [
        sm.OLS(y[rows], ones[rows]).fit(cov_type="cluster", cov_kwds={"groups": cluster[rows]})
        for rows in (whole, ~whole)
    ]
    assert ours.standard_error == pytest.approx(
        math.hypot(arms[0].bse[0], arms[1].bse[0]), rel=1e-9
    )
    assert ours.effect == pytest.approx(arms[0].params[0] - arms[1].params[0], rel=1e-9)


def test_clusters_that_stand_in_both_arms_share_their_noise():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(400), 10)
    treated = rng.permuted(np.tile([True, False], (400, 5)), axis=1).ravel()
    y = rng.normal(size=400)[cluster] + 0.3 * rng.normal(size=4000) + 0.2 * treated
    theirs = sm.OLS(y, np.column_stack([np.ones(4000), treated])).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}
    )
    ours = experiments.compare(y, treated, clusters=cluster)
    # one more factor (n-1)/(n-2) of the variance is theirs
    factor = math.sqrt(3999 / 3998)
    assert ours.standard_error * factor == pytest.approx(theirs.bse[1], rel=1e-9)
    assert ours.freedom == 399.0
    apart = experiments.compare(y, treated)
    assert ours.standard_error < 0.8 * apart.standard_error


def test_the_effect_on_the_contacted_is_a_ratio_of_two_effects():
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(300):
        treated, willing = rng.random(3000) < 0.5, rng.random(3000) < 0.3
        reached = treated & willing
        y = rng.normal(size=3000) + willing + 0.5 * reached
        found = experiments.contacted_effect(y, treated, reached)
        covered += found.lower <= 0.5 <= found.upper
    assert found.value == pytest.approx(
        experiments.compare(y, treated).effect / reached[treated].mean(), rel=1e-12
    )
    assert abs(covered / 300 - 0.95) < 3 * math.sqrt(0.05 * 0.95 / 300)


def test_nobody_more_contacted_is_not_bounded():
    rng = np.random.default_rng(1)
    treated = np.arange(1000) % 2 == 0
    found = experiments.contacted_effect(rng.normal(size=1000), treated, rng.random(1000) < 0.5)
    assert not found.bounded


def test_a_relative_effect_has_no_ends_where_the_control_may_be_zero():
    rng = np.random.default_rng(3)
    treated = np.arange(200) % 2 == 0
    found = experiments.compare(rng.normal(0.05, 1.0, 200), treated)
    assert (found.relative_lower, found.relative_upper) == (-math.inf, math.inf)
    assert math.isfinite(found.lower)


def test_relative_intervals_cover_also_next_to_zero():
    rng, hits, runs = np.random.default_rng(11), 0, 1000
    treated = np.arange(400) % 2 == 0
    for _ in range(runs):
        y = rng.normal(0.2, 1.0, 400) + 0.1 * treated
        found = experiments.compare(y, treated)
        hits += found.relative_lower <= 0.5 <= found.relative_upper
    assert hits / runs > 0.95 - 3 * math.sqrt(0.05 * 0.95 / runs)


def test_guardrails_are_held_broken_or_not_shown():
    rng = np.random.default_rng(4)
    treated = np.arange(2000) % 2 == 0
    noise = rng.normal(size=2000)
    noise[treated] -= noise[treated].mean()
    noise[~treated] -= noise[~treated].mean()
    same, worse = (experiments.compare(noise + gap * treated, treated) for gap in (0.0, -0.5))
    assert same.guardrail(0.1) == "held"
    assert same.guardrail(0.01) == "not shown"
    assert worse.guardrail(0.1) == "broken"
    assert worse.guardrail(0.1, harm="higher") == "held"


@pytest.mark.parametrize("adjustment", ["cuped", "lin"])
def test_a_small_arm_is_never_wider_for_lins_covariate(adjustment):
    rng = np.random.default_rng(9)
    n = 20_000
    treated = rng.random(n) < 0.9
    x = rng.normal(size=n)
    # slopes of opposite sign: one slope for both misleads the small arm
    y = np.where(treated, 1.0, -3.0) * x + rng.normal(size=n)
    raw = experiments.compare(y, treated).standard_error
    found = experiments.compare(y, treated, covariate=x, adjustment=adjustment).standard_error
    assert (found < raw) == (adjustment == "lin")


def test_welch_is_scipys():
    rng = np.random.default_rng(2)
    y, treated = rng.gamma(1.0, 1.0, 60), np.arange(60) < 13
    found = experiments.compare(y, treated, confidence=0.9)
    theirs = stats.ttest_ind(y[treated], y[~treated], equal_var=False)
    low, high = theirs.confidence_interval(0.9)
    assert (found.p_value, found.lower, found.upper) == pytest.approx(
        (theirs.pvalue, low, high), rel=1e-10
    )


def test_without_any_spread_there_is_no_doubt():
    treated = np.arange(10) % 2 == 0
    assert experiments.compare(np.ones(10), treated).p_value == 1.0
    assert experiments.compare(treated.astype(float), treated).p_value == 0.0


@pytest.mark.parametrize(
    ("values", "treated", "options", "message"),
    [
        ([1.0, np.nan, 2.0], [1, 0, 1], {}, "values must be finite, row 1 has nan"),
        ([1.0, 2.0, 3.0], [1, 0, 2], {}, "treated must be true or false, row 2 has 2"),
        ([1.0, 2.0, 3.0], [1, 0], {}, "treated must be one truth value a row"),
        ([1.0, 2.0, 3.0], [1, 0, 0], {}, "the treated arm has 1 units"),
        ([1.0, 2.0, 3.0], [1, 1, 1], {}, "the control arm has 0 units"),
        ([1.0, 2.0], [1, 0], {"covariate": [1.0]}, "covariate has 1 rows"),
        ([1.0, 2.0], [1, 0], {"sizes": [1.0, -1.0]}, "sizes must not be negative, row 1 has -1.0"),
        ([1.0, 2.0], [1, 0], {"clusters": [1]}, "clusters must be one label a row"),
    ],
)
def test_bad_arrays_are_refused_by_name_and_row(values, treated, options, message):
    with pytest.raises(DataError, match=message):
        experiments.compare(values, treated, **options)


def test_unknown_options_are_refused():
    y, treated = np.arange(6.0), np.arange(6) % 2 == 0
    with pytest.raises(ConfigError, match="unknown adjustment 'both'; choose one of cuped, lin"):
        experiments.compare(y, treated, adjustment="both")
    with pytest.raises(ConfigError, match="confidence must lie between 0 and 1"):
        experiments.compare(y, treated, confidence=95)
    with pytest.raises(ConfigError, match="a guardrail needs a margin above 0"):
        experiments.compare(y, treated).guardrail(-1.0)
