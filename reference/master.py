"""Twin of the interior point that proposes prices, with NumPy's products and LAPACK's inverses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64

ITERATIONS, DONE, FARTHEST = 80, 1e-10, 1e15
"""`bandit.kernels.allocation.interior` says what they are."""


class _State(NamedTuple):
    """Primal d, t (float64[1]); slacks of cuts, low and high; their multipliers."""

    d: Float64
    t: Float64
    slack: Float64
    above: Float64
    below: Float64
    weight: Float64
    press_low: Float64
    press_high: Float64

    def moved(self, step: _State, length: float) -> _State:
        return _State(*(at + length * by for at, by in zip(self, step, strict=True)))

    def gap(self) -> float:
        """Mean complementarity."""
        total = (
            self.weight @ self.slack + self.press_low @ self.above + self.press_high @ self.below
        )
        return float(total) / (len(self.slack) + 2 * len(self.d))

    def reach(self, step: _State) -> float:
        """Longest step that keeps slacks and multipliers nonnegative."""
        at, by = np.concatenate(self[2:]), np.concatenate(step[2:])
        falling = by < 0
        return float((at[falling] / -by[falling]).min()) if falling.any() else np.inf


def interior(
    errors: Float64, slopes: Float64, metric: Float64, low: Float64, high: Float64
) -> tuple[Float64, Float64]:
    """The programme in scaled variables; returns d and the weights of the cuts."""
    count = len(slopes)
    inset = np.minimum(0.1 * (high - low), 1.0)
    d = np.clip(0.0, low + inset, high - inset)
    t = np.array([(errors + slopes @ d).max() + 1.0])
    above, below = d - low, high - d
    state = _State(
        d,
        t,
        t - errors - slopes @ d,
        above,
        below,
        np.full(count, 1.0 / count),
        0.1 / np.maximum(above, 0.1),
        0.1 / np.maximum(below, 0.1),
    )
    for _ in range(ITERATIONS):
        gap = state.gap()
        if gap < DONE:
            break
        try:
            step = _centred(state, _System.at(state, slopes, metric), gap)
        except np.linalg.LinAlgError:
            break  # as near as floating point allows; the pass at the proposal is what counts
        state = state.moved(step, min(1.0, 0.99 * state.reach(step)))
    return state.d, state.weight


class _System(NamedTuple):
    """The Newton equations, inverted: the axes first, then cut weights and t together.

    The other way round, cuts before axes, would lose the digits that tell nearly parallel cuts
    apart.
    """

    slopes: Float64
    metric: Float64
    axes: Float64
    cuts: Float64

    @classmethod
    def at(cls, state: _State, slopes: Float64, metric: Float64) -> _System:
        press = state.press_low / state.above + state.press_high / state.below
        axes = np.asarray(np.linalg.inv(metric + np.diag(press)), np.float64)
        count = len(slopes)
        bordered = np.ones((count + 1, count + 1))
        bordered[:count, :count] = slopes @ axes @ slopes.T
        diagonal = np.einsum("ii->i", bordered)
        diagonal[:count] += np.minimum(state.slack / state.weight, FARTHEST)
        diagonal[count] = 0.0
        return cls(slopes, metric, axes, np.asarray(np.linalg.inv(bordered), np.float64))

    def solve(self, axes: Float64, sum_: float, cuts: Float64) -> tuple[Float64, Float64, Float64]:
        """Moves of d, t and the cut weights for the three right-hand sides."""
        ahead = self.axes @ axes
        both = self.cuts @ np.append(self.slopes @ ahead - cuts, sum_)
        return ahead - self.axes @ (self.slopes.T @ both[:-1]), both[-1:], both[:-1]


def _centred(at: _State, system: _System, gap: float) -> _State:
    """Predictor at complementarity zero, then the corrector as far from it as that fell short."""
    zero = np.zeros(1)
    step = _newton(at, system, (zero, zero, zero))
    length = min(1.0, at.reach(step))
    centre = gap * (at.moved(step, length).gap() / gap) ** 3
    aims = (
        centre - step.weight * step.slack,
        centre - step.press_low * step.above,
        centre - step.press_high * step.below,
    )
    return _newton(at, system, aims)


def _newton(at: _State, system: _System, aims: tuple[Float64, Float64, Float64]) -> _State:
    """Newton step towards complementarity products `aims` of cuts, low and high."""
    to_low, to_high = aims[1] / at.above - at.press_low, aims[2] / at.below - at.press_high
    rest = system.metric @ at.d + system.slopes.T @ at.weight - at.press_low + at.press_high
    d, t, weight = system.solve(
        to_low - to_high - rest, 1.0 - float(at.weight.sum()), at.slack - aims[0] / at.weight
    )
    return _State(
        d,
        t,
        t - system.slopes @ d,
        d,
        -d,
        weight,
        to_low - at.press_low / at.above * d,
        to_high + at.press_high / at.below * d,
    )
