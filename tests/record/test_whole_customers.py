"""Sums over each customer's rows, however the batches are cut."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from bandit.record.whole_customers import WholeCustomers


@pytest.mark.parametrize("cuts", [[], [1], [3, 3, 8], range(1, 40)])
@pytest.mark.parametrize("text", [False, True])
def test_totals_are_those_of_the_whole_wave(cuts, text):
    rng = np.random.default_rng(4)
    customer = np.repeat(np.arange(20), rng.integers(1, 4, 20))
    net = rng.normal(size=len(customer))
    ids = pa.array([f"c{i}" for i in customer]) if text else pa.array(customer)
    found, numbers = WholeCustomers(), []
    edges = [0, *(c for c in cuts if c < len(net)), len(net)]
    for a, b in itertools.pairwise(edges):
        numbers.append(found.add(ids[a:b], net[a:b]))
    np.testing.assert_array_equal(np.concatenate(numbers), customer)
    np.testing.assert_allclose(found.totals, np.bincount(customer, weights=net))


def test_a_wave_without_rows_has_no_customers():
    found = WholeCustomers()
    assert found.add(pa.array([], pa.int64()), np.zeros(0)).size == 0
    assert found.totals.size == 0
