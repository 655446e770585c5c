"""Kernels against their twins, on random and hostile input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.kernels._compile import entered
from bandit.kernels.linear.replay_lin_ucb import add_row_into, refactor_into, solve_into, width
from bandit.kernels.stats.betting import capital_path_into, final_capital, variance_process
from bandit.kernels.stats.bootstrap import hashed_groups_into, studentised_into
from bandit.kernels.stats.moments import shrink
from bandit.kernels.stats.ridge import normal_sums_into
from bandit.ope.recipes import KINDS
from reference import ope_kernels as slow

shrunk = entered(shrink)
HOSTILE = np.array([0.0, 1e-300, 0.1, 1.0, 1.0 + 1e-15, 7.0, 1e6, 1e150])


@pytest.mark.parametrize("name", [n for n in KINDS if n != "dm"])
@pytest.mark.parametrize("strength", [1e-9, 0.3, 1.0, 20.0, np.inf])
def test_shrinkage_is_the_formula(name, strength):
    kind = KINDS[name]
    if name.startswith("sg_") and strength > 1.0:
        strength = 1.0
    expected = kind.shrink(HOSTILE, strength)
    assert [shrunk(kind.rule, strength, w) for w in HOSTILE] == pytest.approx(expected.tolist())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63), st.integers(20, 60), st.integers(2, 4))
def test_studentised_draws_and_studentises_as_its_twin(seed, units, policies):
    rng = np.random.default_rng(units)
    sums = rng.uniform(0.1, 1.0, size=(units, policies, 4))
    sums[:, :, 3] = rng.integers(1, 4, size=(units, 1))  # rows are the log's, not the policy's
    ratio = np.arange(policies) % 2 == 0
    contrasts = np.array([[0, -1], [1, -1], [1, 0], [policies - 1, 0]])
    values, out = rng.normal(size=4), np.empty((3, 4))
    studentised_into(0, len(out), sums, ratio, contrasts, values, np.uint64(seed), out)
    assert out == pytest.approx(slow.studentised(sums, ratio, contrasts, values, seed, 3), rel=1e-9)


def test_groups_are_even_and_belong_to_the_key():
    keys, out = np.arange(64_000, dtype=np.uint64), np.empty(64_000, np.int64)
    hashed_groups_into(keys, 64, np.uint64(5), out)
    counts = np.bincount(out, minlength=64)
    assert np.sum((counts - 1000) ** 2 / 1000) < 63 + 5 * np.sqrt(2 * 63)
    again = np.empty(3, np.int64)
    hashed_groups_into(keys[[9, 4, 9]], 64, np.uint64(5), again)
    assert again.tolist() == out[[9, 4, 9]].tolist()


@pytest.mark.parametrize("guess", [0.0, 1e-9, 0.3, 0.9999])
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e9])
def test_capital_is_the_product(guess, scale):
    rng = np.random.default_rng(3)
    terms, sizes = scale * rng.exponential(size=200), rng.uniform(0.1, 1.0, 200)
    path = np.empty(200)
    capital_path_into(terms, sizes, guess, path)
    expected = slow.log_capital(terms, sizes, guess)
    known = expected < 600.0  # beyond, the kernel stops counting: such a guess is long refuted
    assert path[known] == pytest.approx(expected[known], rel=1e-9, abs=1e-9)
    assert np.all(path[~known] > 100.0)
    assert np.log(final_capital(terms, sizes, guess)) == pytest.approx(path[-1], abs=1e-6)


def test_capital_falls_with_the_guess():
    terms = np.random.default_rng(0).exponential(size=300)
    found = [final_capital(terms, np.ones(300), m) for m in np.linspace(0.001, 1.0, 60)]
    assert np.all(np.diff(found) <= 0.0)


def test_variance_process_is_the_loop():
    rng = np.random.default_rng(1)
    terms, sizes = rng.exponential(size=100), rng.uniform(0.1, 1.0, 100)
    assert variance_process(terms, sizes) == pytest.approx(slow.variance_process(terms, sizes))


def test_normal_sums_are_the_matrix_products():
    rng = np.random.default_rng(2)
    x, r, cell = rng.normal(size=(90, 3)), rng.normal(size=90), rng.integers(0, 4, 90)
    rows = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[rows], np.arange(6))
    gram, shift = np.zeros((5, 4, 4)), np.zeros((5, 4))
    normal_sums_into(0, len(shift), x, r, rows, start, gram, shift)
    whole = np.column_stack([x, np.ones(90)])
    for c in range(5):
        mine = whole[cell == c]
        assert gram[c] == pytest.approx(mine.T @ mine, abs=1e-12)
        assert shift[c] == pytest.approx(mine.T @ r[cell == c], abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 9])
def test_factor_and_mean_solve_the_ridge(d):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(30, d))
    gram, shift = x.T @ x, rng.normal(size=d)
    factor, mean = np.zeros((d, d)), np.zeros(d)
    refactor_into(gram, 0.5, factor)
    solve_into(factor, shift, mean)
    inverse = np.linalg.inv(gram + 0.5 * np.eye(d))
    assert factor.T @ factor == pytest.approx(inverse, rel=1e-9)
    assert mean == pytest.approx(inverse @ shift, rel=1e-9)


@pytest.mark.parametrize("d", [1, 3, 4, 7, 8, 21])
def test_the_width_is_the_quadratic_form(d):
    rng = np.random.default_rng(d)
    x, factor = rng.normal(size=d), np.tril(rng.normal(size=(d, d)))
    assert width(factor, x) == pytest.approx(np.sqrt(x @ factor.T @ factor @ x), rel=1e-12)


@pytest.mark.parametrize("d", [1, 2, 9])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_rotated_factor_is_a_new_one(d, scale):
    """Thousands of rows later too, with weights from tiny to huge, and a direction never seen."""
    rng = np.random.default_rng(d)
    x = rng.normal(size=(3000, d)) * scale
    x[:, -1] *= rng.random(3000) < 0.001
    weights = np.exp(rng.normal(size=3000) * 3.0)
    gram = (x * weights[:, None]).T @ x
    rotated, anew = np.zeros((d, d)), np.zeros((d, d))
    refactor_into(np.zeros((d, d)), 0.5, rotated)
    for row, weight in zip(x, weights, strict=True):
        add_row_into(rotated, row, weight, np.empty(d))
    refactor_into(gram, 0.5, anew)
    assert np.abs(rotated) == pytest.approx(np.abs(anew), rel=1e-7, abs=1e-9 * anew.max())
    assert (np.triu(rotated, 1) == 0.0).all()
