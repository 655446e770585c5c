"""A row's rivals as its integral takes them: those of the same moments as one, to a power.

Rivals lie in `Scratch.offset` and `Scratch.rate`, level after level: level l, from ``ends[l]`` to
``ends[l + 1]``, holds who is taken 2ˡ times (besides: whoever has that bit in how often they are
there), so that Φⁿ is found by squares. Each level is filled up to whole vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float32, Float64, Int32, Int64, Integer
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.linear import equal_steps
from bandit.kernels.stats.log_cumulative import Grids, grids

LEVELS = 16
"""Bits of how many are alike."""
FOLDED, _WORTH_FOLDING = 17, 1.5
"""So many contenders at least, and so many rivals a kind, are worth folding."""


class Scratch(NamedTuple):
    """Room for k contenders: moments float64[k + 16], the same of rivals, nodes, positions.

    ``places``, ``weights`` float64[MOST] of graded steps. ``like`` int64[k], a number below k, is
    the same for contenders of the same moments; ``tally`` int64[k], zero between calls, ``member``,
    ``times`` int64[k] and ``ends`` int64[LEVELS + 1] are of `fold`. Of `log_steps`
    are the rest: places on a grid, what lies between, how rates differ, √(1 + 2 ln m) by m.
    """

    centres: Float64
    scales: Float64
    offset: Float64
    rate: Float64
    work: Float64
    bending: Int64
    places: Float64
    weights: Float64
    heights: Float64
    like: Int64
    tally: Int64
    member: Int64
    times: Int64
    ends: Int64
    places_of: Int32
    shifts: Float32
    drifts: Float32
    slopes: Float64
    sharpness: Float64
    grids: Grids


def empty_scratch(k: int) -> Scratch:
    """Make room for k contenders."""
    room = k + 16 + 8 * LEVELS
    return Scratch(
        np.empty(k + 16), np.empty(k + 16), np.empty(room), np.empty(room),
        np.empty(8 * equal_steps.MOST), np.empty(room, np.int64), np.empty(equal_steps.MOST),
        np.empty(equal_steps.MOST), np.zeros(equal_steps.MOST + 8), np.zeros(k, np.int64),
        np.zeros(k, np.int64), np.zeros(k, np.int64), np.zeros(k, np.int64),
        np.zeros(LEVELS + 1, np.int64), np.zeros(k + 32, np.int32),
        np.zeros(k + 32, np.float32), np.zeros(k + 32, np.float32), np.zeros(k + 32),
        np.sqrt(1.0 + 2.0 * np.log(np.maximum(np.arange(k + 1.0), 1.0))), grids(),
    )  # fmt: skip


@within
def pad(offset: Float64, rate: Float64, count: Integer) -> Integer:
    """Fill up to whole vectors with rivals that never win."""
    while count & 7:
        offset[count], rate[count] = equal_steps.FILLING, 0.0
        count += 1
    return count


@within
def keep(offset: Float64, rate: Float64, ends: Int64, levels: Integer, at: float) -> Integer:
    """Drop rivals that lie below a's worth from z = ``at`` on; return how many are left at most."""
    kept: Integer = np.int64(0)
    begin, many = ends[0], np.int64(0)
    flat, place = simd.splat(equal_steps.FLAT), simd.splat(at)
    for level in range(levels):
        end, first = ends[level + 1], kept
        for b in range(begin, end, 8):
            o, r = simd.load(offset, b), simd.load(rate, b)
            out = simd.bits_not_below(simd.fma(r, place, o), flat)
            if out == 0:
                simd.store(offset, kept, o)
                simd.store(rate, kept, r)
                kept += 8
            elif out != 255:
                for c in range(b, b + 8):
                    offset[kept], rate[kept] = offset[c], rate[c]
                    kept += ~(out >> (c - b)) & 1
        kept = pad(offset, rate, kept)
        many += (kept - first) << level
        begin, ends[level + 1] = end, kept
    return many


@within
def fold(scratch: Scratch, count: Integer, own: Integer) -> Integer:
    """Take rivals of the same moments as one; return the levels.

    One, and nothing is moved, if hardly any are alike or more than `LEVELS` can say.
    """
    offset, rate, like, tally, member, times, ends = (
        scratch.offset, scratch.rate, scratch.like, scratch.tally, scratch.member, scratch.times,
        scratch.ends,
    )  # fmt: skip
    centres, scales = scratch.centres, scratch.scales
    kinds, most = np.int64(0), np.int64(0)
    for each in range(count):
        b = natural(each)
        c = natural(like[b])
        before, rival = tally[c], each != own
        # Written in any case, not branched upon: nobody could foretell it.
        member[natural(kinds)] = np.int64(b)
        tally[c] = before + (1 if rival else 0)
        kinds += 1 if rival and before == 0 else 0
    for each in range(kinds):
        kind = natural(each)
        c = natural(like[natural(member[kind])])
        times[kind] = tally[c]
        most = max(most, tally[c])
        tally[c] = 0
    times[times.size - 1] = count - 1
    if _WORTH_FOLDING * kinds > count or most >> LEVELS:
        return np.int64(1)
    begin: Integer = np.int64(0)
    for each in range(kinds):
        kind = natural(each)
        first = natural(member[kind])
        centres[kind], scales[kind] = offset[first], rate[first]
    level = np.int64(0)
    while most >> level:
        for each in range(kinds):
            kind, to = natural(each), natural(begin)
            offset[to], rate[to] = centres[kind], scales[kind]
            begin += times[kind] >> level & 1
        begin = pad(offset, rate, begin)
        level += 1
        ends[level] = begin
    return level


@within
def unfold(scratch: Scratch) -> None:
    """One level of everybody again, from what `fold` left."""
    centres, scales, times, ends = scratch.centres, scratch.scales, scratch.times, scratch.ends
    count, t = np.int64(0), 0
    while count < times[times.size - 1]:
        for _ in range(times[t]):
            scratch.offset[count], scratch.rate[count] = centres[t], scales[t]
            count += 1
        t += 1
    ends[1] = pad(scratch.offset, scratch.rate, count)
