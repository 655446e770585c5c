from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import DataError
from bandit.ope.diagnostics import calibrate, diagnose, drift, unsupported_share, weigh
from bandit.ope.gate import GateRules, judge, needed_rows, refuse
from bandit.ope.lifts import paired_terms
from bandit.ope.log import Log
from bandit.ope.sweep import choose_then_judge, simultaneous
from bandit.stats.statistic import difference
from bandit.stats.units import row_units

SOUND = weigh(np.tile([0.5, 1.5], 5000))


def estimate(value, half, n=10_000):
    return ope.Estimate(value, half / 2, value - half, value + half, 5000.0, 1.0, 2.0, 0.0, n)


def test_ships_only_when_every_baseline_is_beaten():
    verdict = judge({"the logging policy": estimate(2, 1), "rules": estimate(3, 1)}, SOUND)
    assert verdict.decision == "ship"
    assert "beats the logging policy by 2.0 (1.0 to 3.0) a decision" in verdict.reason


def test_holds_what_is_worse():
    verdict = judge({"the logging policy": estimate(2, 1), "rules": estimate(-2, 1)}, SOUND)
    assert verdict.decision == "hold"
    assert "worse than rules by 2.0 (1.0 to 3.0) a decision" in verdict.reason


def test_an_open_question_names_the_rows_that_would_decide():
    verdict = judge({"the logging policy": estimate(1.0, 2.0)}, SOUND)
    assert verdict.decision == "not enough data"
    assert verdict.needed_n == 40_000
    assert "about 40,000 rows would decide" in verdict.reason


def test_no_effect_at_all_needs_no_realistic_number():
    verdict = judge({"the logging policy": estimate(0.0, 2.0)}, SOUND)
    assert verdict.needed_n is None
    assert "no realistic number of rows" in verdict.reason


def test_a_margin_lets_a_slightly_worse_policy_pass():
    verdict = judge({"x": estimate(-0.5, 1)}, SOUND, GateRules(margin=-2.0, unit="EUR"))
    assert verdict.decision == "ship"
    assert "-0.5 (-1.5 to +0.5) EUR a decision, above the margin of -2" in verdict.reason


@pytest.mark.parametrize(
    ("broken", "decision", "says"),
    [
        (
            {"effective_sample_size": 2.1},
            "not enough data",
            "effective sample size is 2.1 of 10,000",
        ),
        ({"unsupported_share": 0.3}, "hold", "30.0% of its probability"),
        (
            {"mean_weight": 1.4},
            "hold",
            "mean weight is 1.400 where it must be 1, 80.0 standard errors",
        ),
        ({"effective_rewards": 2.1}, "not enough data", "2.1 purchases speak for it"),
        (
            {"mean_weight": 0.9, "max_weight": 300.0},
            "not enough data",
            "mean weight is 0.900 where it must be 1: rows of large weights (the largest is 300)",
        ),
        ({"mean_weight": 0.9}, "hold", "the propensities are not those of this log"),
        ({"n": 1}, "not enough data", "one row"),
    ],
)
def test_a_log_that_cannot_answer_is_refused(broken, decision, says):
    verdict = judge({"the logging policy": estimate(9, 1)}, replace(SOUND, **broken))
    assert verdict.decision == decision
    assert says in verdict.reason


def test_needed_rows_come_true():
    """The interval of as many rows as were asked for leaves zero, of a tenth fewer it does not."""
    rng = np.random.default_rng(0)
    rewards = rng.normal(0.05, 1.0, 400)
    few = ope.ips(rewards - rewards.mean() + 0.05, np.ones(400), interval="student_t")
    rows = needed_rows(few)
    assert few.lower < 0.0
    assert rows == pytest.approx(400 * (few.value - few.lower) ** 2 / 0.05**2, abs=1)


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(2)
    n, k = 3000, 4
    chance = rng.dirichlet(np.ones(k) * 3, size=n)
    actions = (rng.random(n)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    chosen = chance[np.arange(n), actions]
    return Log.of(
        actions=actions,
        rewards=rng.random(n),
        propensities=chosen,
        n_actions=k + 1,
        times=np.arange(n),
    )


def test_diagnose_sees_what_the_log_cannot(log):
    target = np.zeros((log.n, 5))
    target[:, 0], target[:, 4] = 0.75, 0.25
    found = diagnose(log, target)
    assert found.unsupported_share == 0.25
    assert judge({}, found).decision == "hold"


def test_calibration_accepts_true_and_refuses_false_propensities(log):
    good = calibrate(log)
    assert good.p > 0.01
    assert np.all(np.abs(good.ratio[:4] - 1) < 4 * good.error[:4] + 0.3)
    # action 4 is eligible but was never taken: the rest then carry all the probability
    assert np.isnan(good.ratio[4])
    bad = replace(
        log, propensities=np.where(log.actions == 2, log.propensities * 0.5, log.propensities)
    )
    assert calibrate(bad).p < 1e-6


def test_calibration_does_not_miss_what_was_hardly_to_be_expected():
    # Each of 100 offers is for two customers in a hundred, who get it a few times in all.
    alarms = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n, k = 10_000, 100
        eligible = rng.random((n, k)) < 0.02
        eligible[:, 0] = True
        best = np.where(eligible, rng.standard_normal((n, k)), -9.0).argmax(axis=1)
        share = 0.8 * (np.arange(k) == best[:, None])
        share += 0.2 * eligible / eligible.sum(axis=1, keepdims=True)
        taken = (share.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        log = Log.of(
            actions=taken,
            rewards=np.zeros(n),
            propensities=share[np.arange(n), taken],
            eligible=eligible,
            n_actions=k,
        )
        alarms += calibrate(log).p < 1e-4
    assert alarms == 0


def test_a_mean_weight_below_one_is_no_false_propensity_where_heavy_rows_have_not_come():
    low = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        score = rng.standard_normal((3000, 20))
        sharp = np.exp(3.0 * score)
        share = 0.49 * sharp / sharp.sum(axis=1, keepdims=True) + 0.01 / 20
        share[:, 0] += 0.5
        near = (score + 0.7 * rng.standard_normal(score.shape)).argmax(axis=1)
        taken = (share.cumsum(axis=1) > rng.random((3000, 1))).argmax(axis=1)
        found = weigh((taken == near) / share[np.arange(3000), taken])
        low += found.mean_weight_z < -3.0
        verdict = refuse(found)
        assert verdict is None or "propensities" not in verdict.reason
    assert low > 0


def test_a_mean_reward_of_few_purchases_does_not_move_by_chance():
    rng = np.random.default_rng(3)
    for sales in (5, 20, 50, 200):
        for _ in range(50):
            bought = rng.random(10_000) < sales / 10_000
            for r in (bought, bought * rng.lognormal(0.0, 1.4, 10_000)):
                assert drift(np.ones(10_000), r).reward_p > 1e-4
    season = rng.random(10_000) < np.repeat([0.05, 0.15], 5_000)
    assert drift(np.ones(10_000), season).reward_p < 1e-4


def test_drift_finds_a_broken_week():
    rng = np.random.default_rng(0)
    w, r = rng.exponential(size=5000), rng.random(5000)
    calm = drift(w, r)
    assert min(calm.weight_p, calm.reward_p) > 0.01
    r[1000:1500] += 0.3
    assert drift(w, r).reward_p < 1e-6
    with pytest.raises(DataError, match="at least 4 rows"):
        drift(w[:3], r[:3])


def test_one_row_is_described_not_crashed():
    one = weigh([1.0])
    assert one.n == 1
    assert judge({}, one).decision == "not enough data"


def test_support_adds_up():
    assert unsupported_share([1.0, 3.0], [5, 0]) == 0.75
    with pytest.raises(DataError, match="a number an action"):
        unsupported_share([0.0], [1])


def candidates(seed, n=500, many=12):
    """Targets that only differ in how they split a fair coin: no lift anywhere."""
    rng = np.random.default_rng(seed)
    rewards = (rng.random(n) < 0.3).astype(float)
    sides = rng.choice([0.2, 1.8], size=(n, many))
    recipe = ope.Recipe("ips")
    return {str(j): paired_terms(recipe, rewards, sides[:, j]) for j in range(many)}


@pytest.mark.long
def test_winners_curse_is_paid_for():
    """The best of twelve worthless candidates: alone it looks good far too often."""
    logs, naive, band, split = 200, 0, 0, 0
    for seed in range(logs):
        pairs = candidates(seed)
        logged = row_units(pairs["0"].baseline)
        found = {
            name: difference(row_units(pair.candidate), logged) for name, pair in pairs.items()
        }
        best = max(found, key=lambda name: found[name].value)
        naive += found[best].value > 1.96 * found[best].standard_error
        if seed < 60:
            band += any(b.lower > 0 for b in simultaneous(found, seed=seed).values())
            split += choose_then_judge(pairs, interval="student_t", seed=seed).lift.lower > 0
    assert naive / logs > 0.15
    # at most 2.5 % of false alarms by design, of 60 logs: 3 standard errors above
    assert band <= 60 * (0.025 + 3 * np.sqrt(0.025 * 0.975 / 60))
    assert split <= 60 * (0.025 + 3 * np.sqrt(0.025 * 0.975 / 60))
