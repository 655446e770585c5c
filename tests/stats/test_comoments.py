from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.stats.comoments import Comoments


@settings(max_examples=50)
@given(seed=st.integers(0, 1000), cut=st.integers(0, 50), shift=st.sampled_from([0.0, 1e8]))
def test_parts_equal_the_whole(seed, cut, shift):
    table = np.random.default_rng(seed).normal(size=(50, 3)) + shift
    merged = Comoments.of(table[:cut]).merge(Comoments.of(table[cut:]))
    assert merged.count == 50
    assert merged.mean == pytest.approx(table.mean(axis=0))
    assert merged.products / 49 == pytest.approx(np.cov(table.T), rel=1e-6, abs=1e-7)


def test_nothing_pools_with_nothing():
    none = Comoments.of(np.zeros((0, 2)))
    assert none.merge(none).count == 0
    assert none.total.tolist() == [0.0, 0.0]
