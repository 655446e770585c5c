"""Expected worths of a linear model, and which of them can win while the prices stay in a box.

``worth[i, a] = f_ia x_i.θ_a − c_a − (f_i0 x_i.θ_0 − c_0)`` in float32: what a contact is worth
above leaving the customer in peace. `contenders_into` applies the rule of `allocation_contenders`
for one slot without a table of worths: a block of rows is multiplied, bounded and forgotten while
it lies in the second-level cache. float32 bounds with slack keep at least whom the rule keeps, and
the rule itself is then applied to these few in float64, so both ways give the same result.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import serial, within
from bandit.kernels.allocation.contenders import DECIDED, UNDECIDED
from bandit.kernels.simd import product

ROWS = 48
"""Rows multiplied together: 48 × 1,000 worths of 4 bytes are a fifth of a cache of 1 MB."""
BLOCK = 2048
"""Rows whose sums are added in order; part of the result's definition."""
SLACK = np.float32(2.0**-20)
"""Relative slack of the float32 bounds: four roundings of 2⁻²⁴ each."""


@within
def _rows_into(contexts: Float32, first: int, rows: int, x: Float32) -> None:
    """Copy rows to ``x`` float32 [padded to six, d]; the padding is zero."""
    d = contexts.shape[1]
    for r in range(rows):
        for j in range(d):
            x[r * d + j] = contexts[first + r, j]
    for place in range(rows * d, product.padded(rows, product.ROWS) * d):
        x[place] = 0.0


@within
def worth_into(
    table: Float32, at: int, width: int, factors: Float32, row: int, costs: Float32, own: Float32
) -> np.float32:
    """Turn a row of means into worths, in place; return the largest |worth|.

    ``factors`` float32[1 or n, k], ``costs`` float32[width]; ``own`` float32[width] is scratch that
    holds the factors of the row, or those of all rows if there is one row of them.
    """
    lanes, k = simd.LANES, factors.shape[1]
    if factors.shape[0] > 1:
        whole = k - k % lanes
        for a in range(0, whole, lanes):
            simd.store(own, a, simd.load(factors, row * k + a))
        for a in range(whole, k):
            own[a] = factors[row, a]
    quiet = simd.splat(own[0] * table[at] - costs[0])
    largest = simd.splat(np.float32(0.0))
    for a in range(0, width, lanes):
        price = simd.add(simd.load(costs, a), quiet)
        worth = simd.sub(simd.mul(simd.load(own, a), simd.load(table, at + a)), price)
        simd.store(table, at + a, worth)
        largest = simd.maximum(simd.absolute(worth), largest)
    return simd.reduce_max(largest)


def _scratch(d: int, factors: Float32, width: int) -> tuple[Float32, Float32, Float32]:
    """Room for rows, for their worths, and the factors of a row: those of all if they are one."""
    own = np.zeros(width, np.float32)
    own[: factors.shape[1]] = factors[0]
    return np.empty(ROWS * d, np.float32), np.empty(ROWS * width, np.float32), own


def worths_into(
    first: int, last: int, contexts: Float32, panels: Float32, factors: Float32, costs: Float32,
    out: Float32,
) -> None:  # fmt: skip
    """All worths of rows first to last, ``out`` float32[n, k].

    ``contexts`` float32[n, d]; ``panels`` θ packed by `product.pack_columns_into`, w columns;
    ``factors`` float32[1 or n, k]; ``costs`` float32[w].
    """
    scratch = _scratch(contexts.shape[1], factors, costs.size)
    _worths_into(first, last, contexts, panels, factors, costs, out, *scratch)


@serial
def _worths_into(
    first: int, last: int, contexts: Float32, panels: Float32, factors: Float32, costs: Float32,
    out: Float32, x: Float32, table: Float32, own: Float32,
) -> None:  # fmt: skip
    d, width = contexts.shape[1], costs.size
    for top in range(first, last, ROWS):
        rows = min(ROWS, last - top)
        _rows_into(contexts, top, rows, x)
        product.multiply_into(x, 0, product.padded(rows, product.ROWS), d, panels, table, width)
        for r in range(rows):
            worth_into(table, r * width, width, factors, top + r, costs, own)
            for a in range(out.shape[1]):
                out[top + r, a] = table[r * width + a]


@within
def bits_into(mask: UInt8, row: int, awake: bool, opened: Int64, words: Int64) -> None:
    """Write the actions that the row may get as bits: ``words`` int64[ceil(k / 64)]."""
    k = mask.shape[1]
    whole = k - k % 16
    for word in range(words.size):
        words[word] = 0
    if not awake:
        return
    for left in range(0, whole, 16):
        words[left >> 6] |= simd.nonzero_bits(mask, row * k + left) << (left & 63)
    for a in range(whole, k):
        if mask[row, a] != 0:
            words[a >> 6] |= np.int64(1) << (a & 63)
    for word in range(words.size):
        words[word] &= opened[word]


@within
def survivors_into(
    table: Float32, at: int, width: int, words: Int64, low: Float32, high: Float32,
    margin: np.float32, found: Int64,
) -> None:  # fmt: skip
    """Keep of the bits in ``words`` those that may be contenders; float32 with slack."""
    lanes = simd.LANES
    lowest = simd.splat(np.float32(-np.inf))
    best = lowest
    for a in range(0, width, lanes):
        bits = words[a >> 6] >> (a & 63)
        least = simd.sub(simd.load(table, at + a), simd.load(high, a))
        best = simd.maximum(simd.pick(bits, least, lowest), best)
    floor = simd.splat(max(simd.reduce_max(best), np.float32(0.0)) - margin)
    for left in range(0, width, 64):
        bits = np.int64(0)
        for a in range(left, min(left + 64, width), lanes):
            most = simd.sub(simd.load(table, at + a), simd.load(low, a))
            bits |= simd.bits_not_below(most, floor) << (a & 63)
        found[left >> 6] = bits & words[left >> 6]


def narrowed(costs: Float64, width: int) -> tuple[Float32, np.float32]:
    """Pad with zeros to float32; return them and the largest, infinite where float32 ends."""
    out = np.zeros(width, np.float32)
    with np.errstate(over="ignore"):
        out[: costs.size] = costs
    return out, np.float32(np.abs(out).max(initial=0.0))


def contenders_into(
    first: int, last: int, contexts: Float32, panels: Float32, factors: Float32, costs: Float32,
    mask: UInt8, awake: Bool, opened: Int64, low: Float64, high: Float64, room: int, status: UInt8,
    size: Int32, action: Int32, worth: Float64, value: Float64, counts: Int64,
) -> None:  # fmt: skip
    """Status and contenders of rows first to last, which are whole blocks.

    ``mask`` uint8[n, k], ``awake`` bool[n] and ``opened`` int64[ceil(k/64)] bits say who may get
    what; ``low``, ``high`` float64[k] are action costs at the two ends of the box. Writes status
    uint8[n] and size int32[n]; the contenders of a block's undecided rows, one row after the other,
    from place block·room on into ``action`` int32 and ``worth`` float64; the sums of the decided
    into ``value`` float64[blocks] and ``counts`` int64[blocks, k]. A block that needs more than
    ``room`` places has size −1 in its first row.
    """
    width = costs.size
    words, found = np.empty(opened.size, np.int64), np.empty(opened.size, np.int64)
    cheap, low_size = narrowed(low, width)
    dear, high_size = narrowed(high, width)
    _contenders_into(
        first, last, contexts, panels, factors, costs, mask, awake, opened, low, high, room, status,
        size, action, worth, value, counts, *_scratch(contexts.shape[1], factors, width), words,
        found, cheap, dear, max(low_size, high_size),
    )  # fmt: skip


@serial
def _contenders_into(
    first: int, last: int, contexts: Float32, panels: Float32, factors: Float32, costs: Float32,
    mask: UInt8, awake: Bool, opened: Int64, low: Float64, high: Float64, room: int, status: UInt8,
    size: Int32, action: Int32, worth: Float64, value: Float64, counts: Int64, x: Float32,
    table: Float32, own: Float32, words: Int64, found: Int64, cheap: Float32, dear: Float32,
    dearest: np.float32,
) -> None:  # fmt: skip
    d, width = contexts.shape[1], costs.size
    for block in range(first // BLOCK, (last + BLOCK - 1) // BLOCK):
        begin, end = block * BLOCK, min(last, (block + 1) * BLOCK)
        place, limit, total = block * room, (block + 1) * room, 0.0
        for top in range(begin, end, ROWS):
            rows = min(ROWS, end - top)
            _rows_into(contexts, top, rows, x)
            product.multiply_into(x, 0, product.padded(rows, product.ROWS), d, panels, table, width)
            for r in range(rows):
                i, at = top + r, r * width
                largest = worth_into(table, at, width, factors, i, costs, own)
                bits_into(mask, i, awake[i], opened, words)
                margin = SLACK * (largest + dearest)
                survivors_into(table, at, width, words, cheap, dear, margin, found)
                floor = 0.0
                for word in range(found.size):
                    bits = found[word]
                    while bits != 0:
                        a = word * 64 + simd.lowest_bit(bits)
                        bits &= bits - 1
                        floor = max(floor, np.float64(table[at + a]) - high[a])
                count, only, begun = 0, 0, place
                for word in range(found.size):
                    bits = found[word]
                    while bits != 0:
                        a = word * 64 + simd.lowest_bit(bits)
                        bits &= bits - 1
                        most = np.float64(table[at + a]) - low[a]
                        if most >= floor and most > 0.0:
                            if place < limit:
                                action[place], worth[place] = a, np.float64(table[at + a])
                            place, count, only = place + 1, count + 1, a
                status[i], size[i] = UNDECIDED if count > 0 else 0, count
                if count == 1 and floor > 0.0:
                    status[i], place = DECIDED, begun
                    total += np.float64(table[at + only])
                    counts[block, only] += 1
        value[block] = total
        if place > limit:
            size[begin] = -1
