"""Small arms in which nobody bought yet: both arms hold the error up."""

from __future__ import annotations

import numpy as np
import pytest

from bandit import experiments
from bandit.stats.moderated import PRIOR
from reference import gained as reference
from simulations.experiments.promised_power import Lift, power
from simulations.experiments.small_arms import METHODS, Case, said


def bought(rng, n, share, chance):
    treated = rng.random(n) < share
    return np.where(rng.random(n) < chance, rng.lognormal(0.0, 0.5, n), 0.0), treated


def test_an_arm_without_a_buyer_is_about_as_variable_as_both():
    values, treated = np.zeros(2_000), np.arange(2_000) < 100
    values[1_900:1_910] = 20.0
    naive, one = (experiments.compare(values, treated, rare=rare) for rare in (False, True))
    assert one.effect == naive.effect
    assert naive.passes(3.0)
    assert not one.passes(1.0)
    pooled = values.var() / 100
    assert one.standard_error**2 - naive.standard_error**2 == pytest.approx(pooled, rel=1e-3)
    assert one.p_value > 0.2
    assert naive.p_value < 0.01


@pytest.mark.parametrize("homes", [False, True])
def test_what_an_arm_lacks_is_that_of_the_twin_of_increments(homes):
    """One idea for both: of arms each unit has the weight 1."""
    rng = np.random.default_rng(4)
    values, treated = bought(rng, 900, 0.1, 0.04)
    values -= 0.05 * (rng.random(900) < 0.7)
    unit = np.arange(900) // (3 if homes else 1)
    treated = treated[unit]
    naive, one = (
        experiments.compare(values, treated, clusters=unit, rare=rare) for rare in (False, True)
    )
    sizes = np.bincount(unit)
    sides = []
    for mine in (treated, ~treated):
        rest = np.bincount(unit[mine], weights=values[mine] - values[mine].mean())
        sides.append([(int(u), 1.0, float(rest[u])) for u in np.unique(unit[mine])])
    twin = reference.gained([(sides[0], sides[1])], PRIOR)
    arms = [sizes[[u for u, *_ in side]].sum() for side in sides]
    ours = one.standard_error**2 - naive.standard_error**2
    # The twin's increment is of as many as are treated, each unit of the same size here.
    assert twin.doubt > 0.0
    assert ours == pytest.approx(twin.doubt / arms[0] ** 2, rel=1e-9)


def test_what_all_spent_on_contacts_is_no_evidence():
    rng = np.random.default_rng(2)
    values, treated = np.zeros(2_000), np.arange(2_000) < 100
    values[1_900:1_910] = 20.0
    values -= 0.05 * (rng.random(2_000) < 0.7)
    assert not experiments.compare(values, treated, rare=True).passes(1.0)


def test_many_purchases_are_as_they_were_and_households_too():
    rng = np.random.default_rng(3)
    values, treated = bought(rng, 40_000, 0.5, 0.1)
    homes = np.arange(40_000) // 4
    treated = treated[homes]
    for clusters in (None, homes):
        naive, one = (
            experiments.compare(values, treated, clusters=clusters, rare=rare)
            for rare in (False, True)
        )
        assert naive.standard_error <= one.standard_error <= 1.002 * naive.standard_error


def test_an_arm_as_variable_as_the_other_has_no_doubt():
    values = np.tile([0.0, 0.0, 0.0, 8.0], 50)
    treated = np.arange(200) < 100
    naive, one = (experiments.compare(values, treated, rare=rare) for rare in (False, True))
    assert one == naive


@pytest.mark.parametrize("share", [0.05, 0.95])
def test_hardly_anything_is_said_where_nothing_is_done(share):
    for method in METHODS:
        found = said(Case(2_000, share, 0.0, 3), method, 40)
        assert found["better"] + found["worse"] <= 3, (method, found)


@pytest.mark.parametrize(
    "case",
    [
        Lift(5_000, 0.95, 0.01, "responded", 0.0, 1),
        Lift(5_000, 0.95, 0.01, "net", 1.0, 1),
        Lift(5_000, 0.05, 0.05, "net", 1.0, 1),
        Lift(5_000, 0.5, 0.01, "net", 0.0, 1),
    ],
)
def test_read_finds_as_often_as_design_promises(case):
    """Of 80 experiments 80 % less two standard errors; without its tails a plan's are 20 to 60."""
    found = power(case, 80)
    assert found is not None
    assert found.found > 0.8 - 2.0 * (0.8 * 0.2 / 80) ** 0.5
