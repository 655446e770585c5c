"""The choose loop of the linear policies: bound, prune, settle, for a task of rows at a time.

LinUCB takes the largest ``v·(μ + alpha·s) − c`` (Li and others 2010, algorithm 1), Greedy the same
with alpha 0, LinTS the largest ``v·(μ + alpha·s·z) − c`` with a keyed normal z per action (Agrawal,
Goyal 2013). Means of all actions come from one float32 product, bounds from `contenders`; whoever
can still win is settled in float64 by `settle`, so that the choice is the exact one, ties to the
lowest index, and every number is the same for any batch, block or thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.kernels import contenders, decide, product, settle, simd
from bandit.kernels._compile import serial
from bandit.kernels.normal import STEP
from bandit.kernels.rivals import REACH
from bandit.types import Array

TASK = 2048
"""Rows of a task: 20 per action at k = 100 share a factor, their contexts (512 kB at d = 64) stay
in half of a second-level cache of 1 MB."""
SCRATCH = 1 << 18
"""Bytes for a block's bounds: a quarter of that cache."""
PAIRS = 3 * TASK
"""Contenders kept before they are settled: rows are settled together while they have few."""


GRAIN = 96
"""Rows that share a pass over the factors when every action's moments are asked for."""


class Mode(NamedTuple):
    """What is asked: ``alpha``, sampled or optimistic scores, the propensity of which action.

    ``propensity`` 0: none, 1: of the action decided, 2: of ``given`` int32[n], 3: the expectation
    of ``weights`` float64[k]; with 2 and 3 nothing is decided. ``stream`` is the random stream of
    the call.
    """

    alpha: float
    thompson: bool
    propensity: int
    stream: np.uint64
    given: Array
    weights: Array


@serial
def block_rows(width):
    """Rows whose float32 bounds fit the scratch: a multiple of six between 24 and 96."""
    return max(24, min(96, SCRATCH // (4 * width) // 6 * 6))


@serial
def load_into(narrow, broad, d, first, rows, tiled, x):
    """Copy rows to float32 ``x`` [tiled, d]; the padding rows are zero."""
    for r in range(rows):
        for j in range(d):
            x[r * d + j] = np.float32(broad[first + r, j]) if broad.size else narrow[first + r, j]
    for i in range(rows * d, tiled * d):
        x[i] = 0.0


@serial
def bounds_of(model, situation, mode, block):
    """Allocate a block's bounds; what all rows share is filled in."""
    columns = model.upper.size
    draws = product.padded(columns, STEP) if mode.thompson else columns
    upper, lower = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for a in range(columns):
        upper[a] = np.float32(mode.alpha) * model.upper[a] * np.float32(1.000001)
        lower[a] = np.float32(mode.alpha) * model.lower[a] * np.float32(0.999999)
    steps = np.array([
        draws if mode.thompson else 0,
        columns if situation.values.shape[0] > 1 else 0,
        columns if situation.costs.shape[0] > 1 else 0,
    ])  # fmt: skip
    bounds = contenders.Bounds(
        upper,
        lower,
        model.slack,
        np.ones(draws * (block if mode.thompson else 1), np.float32),
        np.zeros(columns * (block if situation.values.shape[0] > 1 else 1), np.float32),
        np.zeros(columns * (block if situation.costs.shape[0] > 1 else 1), np.float32),
        steps,
    )
    if situation.priced and situation.values.shape[0] == 1:
        contenders.prices_into(situation.values, 0, 1, bounds.values, 0)
    if situation.priced and situation.costs.shape[0] == 1:
        contenders.prices_into(situation.costs, 0, 1, bounds.costs, 0)
    return bounds


@serial
def choose_task(model, situation, mode, first, last, action, mean, width, propensity):
    """Decide rows first to last."""
    narrow, broad, k = situation.narrow, situation.broad, model.theta.shape[0]
    d, columns = narrow.shape[1], model.upper.size
    flat = narrow.reshape(-1)
    block, size = block_rows(columns), (columns + 63) >> 6
    rotated_width = product.padded(d, simd.LANES)
    x = np.empty(block * d, np.float32)
    rotated = np.empty(block * rotated_width, np.float32)
    table, reaches = np.empty(block * columns, np.float32), np.empty(0, np.float32)
    if mode.propensity > 0:
        reaches = np.empty(block * columns, np.float32)
    q, threshold = np.empty(block, np.float32), np.empty(block, np.float32)
    words, alive = np.empty(block * size, np.int64), np.empty(block * size, np.int64)
    others = np.empty(block * size, np.int64)
    bounds = bounds_of(model, situation, mode, block)
    bits = np.empty(bounds.normals.size // block if mode.thompson else 0, np.uint32)
    logs = np.empty(bits.size, np.float32)
    apart = model.single.size > 0 and mode.propensity == 0 and broad.size == 0
    pairs = decide.empty_pairs(last - first, max(PAIRS, 2 * block * k), k, apart)
    count, base = 0, first
    for top in range(first, last, block):
        rows = min(block, last - top)
        tiled = product.padded(rows, product.ROWS)
        contenders.eligible_into(situation.eligible, situation.packing, top, rows, k, words)
        if situation.bounded:
            source, at = flat, top * d
            if broad.size > 0 or tiled > rows:
                load_into(narrow, broad, d, top, rows, tiled, x)
                source, at = x, 0
            product.triangle_into(source, at, tiled, d, d, model.root, 0, simd.LANES, rotated)
            product.multiply_into(source, at, tiled, d, model.means, table)
            product.norms_into(rotated, rows, rotated_width, q)
        else:
            # The pooled factor is too ill-conditioned to bound anything: settle everyone.
            for r in range(rows):
                q[r] = np.inf
        if situation.priced and situation.values.shape[0] > 1:
            contenders.prices_into(situation.values, top, rows, bounds.values, columns)
        if situation.priced and situation.costs.shape[0] > 1:
            contenders.prices_into(situation.costs, top, rows, bounds.costs, columns)
        if mode.propensity > 0:
            contenders.reach_bounds_into(
                table, rows, q, bounds, REACH, words, situation.priced, reaches, threshold
            )
            contenders.survivors_into(reaches, rows, columns, threshold, words, others)
        if mode.propensity >= 2:
            for r in range(rows):
                for word in range(size):
                    alive[r * size + word] = others[r * size + word]
                    threshold[r] = np.inf
        else:
            if mode.thompson:
                contenders.draws_into(
                    mode.stream, situation.keys, top, rows, bits, logs, bounds.normals,
                    bounds.steps[0],
                )  # fmt: skip
            contenders.upper_bounds_into(
                table, rows, q, bounds, words, mode.thompson, situation.priced, table, threshold
            )
            contenders.survivors_into(table, rows, columns, threshold, words, alive)
            if mode.propensity == 1:
                for word in range(rows * size):
                    alive[word] |= others[word]
        if mode.propensity == 2:
            for r in range(rows):
                a = mode.given[top + r]
                word = r * size + (a >> 6)
                alive[word] |= words[word] & (np.int64(1) << (a & 63))
        count = contenders.append_into(
            table, rows, columns, threshold, alive, top, base, pairs.first, count,
            (pairs.row, pairs.action, pairs.high, pairs.draw), bounds.normals, bounds.steps[0],
            pairs.lone,
        )  # fmt: skip
        if count + block * k > pairs.row.size or top + rows == last:
            decide.rows_into(
                model, situation, mode, pairs, base, top + rows, action, mean, width, propensity
            )
            count, base = 0, top + rows


@serial
def choose_into(first, last, model, situation, mode, action, mean, width, propensity):
    """Decide rows first to last: ``action`` int32[n], its moments and propensity float64[n]."""
    for top in range(first, last, TASK):
        end = min(last, top + TASK)
        choose_task(model, situation, mode, top, end, action, mean, width, propensity)


@serial
def moments_table_into(first, last, narrow, broad, theta, inverse, means, widths):
    """Mean and width of every action for rows first to last, float64[n, k]."""
    for top in range(first, last, GRAIN):
        rows = min(GRAIN, last - top)
        settle.block_moments_into(narrow, broad, top, rows, theta, inverse, means, widths)
