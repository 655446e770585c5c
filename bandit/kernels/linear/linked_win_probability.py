"""Probability that one sampled worth ``v·g(N) − c`` is the largest, g a link function.

``P(a) = ∫ φ(z) Π_{b≠a} Φ((g⁻¹((t + c_b)/v_b) − μ_b)/s_b) dz``, ``t = v_a g(μ_a + s_a z) − c_a``;
the inner value is 1 above and 0 below the range of g, and with v_b < 0 the other tail counts. Equal
steps until two rules agree, with the guard of `win_probability`; where they do not settle, panels
of sixteen nodes that are halved until the halves agree.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64, Int64
from bandit.kernels import simd
from bandit.kernels._compile import allocating, serial, within, within_allocating
from bandit.kernels.linear.gauss_panels import NODES, POINTS, WEIGHTS
from bandit.kernels.linear.link import response, score_8
from bandit.kernels.linear.win_probability import REACH
from bandit.kernels.stats.normal_lanes import DENSITY_PEAK, PHI_LIMIT, bell_8, cumulative_8

_FIRST, _MOST = 24, 192
"""Nodes of the equal steps: multiples of 24, three phases of whole vectors."""
_TOLERANCE = 1e-7
_HALVED = 1e-9
"""A panel is halved until that moves its integral by less."""
_RESOLVED = 1.3
"""Of equal steps: as in `win_probability`, by what a rival's argument moves from node to node."""
_SEEN = 1.5
"""A rival that moves by more between a panel's nodes may not be seen at all."""
_SHORTEST = 1e-9
_STACK, _MOST_PANELS = 64, 2000


class Contenders(NamedTuple):
    """Moments of scores and prices of k contenders, float64[k]; the rest is scratch."""

    mean: Float64
    width: Float64
    value: Float64
    cost: Float64
    high: Float64
    rivals: Int64
    before: Float64
    z: Float64
    line: Float64
    out: Float64


@allocating
def empty_contenders(k: int) -> Contenders:
    """Allocate room for k."""
    return Contenders(
        np.empty(k), np.empty(k), np.empty(k), np.empty(k), np.empty(k), np.empty(k, np.int64),
        np.empty(k), np.empty(8), np.empty(9), np.empty(_MOST),
    )  # fmt: skip


@within
def _heights_into(link: int, each: Contenders, own: int, count: int, at: int) -> float:
    """φ(z)·Π at the eight ``each.z`` to ``each.out[at : at + 8]``, over ``each.rivals[:count]``.

    Returns by how much a rival's Φ argument moves at most from one node to the next; at = 0 begins
    a row of nodes.
    """
    mean, width, value, cost, _, rivals, before, z, line, out = each
    for j in range(8):
        score = mean[own] + width[own] * z[j]
        line[j] = value[own] * response(link, score) - cost[own]
    t, one = simd.load(line, 0), simd.splat(1.0)
    limit, steepest = simd.splat(PHI_LIMIT), simd.splat(0.0)
    level = simd.mul(bell_8(simd.load(z, 0)), simd.splat(DENSITY_PEAK))
    for c in range(count):
        b = rivals[c]
        outcome = simd.mul(simd.add(t, simd.splat(cost[b])), simd.splat(1.0 / value[b]))
        score = simd.sub(score_8(link, outcome), simd.splat(mean[b]))
        x = simd.mul(score, simd.splat(1.0 / width[b]))
        x = simd.minimum(simd.maximum(x, simd.splat(-PHI_LIMIT)), limit)
        simd.store(line, 1, x)
        line[0] = before[c] if at > 0 else line[1]
        before[c] = line[8]
        steepest = simd.maximum(simd.absolute(simd.sub(x, simd.load(line, 0))), steepest)
        below = cumulative_8(x)
        if value[b] < 0.0:
            below = simd.sub(one, below)
        level = simd.mul(level, below)
    simd.store(out, at, level)
    return simd.reduce_max(steepest)


@within
def _panel(
    link: int, each: Contenders, own: int, count: int, low: float, high: float
) -> tuple[float, float]:
    """Sixteen nodes' integral, and by how much a rival moves at most between them."""
    half, middle, total, steepest = 0.5 * (high - low), 0.5 * (high + low), 0.0, 0.0
    for j in range(0, POINTS, 8):
        for c in range(8):
            each.z[c] = middle + half * NODES[j + c]
        steepest = max(steepest, _heights_into(link, each, own, count, j))
        for c in range(8):
            total += WEIGHTS[j + c] * each.out[j + c]
    return total * half, steepest


@within_allocating
def _by_panels(link: int, each: Contenders, own: int, count: int, low: float, high: float) -> float:
    """Halve panels until the halves agree with the whole and see every rival; work is bounded."""
    ends, wholes = np.empty((_STACK, 2)), np.empty(_STACK)
    for c in range(8):
        ends[c, 0] = low + (high - low) * c / 8.0
        ends[c, 1] = low + (high - low) * (c + 1) / 8.0
        wholes[c], _ = _panel(link, each, own, count, ends[c, 0], ends[c, 1])
    height, total = 8, 0.0
    for _ in range(_MOST_PANELS):
        if height == 0:
            break
        height -= 1
        left, right = ends[height, 0], ends[height, 1]
        middle = 0.5 * (left + right)
        first, one = _panel(link, each, own, count, left, middle)
        second, other = _panel(link, each, own, count, middle, right)
        sure = abs(first + second - wholes[height]) < _HALVED and max(one, other) < _SEEN
        if sure or right - left < _SHORTEST or height + 2 > _STACK:
            total += first + second
        else:
            ends[height, 0], ends[height, 1], wholes[height] = left, middle, first
            ends[height + 1, 0], ends[height + 1, 1], wholes[height + 1] = middle, right, second
            height += 2
    return total


@within
def _by_steps(link: int, each: Contenders, own: int, count: int) -> float:
    """Equal steps over all of a's reach; −1 where they do not settle."""
    nodes, before, out = _FIRST, -1.0, each.out
    resolved = _RESOLVED / math.sqrt(1.0 + 2.0 * math.log(max(count, 1)))
    while nodes <= _MOST:
        step, steepest = 2.0 * REACH / (nodes - 1), 0.0
        for j in range(0, nodes, 8):
            for c in range(8):
                each.z[c] = -REACH + (j + c) * step
            steepest = max(steepest, _heights_into(link, each, own, count, j))
        s0 = s1 = s2 = 0.0
        for j in range(0, nodes, 3):
            s0 += out[j]
            s1 += out[j + 1]
            s2 += out[j + 2]
        p = (s0 + s1 + s2) * step
        even, odd = s0 - 0.5 * (s1 + s2), 0.8660254037844386 * (s1 - s2)
        gap = math.sqrt(even * even + odd * odd) * step
        if steepest < resolved and gap * gap * gap <= _TOLERANCE * p * p:
            # Near an end of g's range a rival bends in its own way: two rules must agree.
            if abs(p - before) < _TOLERANCE:
                return p
            before = p
        nodes *= 2
    return -1.0


@within
def _outcome(link: int, each: Contenders, b: int, z: float) -> float:
    return float(each.value[b] * response(link, each.mean[b] + each.width[b] * z) - each.cost[b])


@serial
def linked_winning_probability(link: int, count: int, own: int, each: Contenders) -> float:
    """P(the worth of ``own`` is the largest of ``count``), certain ties to the lowest position.

    ``each`` are the contenders, widths ≥ 0. A width or value of zero is a certain worth. NaN where
    one of them is not finite.
    """
    mean, width, value, high, rivals = each.mean, each.width, each.value, each.high, each.rivals
    floor, sure, edge = -np.inf, -1, -np.inf
    for b in range(count):
        one, other = _outcome(link, each, b, -REACH), _outcome(link, each, b, REACH)
        if not abs(one) + abs(other) + abs(mean[b]) + width[b] < np.inf:
            return np.nan
        low, high[b] = min(one, other), max(one, other)
        floor = max(floor, low)
        if b != own and (width[b] == 0.0 or value[b] == 0.0) and low > edge:
            sure, edge = b, low
    if high[own] < floor:
        return 0.0
    certain = width[own] == 0.0 or value[own] == 0.0
    if certain and sure >= 0 and (edge > high[own] or (edge == high[own] and sure < own)):
        return 0.0
    kept = 0
    for b in range(count):
        rivals[kept] = b
        kept += b != own and width[b] > 0.0 and value[b] != 0.0 and high[b] >= floor
    if certain:
        each.z[:] = 0.0
        _heights_into(link, each, own, kept, 0)
        return float(min(max(each.out[0] / DENSITY_PEAK, 0.0), 1.0))
    bottom, top = -REACH, REACH
    if sure >= 0:
        # Bisection to the z where a's worth passes the certain one.
        inside, outside = (REACH, -REACH) if value[own] > 0.0 else (-REACH, REACH)
        if _outcome(link, each, own, outside) < edge:
            for _ in range(60):
                middle = 0.5 * (inside + outside)
                if _outcome(link, each, own, middle) > edge:
                    inside = middle
                else:
                    outside = middle
            bottom, top = (inside, REACH) if value[own] > 0.0 else (-REACH, inside)
    if top - bottom == 2.0 * REACH:
        p = _by_steps(link, each, own, kept)
        if p >= 0.0:
            return min(p, 1.0)
    return min(max(_by_panels(link, each, own, kept, bottom, top), 0.0), 1.0)
