"""Sums of parts are the sums of the whole; the interval is that of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.stats.means import Sums, around

NUMBERS = st.lists(st.floats(-1e3, 1e3), max_size=30)


@given(NUMBERS, NUMBERS)
def test_parts_merge_to_the_whole(a: list[float], b: list[float]) -> None:
    parts = Sums.of(np.array(a)).merge(Sums.of(np.array(b)))
    whole = Sums.of(np.array(a + b))
    assert parts == pytest.approx(whole)


def test_the_interval_is_the_mean_and_its_error() -> None:
    x = np.random.default_rng(1).gamma(2.0, 3.0, 500)
    mean, low, high = Sums.of(x).interval()
    error = x.std() / np.sqrt(len(x))
    assert (mean, low, high) == pytest.approx(
        (x.mean(), x.mean() - 1.959963984540054 * error, x.mean() + 1.959963984540054 * error)
    )


def test_nothing_has_no_width_and_confidence_is_two_sided() -> None:
    assert Sums().interval() == (0.0, 0.0, 0.0)
    assert around(1.0, 0.0) == (1.0, 1.0)
    low, high = around(0.0, 1.0, confidence=0.9)
    assert (low, high) == pytest.approx((-1.6448536269514722, 1.6448536269514722))
