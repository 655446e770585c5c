"""Probability that one of many normal worths is the largest.

``P(a) = ∫ φ(z) Π_{b≠a} Φ(o_b + r_b z) dz``, ``o_b = (m_a − m_b)/s_b``, ``r_b = s_a/s_b`` (Agrawal,
Goyal 2013), to 1e-7 and 1.5e-10 more for each rival that is left out.

1. Where rates r_b are nearly equal, logarithms of Φ are read off grids and added (`log_steps`).
   What follows is for others.
2. Rivals of the same moments are taken as one, to a power (`alike_rivals`), before that; who lies
   below all that a can reach is left out.
3. ``−log Φ(x) ≥ 0.29 max(0, 1.5 − x)²``: Newton's steps on a convex sum of squares find, from the
   left, an end below which the product is surely under 6e-9. What is above counts.
4. Equal steps there (`equal_steps`) converge geometrically once they resolve what bends. Whether
   they do, the heights at the nodes tell (`sampled_sums`); if not, those between are added. Φ(r z)
   has a spectrum like exp(−ω²/2r²), that of m alike is √(1 + 2 ln m) as wide: so many steps as
   resolve the steepest rival everywhere are trusted sooner; where they are many, fewer are tried
   first.
5. Where one rival is much steeper than others, steps that grow with the distance from it
   (`graded_steps`): a few dozen do where equal ones would be hundreds.
6. Where a certain rival cuts a's range, panels (`gauss_panels`).
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import within
from bandit.kernels.linear import (
    alike_rivals,
    equal_steps,
    gauss_panels,
    graded_steps,
    log_steps,
)
from bandit.kernels.linear.alike_rivals import Scratch
from bandit.kernels.linear.sampled_sums import settled
from bandit.kernels.stats.normal_lanes import cumulative_8

REACH = 5.75
"""What a samples lies within so many deviations: φ's two tails hold 9e-9."""
_FIRST = 12
"""Nodes to begin with, a multiple of three."""
_DIRECT, _TRIED, _SPARSE = 30, 21, 0.35
"""Where more nodes than the first resolve the steepest rival everywhere, so many at least, and such
a share of them, are tried: mostly it bends where own does not win anyway."""
_FEW, _DEARER = 42, 1.4
"""So many equal steps are taken as they are. A graded one costs so many times as much, since Φ is
computed at each."""
_RESOLVED, _GRADED = 1.15, 1.3
"""Of a step, an equal and a graded one: its length times the steepest rate times √(1 + 2 ln m)."""
_SLOPE, _ORIGIN = 0.29, 1.5
_DEPTH = math.sqrt(19.0 / _SLOPE)
"""exp(−19) = 6e-9."""
_NARROW, _NOTHING = 1e-9, 1e-290
"""A deviation below the first of own's, or below the second, is none."""


@within
def _lower_end(offset: Float64, rate: Float64, ends: Int64, levels: Integer) -> float:
    """Newton from the left on √(Σ max(0, 1.5 − o − r z)²) = √(19/0.29)."""
    z = -REACH
    zero, origin = simd.splat(0.0), simd.splat(_ORIGIN)
    for _ in range(12):
        total, slope, at, times = zero, zero, simd.splat(z), 1.0
        for level in range(levels):
            squares, falls = zero, zero
            for b in range(ends[level], ends[level + 1], 8):
                r = simd.load(rate, b)
                gap = simd.sub(simd.sub(origin, simd.load(offset, b)), simd.mul(r, at))
                gap = simd.maximum(gap, zero)
                squares = simd.fma(gap, gap, squares)
                falls = simd.fma(gap, r, falls)
            total = simd.fma(squares, simd.splat(times), total)
            slope = simd.fma(falls, simd.splat(times), slope)
            times *= 2.0
        root, fall = math.sqrt(simd.reduce_add(total)), simd.reduce_add(slope)
        if not (root > _DEPTH * 1.02 and fall > 0.0):
            break
        z += (root - _DEPTH) * root / fall
        if z >= REACH:
            return REACH
    return z


@within
def _nodes(steps: float) -> int:
    """Nodes of so many steps at least."""
    return max(_FIRST, math.ceil(min(1.0 + steps, 1e6)))


@within
def _spread_over(scratch: Scratch, levels: Integer, edge: float) -> float:
    """Integral over the rivals of so many levels from z = ``edge`` on."""
    offset, rate, work, bending, places, weights, heights, ends = (
        scratch.offset, scratch.rate, scratch.work, scratch.bending, scratch.places,
        scratch.weights, scratch.heights, scratch.ends,
    )  # fmt: skip
    low = _lower_end(offset, rate, ends, levels)
    if not max(low, edge) < REACH:
        return 0.0
    cut = edge > low
    many = alike_rivals.keep(offset, rate, ends, levels, max(low, edge))
    count = ends[levels]
    if count == 0 and not cut:
        return 1.0
    rates = simd.splat(0.0)
    for b in range(0, count, 8):
        rates = simd.maximum(simd.load(rate, b), rates)
    steepest = simd.reduce_max(rates)
    sharp = steepest * math.sqrt(1.0 + 2.0 * math.log(max(many, 1)))
    length, fine = REACH - low, 0.0
    sure = _nodes(length * sharp / _RESOLVED)
    nodes = sure if sure <= _DIRECT else max(_TRIED, math.ceil(_SPARSE * sure))
    if levels > 1 and nodes > _FEW:
        alike_rivals.unfold(scratch)
        levels = np.int64(1)
        count = alike_rivals.keep(offset, rate, ends, levels, low)
    if nodes > _FEW and not cut:
        delta = graded_steps.FINEST / steepest
        longest = graded_steps.longest_step(offset, rate, count, low, delta, steepest, _GRADED)
        graded = math.asinh(length / delta)
        if _DEARER * _nodes(graded / longest) < nodes:
            length, fine = graded, delta
            nodes = sure = _nodes(graded / longest)
    whole, first, stride = nodes, 0.0, 1
    step = length / (nodes - 1)
    while whole <= equal_steps.MOST and not cut:
        if fine > 0.0:
            graded_steps.heights_into(
                offset, rate, count, low, fine, first, step, nodes, work, places, weights, heights,
                stride - 1, stride,
            )  # fmt: skip
        else:
            equal_steps.heights_into(
                offset,
                rate,
                ends,
                levels,
                low + first,
                step,
                nodes,
                work,
                heights,
                stride - 1,
                stride,
            )
        p = settled(heights, whole, length / (whole - 1), whole >= sure, fine > 0.0)
        if p >= 0.0:
            return p
        # Those between: every sum is used again.
        if 2 * whole - 1 > equal_steps.MOST:
            break
        for j in range(whole - 1, 0, -1):
            heights[2 * j] = heights[j]
        step = length / (whole - 1)
        nodes, first, stride = whole - 1, 0.5 * step, 2
        whole += nodes
    low = max(low, edge)
    if levels > 1:
        alike_rivals.unfold(scratch)
        count = alike_rivals.keep(offset, rate, ends, np.int64(1), low)
    return min(gauss_panels.integral(offset, rate, count, low, REACH, bending), 1.0)


@within
def _certain_out(count: Integer, own: Integer, scratch: Scratch) -> tuple[Integer, float, bool]:
    """List the rivals that have a spread beside own's; the highest certain one cuts own's range.

    Return how many, from where on own may win (in its deviations), and whether it cannot.
    """
    centres, scales, offset, rate = (
        scratch.centres, scratch.scales, scratch.offset, scratch.rate
    )  # fmt: skip
    m, s = centres[own], scales[own]
    least = max(s * _NARROW, _NOTHING)
    edge, kept, lost = -np.inf, np.int64(0), False
    for b in range(count):
        gap = centres[b] - m
        if b == own:
            continue
        if scales[b] > least:
            offset[kept], rate[kept] = -gap / scales[b], s / scales[b]
            kept += 1
        elif s > _NOTHING:
            edge = max(edge, gap / s)
        elif gap > 0.0 or (gap == 0.0 and b < own):
            lost = True
    return kept, edge, lost


@within
def winning_probability(count: Integer, own: Integer, scratch: Scratch, folds: bool) -> float:
    """P(normal ``own`` is the largest of ``count``), ties to the lowest position.

    Contenders are ``scratch.centres``, ``scratch.scales`` ≥ 0 float64[: count]; the rest of
    ``scratch`` is overwritten, all of it where one ``folds``: then ``scratch.like`` tells who are
    alike. NaN where one of them is not finite.
    """
    centres, scales, offset, rate = (
        scratch.centres, scratch.scales, scratch.offset, scratch.rate
    )  # fmt: skip
    m, s = centres[own], scales[own]
    padded = (count + 7) & ~7
    for b in range(count, padded):
        centres[b], scales[b] = m, s
    mine, wide, one = simd.splat(m), simd.splat(s), simd.splat(1.0)
    least, infinity = simd.splat(max(s * _NARROW, _NOTHING)), simd.splat(np.inf)
    sure = bad = np.int64(0)
    for b in range(0, padded, 8):
        centre, scale = simd.load(centres, b), simd.load(scales, b)
        sure |= simd.bits_not_below(least, scale)
        bad |= simd.bits_not_below(simd.add(simd.absolute(centre), scale), infinity)
        inverse = simd.div(one, scale)
        simd.store(offset, b, simd.mul(simd.sub(mine, centre), inverse))
        simd.store(rate, b, simd.mul(wide, inverse))
    if bad != 0:
        return np.nan
    edge = -np.inf
    if sure != 0:
        count, edge, lost = _certain_out(count, own, scratch)
        if lost:
            return 0.0
    elif count == 2:
        return 0.5 * math.erfc(-offset[1 - own] / math.sqrt(2.0 * (1.0 + rate[1 - own] ** 2)))
    ends, levels = scratch.ends, np.int64(1)
    if folds and count >= alike_rivals.FOLDED and sure == 0 and s > _NOTHING:
        levels = np.int64(alike_rivals.fold(scratch, count, own))
    if levels == 1:
        if sure == 0:
            count -= 1
            offset[own], rate[own] = offset[count], rate[count]
        ends[0], ends[1] = 0, alike_rivals.pad(offset, rate, count)
        if sure == 0 and count > 0 and s > _NOTHING:
            p = log_steps.integral(count, REACH, scratch)
            if p >= 0.0:
                return p
    if s > _NOTHING:
        return _spread_over(scratch, levels, edge)
    alike_rivals.keep(offset, rate, ends, levels, 0.0)
    level = one
    for b in range(0, ends[1], 8):
        level = simd.mul(level, cumulative_8(simd.load(offset, b)))
    return max(simd.reduce_mul(level), 0.0)
