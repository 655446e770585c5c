"""Lifts of single (row, action) pairs through the logistic link, in float64.

A lift is what the link makes of a mean beyond the linear model, ``Σ_e w_ea σ(xᵀθ_ea) − xᵀb_a``.
Each is summed for itself, in the same order in every batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float32, Float64, Int32, Integer
from bandit.kernels import simd
from bandit.kernels._compile import inline, natural, serial, within
from bandit.kernels.linear.link import LOGIT, response
from bandit.kernels.linear.pair_moments import dot, gather
from bandit.kernels.linear.situation import Pairs, Situation
from bandit.kernels.simd import product


class Curves(NamedTuple):
    """``lines`` float64[k, e + 1, padded(d, 8)]: −b, then the modes; ``weight`` float64[k, e].

    Of a model without curves both are empty.
    """

    lines: Float64
    weight: Float64


def no_curves() -> Curves:
    """Make the empty ones."""
    return Curves(np.zeros((0, 1, 8)), np.zeros((0, 1)))


def packed(theta: Float64, weight: Float64, base: Float64) -> Curves:
    """From ``theta`` float64[e, k, d], ``weight`` float64[e, k], ``base`` float64[k, d]."""
    parts, k, d = theta.shape
    lines = np.zeros((k, parts + 1, product.padded(d, simd.LANES_64)))
    lines[:, 0, :d], lines[:, 1:, :d] = -base, theta.transpose(1, 0, 2)
    return Curves(lines, np.ascontiguousarray(weight.T))


def empty_room(curves: Curves) -> Float64:
    """Scratch for a context."""
    return np.zeros(curves.lines.shape[2])


@inline
def lift(curves: Curves, x: Float64, action: int) -> float:
    """Of a context x float64[padded(d, 8)]."""
    lines, weight = curves.lines, curves.weight
    count, width = lines.shape[1], lines.shape[2]
    at = action * count * width
    total = dot(x, 0, lines, at, width)
    for e in range(count - 1):
        at += width
        chance = response(LOGIT, dot(x, 0, lines, at, width))
        total += weight[natural(action), natural(e)] * chance
    return total


@within
def charge_into(
    curves: Curves, situation: Situation, pairs: Pairs, count: Integer, x: Float64
) -> None:
    """Write what contenders pay, ``cost − value · lift``, to `Situation.costs`."""
    narrow, broad, values, listed, costs = (
        situation.narrow, situation.broad, situation.values, situation.listed, situation.costs
    )  # fmt: skip
    rows, actions = pairs.row, pairs.action
    d, wide = narrow.shape[1], broad.shape[0] > 0
    value_step = 1 if values.shape[0] > 1 else 0
    cost_step = 1 if listed.shape[0] > 1 else 0
    before: Integer = np.int64(-1)
    for each in range(count):
        p = natural(each)
        row: Integer = np.int64(rows[p])
        if row != before:
            gather(narrow, broad, wide, row, d, x, 0)
            before = row
        a = natural(actions[p])
        worth = values[natural(row * value_step), a] * lift(curves, x, actions[p])
        costs[natural(row), a] = listed[natural(row * cost_step), a] - worth


@serial
def taken_lifts_into(
    first: int, last: int, narrow: Float32, broad: Float64, curves: Curves, action: Int32,
    grain: int, rooms: Float64, out: Array,
) -> None:  # fmt: skip
    """Lifts of one ``action`` int32[n] a row, rows first to last, to ``out`` float64[n].

    ``rooms`` are as many as `empty_room`, one for each ``grain`` rows.
    """
    wide = broad.shape[0] > 0
    d = broad.shape[1] if wide else narrow.shape[1]
    x = rooms[first // grain]
    for i in range(first, last):
        gather(narrow, broad, wide, i, d, x, 0)
        out[i] = lift(curves, x, action[i])
