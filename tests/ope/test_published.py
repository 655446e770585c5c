from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.logs.open_bandit import read_hillstrom
from bandit.ope.diagnostics import calibrate, diagnose, weigh
from bandit.ope.gate import judge
from simulations.open_bandit.analysis import published
from simulations.open_bandit.environment import bts_to_uniform, load

ARM_MEANS = (0.65279, 1.42262, 1.07720)


@pytest.fixture(scope="module")
def obd(shared_data):
    return shared_data / "obd"


@pytest.fixture(scope="module")
def hillstrom(shared_data):
    columns = read_hillstrom(shared_data / "hillstrom" / "hillstrom.csv.gz")
    return ope.Log.of(**columns._asdict())


def test_the_open_bandit_figures_to_the_published_digits(obd):
    for name, ours, theirs, tolerance in published(obd):
        assert ours == pytest.approx(theirs, abs=tolerance), name


def test_women_to_uniform_is_refused_for_its_effective_sample_size(obd):
    women = bts_to_uniform(obd, "women")
    overlap = diagnose(women.log, women.target_rows)
    assert overlap.effective_sample_size == pytest.approx(2.1, abs=0.05)
    assert overlap.max_weight == pytest.approx(21739, abs=1)
    lift = ope.lift(ope.Recipe("ips"), women.log.rewards, women.weights, interval="student_t")
    verdict = judge({"the logging policy": lift}, overlap)
    assert verdict.decision == "not enough data"
    assert "effective sample size is 2.1 of 10,000" in verdict.reason


def test_propensities_of_the_uniform_log_are_true(obd):
    assert calibrate(load(obd, "random", "all")).p > 0.01


def test_folder_layout_and_parquet_copies_read_the_same(obd, tmp_path):
    import polars as pl

    folder = tmp_path / "random" / "men"
    folder.mkdir(parents=True)
    pl.read_parquet(obd / "random_men.parquet").write_csv(folder / "men.csv")
    one, other = load(tmp_path, "random", "men"), load(obd, "random", "men")
    for name in ("contexts", "actions", "propensities", "rewards", "times", "positions"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("arm", [0, 1, 2])
def test_constant_mails_are_worth_their_arm_means(hillstrom, arm):
    always = np.zeros((hillstrom.n, 3))
    always[:, arm] = 1.0
    weights = hillstrom.weights(always)
    assert ope.snips(hillstrom.rewards, weights).value == pytest.approx(ARM_MEANS[arm], abs=5e-6)
    # by the shares that were drawn rather than by the thirds that were meant, IPS is the same
    share = np.mean(hillstrom.actions == arm)
    exact = ope.ips(hillstrom.rewards, weights / (3 * share))
    assert exact.value == pytest.approx(ARM_MEANS[arm], abs=5e-6)
    meant = ope.ips(hillstrom.rewards, weights, interval="student_t")
    assert meant.lower < ARM_MEANS[arm] < meant.upper


def test_the_personalised_rule_gains_nothing_beyond_noise(hillstrom):
    mens, womens = hillstrom.contexts[:, 2] == 1, hillstrom.contexts[:, 3] == 1
    rule = np.eye(3)[np.where(womens & ~mens, 2, 1)]
    always_mens = np.eye(3)[np.ones(hillstrom.n, dtype=int)]
    weights, bau = hillstrom.weights(rule), hillstrom.weights(always_mens)
    assert ope.snips(hillstrom.rewards, weights).value == pytest.approx(1.42863, abs=5e-6)
    lift = ope.lift(ope.Recipe("snips"), hillstrom.rewards, weights, baseline=bau)
    assert lift.lower < 0.0 < lift.upper
    verdict = judge({"men's mail for all": lift}, weigh(weights))
    assert verdict.decision == "not enough data"
