"""ln Φ and its derivatives on grids, in the order in which equal steps downwards meet them.

Sums, products and quotients alone make them: a library's functions differ in their last bit between
processors.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from bandit.core.types import Float32, Float64, Int64

STEPS = np.round([0.57 / 1.1**n for n in range(18)], 4)
"""Grids for nodes that lie so far apart, the widest first."""
PHASES = 4
"""Places of a grid to a step."""
TERMS = 6
"""Derivatives beside ln Φ: within 0.25 of a place Taylor's series is off by less than 1.2e-8."""
FLAT, BOTTOM = 6.6, -11.0
"""ln Φ is nothing above, below 2.1e-11; below, nobody asks."""
FINENESS = 200
"""Numbers to a unit of `Grids.within`."""
GROUP = 8
"""Nodes read side by side."""
_BEGIN, _SLOPE = -12.0, 12.082214175254284
"""φ/Φ there."""
_PARTS, _END, _ORDER = 16, 11.0, 12
"""Places to a unit at which Taylor's series is made, the last of them, and its terms: so near by,
what it leaves out is below 1e-20."""


class Grids(NamedTuple):
    """Of grid i place c lies at ``FLAT + (GROUP − 1)·step − c·step/PHASES``, its nodes below.

    ``logs`` holds ln Φ from ``first[i]`` on, ``curves`` the derivatives over n! from TERMS times
    that on, one after the other. Each are ``size = first[i + 1] − first[i]`` numbers: place c is
    number ``c mod PHASES · size/PHASES + c // PHASES``, and the nodes below follow. ``within``
    [FINENESS·h] is the widest grid of steps of h at most, −1 where there is none; ``step`` are the
    steps, ``lane`` 0 to 7 and ``middle`` their mean less these.
    """

    first: Int64
    step: Float64
    logs: Float64
    curves: Float32
    within: Int64
    lane: Float64
    middle: Float32


def _series(x: float, slope: float) -> list[float]:
    """Taylor's coefficients of g = (ln Φ)′ about x, of which ``slope`` is the first.

    g = φ/Φ obeys g′ = −g (x + g), whose series follows term by term.
    """
    g = [slope]
    for n in range(_ORDER - 1):
        fold = 0.0
        for i in range(n + 1):
            fold += g[i] * g[n - i]
        g.append(-(x * g[n] + (g[n - 1] if n else 0.0) + fold) / (n + 1))
    return g


def _horner(terms: Float64, at: Float64) -> Float64:
    total = np.zeros_like(at)
    for term in terms[::-1]:
        total = total * at + term
    return total


@cache
def _around() -> tuple[Float64, Float64]:
    """Make ln Φ and the series of its derivative, at every place from `_BEGIN` to `_END`.

    Upwards g forgets what it was off by. The logarithm is what g adds up to from there to the end.
    """
    slope, series, rises = _SLOPE, [], [0.0]
    for each in range(round((_END - _BEGIN) * _PARTS) + 1):
        g = _series(_BEGIN + each / _PARTS, slope)
        series.append(g)
        slope = rise = 0.0
        for n in range(_ORDER - 1, -1, -1):
            slope = slope / _PARTS + g[n]
            rise = rise / _PARTS + g[n] / (n + 1)
        rises.append(rise / _PARTS)
    total, logs = 0.0, []
    for rise in rises[:0:-1]:
        total -= rise
        logs.append(total)
    return np.array(logs[::-1]), np.array(series)


def logarithms(x: Float64) -> tuple[Float64, Float64]:
    """Make ln Φ at each x in [`_BEGIN`, `_END`], and its derivatives over n!, float64[TERMS, x]."""
    logs, series = _around()
    nearest = np.rint((x - _BEGIN) * _PARTS).astype(np.int64)
    at, near = x - (_BEGIN + nearest / _PARTS), series[nearest].T
    rising = near / np.arange(1.0, _ORDER + 1.0)[:, None]
    derivatives, shifted = [], near
    for n in range(TERMS):
        derivatives.append(_horner(shifted, at) / (n + 1))
        shifted = shifted[1:] * (np.arange(1.0, len(shifted)) / (n + 1))[:, None]
    return logs[nearest] + at * _horner(rising, at), np.array(derivatives)


@cache
def grids() -> Grids:
    """The grids, made once a process; nobody writes to them."""
    first, logs, curves = [0], [], []
    for step in STEPS:
        line = math.ceil((FLAT - BOTTOM) / step) + GROUP + 1
        place = np.arange(PHASES)[:, None] + PHASES * np.arange(line)
        x = FLAT + (GROUP - 1) * step - step / PHASES * place.ravel()
        found, terms = logarithms(np.clip(x, _BEGIN, _END))
        logs.append(found)
        curves.append(terms.ravel())
        first.append(first[-1] + found.size)
    lane = np.arange(float(GROUP))
    longest = np.arange(FINENESS + 1.0)[:, None] / FINENESS
    within = np.where(longest[:, 0] < STEPS[-1], -1, np.argmax(longest >= STEPS, axis=1))
    return Grids(
        np.array(first), STEPS, np.concatenate(logs), np.concatenate(curves).astype(np.float32),
        within, lane, (np.mean(lane) - lane).astype(np.float32),
    )  # fmt: skip
