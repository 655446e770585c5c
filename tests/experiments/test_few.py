"""Guardrails of few events: limits that hold, or none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from bandit import experiments
from bandit.experiments.comparison import Comparison
from bandit.experiments.few import LEAST, _limit, of_few


def compared(treated: int, control: int, n: int = 1000, worth: float = 1.0) -> Comparison:
    values, arm = np.zeros(2 * n), np.arange(2 * n) < n
    values[:treated] = values[n : n + control] = worth
    one = experiments.compare(values, arm, adjustment="lin")
    return of_few(one, values, arm, alone=True, confidence=0.95)


@pytest.mark.parametrize("count", range(12))
@pytest.mark.parametrize("level", [0.0125, 0.025])
def test_limits_of_a_count_are_garwoods(count: int, level: float) -> None:
    low = chi2.ppf(level, 2 * count) / 2 if count else 0.0
    assert _limit(count, 1.0 - level) == pytest.approx(low, rel=1e-9)
    assert _limit(count + 1, level) == pytest.approx(chi2.ppf(1.0 - level, 2 * count + 2) / 2)


def test_no_event_at_all_shows_no_more_than_its_number_of_customers() -> None:
    one = compared(0, 0)
    most = float(chi2.ppf(1.0 - 0.0125, 2)) / 2 / 1000
    assert (one.lower, one.upper) == (pytest.approx(-most), pytest.approx(most))
    assert one.guardrail(0.001, harm="higher") == "not shown"
    assert one.guardrail(0.01, harm="higher") == "held"


def test_amounts_and_households_bound_nothing() -> None:
    one = compared(3, 2, worth=7.5)
    assert (one.lower, one.upper) == (-math.inf, math.inf)
    assert one.guardrail(1e9, harm="lower") == "not shown"


def test_enough_events_are_the_comparisons_own() -> None:
    values, arm = np.zeros(2000), np.arange(2000) < 1000
    values[:LEAST] = 1.0
    one = experiments.compare(values, arm, adjustment="lin")
    assert of_few(one, values, arm, alone=True, confidence=0.95) is one


def test_the_limits_hold_where_events_are_rare() -> None:
    draws = np.random.default_rng(5)
    n, rates = 500, (0.004, 0.002)
    missed = 0
    for _ in range(300):
        counts = [int(draws.binomial(n, rate)) for rate in rates]
        one = compared(*counts, n=n)
        missed += sum(counts) < LEAST and not one.lower <= rates[0] - rates[1] <= one.upper
    assert missed <= 15
