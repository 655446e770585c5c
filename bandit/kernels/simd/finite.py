"""Where a table holds a number that is none, at the speed of memory."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Int64
from bandit.kernels import simd
from bandit.kernels._compile import serial

BLOCK = 16
"""Rows looked through as one stretch, without a branch."""


@serial
def bad_rows_into(
    first: int, last: int, table: Array, lanes: int, largest: float | np.float32, grain: int,
    out: Int64,
) -> None:  # fmt: skip
    """``out[first / grain]`` = first row in [first, last) with NaN or |t| ≥ ``largest``, if any.

    ``table`` float[n, w] with so many ``lanes`` to a vector, ``largest`` of its type.
    """
    width = table.shape[1]
    limit = simd.splat(largest)
    for top in range(first, last, BLOCK):
        end = min(last, top + BLOCK)
        begin, size = top * width, (end - top) * width
        whole = size - size % lanes
        found = np.int64(0)
        for place in range(begin, begin + whole, lanes):
            found |= simd.bits_not_below(simd.absolute(simd.load(table, place)), limit)
        if found != 0 or whole < size:
            for i in range(top, end):
                for j in range(width):
                    if not abs(table[i, j]) < largest:
                        out[first // grain] = i
                        return
