from __future__ import annotations

import math

import pytest

from bandit import experiments
from bandit.core.errors import ConfigError
from bandit.experiments import Plan, Tails
from bandit.stats.quantiles import normal_quantile

RATE = {"mean": 0.01, "sd": math.sqrt(0.01 * 0.99)}


def test_one_percent_and_a_tenth_more_need_the_noted_customers():
    assert round(experiments.sample_size(**RATE, effect=0.001), -3) == 326_000
    tenth = experiments.sample_size(**RATE, effect=0.001, control_share=0.1)
    assert round(tenth, -3) == 872_000


def test_the_formula_with_everything_in_it():
    reach = normal_quantile(0.995) + normal_quantile(0.9)
    expected = reach**2 * (400 / 0.2 + 400 / 0.8) / 9 * (1 - 0.64) * (1 + 1.5 * 0.1)
    found = experiments.sample_size(
        mean=50.0, sd=20.0, effect=-3.0, power=0.9, alpha=0.01, control_share=0.2, rho=0.8,
        icc=0.1, cluster_size=2.5,
    )  # fmt: skip
    assert found == math.ceil(expected)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(**RATE, rho=0.3),
        Plan(mean=2.0, sd=15.0, icc=0.2, looks=1.1),
        Plan(**RATE, control_share=0.05, tails=Tails(98.0, 1.0)),
        Plan(mean=0.2, sd=2.0, control_share=0.05, looks=1.1, tails=Tails(300.0, 20.0)),
        Plan(mean=0.2, sd=2.0, icc=0.2, cluster_size=2.0, rho=0.5, tails=Tails(300.0, 20.0)),
    ],
)
def test_size_effect_and_power_are_one_equation(plan):
    effect = plan.detectable(50_000)
    assert plan.size(effect) == pytest.approx(50_000, rel=1e-9)
    assert plan.chance(effect, 50_000) == pytest.approx(plan.power, rel=1e-9)
    assert plan.chance(0.1 * effect, 50_000) < 0.1


def test_a_rate_that_cannot_be_seen_to_rise_says_so():
    assert Plan(mean=0.5, sd=0.5).detectable(4) == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effect": 0.0}, "effect must be a number other than 0"),
        ({"effect": 1.5}, "an effect of 1.5 moves the rate 0.01 to 1.51; an effect is in the unit"),
        ({"effect": 0.1, "control_share": 1.0}, "control_share must lie between 0 and 1"),
        ({"effect": 0.1, "rho": 1.0}, r"rho must lie in \(-1, 1\)"),
        ({"effect": 0.1, "cluster_size": 0.5}, "cluster_size be at least 1"),
        ({"effect": 0.1, "sd": 0.0}, "sd must lie in"),
    ],
)
def test_what_is_no_plan_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        experiments.sample_size(**{**RATE, **options})
