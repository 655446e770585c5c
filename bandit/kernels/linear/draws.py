"""Keyed normals of those who could win: made for candidates only, a loop a step.

Of `draw_into`'s keys and quantiles each hangs on the row's key and the action alone, so neither
blocks nor who else is a candidate show in them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Float32, Int32, Int64, UInt64
from bandit.kernels import keyed_random as kr
from bandit.kernels import simd
from bandit.kernels._compile import natural, within
from bandit.kernels.stats.normal import log_tail, quantile

_S32 = np.uint64(32)


class Draws(NamedTuple):
    """A block's candidates, one after the other: action, bits, logarithms, normals, ends of worth.

    ``first`` int64[rows + 1] tells where a row's begin. ``reach`` is the worth's upper end within
    `REACH` deviations. Of a crowded row, by action, float32[w]: ``normal_of``, ``high_of``,
    ``reach_of`` the same.
    """

    first: Int64
    action: Int32
    bits: npt.NDArray[np.uint32]
    logs: Float32
    normal: Float32
    high: Float32
    reach: Float32
    normal_of: Float32
    high_of: Float32
    reach_of: Float32


def empty_draws(rows: int, k: int) -> Draws:
    """Make room for every action of so many rows."""
    room = rows * k + simd.LANES
    normal_of, high_of, reach_of = np.zeros((3, -(-k // simd.LANES) * simd.LANES), np.float32)
    return Draws(
        np.zeros(rows + 1, np.int64), np.empty(room, np.int32), np.empty(room, np.uint32),
        np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32),
        np.empty(room, np.float32), normal_of, high_of, reach_of,
    )  # fmt: skip


@within
def draw_into(
    stream: np.uint64, keys: UInt64, top: int, rows: int, size: int, alive: Int64, draws: Draws,
    asked: bool,
) -> None:  # fmt: skip
    """List the actions ``alive`` int64[rows, size], then draw their normals, a loop a step.

    Unless draws are ``asked`` for all normals are zero.
    """
    first, action_of, bits_of, logs, normal = (
        draws.first, draws.action, draws.bits, draws.logs, draws.normal
    )  # fmt: skip
    count = 0
    for r in range(rows):
        row = kr.row_key(stream, keys[top + r])
        number = 0
        for word in range(size):
            number += simd.count_bits(alive[r * size + word])
        last = alive[r * size + size - 1]
        if number == 64 * (size - 1) + simd.count_bits(last) and last & (last + 1) == 0:
            # All of them: no bit need be looked for.
            for each in range(number):
                to = natural(count + each)
                action_of[to] = each
                bits_of[to] = np.uint32(kr.cell(row, natural(each)) >> _S32)
            count += number
            first[r + 1] = count
            continue
        for word in range(size):
            bits = alive[r * size + word]
            while bits != 0:
                action, to = word * 64 + simd.lowest_bit(bits), natural(count)
                bits &= bits - 1
                action_of[to] = action
                bits_of[to] = np.uint32(kr.cell(row, action) >> _S32)
                count += 1
        first[r + 1] = count
    if not asked:
        for p in range(count):
            normal[p] = np.float32(0.0)
        return
    for p in range(count):
        logs[p] = log_tail(bits_of[p])
    for p in range(count):
        normal[p] = quantile(bits_of[p], logs[p])
