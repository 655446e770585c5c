"""Looking more than once: limits in standard errors that keep the promise of a single look.

`boundaries` is for looks that were planned: the error α is spent over the information seen so far
(Lan, DeMets 1983, Discrete sequential boundaries for clinical trials); `open_ended` for a look at
each step of something that has no planned end, such as the waves of a campaign. `sequence` is for
looks at any time, as many as one likes: an asymptotic confidence sequence, about 1.55 times as
wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.stats.quantiles import normal_quantile, normal_tail

HALF_SPENT = 4
"""The look by which half of an open-ended series' error is spent."""
_LEAST_STEP = 1e-3
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(201)
_FAR = 8.5
"""Standard errors beyond which less than 2e-17 of the normal lies."""
_tail = np.vectorize(math.erfc, otypes=[np.float64])


def obrien_fleming(fraction: float, alpha: float) -> float:
    """Spent by then: 2 - 2 Φ(z(1-α/2)/√t), next to nothing early (Lan, DeMets 1983)."""
    return normal_tail(normal_quantile(1.0 - 0.5 * alpha) / math.sqrt(fraction))


def pocock(fraction: float, alpha: float) -> float:
    """Spent by then: α ln(1 + (e-1) t), about as much at each look (Lan, DeMets 1983)."""
    return alpha * math.log1p((math.e - 1.0) * fraction)


SPENDING: dict[str, Callable[[float, float], float]] = {
    "obrien_fleming": obrien_fleming,
    "pocock": pocock,
}


def boundaries(
    fractions: Sequence[float], *, alpha: float = 0.05, spending: str = "obrien_fleming"
) -> Float64:
    """Limit on |effect| in standard errors at each look, float64[looks].

    ``fractions`` are the shares of the planned information (units, or 1/se²) seen at the looks so
    far, rising to at most one; a limit depends on the looks before it alone, so that later ones may
    move. Each side spends half of α. Limits come to 1e-8 by the recursion of Armitage, McPherson,
    Rowe (1969).

    Raises
    ------
    ConfigError
        Fractions that do not rise within (0, 1], an unknown spending function.
    """
    times, spent = _times(fractions), _spending(spending)
    checks.probability("alpha", alpha)
    return _limits(times, [2.0 * spent(float(time), 0.5 * alpha) for time in times])


def open_ended(information: Sequence[float], *, alpha: float = 0.1) -> Float64:
    """Limit on |effect| in standard errors at each look of a series that has no planned end.

    By look j each side has spent α/2 · j/(j + `HALF_SPENT`), all of it after infinitely many, by
    the recursion of `boundaries`. ``information`` float[looks] rises (rows, or 1/se²) in any unit:
    a limit depends on the ratios of what was seen by then. A look that adds less than a thousandth
    to what was seen is one with the look before: NaN stands at its place, and what it may spend
    goes to the next.

    Raises
    ------
    ConfigError
        Information that is not positive or falls, α outside (0, 1).
    """
    seen = np.asarray(information, dtype=np.float64)
    checks.probability("alpha", alpha)
    if seen.ndim != 1 or not len(seen) or not (seen > 0.0).all() or (np.diff(seen) < 0.0).any():
        raise ConfigError(
            "information must be one number a look, above 0 and never falling, it is"
            f" {np.asarray(information).tolist()}"
        )
    looks = np.arange(1, len(seen) + 1)
    apart = np.diff(seen, prepend=0.0) > _LEAST_STEP * seen
    out = np.full(len(seen), np.nan)
    spent = alpha * looks / (looks + HALF_SPENT)
    out[apart] = _limits(seen[apart] / seen[-1], spent[apart].tolist())
    return out


def _limits(times: Float64, spent: Sequence[float]) -> Float64:
    """Two-sided limits at ``times`` where ``spent`` of both sides may have been spent by then."""
    walk, out, before = _Walk(0.0), np.empty(len(times)), 0.0
    for i, (time, now) in enumerate(zip(times, spent, strict=True)):
        out[i] = _limit(walk, float(time), now - before)
        walk.go_on(float(time), out[i])
        before = now
    return out


def inflation(
    fractions: Sequence[float],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    spending: str = "obrien_fleming",
) -> float:
    """By what planned looks multiply the customers needed for the same power."""
    limits, times = boundaries(fractions, alpha=alpha, spending=spending), _times(fractions)
    checks.probability("power", power)
    fixed = normal_quantile(1.0 - 0.5 * alpha) + normal_quantile(power)
    low, high = fixed, 2.0 * fixed
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _power(times, limits, middle) < power else (low, middle)
    return (high / fixed) ** 2


def sequence(fraction: float, *, alpha: float = 0.05) -> float:
    """Limit in standard errors that holds at all looks together, whenever they are.

    √((1 + 1/r) ln((1 + r)/α²)) with r = t ρ², ρ tuned to be narrowest at ``fraction`` t = 1 of the
    planned information; t may pass one. Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024),
    Time-uniform central limit theory and asymptotic confidence sequences, equation (7).
    """
    checks.probability("alpha", alpha)
    if not fraction > 0.0:
        raise ConfigError(f"fraction must be above 0, it is {fraction}")
    r = fraction * _mixing(alpha)
    return math.sqrt((1.0 + 1.0 / r) * math.log((1.0 + r) / alpha**2))


def _mixing(alpha: float) -> float:
    """The r at which (1 + 1/r) ln((1 + r)/α²) is least: r = ln((1 + r)/α²), by iteration."""
    r = -2.0 * math.log(alpha)
    for _ in range(60):
        r = math.log((1.0 + r) / alpha**2)
    return r


class _Walk:
    """Density of the score B(t) ~ N(θt, t) on the nodes, among those that have not stopped."""

    def __init__(self, drift: float) -> None:
        self._drift = drift
        self._time = 0.0
        self._at = np.zeros(1)
        self._mass = np.ones(1)

    def leaving(self, time: float, limit: float) -> float:
        """Probability to go on until ``time`` and to be beyond ``limit`` then."""
        step = time - self._time
        edge, centre = limit * math.sqrt(time), self._at + self._drift * step
        scale = math.sqrt(2.0 * step)
        beyond = _tail((edge - centre) / scale) + _tail((edge + centre) / scale)
        return 0.5 * float(self._mass @ beyond)

    def go_on(self, time: float, limit: float) -> None:
        """Keep those within ``limit`` at ``time``."""
        step = time - self._time
        centre = self._drift * time
        low = max(-limit * math.sqrt(time), centre - _FAR * math.sqrt(time))
        high = min(limit * math.sqrt(time), centre + _FAR * math.sqrt(time))
        at = 0.5 * (low + high) + 0.5 * (high - low) * _NODES
        gap = (at[:, None] - self._at[None, :] - self._drift * step) / math.sqrt(step)
        density = np.exp(-0.5 * gap * gap) @ self._mass / math.sqrt(2.0 * math.pi * step)
        self._time, self._at = time, at
        self._mass = density * 0.5 * (high - low) * _WEIGHTS


def _limit(walk: _Walk, time: float, spend: float) -> float:
    """The limit beyond which ``spend`` leaves; far out where there is nothing to spend."""
    low, high = 0.0, _FAR
    if walk.leaving(time, high) >= spend:
        return high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if walk.leaving(time, middle) > spend else (low, middle)
    return high


def _power(times: Float64, limits: Float64, drift: float) -> float:
    walk, total = _Walk(drift), 0.0
    for time, limit in zip(times, limits, strict=True):
        total += walk.leaving(float(time), float(limit))
        walk.go_on(float(time), float(limit))
    return total


def _times(fractions: Sequence[float]) -> Float64:
    times = np.asarray(fractions, dtype=np.float64)
    if times.ndim != 1 or not len(times):
        raise ConfigError("fractions must be one share of the information a look, at least one")
    steps = np.diff(times, prepend=0.0)
    if not ((steps > 1e-3).all() and times[-1] <= 1.0 + 1e-12):
        raise ConfigError(
            f"fractions must rise within (0, 1] by more than 0.001, they are {times.tolist()}"
        )
    return times


def _spending(name: str) -> Callable[[float, float], float]:
    if name not in SPENDING:
        raise ConfigError(f"unknown spending {name!r}; choose one of {', '.join(SPENDING)}")
    return SPENDING[name]
