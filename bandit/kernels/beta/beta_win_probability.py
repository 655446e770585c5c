"""Beta–Bernoulli Thompson sampling: probability that one action's sampled worth is the largest.

``P(a) = ∫ φ(z) Π_{b≠a} F_b((v_a Q_a(Φ(z)) − c_a + c_b)/v_b) dz``, the Beta posteriors' quantiles
and distributions (Chapelle, Li 2011), from their tables (see `beta`, `beta_below`), to 1e-6:

1. A low end is found below which the product is under 6e-9; rivals that lie below all that is left
   are dropped.
2. Equal steps there, as for normals (`linear.win_probability`): they converge geometrically once
   every rival's bend is resolved. F is monotone, so a bend that is not shows as a change between
   two nodes: it is at most what a normal that is resolved changes by. That guards before; after,
   the sums over j mod 3 do.
3. Where a rival bends too sharply for that (an old one beside a new one), where one's range ends in
   a corner (no sales yet) within own's, or a certain one cuts it: adaptive panels of Gauss and
   Kronrod, split until both agree and no rival changes by more than half between two nodes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int64, Integer
from bandit.kernels._compile import inline, within, within_allocating
from bandit.kernels.beta.beta import LIMIT, NODES, STEP, quantile_at
from bandit.kernels.beta.beta_below import GRID, Tables, below_at, has_corner
from bandit.kernels.stats import quadrature
from bandit.kernels.stats.normal import cumulative, density

TOLERANCE = 5e-8
"""A panel is split until its two estimates differ by less."""
REACH = 5.75
"""What own samples lies within so many deviations: φ's two tails hold 9e-9."""
MOST = 192
"""Most nodes of equal steps."""
_FIRST, _RESOLVED = 12, 1.3
_NOTHING, _ALL = 6e-9, 1.0 - 1e-10
_HALF = 0.5
_WIDEST = 1.5
_NARROWEST = 1e-7
_ONE = round((LIMIT - 1.0) / STEP)
"""Node of one deviation below the median."""


class Scratch(NamedTuple):
    """Rivals [k]: number; place of their tables as ``gain·worth + start``; ``sign·F + base``.

    Nodes [MOST]: own's worth and the product there.
    """

    rival: Int64
    gain: Float64
    start: Float64
    sign: Float64
    base: Float64
    worth: Float64
    level: Float64


@within_allocating
def empty_scratch(k: int) -> Scratch:
    """Room for k actions."""
    return Scratch(
        np.empty(k, np.int64), np.empty(k), np.empty(k), np.empty(k), np.empty(k),
        np.empty(MOST), np.empty(MOST),
    )  # fmt: skip


@inline
def _ends(quantiles: Float64, a: Integer, value: float, cost: float) -> tuple[float, float]:
    """Where practically all of a worth's probability lies."""
    low, high = value * quantiles[a, 0] - cost, value * quantiles[a, NODES - 1] - cost
    return min(low, high), max(low, high)


@inline
def _worth_at(tables: Tables, a: Integer, value: float, cost: float, y: float) -> float:
    """Own's worth where its rate is y deviations up, or down where its value is negative."""
    z = y if value > 0.0 else -y
    return value * quantile_at(tables.quantiles, tables.slopes, a, z) - cost


@within
def _product(tables: Tables, count: int, t: float, scratch: Scratch) -> float:
    """``Π F_b`` at worth t, or something below `_NOTHING`."""
    level = 1.0
    for c in range(count):
        b = scratch.rival[c]
        f = below_at(tables, b, has_corner(tables, b), scratch.gain[c] * t + scratch.start[c])
        level *= scratch.sign[c] * f + scratch.base[c]
        if level < _NOTHING:
            break
    return level


@within
def _levels_into(tables: Tables, count: int, nodes: Integer, scratch: Scratch) -> float:
    """``level *= Π F_b`` at each node's worth; return the largest change of one F between two."""
    worth, level = scratch.worth, scratch.level
    most = 0.0
    for c in range(count):
        b, gain, start = scratch.rival[c], scratch.gain[c], scratch.start[c]
        sign, base, corner = scratch.sign[c], scratch.base[c], has_corner(tables, b)
        before = sign * below_at(tables, b, corner, gain * worth[0] + start) + base
        for j in range(nodes):
            f = sign * below_at(tables, b, corner, gain * worth[j] + start) + base
            level[j] *= f
            most = max(most, abs(f - before))
            before = f
    return most


@within
def _lower_end(
    tables: Tables, a: Integer, value: float, cost: float, count: int, scratch: Scratch
) -> float:
    """An end below which the product is nothing: bisection, stopped at the second that counts."""
    low, high, counting = -REACH, REACH, 0
    for _ in range(9):
        middle = 0.5 * (low + high)
        if _product(tables, count, _worth_at(tables, a, value, cost, middle), scratch) < _NOTHING:
            low = middle
        else:
            high = middle
            counting += 1
            if counting == 2:
                break
    return low


@within
def _kept(tables: Tables, count: int, t: float, top: float, scratch: Scratch) -> tuple[int, bool]:
    """Drop rivals that lie below worth t; tell how many are left, and whether one has a corner."""
    kept, corner = 0, False
    for c in range(count):
        b, gain, start = scratch.rival[c], scratch.gain[c], scratch.start[c]
        at = gain * t + start
        ends = has_corner(tables, b)
        if scratch.sign[c] * below_at(tables, b, ends, at) + scratch.base[c] > _ALL:
            continue
        end = gain * top + start
        corner = corner or (ends and (min(at, end) < 0.0 or max(at, end) > GRID - 1.0))
        scratch.rival[kept], scratch.gain[kept], scratch.start[kept] = b, gain, start
        scratch.sign[kept], scratch.base[kept] = scratch.sign[c], scratch.base[c]
        kept += 1
    return kept, corner


@within
def _panel(
    tables: Tables, a: Integer, value: float, cost: float, count: int, low: float, high: float,
    scratch: Scratch,
) -> tuple[float, float, float]:  # fmt: skip
    """Kronrod's and Gauss's estimate on one panel, and the largest change between two nodes."""
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    for node in range(15):
        y = centre + (-half if node < 8 else half) * quadrature.NODES[min(node, 14 - node)]
        scratch.worth[node] = _worth_at(tables, a, value, cost, y)
        scratch.level[node] = density(y)
    most = _levels_into(tables, count, np.int64(15), scratch)
    kronrod = gauss = 0.0
    for node in range(15):
        kronrod += quadrature.KRONROD[min(node, 14 - node)] * scratch.level[node]
        gauss += quadrature.GAUSS[min(node, 14 - node)] * scratch.level[node]
    return kronrod * half, gauss * half, most


@within_allocating
def _by_panels(
    tables: Tables, a: Integer, value: float, cost: float, count: int, low: float, scratch: Scratch
) -> float:
    """Integrate from ``low`` on, panels on an explicit stack."""
    stack = np.empty((quadrature.DEPTH + 8, 2))
    height, total = math.ceil((REACH - low) / _WIDEST), 0.0
    for c in range(height):
        stack[c, 0] = low + (REACH - low) * c / height
        stack[c, 1] = low + (REACH - low) * (c + 1) / height
    while height > 0:
        height -= 1
        left, right = stack[height, 0], stack[height, 1]
        kronrod, gauss, most = _panel(tables, a, value, cost, count, left, right, scratch)
        middle = 0.5 * (left + right)
        # What a panel holds at most does not matter.
        small = abs(kronrod - gauss) < TOLERANCE and (
            most < _HALF or (right - left) * density(min(abs(left), abs(right))) < TOLERANCE
        )
        narrow = right - left < _NARROWEST or not left < middle < right
        if small or narrow or height + 2 > quadrature.DEPTH:
            total += kronrod
        else:
            stack[height, 0], stack[height, 1] = left, middle
            stack[height + 1, 0], stack[height + 1, 1] = middle, right
            height += 2
    return total


@within
def _by_steps(
    tables: Tables, a: Integer, value: float, cost: float, count: int, low: float, scratch: Scratch
) -> float:
    """Integrate from ``low`` on by equal steps; -1 where they do not do."""
    quantiles, scale = tables.quantiles, 0.0
    sharp = math.sqrt(1.0 + 2.0 * math.log(max(count, 1)))
    for c in range(count):
        b = scratch.rival[c]
        scale = max(scale, abs(scratch.gain[c]) / _typical(tables, b))
    rate = scale * abs(value) * (quantiles[a, NODES - 1 - _ONE] - quantiles[a, _ONE])
    nodes = max(_FIRST, 3 * math.ceil(min(1.0 + (REACH - low) * rate * sharp / _RESOLVED, 1e6) / 3))
    change = cumulative(_RESOLVED / sharp) - 0.5
    while nodes <= MOST:
        step = (REACH - low) / (nodes - 1)
        for j in range(nodes):
            y = low + j * step
            scratch.worth[j] = _worth_at(tables, a, value, cost, y)
            scratch.level[j] = density(y)
        most = _levels_into(tables, count, nodes, scratch)
        s0 = s1 = s2 = 0.0
        for j in range(0, nodes, 3):
            s0 += scratch.level[j]
            s1 += scratch.level[j + 1]
            s2 += scratch.level[j + 2]
        p: float = (s0 + s1 + s2) * step
        even, odd = s0 - 0.5 * (s1 + s2), 0.8660254037844386 * (s1 - s2)
        gap = math.sqrt(even * even + odd * odd) * step
        if most <= change and (gap * gap * gap <= 2.0 * TOLERANCE * p * p or p + gap < TOLERANCE):
            return p
        nodes *= 2
    return -1.0


@within
def _typical(tables: Tables, b: Integer) -> float:
    """Places of b's table between one deviation below the median and one above."""
    quantiles = tables.quantiles
    whole = quantiles[b, NODES - 1] - quantiles[b, 0]
    places: float = (quantiles[b, NODES - 1 - _ONE] - quantiles[b, _ONE]) * (GRID - 1) / whole
    return places


@within
def _integrate(
    tables: Tables, a: Integer, value: float, cost: float, count: int, edge: float, scratch: Scratch
) -> float:
    """Integrate over own's rate where its worth is above ``edge``."""
    low = _lower_end(tables, a, value, cost, count, scratch)
    cut = edge > _worth_at(tables, a, value, cost, low)
    if cut:
        high = REACH
        if not _worth_at(tables, a, value, cost, high) > edge:
            return 0.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            if _worth_at(tables, a, value, cost, middle) > edge:
                high = middle
            else:
                low = middle
    start, top = (
        _worth_at(tables, a, value, cost, low), _worth_at(tables, a, value, cost, REACH)
    )  # fmt: skip
    count, corner = _kept(tables, count, start, top, scratch)
    if count == 0:
        return cumulative(-low)
    found = -1.0
    if not (cut or corner):
        found = _by_steps(tables, a, value, cost, count, low, scratch)
    return _by_panels(tables, a, value, cost, count, low, scratch) if found < 0.0 else found


@within
def winning_probability(
    tables: Tables, value: Float64, cost: Float64, a: Integer, actions: Int64, number: int,
    scratch: Scratch,
) -> float:  # fmt: skip
    """P(action a wins) among ``actions[:number]``, a included; ties go to the lowest index."""
    quantiles = tables.quantiles
    low, high = _ends(quantiles, a, value[a], cost[a])
    certain = value[a] == 0.0
    count, edge = 0, -np.inf
    for c in range(number):
        b = actions[c]
        if b == a:
            continue
        lower, upper = _ends(quantiles, b, value[b], cost[b])
        if lower > high:
            return 0.0
        if value[b] == 0.0:
            if certain and (lower > low or (lower == low and b < a)):
                return 0.0
            edge = max(edge, lower)
        elif upper >= low:
            first = quantiles[b, 0]
            whole = max(quantiles[b, NODES - 1] - first, 1e-300)
            gain = (GRID - 1) / whole / value[b]
            scratch.rival[count], scratch.gain[count] = b, gain
            scratch.start[count] = cost[b] * gain - first * (GRID - 1) / whole
            scratch.sign[count] = 1.0 if value[b] > 0.0 else -1.0
            scratch.base[count] = 0.0 if value[b] > 0.0 else 1.0
            count += 1
    if certain:
        return _product(tables, count, low, scratch)
    return min(_integrate(tables, a, value[a], cost[a], count, edge, scratch), 1.0)
