"""Sufficient statistics of ridge regression per action: the update of a posterior.

``G_a += Σ w x xᵀ``, ``b_a += Σ w r x``, and the scalars ``Σ w``, ``Σ w r``, ``Σ w r²`` over the
rows of action a, in the order of the rows: the sums do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from bandit.kernels._compile import parallel, serial


@serial
def group_rows(actions, n_actions):
    """Stable counting sort: row numbers by action, and each action's first position [k + 1]."""
    start = np.zeros(n_actions + 1, np.int64)
    for a in actions:
        start[a + 1] += 1
    for a in range(n_actions):
        start[a + 1] += start[a]
    place = start[:-1].copy()
    rows = np.empty(actions.size, np.int64)
    for i in range(actions.size):
        rows[place[actions[i]]] = i
        place[actions[i]] += 1
    return rows, start


@parallel
def accumulate_into(contexts, rewards, weights, rows, start, gram, shift, sums):
    """Add the rows to ``gram`` [k, d, d], ``shift`` [k, d], ``sums`` [k, 3]; prange: actions."""
    k, d = shift.shape
    for a in prange(k):
        x = np.empty(d)
        for position in range(start[a], start[a + 1]):
            row = rows[position]
            weight = weights[row]
            reward = rewards[row]
            for i in range(d):
                x[i] = contexts[row, i]
            for i in range(d):
                scaled = weight * x[i]
                for j in range(i + 1):
                    gram[a, i, j] += scaled * x[j]
                shift[a, i] += scaled * reward
            sums[a, 0] += weight
            sums[a, 1] += weight * reward
            sums[a, 2] += weight * reward * reward
        for i in range(d):
            for j in range(i):
                gram[a, j, i] = gram[a, i, j]
