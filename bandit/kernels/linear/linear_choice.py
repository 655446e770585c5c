"""The choose loop of the linear policies: bound, prune, settle, for a task of rows at a time.

LinUCB takes the largest ``v·(μ + alpha·s) − c`` (Li and others 2010, algorithm 1), Greedy the same
with alpha 0, LinTS the largest ``v·(μ + alpha·s·z) − c`` with a keyed normal z per action (Agrawal,
Goyal 2013). Means of all actions come from one product of 16-bit integers (`coarse`), bounds from
`contenders` and `sampled`; whoever can still win is settled in float64 by `settle`, so that the
choice is the exact one, ties to the lowest index, and every number is the same for any batch, block
or thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array
from bandit.kernels import simd
from bandit.kernels._compile import allocating, serial, within
from bandit.kernels.linear import contenders, decide
from bandit.kernels.linear import int16_bounds as coarse
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear import thompson_candidates as sampled
from bandit.kernels.simd import product

TASK = 2048
"""Rows of a task: 20 per action at k = 100 share a factor, their contexts (512 kB at d = 64) stay
in half of a second-level cache of 1 MB."""
SCRATCH = 1 << 18
"""Bytes for a block's bounds: a quarter of that cache."""
PAIRS = 3 * TASK
"""Contenders kept before they are settled: rows are settled together while they have few."""


GRAIN = 96
"""Rows that share a pass over the factors when every action's moments are asked for."""


REACHES = (0, 1, 2, 2, 1)
"""Of each kind of propensity: who counts, as `sampled.winners_into` numbers it."""


class Mode(NamedTuple):
    """What is asked: ``alpha``, sampled or optimistic scores, the propensity of which action.

    ``propensity`` 0: none, 1: of the action decided, 2: of ``given`` int32[n], 3: the expectation
    of ``weights`` float64[k], 4: of the given action where there is one (else -1), of the one
    decided elsewhere; with 2 and 3 nothing is decided. ``stream`` is the random stream of the
    call. Without ``scored`` the moments of a row that is decided without them are not found.
    ``doubt`` bool[1] is raised where contexts or prices may hold what is no number.
    """

    alpha: float
    thompson: bool
    propensity: int
    stream: np.uint64
    given: Array
    weights: Array
    scored: bool
    doubt: Array


@within
def block_rows(width):
    """Rows whose float32 bounds fit the scratch: a multiple of six between 24 and 96."""
    return max(24, min(96, SCRATCH // (4 * width) // 6 * 6))


@within
def load_into(narrow, broad, d, first, rows, x):
    """Copy rows to float32 ``x``."""
    for r in range(rows):
        for j in range(d):
            x[r * d + j] = np.float32(broad[first + r, j]) if broad.size else narrow[first + r, j]


@allocating
def bounds_of(model, situation, mode, block):
    """Allocate a block's bounds; what all rows share is filled in."""
    columns = model.upper.size
    upper, lower = np.empty(columns, np.float32), np.empty(columns, np.float32)
    top, bottom = np.empty(columns, np.float32), np.empty(columns, np.float32)
    sampling = mode.thompson or mode.propensity > 0
    for a in range(columns):
        upper[a] = np.float32(mode.alpha) * model.upper[a] * np.float32(1.000001)
        lower[a] = np.float32(mode.alpha) * model.lower[a] * np.float32(0.999999)
        top[a] = upper[a] * sampled.MOST if sampling else upper[a]
        bottom[a] = -top[a] if sampling else lower[a]
    # A bare 0 would be a type of its own, and each kernel compiled twice.
    nought = np.int64(0)
    steps = np.zeros(2, np.int64)
    if situation.values.shape[0] > 1:
        steps[0] = columns
    if situation.costs.shape[0] > 1:
        steps[1] = columns
    bounds = contenders.Bounds(
        top,
        bottom,
        upper,
        lower,
        model.coarse.error,
        np.zeros(columns * (block if steps[0] > 0 else 1), np.float32),
        np.zeros(columns * (block if steps[1] > 0 else 1), np.float32),
        steps,
    )
    if situation.priced and situation.values.shape[0] == 1:
        contenders.prices_into(situation.values, nought, nought, bounds.values, nought, mode.doubt)
    if situation.priced and situation.costs.shape[0] == 1:
        contenders.prices_into(situation.costs, nought, nought, bounds.costs, nought, mode.doubt)
    return bounds


@within
def enclose_into(model, situation, mode, top, rows, x, rounded, rotated, table):
    """Means of rows from ``top`` on, and what encloses them; ``x`` and ``rotated`` are scratch."""
    narrow, broad = situation.narrow, situation.broad
    d = narrow.shape[1]
    source, at = narrow.reshape(-1), top * d
    # The last row is read in whole vectors.
    if broad.size > 0 or at + rows * d + simd.LANES > source.size:
        load_into(narrow, broad, d, top, rows, x)
        source, at = x, 0
    tiled = product.padded(rows, product.ROWS)
    coarse.round_into(source, at, rows, d, model.coarse, rounded, mode.doubt)
    coarse.multiply_into(rounded, tiled, d, model.coarse, table)
    coarse.norms_between(rounded, tiled, d, model.coarse, rotated)


@allocating
def choose_into(first, last, model, situation, mode, action, mean, width, propensity):
    """Decide rows first to last: ``action`` int32[n], its moments and propensity float64[n]."""
    narrow, broad, k = situation.narrow, situation.broad, model.theta.shape[0]
    d, columns = narrow.shape[1], model.upper.size
    task = min(TASK, last - first)
    block, size = block_rows(columns), (columns + 63) >> 6
    block = min(block, product.padded(task, product.ROWS))
    x = np.zeros(block * d + simd.LANES, np.float32)
    rounded = coarse.empty_rounded(block, d)
    rotated = np.empty(block * product.padded(d, simd.LANES), np.float32)
    table = np.empty(block * columns, np.float32)
    threshold = np.empty(block, np.float32)
    words, alive = np.empty(block * size, np.int64), np.empty(block * size, np.int64)
    bounds = bounds_of(model, situation, mode, block)
    sampling = mode.thompson or mode.propensity > 0
    highs = np.empty(table.size, np.float32) if sampling else table
    draws = sampled.empty_draws(block if sampling else 0, k)
    apart = model.single.size > 0 and mode.propensity == 0 and broad.size == 0
    room = min(max(PAIRS, 2 * block * k), task * k)
    pairs = decide.empty_pairs(task, room, k, apart)
    own = (pairs.row, pairs.action, pairs.high, pairs.draw)
    if not situation.bounded:
        # The pooled factor is too ill-conditioned to bound anything: settle everyone.
        rounded.most[:] = np.inf
        rounded.length[:] = np.inf
        mode.doubt[0] = True
    for task_first in range(first, last, TASK):
        end = min(last, task_first + TASK)
        count, base = np.int64(0), task_first
        for top in range(task_first, end, block):
            rows = min(block, end - top)
            contenders.eligible_into(situation.eligible, situation.packing, top, rows, k, words)
            if situation.bounded:
                enclose_into(model, situation, mode, top, rows, x, rounded, rotated, table)
            if situation.priced and situation.values.shape[0] > 1:
                contenders.prices_into(
                    situation.values, top, rows, bounds.values, columns, mode.doubt
                )
            if situation.priced and situation.costs.shape[0] > 1:
                contenders.prices_into(
                    situation.costs, top, rows, bounds.costs, columns, mode.doubt
                )
            contenders.bound_into(
                table,
                rows,
                rounded,
                bounds,
                words,
                situation.priced,
                sampling,
                highs,
                threshold,
                alive,
            )
            if sampling:
                if mode.given.size > 0:
                    contenders.include(mode.given, top, rows, size, words, alive)
                sampled.draw_into(mode.stream, situation.keys, top, rows, size, alive, draws)
                sampled.winners_into(
                    table, columns, rows, rounded, bounds, situation.priced, draws,
                    REACHES[mode.propensity], threshold, alive,
                )  # fmt: skip
                if mode.given.size > 0:
                    contenders.include(mode.given, top, rows, size, words, alive)
                count = sampled.append_into(
                    draws,
                    rows,
                    size,
                    threshold,
                    alive,
                    top,
                    base,
                    pairs.first,
                    count,
                    own,
                    pairs.lone,
                )
            else:
                count = contenders.append_into(
                    table, rows, columns, threshold, alive, top, base, pairs.first, count, own,
                    pairs.lone,
                )  # fmt: skip
            if count + block * k > pairs.row.size or top + rows == end:
                decide.rows_into(
                    model, situation, mode, pairs, base, top + rows, action, mean, width, propensity
                )
                count, base = np.int64(0), top + rows


@serial
def moments_table_into(first, last, narrow, broad, theta, inverse, means, widths):
    """Mean and width of every action for rows first to last, float64[n, k]."""
    for top in range(first, last, GRAIN):
        rows = min(GRAIN, last - top)
        settle.block_moments_into(narrow, broad, top, rows, theta, inverse, means, widths)
