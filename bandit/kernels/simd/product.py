"""Matrix products in register tiles, every row's sum in the same order wherever the row lies.

Weights are packed once: panels of up to four vectors of columns, each panel contiguous along the
depth, so that a tile streams it through the first-level cache (64 columns × d × 2 bytes in
`int16_bounds`: 8 kB at d = 64). Six rows by four vectors keep 24 of 32 registers of 512 bits as
sums, four for weights and one for the row's factor; where registers have 256 bits, and are 16, six
rows by one vector keep 12, and run three times as fast as the wide tile would. Blocks of rows are
padded to a multiple of `ROWS`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Float32, Float64, Int64, Integer, UInt8
from bandit.kernels import simd
from bandit.kernels._compile import anywhere, inline, natural, within

ROWS = 6
"""Rows of a tile."""
_TILE = simd.TILE
PANEL = _TILE * simd.LANES
"""Columns of a full panel."""


@anywhere
def padded(count: int, step: int) -> int:
    """Round up to a multiple."""
    return (count + step - 1) // step * step


class Some(NamedTuple):
    """Which rows need which panel, and scratch of `multiply_some_into`.

    ``needs`` uint8[rows, ceil(w/PANEL)] of 0 and 1; ``lines`` int64[rows], ``places`` int64[ROWS],
    ``tile`` float32[ROWS·PANEL].
    """

    needs: UInt8
    lines: Int64
    places: Int64
    tile: Float32


def empty_some(rows: int, width: int) -> Some:
    """Make room for products of so many rows and columns."""
    return Some(
        np.zeros(rows * padded(width, PANEL) // PANEL, np.uint8), np.zeros(rows, np.int64),
        np.zeros(ROWS, np.int64), np.empty(ROWS * PANEL, np.float32),
    )  # fmt: skip


def pack_columns_into(matrix: Array, panels: Float32) -> None:
    """Pack ``matrix`` [k, d] (one row per output) for `multiply_into`; pad columns are zero.

    ``panels`` float32[padded(k, 16)·d].
    """
    d = matrix.shape[1]
    width = panels.size // d
    for left in range(0, width, PANEL):
        columns, rows = min(PANEL, width - left), matrix[left : left + PANEL]
        place = panels[left * d : (left + columns) * d].reshape(d, columns)
        place[:, : len(rows)], place[:, len(rows) :] = rows.T, 0.0


def unpack_columns_into(panels: Float32, matrix: Array) -> None:
    """``matrix`` [w, d] of which `pack_columns_into` made the panels."""
    width, d = matrix.shape
    for left in range(0, width, PANEL):
        columns = min(PANEL, width - left)
        place = panels[left * d : (left + columns) * d].reshape(d, columns)
        matrix[left : left + columns] = place.T


@within
def multiply_into(
    x: Float32, x_at: int, rows: int, d: int, panels: Float32, out: Float32, columns: int
) -> None:
    """``out`` [rows, w] = x [rows, d] · panels, w = panels.size / d; rows a multiple of six.

    Rows of x start at element ``x_at``. Beyond the first ``columns`` anything may stand.
    """
    width = panels.size // d
    lanes = simd.LANES
    for left in range(0, width, PANEL):
        at = left * d
        vectors = min(PANEL, width - left) // lanes
        for r in range(0, rows, ROWS):
            to = r * width + left
            if _TILE == 1 and columns - left <= lanes // 2:
                simd.tile_6x1_half(x, x_at + r * d, d, panels, at, d, out, to, width)
            elif _TILE == 1 or vectors == 1:
                simd.tile_6x1(x, x_at + r * d, d, panels, at, d, out, to, width)
            elif vectors == 4:
                simd.tile_6x4(x, x_at + r * d, d, panels, at, d, out, to, width)
            elif vectors == 3:
                simd.tile_6x3(x, x_at + r * d, d, panels, at, d, out, to, width)
            else:
                simd.tile_6x2(x, x_at + r * d, d, panels, at, d, out, to, width)


@within
def multiply_some_into(
    x: Float32, x_at: int, rows: int, d: int, panels: Float32, some: Some, more: bool, out: Float32
) -> None:
    """`multiply_into` where ``some.needs`` says so, the same sums in the same order.

    Rows that need a panel are taken six by six wherever they lie, any number of them. With ``more``
    the products are added to ``out``.
    """
    width, lanes = panels.size // d, simd.LANES
    number = padded(width, PANEL) // PANEL
    needs, lines, places, tile = some.needs, some.lines, some.places, some.tile
    for panel in range(number):
        left = panel * PANEL
        vectors = min(PANEL, width - left) // lanes
        count: Integer = np.int64(0)
        for r in range(rows):
            lines[natural(count)] = r
            count += np.int64(needs[natural(r * number + panel)])
        for top in range(0, count, ROWS):
            for each in range(ROWS):
                places[each] = x_at + lines[natural(min(top + each, count - 1))] * d
            if _TILE == 1 or vectors == 1:
                simd.tile_6x1_at(x, places, panels, left * d, d, tile, 0, lanes)
            elif vectors == 4:
                simd.tile_6x4_at(x, places, panels, left * d, d, tile, 0, 4 * lanes)
            elif vectors == 3:
                simd.tile_6x3_at(x, places, panels, left * d, d, tile, 0, 3 * lanes)
            else:
                simd.tile_6x2_at(x, places, panels, left * d, d, tile, 0, 2 * lanes)
            for each in range(min(ROWS, count - top)):
                to = lines[natural(top + each)] * width + left
                for at in range(0, vectors * lanes, lanes):
                    total = simd.load(tile, each * vectors * lanes + at)
                    if more:
                        total = simd.add(simd.load(out, to + at), total)
                    simd.store(out, to + at, total)


@within
def multiply_row_into(x: Float32, x_at: int, d: int, panels: Float32, out: Float32) -> None:
    """`multiply_into` of one row, the same sums in the same order, several vectors at a time."""
    width, lanes = panels.size // d, simd.LANES
    left = 0
    while left < width:
        # Of one panel, or of as many that lie one after the other.
        columns = min(PANEL, width - left)
        whole = min(4 * lanes, width - left) if _TILE == 1 else columns
        apart = lanes * d if _TILE == 1 else lanes
        if whole == 4 * lanes:
            simd.line_1x4(x, x_at, panels, left * d, columns, apart, d, out, left)
        elif whole == 3 * lanes:
            simd.line_1x3(x, x_at, panels, left * d, columns, apart, d, out, left)
        elif whole == 2 * lanes:
            simd.line_1x2(x, x_at, panels, left * d, columns, apart, d, out, left)
        else:
            simd.line_1x1(x, x_at, panels, left * d, columns, apart, d, out, left)
        left += whole


def triangle_size(d: int, lanes: int) -> int:
    """Count a packed triangle's elements: panel p of ``lanes`` outputs has (p + 1)·lanes inputs."""
    return sum(min(d, left + lanes) * lanes for left in range(0, d, lanes))


def pack_triangles_into(lowers: Float64, lanes: int, panels: Array) -> None:
    """Pack the lower triangles ``lowers`` [k, d, d] for `triangle_into`: ``panels`` [k, size]."""
    k, d = lowers.shape[:2]
    at = 0
    for left in range(0, d, lanes):
        depth, rows = min(d, left + lanes), min(lanes, d - left)
        place = panels[:, at : at + depth * lanes].reshape(k, depth, lanes)
        part = np.tril(lowers[:, left : left + rows, :depth], left)
        place[:, :, :rows], place[:, :, rows:] = part.transpose(0, 2, 1), 0.0
        at += depth * lanes


@inline
def triangle_into(
    x: Float64, x_at: int, rows: int, step: int, d: int, panels: Float64, panels_at: int,
    lanes: int, out: Float64,
) -> None:  # fmt: skip
    """``out`` [rows, padded(d, lanes)] = x [rows, d] · lowerᵀ from a packed triangle.

    Rows of x start at element ``x_at``, ``step`` apart, a multiple of six of them; the triangle
    starts at ``panels_at``.
    """
    width = (d + lanes - 1) // lanes * lanes
    at = panels_at
    for left in range(0, d, lanes):
        depth = min(d, left + lanes)
        for r in range(0, rows, ROWS):
            simd.tile_6x1(x, x_at + r * step, step, panels, at, depth, out, r * width + left, width)
        at += depth * lanes


@inline
def square_norm(table: npt.NDArray[simd.Scalar], at: int, width: int, lanes: int) -> simd.Scalar:
    """Sum of squares of ``table.flat[at : at + width]``; width a multiple of ``lanes``."""
    first = simd.load(table, at)
    total = simd.mul(first, first)
    for c in range(lanes, width, lanes):
        value = simd.load(table, at + c)
        total = simd.fma(value, value, total)
    return simd.reduce_add(total)


@within
def norms_into(table: Float32, rows: int, width: int, out: Float32) -> None:
    """``out`` float32[rows]: the length of each row of float32 [rows, width]."""
    for r in range(rows):
        out[r] = np.sqrt(square_norm(table, r * width, width, simd.LANES))


@within
def square_into(
    matrix: Float64, d: int, rows: int, width: int, panel: Float64, out: Float64
) -> None:
    """``out = matrix²`` for float64 [rows, width], zero beyond d; rows pad to 6, width to 8.

    ``panel`` float64[8·d] is scratch.
    """
    lanes = simd.LANES_64
    for left in range(0, width, lanes):
        for j in range(d):
            for c in range(lanes):
                panel[j * lanes + c] = matrix[j * width + left + c]
        for r in range(0, rows, ROWS):
            simd.tile_6x1(matrix, r * width, width, panel, 0, d, out, r * width + left, width)
