"""Allocation from the formulae: enumerated sets, plain loops, the LP and the integer programme."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csr_matrix


class Instance(NamedTuple):
    values: np.ndarray
    usage: np.ndarray
    limits: np.ndarray
    minimums: np.ndarray | None
    eligible: np.ndarray | None
    slots: int
    exclusive: np.ndarray | None

    def rules(self) -> dict[str, Any]:
        return {
            "minimums": self.minimums,
            "eligible": self.eligible,
            "slots": self.slots,
            "exclusive": self.exclusive,
        }


def group_numbers(exclusive: np.ndarray | None, k: int) -> np.ndarray:
    """Every action without a group becomes one of its own."""
    if exclusive is None:
        return np.arange(k)
    return np.array([g if g >= 0 else 1000 + a for a, g in enumerate(exclusive)])


def allowed_sets(eligible: np.ndarray, groups: np.ndarray, slots: int) -> list[tuple[int, ...]]:
    able = np.flatnonzero(eligible)
    return [
        chosen
        for size in range(slots + 1)
        for chosen in combinations(able.tolist(), size)
        if len({groups[a] for a in chosen}) == size
    ]


def best_worth(
    values: np.ndarray, costs: np.ndarray, eligible: np.ndarray, groups: np.ndarray, slots: int
) -> float:
    """h_i: the best set of one customer, by enumeration."""
    return max(
        sum(float(values[a]) - costs[a] for a in chosen)
        for chosen in allowed_sets(eligible, groups, slots)
    )


def winners_in_box(
    values: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    eligible: np.ndarray,
    groups: np.ndarray,
    slots: int,
    random: np.random.Generator,
    tries: int = 200,
) -> set[int]:
    """Actions seen to win somewhere in the box of costs, by trying corners and points."""
    seen: set[int] = set()
    sets = allowed_sets(eligible, groups, slots)
    for t in range(tries):
        mix = random.integers(0, 2, len(low)) if t % 2 else random.random(len(low))
        worth = values - (low + mix * (high - low))
        best = max(sets, key=lambda chosen: sum(worth[a] for a in chosen))
        seen.update(best)
    return seen


def programme(given: Instance, *, whole: bool, seconds: float = 600) -> OptimizeResult:
    """HiGHS on the linear or integer programme; `fun` is minus the value."""
    n, k = given.values.shape
    groups = group_numbers(given.exclusive, k)
    rows, columns, entries, low, high = [], [], [], [], []
    count = 0

    def row(at: np.ndarray, weights: np.ndarray, least: float, most: float) -> None:
        nonlocal count
        rows.append(np.full(len(at), count))
        columns.append(at)
        entries.append(weights)
        low.append(least)
        high.append(most)
        count += 1

    for i in range(n):
        row(i * k + np.arange(k), np.ones(k), 0, given.slots)
        for g in np.unique(groups):
            members = np.flatnonzero(groups == g)
            if len(members) > 1:
                row(i * k + members, np.ones(len(members)), 0, 1)
    for j in range(given.usage.shape[1]):
        users = np.flatnonzero(given.usage[:, j])
        at = (np.arange(n)[:, None] * k + users).ravel()
        least = 0.0 if given.minimums is None else given.minimums[j]
        row(at, np.tile(given.usage[users, j], n), least, given.limits[j])
    matrix = csr_matrix(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (count, n * k)
    )
    most = np.ones(n * k) if given.eligible is None else given.eligible.ravel().astype(float)
    return milp(
        -given.values.astype(np.float64).ravel(),
        constraints=LinearConstraint(matrix, low, high),
        bounds=Bounds(0, most),
        integrality=np.full(n * k, int(whole)),
        options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )


def random_instance(seed: int) -> Instance:
    """n to 300, k to 12, m to 6, slots to 3, counts or money, minimums, groups, eligibility."""
    r = np.random.default_rng(seed)
    n = int(r.integers(1, 301)) if r.random() < 0.7 else int(r.integers(1, 20))
    k, m, slots = int(r.integers(1, 13)), int(r.integers(1, 7)), int(r.integers(1, 4))
    values = (r.gamma(1.5, 1, (n, k)) * r.uniform(0.3, 1.5, k) - r.uniform(0, 2)).astype(np.float32)
    eligible = None if r.random() < 0.3 else r.random((n, k)) < r.uniform(0.3, 1)
    usage = (r.random((k, m)) < 0.4).astype(float)
    usage *= (np.ones((k, m)), r.integers(1, 4, (k, m)), np.round(r.uniform(0.1, 2, (k, m)), 2))[
        r.integers(0, 3)
    ]
    limits = np.floor(r.uniform(0, 0.6, m) * n * np.maximum(usage.mean(0), 0.1) * 2)
    if r.random() < 0.3:
        limits[r.integers(m)] = np.inf
    minimums = None
    if r.random() < 0.5:
        least = np.floor(np.minimum(limits, n) * r.uniform(0, 0.9, m))
        minimums = np.where((r.random(m) < 0.5) & (usage.sum(0) > 0), least, 0.0)
    exclusive = r.integers(-1, max(2, k // 2), k) if r.random() < 0.5 else None
    return Instance(values, usage, limits, minimums, eligible, slots, exclusive)


def contacts(given: Instance, assignment: np.ndarray) -> np.ndarray:
    """Contacts per action, after checking every rule of a customer."""
    k = given.values.shape[1]
    groups = group_numbers(given.exclusive, k)
    counts = np.zeros(k, np.int64)
    for i, row in enumerate(assignment):
        taken = row[row >= 0]
        assert len(taken) <= given.slots
        assert len(set(groups[taken])) == len(taken)
        if given.eligible is not None:
            assert given.eligible[i, taken].all()
        counts[taken] += 1
    return counts
