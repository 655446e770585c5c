"""Prices by a bundle method whose metric is the dual's own curvature.

The Lagrangian dual q(z) = Σ_i h_i(costs(z)) + bound·z is convex and piecewise linear. Each pass
gives a cut (value, slope) that bounds q from below everywhere; near ties give the rate at which
customers change over, which is q's curvature when there are many of them. The next point minimises
the maximum of the cuts plus half the curvature norm of the step: Newton's method while customers
are many, the proximal bundle method (Kiwiel 1990; Lemaréchal, Sagastizábal 1997 for the variable
metric) when they are few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.allocation.master import propose
from bandit.allocation.passes import Passes, Sums
from bandit.allocation.problem import Sides
from bandit.core.types import Float64

ENOUGH_DESCENT = 0.1
GOOD_DESCENT = 0.4
PATIENCE = 15
STRIDE = 0.05
STRIDES = 30


class Ascent(NamedTuple):
    """Where the search ended.

    ``multipliers`` float64[s]; ``dual`` q there; ``sums`` the pass there; ``curvature``
    float64[s, s]; ``usage`` float64[s] and ``value``: the cuts mixed by their weights, a
    fractional allocation that nearly keeps all limits; ``passes`` made.
    """

    multipliers: Float64
    dual: float
    sums: Sums
    curvature: Float64
    usage: Float64
    value: float
    passes: int


class _Cuts:
    """Value v_b and usage u_b of allocations: q(z) ≥ v_b + (bound − u_b)·z."""

    def __init__(self, value: float, usage: Float64) -> None:
        self.value = np.array([value])
        self.usage = usage[None, :]
        self.idle = np.zeros(1, np.int64)

    def add(self, value: float, usage: Float64, weights: Float64) -> None:
        """Take a new cut; forget those that have had no weight for PATIENCE proposals."""
        idle = np.where(weights > 1e-9, 0, self.idle + 1)
        stays = idle <= PATIENCE
        self.value = np.append(self.value[stays], value)
        self.usage = np.vstack([self.usage[stays], usage])
        self.idle = np.append(idle[stays], 0)


def approach(
    passes: Passes, sides: Sides, low: Float64, high: Float64, *, spread: float
) -> Float64:
    """Rough multipliers float64[s] in a fixed number of cheap passes, for `ascend` to start from.

    Each multiplier walks up while its resource is overdrawn and down while it is not, its stride
    growing until the sign turns and then halving (resilient propagation; Riedmiller, Braun 1993).
    The best point on the way is returned.
    """
    unit = np.abs(sides.usage).max(axis=0, initial=0.0)
    stride = STRIDE * spread / np.where(unit > 0, unit, 1.0)
    at, heading = low.copy(), np.zeros_like(low)
    best, least = at, np.inf
    for _ in range(STRIDES):
        sums = passes.sums(sides.usage @ at)
        dual = float(sums.worth + sides.bound @ at)
        if dual < least:
            best, least = at, dual
        turn = np.sign(sums.counts @ sides.usage - sides.bound)
        stride = stride * np.choose((turn * heading).astype(np.int64) + 1, [0.5, 1.0, 1.2])
        heading = turn
        at = np.clip(at + turn * stride, low, high)
    return best


def ascend(
    passes: Passes,
    sides: Sides,
    start: Float64,
    low: Float64,
    high: Float64,
    *,
    spread: float,
    tolerance: float = 1e-7,
    most: int = 200,
) -> Ascent:
    """Minimise q over low ≤ z ≤ high float64[s], from `start`; `spread` is the range of values.

    Stops when the predicted decrease is below `tolerance` of q, or after `most` passes.
    """
    nearest = max(40, 10 * len(low))
    at = np.clip(start, low, high)
    sums = passes.sums(sides.usage @ at)
    best = float(sums.worth + sides.bound @ at)
    cuts = _Cuts(sums.value, sums.counts @ sides.usage)
    curvature = passes.curvature(sides.usage @ at, sides.usage, nearest)
    floor = _least_curvature(sides, spread)
    mixed = (cuts.usage[0], float(cuts.value[0]))
    stiff = 1.0
    done = 1
    while done < most:
        slopes = sides.bound - cuts.usage
        metric = stiff * (curvature + np.diag(1e-3 * curvature.diagonal() + floor))
        step, model, weights = propose(
            cuts.value + slopes @ at - best, slopes, metric, low - at, high - at
        )
        mixed = (weights @ cuts.usage, float(weights @ cuts.value))
        predicted = -model
        if predicted * max(stiff, 1.0) <= tolerance * max(abs(best), spread):
            break
        trial = at + step
        tried = passes.sums(sides.usage @ trial)
        dual = float(tried.worth + sides.bound @ trial)
        done += 1
        cuts.add(tried.value, tried.counts @ sides.usage, weights)
        decrease = (best - dual) / predicted
        if decrease >= ENOUGH_DESCENT:
            at, best, sums = trial, dual, tried
            curvature = passes.curvature(sides.usage @ at, sides.usage, nearest)
        if decrease >= GOOD_DESCENT:
            stiff = max(0.5 * stiff, 0.25)
        elif decrease < 0:
            stiff = min(2.0 * stiff, 1e6)
    return Ascent(at, best, sums, curvature, *mixed, done)


def _least_curvature(sides: Sides, spread: float) -> Float64:
    """For resources that nobody is about to leave: as if all of it went over the whole range."""
    unit = np.abs(sides.usage).max(axis=0, initial=0.0)
    size = np.maximum(np.abs(sides.bound), unit)
    return np.asarray(1e-4 * np.maximum(size * unit, 1e-12) / max(spread, 1e-12))
