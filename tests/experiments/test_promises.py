"""A share of `python -m simulations.experiments`; the whole of it stands in its README."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bandit import allocation
from simulations.experiments.environment import Population
from simulations.experiments.homes import planted, redrawn
from simulations.experiments.shared_caps import called, crowd, shared_caps, truth
from simulations.experiments.sweep import false_alarms, power


@pytest.fixture(scope="module")
def population(shared_data):
    return Population.read(shared_data / "hillstrom" / "hillstrom.csv.gz")


def most(share, runs):
    """Four standard errors above a share."""
    return share + 4.0 * math.sqrt(share * (1.0 - share) / runs)


@pytest.mark.long
def test_nothing_done_alarms_as_rarely_as_promised(population):
    runs = 150
    found = false_alarms(population, "spend", runs, adjusted=True)
    assert found.uniform > 0.001
    for share in (found.fixed, found.planned, found.pocock, found.sequence):
        assert share <= most(0.05, runs)
    assert found.peeking > most(0.05, runs), "fifty looks at a fixed test are not for free"


@pytest.mark.long
def test_arms_that_compete_for_a_capacity_want_their_own_part_of_it():
    runs, target = 60, truth(400_000)
    pooled, split = shared_caps(runs, 20_000, target)
    assert pooled.calls_treated > 1.8 * pooled.calls_control
    assert pooled.covered < 0.3, "with one pool the truth is outside"
    assert split.covered > 0.95 - 4.0 * math.sqrt(0.05 * 0.95 / runs)
    people = crowd(3000, 1)
    solved = allocation.solve(people.new[:, None], [[1.0]], [900.0]).assignment[:, 0] == 0
    assert np.array_equal(called(people.new, 900), solved)


@pytest.mark.long
def test_households_are_found_as_surely_and_weighed_as_exactly(population):
    runs = 40
    for row in planted(population, runs, 8000):
        assert abs(row.found - 0.8) < 4.0 * math.sqrt(0.8 * 0.2 / runs), row.name
    for found in redrawn(6_000):
        assert found.worst < 4.5, found.name
        assert abs(found.weight - 1.0) < 4.5 * found.error


def test_effects_of_the_promised_size_are_found(population):
    runs = 40
    for row in power(population, runs, 8000):
        assert abs(row.found - 0.8) < 4.0 * math.sqrt(0.8 * 0.2 / runs), row.name
        assert np.isfinite(row.effect)
