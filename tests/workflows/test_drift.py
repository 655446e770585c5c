"""The drift alarm: a channel whose response halves is found, one that stays is left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.workflows.inspect.drift import FEW, LESS, MORE, STEADY, Gross, told


def waves(seed, contacts, rate, factors, *, bias=1.0, spread=1.0):
    """Waves of sales of lognormal amounts; ``factors`` of the rate, expected at ``bias``."""
    rng = np.random.default_rng(seed)
    mean = np.exp(spread**2 / 2.0)
    found = []
    for factor in factors:
        sold = rng.binomial(contacts, rate * factor)
        amounts = rng.lognormal(0.0, spread, sold)
        expected = contacts * rate * mean * bias
        found.append(Gross(contacts, amounts.sum(), amounts @ amounts, expected))
    return found


def first_alarm(history, channels=3):
    """After how many waves somebody who looks at each of them is alarmed; None: never."""
    seen = (told("email", history[:n], channels).health for n in range(1, len(history) + 1))
    return next((n for n, health in enumerate(seen, start=1) if health in {LESS, MORE}), None)


@pytest.mark.parametrize(("contacts", "rate"), [(3_000, 0.035), (20_000, 0.01)])
def test_half_the_response_is_found_within_three_waves(contacts, rate):
    found = [
        first_alarm(waves(seed, contacts, rate, [1.0] * 6 + [0.5] * 3, spread=0.7))
        for seed in range(200)
    ]
    assert np.mean([n is not None and 7 <= n <= 9 for n in found]) >= 0.9


@pytest.mark.parametrize("bias", [0.9, 1.0, 1.15])
@pytest.mark.parametrize(("contacts", "rate"), [(200, 0.01), (3_000, 0.01), (20_000, 0.035)])
def test_a_year_without_a_change_has_hardly_an_alarm(contacts, rate, bias):
    years = [waves(seed, contacts, rate, [1.0] * 26, bias=bias) for seed in range(100)]
    # A tenth of the years is for three channels; three standard errors of 100 years are 0.054.
    assert np.mean([first_alarm(year) is not None for year in years]) <= 0.1 / 3.0 + 0.054


def test_twice_the_response_is_more():
    assert told("sms", waves(0, 20_000, 0.02, [1.0] * 4 + [2.0]), 2).health == MORE


def test_steady_and_few():
    assert told("sms", waves(1, 20_000, 0.02, [1.0] * 4), 2).health == STEADY
    assert told("sms", waves(1, 20, 0.02, [1.0] * 4), 2).health == FEW
