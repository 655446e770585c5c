"""Contenders from contexts equal those from the table of worths."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.allocation import passes
from bandit.allocation.blocks import Block, Linear
from bandit.allocation.problem import Problem, check_problem
from bandit.kernels import simd
from bandit.kernels.simd import product


def made(seed: int, n: int, k: int, d: int, each: bool) -> Linear:
    r = np.random.default_rng(seed)
    theta = r.normal(size=(k, d)) * 10.0 ** r.integers(-3, 4)
    columns = product.padded(k, simd.LANES)
    panels, costs = np.zeros(columns * d, np.float32), np.zeros(columns, np.float32)
    product.pack_columns_into(theta, panels)
    costs[:k] = r.uniform(0, 0.3, k) * np.abs(theta).mean()
    return Linear(
        r.normal(size=(n, d)).astype(np.float32),
        panels,
        r.uniform(0.5, 2.0, (n if each else 1, k)).astype(np.float32),
        costs,
        r.random((n, k)) < 0.7,
        r.random(n) < 0.9,
        np.arange(k) > 0,
    )


def problem_of(k: int) -> Problem:
    return check_problem(np.ones((k, 1)), [1.0], None, None, 1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    k=st.integers(2, 90),
    d=st.integers(1, 9),
    each=st.booleans(),
    width=st.sampled_from([0.0, 0.05, 0.5, 1e200]),
)
def test_contenders_equal_those_of_the_table(seed, n, k, d, each, width) -> None:
    block, problem = made(seed, n, k, d, each), problem_of(k)
    typical = float(np.abs(block.values).mean())
    centre = np.random.default_rng(seed + 1).uniform(0, 1, k) * typical
    low, high = centre - width * typical, centre + width * typical
    table = Block(block.values, block.eligible)
    wanted = passes.contenders([table], problem, low, high)
    found = passes.contenders([block], problem, low, high)
    for name in ("rows", "offsets", "action", "value", "fixed_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.fixed_value == wanted.fixed_value
    assert found.customers == n


def test_values_are_those_of_the_formula() -> None:
    block = made(5, 137, 37, 7, each=True)
    theta = np.zeros((37, 7))
    for a in range(37):
        left = a // product.PANEL * product.PANEL
        columns = min(product.PANEL, 48 - left)
        theta[a] = block.panels[left * 7 + a - left :: columns][:7]
    mean = block.contexts.astype(np.float64) @ theta.T
    worth = block.factors * mean - block.costs[:37]
    np.testing.assert_allclose(block.values, worth - worth[:, :1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("parts", [[2048, 2048, 904], [5000], [1, 2047, 2952]])
def test_blocks_may_be_cut_anywhere_for_the_contenders(parts) -> None:
    block, problem = made(9, 5000, 20, 4, each=False), problem_of(20)
    low, high = np.full(20, 0.1), np.full(20, 0.2)
    edges = np.cumsum([0, *parts])
    cut = [
        block._replace(contexts=block.contexts[a:b], mask=block.mask[a:b], awake=block.awake[a:b])
        for a, b in pairwise(edges)
    ]
    whole = passes.contenders([block], problem, low, high)
    found = passes.contenders(cut, problem, low, high)
    for name in ("rows", "offsets", "action", "value", "fixed_counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
