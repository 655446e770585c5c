"""Interior point for the programme of `bandit.allocation.master`, in scaled variables.

minimise over d:  max_b (e_b + g_b·d) + ½ dᵀ M d    with  low ≤ d ≤ high

Predictor and corrector of Mehrotra (Nocedal, Wright 2006, §16.6). It is solved hundreds of times a
wave for a few dozen unknowns, where NumPy takes fifty times as long to be called as to compute.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int64
from bandit.kernels._compile import serial, within
from bandit.kernels.held import here

ITERATIONS = 80
DONE = 1e-10
"""Complementarity, after scaling, at which the proposal is exact for our purposes."""
FARTHEST = 1e15
"""Slack over weight of a cut that plays no part: finite, so that the system can be solved."""
_SLACK, _ABOVE, _BELOW, _WEIGHT, _LOW, _HIGH = range(6)
"""Rows of a state: slacks of cuts, of low and of high, and their multipliers."""


@within
def _factored(matrix: Float64, order: Int64) -> bool:
    """LU factors in place of ``matrix``, the row of each pivot in ``order``. False: singular."""
    n = matrix.shape[0]
    for c in range(n):
        best = c
        for i in range(c + 1, n):
            if abs(matrix[i, c]) > abs(matrix[best, c]):
                best = i
        order[c] = best
        if not abs(matrix[best, c]) > 0.0:
            return False
        for j in range(n):
            matrix[best, j], matrix[c, j] = matrix[c, j], matrix[best, j]
        for i in range(c + 1, n):
            factor = matrix[i, c] / matrix[c, c]
            matrix[i, c] = factor
            for j in range(c + 1, n):
                matrix[i, j] -= factor * matrix[c, j]
    return True


@within
def _solve_into(matrix: Float64, order: Int64, right: Float64) -> None:
    """``right = matrix⁻¹ right`` from the factors."""
    n = matrix.shape[0]
    for c in range(n):
        right[c], right[order[c]] = right[order[c]], right[c]
    for i in range(n):
        for j in range(i):
            right[i] -= matrix[i, j] * right[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            right[i] -= matrix[i, j] * right[j]
        right[i] /= matrix[i, i]


@within
def _gap(state: Float64, cuts: int, axes: int) -> float:
    """Mean complementarity."""
    total = 0.0
    for b in range(cuts):
        total += state[_WEIGHT, b] * state[_SLACK, b]
    for i in range(axes):
        total += state[_LOW, i] * state[_ABOVE, i] + state[_HIGH, i] * state[_BELOW, i]
    return total / (cuts + 2 * axes)


@within
def _reach(state: Float64, step: Float64, cuts: int, axes: int) -> float:
    """Longest step that keeps slacks and multipliers nonnegative."""
    longest = np.inf
    for part in range(6):
        for i in range(cuts if part in (_SLACK, _WEIGHT) else axes):
            if step[part, i] < 0.0:
                longest = min(longest, state[part, i] / -step[part, i])
    return longest


class _System(NamedTuple):
    """Newton's equations: factors of the axes, A⁻¹ g of each cut, factors of weights with t.

    The axes come first: the other way round would lose the digits that tell nearly parallel cuts
    apart.
    """

    axes: Float64
    axes_order: Int64
    turned: Float64
    cuts: Float64
    cuts_order: Int64


@within
def _newton_into(
    d: Float64, state: Float64, slopes: Float64, metric: Float64, system: _System, aims: Float64,
    move: Float64, both: Float64, step: Float64,
) -> None:  # fmt: skip
    """Newton's step towards the complementarity products ``aims`` [3, :] of cuts, low and high.

    ``move`` float64[s] is that of d, ``both`` float64[b + 1] that of the weights and of t.
    """
    b, s = slopes.shape
    turned = system.turned
    for i in range(s):
        step[_LOW, i] = aims[1, i] / state[_ABOVE, i] - state[_LOW, i]
        step[_HIGH, i] = aims[2, i] / state[_BELOW, i] - state[_HIGH, i]
        rest = state[_HIGH, i] - state[_LOW, i]
        for j in range(s):
            rest += metric[i, j] * d[j]
        for c in range(b):
            rest += slopes[c, i] * state[_WEIGHT, c]
        move[i] = step[_LOW, i] - step[_HIGH, i] - rest
    _solve_into(system.axes, system.axes_order, move)
    both[b] = 1.0
    for c in range(b):
        both[b] -= state[_WEIGHT, c]
        both[c] = aims[0, c] / state[_WEIGHT, c] - state[_SLACK, c]
        for j in range(s):
            both[c] += slopes[c, j] * move[j]
    _solve_into(system.cuts, system.cuts_order, both)
    for i in range(s):
        for c in range(b):
            move[i] -= turned[c, i] * both[c]
        step[_ABOVE, i], step[_BELOW, i] = move[i], -move[i]
        step[_LOW, i] -= state[_LOW, i] / state[_ABOVE, i] * move[i]
        step[_HIGH, i] += state[_HIGH, i] / state[_BELOW, i] * move[i]
    for c in range(b):
        step[_WEIGHT, c], step[_SLACK, c] = both[c], both[b]
        for j in range(s):
            step[_SLACK, c] -= slopes[c, j] * move[j]


@within
def _system_into(state: Float64, slopes: Float64, metric: Float64, system: _System) -> bool:
    """Factor Newton's equations; False where floating point cannot."""
    b, s = slopes.shape
    axes, turned, cuts = system.axes, system.turned, system.cuts
    for i in range(s):
        for j in range(s):
            axes[i, j] = metric[i, j]
        axes[i, i] += state[_LOW, i] / state[_ABOVE, i] + state[_HIGH, i] / state[_BELOW, i]
    if not _factored(axes, system.axes_order):
        return False
    for c in range(b):
        for i in range(s):
            turned[c, i] = slopes[c, i]
        _solve_into(axes, system.axes_order, turned[c])
    for c in range(b):
        for o in range(b):
            cuts[c, o] = 0.0
            for i in range(s):
                cuts[c, o] += turned[c, i] * slopes[o, i]
        cuts[c, c] += min(state[_SLACK, c] / state[_WEIGHT, c], FARTHEST)
        cuts[c, b] = cuts[b, c] = 1.0
    cuts[b, b] = 0.0
    return _factored(cuts, system.cuts_order)


def interior(
    errors: Float64, slopes: Float64, metric: Float64, low: Float64, high: Float64
) -> tuple[Float64, Float64]:
    """``d`` float64[s] and the weights float64[b] of the cuts; arguments as of `master.propose`."""
    b, s = slopes.shape
    wide = max(b, s)
    d, move, both = np.empty(s), np.empty(s), np.empty(b + 1)
    state, step, trial, aims = (
        np.ones((6, wide)), np.zeros((6, wide)), np.ones((6, wide)), np.zeros((3, wide))
    )  # fmt: skip
    system = _System(
        np.empty((s, s)), np.empty(s, np.int64), np.empty((b, s)), np.empty((b + 1, b + 1)),
        np.empty(b + 1, np.int64),
    )  # fmt: skip
    _interior_into(
        errors, slopes, metric, low, high, d, move, both, state, step, trial, aims, system
    )
    return d, state[_WEIGHT, :b].copy()


@serial
def _interior_into(
    errors: Float64, slopes: Float64, metric: Float64, low: Float64, high: Float64, d: Float64,
    move: Float64, both: Float64, state: Float64, step: Float64, trial: Float64, aims: Float64,
    system: _System,
) -> None:  # fmt: skip
    b, s = slopes.shape
    lies = here(system)
    for i in range(s):
        inset = min(0.1 * (high[i] - low[i]), 1.0)
        d[i] = min(max(0.0, low[i] + inset), high[i] - inset)
        state[_ABOVE, i], state[_BELOW, i] = d[i] - low[i], high[i] - d[i]
        state[_LOW, i] = 0.1 / max(state[_ABOVE, i], 0.1)
        state[_HIGH, i] = 0.1 / max(state[_BELOW, i], 0.1)
    most = -np.inf
    for c in range(b):
        level = errors[c]
        for i in range(s):
            level += slopes[c, i] * d[i]
        state[_SLACK, c], state[_WEIGHT, c] = -level, 1.0 / b
        most = max(most, level)
    for c in range(b):
        state[_SLACK, c] += most + 1.0
    for _ in range(ITERATIONS):
        gap = _gap(state, b, s)
        # Where the system is singular d is as near as floating point allows.
        if gap < DONE or not _system_into(state, slopes, metric, lies):
            break
        for i in range(aims.shape[1]):
            aims[0, i] = aims[1, i] = aims[2, i] = 0.0
        _newton_into(d, state, slopes, metric, lies, aims, move, both, step)
        length = min(1.0, _reach(state, step, b, s))
        for part in range(6):
            for i in range(b if part in (_SLACK, _WEIGHT) else s):
                trial[part, i] = state[part, i] + length * step[part, i]
        centre = gap * (_gap(trial, b, s) / gap) ** 3
        for c in range(b):
            aims[0, c] = centre - step[_WEIGHT, c] * step[_SLACK, c]
        for i in range(s):
            aims[1, i] = centre - step[_LOW, i] * step[_ABOVE, i]
            aims[2, i] = centre - step[_HIGH, i] * step[_BELOW, i]
        _newton_into(d, state, slopes, metric, lies, aims, move, both, step)
        length = min(1.0, 0.99 * _reach(state, step, b, s))
        for i in range(s):
            d[i] += length * move[i]
        for part in range(6):
            for i in range(b if part in (_SLACK, _WEIGHT) else s):
                state[part, i] += length * step[part, i]
