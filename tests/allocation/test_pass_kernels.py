"""The pass kernels against enumeration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bandit.allocation.blocks import Block
from bandit.allocation.passes import choose, contenders, merge
from bandit.allocation.problem import Problem, check_problem
from reference.allocation import best_worth, winners_in_box


def rules(r: np.random.Generator, k: int, slots: int, *, grouped: bool) -> Problem:
    exclusive = r.integers(-1, 3, k) if grouped else None
    return check_problem(np.eye(k), np.full(k, np.inf), None, exclusive, slots)


def customers(r: np.random.Generator, n: int, k: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    values = r.normal(0, 1, (n, k)).astype(np.float32)
    if kind == "ties":
        values = np.round(values)
    if kind == "extreme":
        values *= np.float32(1e30) ** r.integers(-1, 2, (n, k))
    eligible = r.random((n, k)) < 0.7
    return values, eligible


CASES = [
    (slots, grouped, kind)
    for slots in (1, 2, 3)
    for grouped in (False, True)
    for kind in ("plain", "ties", "extreme")
]


@pytest.mark.parametrize(("slots", "grouped", "kind"), CASES)
def test_pass_takes_the_best_set(slots: int, grouped: bool, kind: str) -> None:
    r = np.random.default_rng(slots + 10 * grouped)
    values, eligible = customers(r, 60, 7, kind)
    problem = rules(r, 7, slots, grouped=grouped)
    costs = np.round(r.normal(0, 0.5, 7), 1 if kind == "ties" else 6)
    sums, chosen = choose(Block(values, eligible), problem, costs)
    worth = [
        best_worth(v, costs, e, problem.groups, slots)
        for v, e in zip(values, eligible, strict=True)
    ]
    assert sums.worth == pytest.approx(sum(worth), rel=1e-12)
    taken = chosen[chosen >= 0]
    assert np.bincount(taken, minlength=7).tolist() == sums.counts.tolist()
    assert sums.worth == pytest.approx(sums.value - sums.counts @ costs, rel=1e-9)
    for i, row in enumerate(chosen):
        some = row[row >= 0]
        assert eligible[i, some].all()
        assert len(set(problem.groups[some])) == len(some)


@pytest.mark.parametrize(("slots", "grouped", "kind"), CASES)
def test_contenders_hold_every_winner_of_the_box(slots: int, grouped: bool, kind: str) -> None:
    r = np.random.default_rng(100 + slots + 10 * grouped)
    values, eligible = customers(r, 50, 6, kind)
    problem = rules(r, 6, slots, grouped=grouped)
    low = r.normal(0, 0.5, 6)
    high = low + r.uniform(0, 0.6, 6)
    people = contenders([Block(values, eligible)], problem, low, high)
    kept = {
        int(row): set(people.action[people.offsets[r] : people.offsets[r + 1]].tolist())
        for r, row in enumerate(people.rows)
    }
    for i in range(50):
        seen = winners_in_box(values[i], low, high, eligible[i], problem.groups, slots, r)
        if i in kept:
            assert seen <= kept[i]
    for mix in (0.0, 0.3, 1.0):
        costs = low + mix * (high - low)
        whole, _ = choose(Block(values, eligible), problem, costs)
        part = people.sums(costs)
        assert part.worth == pytest.approx(whole.worth, rel=1e-9, abs=1e-9)
        assert part.value == pytest.approx(whole.value, rel=1e-9, abs=1e-9)
        assert part.counts.tolist() == whole.counts.tolist()


def test_passes_in_parts_equal_one_pass() -> None:
    r = np.random.default_rng(7)
    values, eligible = customers(r, 9000, 5, "plain")
    problem = rules(r, 5, 1, grouped=False)
    costs = np.full(5, 0.3)
    whole, chosen = choose(Block(values, eligible), problem, costs)
    cuts = [0, 4096, 6144, 9000]
    parts = [choose(Block(values[a:b], eligible[a:b]), problem, costs) for a, b in pairwise(cuts)]
    merged = merge(part for part, _ in parts)
    assert merged.worth == whole.worth
    assert merged.counts.tolist() == whole.counts.tolist()
    assert np.vstack([rows for _, rows in parts]).tolist() == chosen.tolist()


def test_curvature_is_the_rate_at_which_customers_change_over() -> None:
    r = np.random.default_rng(8)
    n = 40_000
    values = r.random((n, 2)).astype(np.float32)
    problem = rules(r, 2, 1, grouped=False)
    wide = np.full(2, 1e200)
    people = contenders([Block(values)], problem, -wide, wide)
    curvature = people.curvature(np.full(2, 0.5), np.eye(2), 4000)
    # Uniform values at costs c: the usage of one is n·∫ 1[v1 > c1, v1 − c1 > v2 − c2]; at equal
    # costs 0.5 its derivative is −n·(0.5 + 0.5) in its own cost and n·0.5 in the other's.
    expected = n * np.array([[1.0, -0.5], [-0.5, 1.0]])
    # Of 4,000 near ties with triangle weights the relative standard error is about 2 %.
    np.testing.assert_allclose(curvature, expected, rtol=0.1)
