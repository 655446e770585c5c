"""The choose loop of the linear policies: bound, prune, settle, for a task of rows at a time.

LinUCB takes the largest ``v·(μ + alpha·s) − c`` (Li and others 2010, algorithm 1), Greedy the same
with alpha 0, LinTS the largest ``v·(μ + alpha·s·z) − c`` with a keyed normal z per action (Agrawal,
Goyal 2013). Means of all actions come from one product of 16-bit integers (`coarse`), bounds from
`contenders` and `sampled`; whoever can still win is settled in float64 by `settle`, so that the
choice is the exact one, ties to the lowest index, and every number is the same for any batch, block
or thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from bandit.kernels import simd
from bandit.kernels._compile import natural, serial, within
from bandit.kernels.held import Held, here, part
from bandit.kernels.linear import (
    close_widths,
    contenders,
    curved_pairs,
    decide,
    dense_rows,
    leading,
    price_contenders,
)
from bandit.kernels.linear import draws as drawn
from bandit.kernels.linear import int16_bounds as coarse
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear import thompson_candidates as sampled
from bandit.kernels.linear.contenders import Bounds
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.price_contenders import Reach
from bandit.kernels.linear.situation import Mode, Pairs, Situation, empty_pairs
from bandit.kernels.simd import product

TASK = 2048
"""Rows of a task: 20 per action at k = 100 share a factor, their contexts (512 kB at d = 64) stay
in half of a second-level cache of 1 MB."""
SCRATCH = 1 << 18
"""Bytes for a block's bounds: a quarter of that cache."""
PAIRS = 3 * TASK
"""Contenders kept before they are settled: rows are settled together while they have few. Of
sampled rows no more at all, so that what is told of them stays in the second-level cache."""


GRAIN = 96
"""Rows that share a pass over the factors when every action's moments are asked for."""


WEIGHTED = 3
"""`Mode.propensity` of an expectation."""
REACHES = (0, 1, 2, 2, 1)
"""Of each kind of propensity: who counts, as `sampled.winners_into` numbers it."""


def block_rows(width: int) -> int:
    """Rows whose float32 bounds fit the scratch: a multiple of six between 24 and 96."""
    return max(24, min(96, SCRATCH // (4 * width) // 6 * 6))


@within
def load_into(narrow: Float32, broad: Float64, d: int, first: int, rows: int, x: Float32) -> None:
    """Copy rows to float32 ``x``."""
    for r in range(rows):
        for j in range(d):
            x[r * d + j] = np.float32(broad[first + r, j]) if broad.size else narrow[first + r, j]


@within
def bounds_into(model: Model, situation: Situation, mode: Mode, bounds: Bounds) -> None:
    """Fill in what all rows of a call share of their bounds."""
    sampling = mode.thompson or mode.propensity > 0
    for a in range(model.upper.size):
        bounds.upper[a] = np.float32(mode.alpha) * model.upper[a] * np.float32(1.000001)
        bounds.lower[a] = np.float32(mode.alpha) * model.lower[a] * np.float32(0.999999)
        bounds.top[a] = bounds.upper[a] * sampled.MOST if sampling else bounds.upper[a]
        bounds.bottom[a] = -bounds.top[a] if sampling else bounds.lower[a]
    # A bare 0 would be a type of its own, and the kernel compiled twice.
    nought = np.int64(0)
    if situation.priced and situation.values.shape[0] == 1:
        contenders.prices_into(situation.values, nought, nought, bounds.values, nought, mode.doubt)
    if situation.priced and situation.listed.shape[0] == 1:
        contenders.prices_into(situation.listed, nought, nought, bounds.costs, nought, mode.doubt)


def empty_bounds(model: Model, situation: Situation, block: int) -> Bounds:
    """Make room for the bounds of so many rows."""
    columns = model.upper.size
    each, every = situation.values.shape[0] > 1, situation.listed.shape[0] > 1
    top, bottom, upper, lower = np.empty((4, columns), np.float32)
    return Bounds(
        top, bottom, upper, lower, model.coarse.error,
        np.zeros(columns * (block if each else 1), np.float32),
        np.zeros(columns * (block if every else 1), np.float32),
        np.array([columns * each, columns * every], np.int64), model.coarse.ground,
    )  # fmt: skip


@within
def enclose_into(
    narrow: Float32, broad: Float64, weights: coarse.Coarse, doubt: Bool, top: int, rows: int,
    means: Float32, x: Float32, rounded: coarse.Rounded, rotated: Float32, table: Float32,
) -> None:  # fmt: skip
    """Means of rows from ``top`` on, and what encloses them; ``x`` and ``rotated`` are scratch.

    ``means`` float32[n·w] are told, or there are none.
    """
    d = narrow.shape[1]
    source, at = narrow.reshape(-1), top * d
    # The last row is read in whole vectors.
    if broad.size > 0 or at + rows * d + simd.LANES > source.size:
        load_into(narrow, broad, d, top, rows, x)
        source, at = x, 0
    tiled = product.padded(rows, product.ROWS)
    coarse.round_into(source, at, rows, d, weights, rounded, doubt)
    if means.size > 0:
        columns = weights.error.size
        for at in range(0, rows * columns, simd.LANES):
            simd.store(table, at, simd.load(means, top * columns + at))
    else:
        coarse.multiply_into(rounded, tiled, d, weights, table)
    coarse.norms_between(rounded, tiled, d, weights, rotated)


@within
def opens(model: Model, situation: Situation, mode: Mode) -> bool:
    """Whether no bound can leave anybody out: every row has every action, and is dense.

    Mostly so where signal is weak. Not with prices, of which ``model.open`` does not know.
    """
    k = model.theta.shape[0]
    asked = mode.propensity > 0 and mode.propensity != WEIGHTED
    plain = situation.bounded and not situation.priced and situation.packing == 0
    dense = model.dense.panels.size > 0 and dense_rows.is_dense(k, model.dense.share.size)
    return asked and plain and dense and mode.alpha >= model.open


@within
def everyone_into(
    narrow: Float32, broad: Float64, top: int, rows: int, doubt: Bool, words: Int64,
    threshold: Float32, alive: Int64,
) -> None:  # fmt: skip
    """What bounds would say where they leave nobody out; raise ``doubt`` as they would."""
    d, size = narrow.shape[1], words.size // threshold.size
    begin, whole, wide = top * d, (rows * d) & ~7, broad.size > 0
    squares = simd.splat(0.0)
    for at in range(begin, begin + whole, simd.LANES_64):
        value = simd.widen(broad, at) if wide else simd.widen(narrow, at)
        squares = simd.fma(value, value, squares)
    total = simd.reduce_add(squares)
    for at in range(begin + whole, begin + rows * d):
        i, j = natural(at // d), natural(at % d)
        total += (broad[i, j] if wide else np.float64(narrow[i, j])) ** 2
    if not total < np.inf:
        doubt[0] = True
    for r in range(rows):
        threshold[r] = np.float32(-np.inf)
    for word in range(rows * size):
        alive[word] = words[word]


class Room(NamedTuple):
    """Scratch of `choose_rows_into` for blocks of b rows of w columns.

    ``x`` float32[b·d + 16], ``rotated`` float32[b·padded(d, 16)], ``table`` and ``highs``
    float32[b·w], ``threshold`` float32[b], ``words`` and ``alive`` int64[b·ceil(w/64)]. ``reach``
    is no scratch: it asks for rivals at a box of prices.
    """

    x: Float32
    rounded: coarse.Rounded
    rotated: Float32
    table: Float32
    highs: Float32
    threshold: Float32
    words: Int64
    alive: Int64
    bounds: Bounds
    draws: drawn.Draws
    pairs: Pairs
    settling: decide.Settling
    tightening: leading.Tightening
    reach: Reach
    bending: Float64


def empty_room(model: Model, situation: Situation, mode: Mode, rows: int) -> Room:
    """Make scratch for so many rows: a single one gets by with a hundredth of a task's."""
    k, d, columns = model.theta.shape[0], situation.narrow.shape[1], model.upper.size
    task = min(TASK, rows)
    block = min(block_rows(columns), -(-task // product.ROWS) * product.ROWS)
    size, wide = (columns + 63) >> 6, -(-d // simd.LANES) * simd.LANES
    table = np.empty(block * columns, np.float32)
    sampling = mode.thompson or mode.propensity > 0
    tightened = model.leading.step.size > 0 and not sampling
    apart = model.single.size > 0 and mode.propensity == 0 and situation.broad.size == 0
    return Room(
        x=np.zeros(block * d + simd.LANES, np.float32),
        rounded=coarse.empty_rounded(block, d),
        rotated=np.empty(block * wide, np.float32),
        table=table,
        highs=np.empty(table.size, np.float32) if sampling or tightened else table,
        threshold=np.empty(block, np.float32),
        words=np.empty(block * size, np.int64),
        alive=np.empty(block * size, np.int64),
        bounds=empty_bounds(model, situation, block),
        draws=drawn.empty_draws(block if sampling else 0, k),
        pairs=empty_pairs(task, min(max(PAIRS, 2 * block * k), task * k), k, apart=apart),
        settling=decide.empty_settling(model, d, task, expects=mode.propensity == WEIGHTED),
        tightening=leading.empty_tightening(model.leading, block, d, close_widths.STEPS**-2),
        reach=price_contenders.nothing_asked(),
        bending=curved_pairs.empty_room(model.curves),
    )


def held(model: Model, room: Room) -> Held:
    """A model and scratch for it, as `choose_rows_into` takes them."""
    return Held((model, *room))


@serial
def choose_rows_into(
    first: int, last: int, prepared: Held, situation: Situation, mode: Mode,
    action: Int32, mean: Float64, width: Float64, propensity: Float64,
) -> None:  # fmt: skip
    """Decide rows first to last with what `held` made.

    What is called is handed where tuples lie: by value each would be a hundred arguments.
    """
    model: Model = part(prepared, 0)
    x: Float32 = part(prepared, 1)
    rounded: coarse.Rounded = part(prepared, 2)
    rotated: Float32 = part(prepared, 3)
    table: Float32 = part(prepared, 4)
    highs: Float32 = part(prepared, 5)
    threshold: Float32 = part(prepared, 6)
    words: Int64 = part(prepared, 7)
    alive: Int64 = part(prepared, 8)
    bounds: Bounds = part(prepared, 9)
    draws: drawn.Draws = part(prepared, 10)
    pairs: Pairs = part(prepared, 11)
    settling: decide.Settling = part(prepared, 12)
    tightening: leading.Tightening = part(prepared, 13)
    box: Reach = part(prepared, 14)
    bending: Float64 = part(prepared, 15)
    situation, mode = here(situation), here(mode)
    coarse_weights, theta, doubt = model.coarse, model.theta, mode.doubt
    narrow, broad, values, costs, means = (
        situation.narrow, situation.broad, situation.values, situation.listed, situation.means
    )  # fmt: skip
    curved = model.curves.weight.size > 0 and means.size > 0
    priced, bounded, given = situation.priced, situation.bounded, mode.given
    each, every = priced and values.shape[0] > 1, priced and costs.shape[0] > 1
    firsts, lone = pairs.first, pairs.lone
    k, columns = theta.shape[0], bounds.error.size
    reach = REACHES[mode.propensity]
    block, size = threshold.size, (columns + 63) >> 6
    sampling = mode.thompson or mode.propensity > 0
    room, several, d = pairs.mean.size, tightening.several, narrow.shape[1]
    wanted, fall, boxed = box.wanted, box.fall, box.fall.size > 0
    tightens = bounded and model.leading.step.size > 0 and mode.alpha > 0.0
    tightens = tightens and not (sampling or boxed)
    opened = opens(model, situation, mode) and not boxed
    close = tightens and model.leading.weights.size == 0
    # Where means are so near, bounds by lengths alone leave nearly everybody in. That every row is
    # settled in float64 hangs on the model alone, not on what is eligible or asked for beside it.
    near = close and mode.alpha >= model.open
    straight = near and not priced and situation.packing == 0
    bounds_into(model, situation, mode, bounds)
    for r in range(block):
        several[r] = False
    if not bounded:
        # The pooled factor is too ill-conditioned to bound anything: settle everyone.
        for r in range(block):
            rounded.most[r] = rounded.length[r] = np.inf
        doubt[0] = True
    for task_first in range(first, last, TASK):
        end = min(last, task_first + TASK)
        count, base = np.int64(0), task_first
        place = task_first // TASK * box.room[0] if boxed else np.int64(0)
        limit = place + box.room[0] if boxed else np.int64(0)
        for top in range(task_first, end, block):
            rows = min(block, end - top)
            contenders.eligible_into(situation.eligible, situation.packing, top, rows, k, words)
            if boxed:
                price_contenders.only_wanted(wanted, top, rows, size, words)
            if opened:
                everyone_into(narrow, broad, top, rows, doubt, words, threshold, alive)
            elif bounded:
                enclose_into(
                    narrow, broad, coarse_weights, doubt, top, rows, means, x, rounded, rotated,
                    table,
                )  # fmt: skip
            if each:
                contenders.prices_into(values, top, rows, bounds.values, columns, doubt)
            if every:
                contenders.prices_into(costs, top, rows, bounds.costs, columns, doubt)
            crowded = straight and close_widths.all_open(
                rows, size, rounded, words, threshold, alive, tightening
            )
            if not (opened or crowded):
                contenders.bound_into(
                    table, rows, rounded, bounds, words, priced, sampling, highs,
                    threshold, alive,
                )  # fmt: skip
            if boxed:
                price_contenders.within_reach(highs, rows, columns, fall, threshold, words, alive)
            if sampling:
                if given.size > 0:
                    contenders.include(given, top, rows, size, words, alive)
                drawn.draw_into(
                    mode.stream, situation.keys, top, rows, size, alive, draws, mode.thompson
                )  # fmt: skip
                if not opened:
                    sampled.winners_into(
                        table, columns, rows, rounded, bounds, priced, draws,
                        reach, threshold, alive,
                    )  # fmt: skip
                if boxed:
                    price_contenders.drawn_within_reach(draws, rows, size, fall, threshold, alive)
                if given.size > 0:
                    contenders.include(given, top, rows, size, words, alive)
                count = sampled.append_into(
                    draws, rows, size, threshold, alive, top, base, firsts, count, pairs,
                    lone,
                )  # fmt: skip
            else:
                if tightens and not crowded:
                    crowded = leading.find_several(
                        rows, size, columns, rounded, threshold, alive, several, near
                    )
                if crowded:
                    if close:
                        close_widths.sums_into(
                            rotated, rounded, rows, d, model.coarse.root_error, model.dense,
                            tightening,
                        )  # fmt: skip
                    else:
                        leading.sums_into(
                            rotated, rounded, rows, d, model.coarse.root_error, model.leading,
                            tightening,
                        )  # fmt: skip
                    leading.tighten_into(
                        table, rows, rounded, bounds, mode.alpha, model.leading, tightening, words,
                        priced, highs, threshold, alive,
                    )  # fmt: skip
                count = contenders.append_into(
                    highs, rows, columns, threshold, alive, top, base, firsts, count, pairs,
                    lone, several,
                )  # fmt: skip
            full = count + block * k > room or (sampling and not boxed and count > PAIRS)
            if full or top + rows == end:
                if curved:
                    curved_pairs.charge_into(model.curves, situation, pairs, count, bending)
                if boxed:
                    place = price_contenders.rivals_into(
                        model, situation, mode, pairs, base, top + rows, box, place, limit,
                        settling, action,
                    )  # fmt: skip
                else:
                    decide.rows_into(
                        model, situation, mode, pairs, base, top + rows, settling,
                        action, mean, width, propensity,
                    )  # fmt: skip
                count, base = np.int64(0), top + rows
        if boxed and place > limit:
            box.size[task_first] = -1


def choose_into(
    pieces: Iterator[tuple[int, int]], model: Model, situation: Situation, mode: Mode,
    action: Array, mean: Array, width: Array, propensity: Array,
) -> None:  # fmt: skip
    """Decide some rows in scratch made once: ``action`` int32[n], its moments and propensity [n].

    ``pieces`` are their first and last, `threads.share` hands them out.
    """
    prepared = None
    for first, last in pieces:
        if prepared is None:
            prepared = held(model, empty_room(model, situation, mode, action.shape[0]))
        choose_rows_into(first, last, prepared, situation, mode, action, mean, width, propensity)


def compete_into(
    pieces: Iterator[tuple[int, int]], model: Model, situation: Situation, mode: Mode,
    reach: Reach, action: Array, mean: Array, width: Array, propensity: Array,
) -> None:  # fmt: skip
    """What some rows, whole tasks, take at every price that ``reach`` spans.

    ``action`` int32[n] is that, or -1 where it hangs on prices: then the rivals are in ``reach``.
    The others may be empty; ``pieces`` as `choose_into` has them.
    """
    prepared = None
    for first, last in pieces:
        if prepared is None:
            room = empty_room(model, situation, mode, action.shape[0])
            prepared = held(model, room._replace(reach=reach))
        choose_rows_into(first, last, prepared, situation, mode, action, mean, width, propensity)


@serial
def moments_table_into(
    first: int, last: int, narrow: Float32, broad: Float64, theta: Float64, inverse: Float64,
    means: Float64, widths: Float64,
) -> None:  # fmt: skip
    """Mean and width of every action for rows first to last, float64[n, k]."""
    for top in range(first, last, GRAIN):
        rows = min(GRAIN, last - top)
        settle.block_moments_into(narrow, broad, top, rows, theta, inverse, means, widths)
