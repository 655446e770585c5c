"""What products do instead of optimising: greedy orders, and caps split over chunks."""

from __future__ import annotations

import numba
import numpy as np

from bandit import allocation
from simulations.allocation.environment import Wave


def greedy_by_value(wave: Wave) -> float:
    """The most valuable contact first, as long as the customer is free and the caps hold."""
    positive = np.flatnonzero(wave.values.ravel() > 0)
    order = positive[np.argsort(-wave.values.ravel()[positive], kind="stable")]
    return float(_take_in_order(order, wave.values, wave.usage, wave.limits.copy()))


def greedy_by_customer(wave: Wave) -> float:
    """One customer after another takes the best that is left."""
    return float(_first_come(wave.values, wave.usage, wave.limits.copy()))


def chunks(wave: Wave, size: int = 10_000) -> float:
    """Each chunk of customers gets its share of every cap, and is solved to the end."""
    total = 0.0
    share = wave.limits * size / len(wave.values)
    for start in range(0, len(wave.values), size):
        done = np.floor(share * (start / size))
        part = wave.values[start : start + size]
        cap = np.floor(share * ((start + size) / size)) - done
        total += allocation.solve(part, wave.usage, cap).primal_value
    return total


@numba.njit
def _take_in_order(
    order: np.ndarray, values: np.ndarray, usage: np.ndarray, room: np.ndarray
) -> float:
    k, m = usage.shape
    busy = np.zeros(values.shape[0], np.bool_)
    total = 0.0
    for at in order:
        i, a = at // k, at % k
        if busy[i]:
            continue
        fits = True
        for j in range(m):
            fits &= usage[a, j] <= room[j]
        if fits:
            busy[i] = True
            total += values[i, a]
            for j in range(m):
                room[j] -= usage[a, j]
    return total


@numba.njit
def _first_come(values: np.ndarray, usage: np.ndarray, room: np.ndarray) -> float:
    n, k = values.shape
    m = usage.shape[1]
    total = 0.0
    for i in range(n):
        best, taken = 0.0, -1
        for a in range(k):
            if values[i, a] > best:
                fits = True
                for j in range(m):
                    fits &= usage[a, j] <= room[j]
                if fits:
                    best, taken = values[i, a], a
        if taken >= 0:
            total += best
            for j in range(m):
                room[j] -= usage[taken, j]
    return total
