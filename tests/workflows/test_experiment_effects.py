"""What is read of an experiment: looks, arms, ratios, those contacted; on arrays."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bandit import experiments
from bandit.config.campaign_file import tuples
from bandit.config.experiment import Experiment
from bandit.features.spec import Column, FeatureSpec
from bandit.stats.comoments import Comoments
from bandit.workflows.experiment import effects, trust
from bandit.workflows.experiment.enrolled import Enrolled

N, WAVES, RUNS = 300, 3, 400


def asked(method="group_sequential", arms=3, **more):
    share = 1.0 / arms
    return Experiment.model_validate(
        tuples({
            "hypothesis": "none", "layer": "l", "share": 1.0, "waves": WAVES, "cooldown_days": 0,
            "start": dt.date(2026, 11, 9),
            "arm": [{"name": f"a{i}", "share": share, "policy": "rules"} for i in range(arms)],
            "metric": [
                {"name": "net", "role": "primary", "value": "net", "minimum_effect": 1.0, **more}
            ],
            "looks": {"method": method},
        })
    )  # fmt: skip


def members(rng, arms=3):
    arm = rng.integers(0, arms, N)
    counts = np.bincount(arm)
    spec = FeatureSpec(True, ())
    none = np.zeros((arms, 1))
    return Enrolled(
        np.arange(N, dtype=np.uint64), arm, {}, [], none, none, spec, {}, counts, 0, None, None
    )


def waves(rng, effect=0.0, found=None):
    """Totals by wave of people who buy alike in all of them, plus an effect on the last arm."""
    own = rng.gamma(1.0, 1.0, N)
    lift = 0.0 if found is None else effect * (found.arm == found.arm.max())
    steps = [own * rng.exponential(1.0, N) + lift for _ in range(WAVES)]
    return [(f"w{i}", {"net": np.sum(steps[: i + 1], axis=0)}) for i in range(WAVES)]


@pytest.mark.long
@pytest.mark.parametrize("method", ["group_sequential", "confidence_sequence", "fixed"])
def test_of_experiments_without_an_effect_few_ever_alarm(method):
    """Over all looks and arms together; one standard error of a share near 5 % is 1.1 points."""
    rng, experiment, alarms = np.random.default_rng(5), asked(method), 0
    for _ in range(RUNS):
        path = effects.path(experiment, members(rng), waves(rng))
        alarms += bool(effects.passed_at(path))
    assert alarms / RUNS <= 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / RUNS)


def test_an_effect_is_found_and_early_looks_ask_for_more():
    rng, experiment = np.random.default_rng(6), asked()
    found = members(rng)
    path = effects.path(experiment, found, waves(rng, 2.0, found))
    assert set(effects.passed_at(path)) == {"a2"}
    limits = [one.limit for one in path if one.arm == "a2"]
    assert limits == sorted(limits, reverse=True)
    spent = [one.alpha_spent for one in path if one.arm == "a2"]
    assert spent == sorted(spent)
    assert spent[-1] == pytest.approx(0.05)


def test_a_fixed_test_says_nothing_before_its_last_wave():
    rng, experiment = np.random.default_rng(7), asked("fixed")
    found = members(rng)
    path = effects.path(experiment, found, waves(rng, 5.0, found))
    assert [np.isfinite(one.limit) for one in path if one.arm == "a1"] == [False, False, True]
    assert effects.passed_at(path)["a2"].wave == "w2"
    early = effects.effects(experiment, found, {**waves(rng)[0][1], "contacts": found.arm}, 1)
    assert {e.said for e in early} == {"not shown"}


def test_a_ratio_is_one_of_totals():
    rng, experiment = np.random.default_rng(8), asked(arms=2, per="contacts")
    found = members(rng, arms=2)
    values = {"net": rng.gamma(2.0, 1.0, N), "contacts": rng.integers(0, 4, N).astype(float)}
    (one,) = effects.effects(experiment, found, values, WAVES)
    wanted = experiments.compare(
        values["net"], found.arm == 1, sizes=values["contacts"], adjustment="lin"
    )
    assert one.interval.value == pytest.approx(wanted.effect)
    sums = {a: values["net"][found.arm == a].sum() for a in (0, 1)}
    counts = {a: values["contacts"][found.arm == a].sum() for a in (0, 1)}
    assert one.arm_mean - one.control_mean == pytest.approx(
        sums[1] / counts[1] - sums[0] / counts[0]
    )
    assert one.contacted is None
    silent = {**values, "contacts": np.where(found.arm == 0, 0.0, 1.0)}
    assert effects.effects(experiment, found, silent, WAVES) == []


def test_the_effect_on_those_contacted_is_walds_ratio():
    rng, experiment = np.random.default_rng(9), asked(arms=2)
    found = members(rng, arms=2)
    contacts = ((found.arm == 1) & (rng.random(N) < 0.4)).astype(float)
    net = rng.gamma(1.0, 1.0, N) + 3.0 * contacts
    (one,) = effects.effects(experiment, found, {"net": net, "contacts": contacts}, WAVES)
    assert one.contacted is not None
    assert one.contacted.lower < 3.0 < one.contacted.upper
    assert one.contacted.value == pytest.approx(
        (net[found.arm == 1].mean() - net[found.arm == 0].mean()) / contacts[found.arm == 1].mean()
    )


def drawn(rng, share, shift=0.0):
    """4,000 customers with rare kinds and heavy amounts; some of the second arm's moved."""
    kinds = rng.random((4000, 6)) < [0.3, 0.1, 0.05, 0.02, 0.01, 0.005]
    x = np.column_stack([kinds, np.exp(2.0 * rng.standard_normal((4000, 2))), rng.random(4000)])
    arm = (rng.random(4000) < share).astype(np.int64)
    x[arm == 1, -1] += shift
    own = [x[arm == a] for a in (0, 1)]
    columns = tuple(Column(str(i), "boolean", (str(i),)) for i in range(x.shape[1]))
    return members(rng, 2)._replace(
        moments=[Comoments.of(part) for part in own],
        least=np.stack([part.min(axis=0) for part in own]),
        most=np.stack([part.max(axis=0) for part in own]),
        spec=FeatureSpec(False, columns),
    )


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_arms_that_were_drawn_are_alike_small_ones_and_rare_kinds_too(share):
    rng = np.random.default_rng(5)
    found = [trust.balance(asked(arms=2), drawn(rng, share)) for _ in range(100)]
    assert not any(one.alarm for one in found)
    moved = trust.balance(asked(arms=2), drawn(rng, share, shift=0.25))
    assert moved.alarm
    assert moved.feature == "8"
