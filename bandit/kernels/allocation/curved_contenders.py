"""Who can win while prices stay in a box, where expected outcomes go through the logistic link.

As `linear_contenders` for means that are no lines. Those of all actions are told in float32 within
a bound, a block of rows while it lies in the second-level cache; whoever may win by them is found
in float64, pair by pair, and the rule is applied to these few. So worths are those that a decision
goes by, and the result hangs on no bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import natural, serial
from bandit.kernels.allocation.contenders import DECIDED, UNDECIDED
from bandit.kernels.allocation.linear_contenders import (
    BLOCK,
    SLACK,
    bits_into,
    narrowed,
    survivors_into,
    worth_into,
)
from bandit.kernels.linear import curved_means, curved_pairs
from bandit.kernels.linear.curved_pairs import Curves, lift
from bandit.kernels.linear.pair_moments import gather

SURE = 1e30
"""A margin beyond this leaves nobody out."""


class Means(NamedTuple):
    """Expected outcomes of k actions, for contexts x of d features.

    ``panels`` and ``weight`` as `curved_means.packed` makes them tell each within
    ``reach·|x| + ground``; ``pairs`` finds each in float64, and ``table`` is the same for
    `curves.lifts_into`.
    """

    panels: Float32
    weight: Float32
    reach: float
    ground: float
    pairs: Curves
    table: tuple[Float64, Float64]


class Worths(NamedTuple):
    """What makes worths of means: ``factors`` float32[1 or n, k], ``costs`` float64[k]."""

    factors: Float32
    costs: Float64
    narrow: Float32
    dearest: float


class Scratch(NamedTuple):
    """Of a block: ``table`` float32[rows·w]; of a row the others."""

    table: Float32
    own: Float32
    x: Float64
    each: Float64
    words: Int64
    found: Int64


class Range(NamedTuple):
    """Action costs float64[k] at the two ends of a box, and float32[w]."""

    low: Float64
    high: Float64
    cheap: Float32
    dear: Float32


def contenders_into(
    first: int, last: int, contexts: Float32, means: Means, factors: Float32, costs: Float64,
    mask: UInt8, awake: Bool, opened: Int64, low: Float64, high: Float64, room: int, status: UInt8,
    size: Int32, action: Int32, worth: Float64, value: Float64, counts: Int64,
) -> None:  # fmt: skip
    """As `linear_contenders.contenders_into`, of ``means`` and ``costs`` float64[k]."""
    (k,), d, width = costs.shape, contexts.shape[1], means.weight.shape[1]
    cheap, low_size = narrowed(low, width)
    dear, high_size = narrowed(high, width)
    narrow, cost_size = narrowed(costs, width)
    dearest = float(cost_size) + float(max(low_size, high_size))
    own = np.zeros(width, np.float32)
    own[:k] = factors[0]
    rows = min(BLOCK, last - first)
    told = np.empty((rows, width), np.float32)
    scratch = Scratch(
        told.reshape(-1), own, curved_pairs.empty_room(means.pairs),
        np.empty(k), np.empty(opened.size, np.int64), np.empty(opened.size, np.int64),
    )  # fmt: skip
    rooms, broad = curved_means.empty_rooms(rows, d, BLOCK), np.zeros((0, 1))
    for begin in range(first, last, BLOCK):
        end = min(last, begin + BLOCK)
        curved_means.means_into(
            0, end - begin, contexts[begin:end], broad, means.panels, means.weight, BLOCK, rooms,
            told,
        )  # fmt: skip
        _settle_into(
            begin, end, contexts, broad, means.reach, means.ground, means.pairs,
            Worths(factors, costs, narrow, dearest), mask, awake, opened,
            Range(low, high, cheap, dear), room, status, size, action, worth, value, counts,
            scratch,
        )  # fmt: skip


@serial
def _settle_into(
    begin: int, end: int, contexts: Float32, broad: Float64, reach: float, ground: float,
    pairs: Curves, worths: Worths, mask: UInt8, awake: Bool, opened: Int64, box: Range, room: int,
    status: UInt8, size: Int32, action: Int32, worth: Float64, value: Float64, counts: Int64,
    scratch: Scratch,
) -> None:  # fmt: skip
    """Settle a block of rows whose means are told in ``scratch.table``."""
    factors, costs, narrow, dearest = worths
    table, own, x, each, words, found = scratch
    low, high, cheap, dear = box
    d, width, block = contexts.shape[1], narrow.size, begin // BLOCK
    step = 1 if factors.shape[0] > 1 else 0
    place, limit, total = block * room, (block + 1) * room, 0.0
    for i in range(begin, end):
        status[i], size[i] = 0, 0
        bits_into(mask, i, awake[i], opened, words)
        some = np.int64(0)
        for word in range(words.size):
            some |= words[word]
        if some == 0:
            continue
        gather(contexts, broad, False, i, d, x, 0)
        norm = 0.0
        for j in range(d):
            norm += x[j] * x[j]
        at = (i - begin) * width
        largest = worth_into(table, at, width, factors, i, narrow, own)
        factor = simd.splat(np.float32(0.0))
        for a in range(0, width, simd.LANES):
            factor = simd.maximum(simd.absolute(simd.load(own, a)), factor)
        # A worth is of two means, and two worths are compared.
        off = 4.0 * np.float64(simd.reduce_max(factor)) * (reach * np.sqrt(norm) + ground)
        off += np.float64(SLACK) * (np.float64(largest) + dearest)
        if off < SURE:
            survivors_into(table, at, width, words, cheap, dear, np.float32(off), found)
        else:
            for word in range(words.size):
                found[word] = words[word]
        row = natural(i * step)
        quiet, floor, kept = 0.0, 0.0, 0
        for word in range(found.size):
            bits = found[word]
            while bits != 0:
                a = word * 64 + simd.lowest_bit(bits)
                bits &= bits - 1
                if kept == 0:
                    quiet = np.float64(factors[row, 0]) * lift(pairs, x, 0) - costs[0]
                gross = np.float64(factors[row, natural(a)]) * lift(pairs, x, a)
                each[natural(kept)] = gross - costs[natural(a)] - quiet
                floor = max(floor, each[natural(kept)] - high[natural(a)])
                kept += 1
        count, only, sole, begun, kept = 0, 0, 0.0, place, 0
        for word in range(found.size):
            bits = found[word]
            while bits != 0:
                a = word * 64 + simd.lowest_bit(bits)
                bits &= bits - 1
                this = each[natural(kept)]
                kept += 1
                most = this - low[natural(a)]
                if most >= floor and most > 0.0:
                    if place < limit:
                        action[natural(place)], worth[natural(place)] = a, this
                    place, count, only, sole = place + 1, count + 1, a, this
        status[i], size[i] = UNDECIDED if count > 0 else 0, count
        if count == 1 and floor > 0.0:
            status[i], place = DECIDED, begun
            total += sole
            counts[block, natural(only)] += 1
    value[block] = total
    if place > limit:
        size[begin] = -1
