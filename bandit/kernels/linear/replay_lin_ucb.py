"""LinUCB replayed through a whole logged campaign in one call.

Li, Chu, Langford, Schapire (2010), algorithm 1 (disjoint), inside Li, Chu, Langford, Wang (2011),
algorithm 2. Only whether the policy's choice equals the logged action is needed, so that a row is
done as soon as one other action scores higher; actions that did so lately are asked first. One
thread: a wave is too short to share out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Bool, Float64, Int32
from bandit.kernels._compile import allocating, serial, serial_fast, within


class State(NamedTuple):
    """What each action has learned.

    ``grams`` Σ w x xᵀ [k, d, d] (lower), ``shifts`` Σ w r x [k, d], ``factors`` W [k, d, d],
    ``means`` A⁻¹b [k, d]; ``fresh`` [k] counts the rows of the newest wave.
    """

    grams: Float64
    shifts: Float64
    factors: Float64
    means: Float64
    fresh: npt.NDArray[np.int64]


@allocating
def refactor_into(gram: Float64, ridge: float, factor: Float64) -> None:
    """Fill W [d, d] (lower, A⁻¹ = WᵀW) of one action from A = gram + ridge I."""
    d = gram.shape[0]
    lower = gram.copy()
    for i in range(d):
        lower[i, i] += ridge
        for j in range(i + 1):
            total = lower[i, j]
            for p in range(j):
                total -= lower[i, p] * lower[j, p]
            lower[i, j] = np.sqrt(total) if i == j else total / lower[j, j]
    for j in range(d):
        factor[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, d):
            total = 0.0
            for p in range(j, i):
                total -= lower[i, p] * factor[p, j]
            factor[i, j] = total / lower[i, i]


@serial
def add_row_into(factor: Float64, x: Float64, weight: float, carried: Float64) -> None:
    """Make W that of A + weight x xᵀ, by d rotations instead of a new factor.

    The inverse QR update (Alexander, Ghirnikar 1993): rotations that turn (1, √weight W x) into
    one number turn W above a row of zeros into the new W, lower again, above the gain.
    ``carried`` [d] is scratch.
    """
    d, whole, root = x.size, 1.0, np.sqrt(weight)
    carried[:] = 0.0
    for i in range(d):
        part = 0.0
        for j in range(i + 1):
            part += factor[i, j] * x[j]
        part *= root
        longer = np.sqrt(whole * whole + part * part)
        c, s = whole / longer, part / longer
        for j in range(i + 1):
            own = factor[i, j]
            factor[i, j] = c * own - s * carried[j]
            carried[j] = c * carried[j] + s * own
        whole = longer


@serial
def solve_into(factor: Float64, shift: Float64, mean: Float64) -> None:
    """Fill A⁻¹b [d] = WᵀW b."""
    d = shift.size
    mean[:] = 0.0
    for i in range(d):
        half = 0.0
        for j in range(i + 1):
            half += factor[i, j] * shift[j]
        for j in range(i + 1):
            mean[j] += factor[i, j] * half


# Fast-math: contexts and rewards are finite, A is at least ridge I. Sums may be taken in any order.
@serial_fast
def inner(left: Float64, right: Float64) -> float:
    """Product of two vectors [d]."""
    total = 0.0
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@serial_fast
def width(factor: Float64, x: Float64) -> float:
    """√(xᵀA⁻¹x) = |W x|; above W's diagonal there must be zeros.

    Four rows go together, so that their sums do not wait for one another.
    """
    d, squares = x.size, 0.0
    together = d - d % 4
    for i in range(0, together, 4):
        first, second, third, fourth = factor[i], factor[i + 1], factor[i + 2], factor[i + 3]
        one = two = three = four = 0.0
        for j in range(i + 4):
            one += first[j] * x[j]
            two += second[j] * x[j]
            three += third[j] * x[j]
            four += fourth[j] * x[j]
        squares += one * one + two * two + three * three + four * four
    for i in range(together, d):
        part = inner(factor[i, : i + 1], x[: i + 1])
        squares += part * part
    return float(np.sqrt(squares))


@within
def is_choice(
    logged: int,
    x: Float64,
    eligible: Bool,
    alpha: float,
    means: Float64,
    factors: Float64,
    order: npt.NDArray[np.int64],
) -> bool:
    """Whether no eligible action scores above the logged one (the first of equals is chosen).

    ``order`` [k] is changed: an action that scored above comes first next time.
    """
    score = inner(means[logged], x) + alpha * width(factors[logged], x)
    for place in range(order.size):
        a = order[place]
        if a == logged or (eligible.size > 0 and not eligible[a]):
            continue
        other = inner(means[a], x)
        if other < score:
            other += alpha * width(factors[a], x)
        if other > score or (other == score and a < logged):
            for back in range(place, 0, -1):
                order[back] = order[back - 1]
            order[0] = a
            return False
    return True


@allocating
def learn_into(
    state: State,
    rows: npt.NDArray[np.int64],
    contexts: Array,
    actions: Int32,
    rewards: Float64,
    weights: Float64,
    ridge: float,
) -> None:
    """Add ``rows`` to each action's sums, and bring its factor and mean up to date.

    A row costs d² rotations, a new factor d³: few rows of an action are rotated in.
    """
    k, d = state.means.shape
    fresh, x, carried = state.fresh, np.empty(d), np.empty(d)
    fresh[:] = 0
    for row in rows:
        fresh[actions[row]] += 1
    for row in rows:
        a, weight = actions[row], weights[row]
        for i in range(d):
            x[i] = contexts[row, i]
            scaled = weight * x[i]
            state.shifts[a, i] += scaled * rewards[row]
            for j in range(i + 1):
                state.grams[a, i, j] += scaled * x[j]
        if fresh[a] <= d:
            add_row_into(state.factors[a], x, weight, carried)
    for a in range(k):
        if fresh[a] > d:
            refactor_into(state.grams[a], ridge, state.factors[a])
        if fresh[a] > 0:
            solve_into(state.factors[a], state.shifts[a], state.means[a])


@allocating
def matches_into(
    contexts: Array,
    eligible: Bool,
    actions: Int32,
    survives: Bool,
    rewards: Float64,
    weights: Float64,
    starts: npt.NDArray[np.int64],
    window: int,
    n_actions: int,
    alpha: float,
    ridge: float,
    matched: Bool,
) -> None:
    """Fill ``matched`` bool[n]: the policy chose what was logged, and the row survives thinning.

    ``contexts`` [n, d]; ``eligible`` [n, k], or [0, k] where everything is; ``actions``,
    ``survives``, ``rewards`` (those within the window), ``weights`` (to learn with) [n]; wave t
    is the rows ``starts[t]`` to ``starts[t + 1]``, learned from before wave t + window + 1.
    """
    k, d = n_actions, contexts.shape[1]
    state = State(
        np.zeros((k, d, d)), np.zeros((k, d)), np.zeros((k, d, d)), np.zeros((k, d)),
        np.zeros(k, np.int64),
    )  # fmt: skip
    for a in range(k):
        refactor_into(state.grams[a], ridge, state.factors[a])
    order, x = np.arange(k), np.empty(d)
    everything = np.ones(0, np.bool_)
    for wave in range(starts.size - 1):
        known = wave - window - 1
        if known >= 0:
            rows = starts[known] + np.flatnonzero(matched[starts[known] : starts[known + 1]])
            if rows.size:
                learn_into(state, rows, contexts, actions, rewards, weights, ridge)
        for row in range(starts[wave], starts[wave + 1]):
            matched[row] = False
            if survives[row]:
                for i in range(d):
                    x[i] = contexts[row, i]
                allowed = eligible[row] if eligible.shape[0] > 0 else everything
                matched[row] = is_choice(
                    actions[row], x, allowed, alpha, state.means, state.factors, order
                )
