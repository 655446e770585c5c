"""∫ φ(z) Π_b Φ(o_b + r_b z) dz at equal steps, where rates are nearly equal: logarithms added up.

With rates r_b near one rate r the arguments of a rival at the nodes lie a common distance r·step
apart, nearly: on a grid of ln Φ's they are neighbours. So a rival's ln Φ at eight nodes is eight
numbers read side by side, and what lies between grid and argument is Taylor's series about the
grid, ``ln Φ(x + δ) = Σ T_n(x) δⁿ``, read side by side too. Its terms beyond the first are float32,
since δ is small, and added up in float64 every few rivals. A height is one exponential of a sum: no
product, and nothing that differs from rival to rival but where to read.

Nodes are taken eight by eight from the upper end down, until what is left below is surely nothing:
the integrand is log-concave, so its tail is that of a geometric series at most.
"""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float32, Float64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, within
from bandit.kernels.linear.alike_rivals import Scratch
from bandit.kernels.linear.sampled_sums import settled
from bandit.kernels.stats.log_cumulative import BOTTOM, FINENESS, FLAT, GROUP, PHASES, TERMS
from bandit.kernels.stats.normal_lanes import DENSITY_PEAK, exponential_8

_MOST = 48
"""Nodes at most."""
_RESOLVED, _OWN = 1.15, 0.7
"""Steps times the steepest rate times √(1 + 2 ln m), and steps, are at most so long."""
_SHORTEST = 0.12
"""Shorter steps would be too many."""
FINER = 4
"""So many grids finer steps are where they do not do."""
_DRIFT = 0.22
"""An argument at a group's end is at most so far from its grid, for its rate: with a half of a
place, where it begins, the series still holds."""
_SEEN = 4.7
"""Nodes begin here: above, ln G mostly follows from what it is below."""
_FELT = 2e-8
"""So much of the integral may hang on what follows there."""
_NOTHING, _LITTLE, _STEEP = -34.5, -18.0, 0.7
"""A logarithm of heights below which there are none left, and one below which the next is not, if
they fall by so much: what is left out is a geometric series at most, 4e-9 of 1."""
_DEEPEST = -72.0
"""exp of less is nothing."""
_MAGIC = 1.5 * 2.0**52
"""Added and taken away again it rounds."""
_FILLING = 50.0
"""Offset of what fills vectors up."""
_TOGETHER = 4
"""Rivals whose terms beyond the first are added in float32."""


@inline
def _curve(
    curves: Float32, at: Integer, line: Integer, middle: simd.Vector32, shift: np.float32,
    drift: simd.Vector32, total: simd.Vector32,
) -> simd.Vector32:  # fmt: skip
    """``total`` and the series of one rival beyond ln Φ itself, at eight nodes."""
    delta = simd.fma(middle, drift, simd.splat_half(shift))
    p = simd.load_half(curves, at + line * (TERMS - 1))
    for n in range(TERMS - 1):
        p = simd.fma(p, delta, simd.load_half(curves, at + line * (TERMS - 2 - n)))
    return simd.fma(p, delta, total)


@within
def _places_into(
    count: Integer, middle: float, apart: float, line: Integer, scratch: Scratch
) -> Integer:
    """Where each rival's first argument of a group lies on the grid, and how far from there.

    The group's middle is at z = ``middle``, nodes lie ``apart`` on the grid, of which a phase has
    ``line`` numbers. Return how many
    rivals are not one at all eight nodes, filled up to whole turns.
    """
    offset, rate, slopes, places, shifts, drifts = (
        scratch.offset, scratch.rate, scratch.slopes, scratch.places_of, scratch.shifts,
        scratch.drifts,
    )  # fmt: skip
    spacing, lead = apart / PHASES, 0.5 * (GROUP - 1) * apart
    kept, top = np.int64(0), simd.splat(FLAT + 2.0 * lead)
    per, magic, most = simd.splat(1.0 / spacing), simd.splat(_MAGIC), simd.splat(FLAT - BOTTOM)
    z, before, back = simd.splat(middle), simd.splat(lead), simd.splat(spacing)
    share, mean = simd.splat(1.0 / PHASES), simd.splat(-0.5 * (PHASES - 1) / PHASES)
    lines, less = simd.splat(1.0 * line), simd.splat(1.0 - PHASES * line)
    for b in range(0, count, 8):
        x = simd.fma(simd.load(rate, b), z, simd.add(simd.load(offset, b), before))
        bent = ~simd.bits_not_below(x, top) & 255
        if bent == 0:
            continue
        below = simd.minimum(simd.sub(top, x), most)
        place = simd.sub(simd.add(simd.mul(below, per), magic), magic)
        whole = simd.sub(simd.add(simd.fma(place, share, mean), magic), magic)
        simd.store_as(places, kept, simd.fma(place, lines, simd.mul(whole, less)))
        simd.store_as(shifts, kept, simd.sub(simd.mul(place, back), below))
        simd.store_as(drifts, kept, simd.load(slopes, b))
        if bent & (bent + 1) == 0:
            kept += simd.count_bits(bent)
            continue
        to = kept
        for lane in range(8):
            p, q = natural(to + lane), natural(kept)
            places[q], shifts[q], drifts[q] = places[p], shifts[p], drifts[p]
            kept += bent >> lane & 1
    while kept & (_TOGETHER - 1):
        places[kept], shifts[kept], drifts[kept] = 0, np.float32(0.0), np.float32(0.0)
        kept += 1
    return kept


@within
def _logs_into(
    count: Integer, which: Integer, scratch: Scratch, logs: Float64, to: Integer
) -> None:
    """Sum each rival's ln Φ at a group's nodes to ``logs[to : to + 8]``."""
    grids, places, shifts, drifts = (
        scratch.grids, scratch.places_of, scratch.shifts, scratch.drifts
    )  # fmt: skip
    begin = grids.first[which]
    size = grids.first[which + 1] - begin
    curves, table, curves_at = grids.curves, grids.logs, begin * TERMS
    middle = simd.load_half(grids.middle, 0)
    total = simd.splat(0.0)
    for b in range(0, count, _TOGETHER):
        curve = simd.splat_half(np.float32(0.0))
        for each in range(_TOGETHER):
            p = natural(b + each)
            at = np.int64(places[p])
            drift = simd.splat_half(drifts[p])
            curve = _curve(curves, curves_at + at, size, middle, shifts[p], drift, curve)
            total = simd.add(total, simd.load(table, begin + at))
        total = simd.add(total, simd.widen_half(curve))
    simd.store(logs, to, total)


@within
def heights_into(
    count: Integer, which: Integer, upper: float, beyond: Integer, step: float, scratch: Scratch
) -> Integer:
    """Heights from z = ``upper`` down, so many that what is left below is nothing; return how many.

    The first ``beyond`` are not looked at: there ln G (G the product) is above what a geometric
    series of the next two makes of it. −1 where that might be felt, or heights do not end.
    """
    heights, lane = scratch.heights, scratch.grids.lane
    grids = scratch.grids
    apart, line = grids.step[which], (grids.first[which + 1] - grids.first[which]) // PHASES
    padded, nodes = (count + 7) & ~7, np.int64(beyond)
    z, fall, last = upper - step * beyond, 0.0, 0.0
    while not (last < _NOTHING or (last - fall < _LITTLE and fall > _STEEP)):
        if nodes >= beyond + _MOST:
            return np.int64(-1)
        kept = _places_into(padded, z - 0.5 * (GROUP - 1) * step, apart, line, scratch)
        _logs_into(kept, which, scratch, heights, nodes)
        nodes += GROUP
        z -= GROUP * step
        last = heights[natural(nodes - 1)] - 0.5 * (z + step) * (z + step)
        fall = heights[natural(nodes - 2)] - 0.5 * (z + 2.0 * step) * (z + 2.0 * step) - last
    top, after, lost = heights[natural(beyond)], heights[natural(beyond + 1)], 0.0
    share = top / after if after < top else 0.0
    log = top
    for each in range(beyond):
        log *= share
        heights[natural(beyond - 1 - each)] = log
    least, half, root = simd.splat(_DEEPEST), simd.splat(-0.5), simd.splat(1.0 / 16.0)
    start, back, peak = simd.load(lane, 0), simd.splat(-step), simd.splat(DENSITY_PEAK)
    for j in range(0, nodes, 8):
        at = simd.fma(start, back, simd.splat(upper - step * j))
        y = simd.fma(simd.mul(at, at), half, simd.load(heights, j))
        e = exponential_8(simd.mul(simd.maximum(y, least), root))
        e = simd.mul(e, e)
        e = simd.mul(e, e)
        e = simd.mul(e, e)
        simd.store(heights, j, simd.mul(simd.mul(e, e), peak))
    log = top
    for each in range(beyond):
        log *= share
        lost -= heights[natural(beyond - 1 - each)] * log
    return nodes if lost * step <= _FELT else np.int64(-1)


@within
def first_grid(count: Integer, scratch: Scratch) -> tuple[Integer, float, float]:
    """The grid to begin with, the rate that steps are made for, and the steepest.

    Rivals are the first ``count`` of ``scratch.offset``, ``rate``, filled up to whole vectors.
    """
    offset, rate, grids = scratch.offset, scratch.rate, scratch.grids
    padded = (count + 7) & ~7
    high, low, filling = simd.splat(0.0), simd.splat(-np.inf), simd.splat(_FILLING)
    none = simd.splat(0.0)
    for b in range(0, padded, 8):
        r = simd.load(rate, b)
        high = simd.maximum(r, high)
        fills = simd.bits_not_below(simd.load(offset, b), filling)
        low = simd.maximum(simd.pick(fills, low, simd.sub(none, r)), low)
    steepest, typical = simd.reduce_max(high), 0.0
    typical = 0.5 * (steepest - simd.reduce_max(low))
    sharp = steepest * scratch.sharpness[natural(count)]
    length = _RESOLVED / sharp
    longest = (length if length < _OWN else _OWN) * typical
    return grids.within[int((longest if longest < 1.0 else 1.0) * FINENESS)], typical, steepest


@within
def step_of(
    count: Integer, which: Integer, typical: float, steepest: float, scratch: Scratch
) -> float:
    """The step of a grid, or −1 if there is none or rates differ too much for it."""
    rate, slopes, grids = scratch.rate, scratch.slopes, scratch.grids
    if not 0 <= which < grids.step.size:
        return -1.0
    step = float(grids.step[which] / typical)
    drift = 0.5 * (GROUP - 1) * step * (steepest - typical)
    if not (step > _SHORTEST and drift < _DRIFT):
        return -1.0
    by, mean = simd.splat(step), simd.splat(typical)
    for b in range(0, (count + 7) & ~7, 8):
        simd.store(slopes, b, simd.mul(simd.sub(simd.load(rate, b), mean), by))
    return step


@within
def integral(count: Integer, upper: float, scratch: Scratch) -> float:
    """The integral up to ``upper`` at least, or −1 where rates differ too much or steps do not do.

    Rivals as of `first_grid`.
    """
    which, typical, steepest = first_grid(count, scratch)
    while True:
        step = step_of(count, which, typical, steepest, scratch)
        if step < 0.0:
            return -1.0
        beyond = np.int64(math.ceil((upper - _SEEN) / step))
        top = _SEEN + step * beyond
        nodes = heights_into(count, which, top, beyond, step, scratch)
        if nodes < 0:
            nodes = heights_into(count, which, top, np.int64(0), step, scratch)
        p = settled(scratch.heights, nodes, step, True, False) if nodes > 0 else -1.0
        if p >= 0.0:
            return p
        which += FINER
