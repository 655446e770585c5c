"""Sums of parts are the sums of the whole; the error is that of the formula."""

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


def test_the_error_is_that_of_the_formula() -> None:
    x = np.random.default_rng(1).gamma(2.0, 3.0, 500)
    found = Sums.of(x)
    assert (found.mean, found.standard_error) == pytest.approx((x.mean(), x.std() / len(x) ** 0.5))


def test_nothing_has_no_width_and_confidence_is_two_sided() -> None:
    assert (Sums().mean, Sums().standard_error) == (0.0, 0.0)
    assert around(1.0, 0.0) == (1.0, 1.0)
    low, high = around(0.0, 1.0, confidence=0.9)
    assert (low, high) == pytest.approx((-1.6448536269514722, 1.6448536269514722))
