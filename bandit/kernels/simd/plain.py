"""The vector operations of `simd` on small NumPy arrays, for runs without the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from bandit.core.types import Array


def _lanes(array: Array) -> int:
    return 16 if array.dtype.itemsize == 4 else 8


def load(array: Array, offset: int) -> Array:
    """Read a vector."""
    return array.reshape(-1)[offset : offset + _lanes(array)].copy()


def widen(array: Array, offset: int) -> Array:
    """Read eight float32 or float64 as a float64 vector."""
    return array.reshape(-1)[offset : offset + 8].astype(np.float64)


def narrow(array: Array, offset: int) -> Array:
    """Read sixteen float64 as a float32 vector."""
    return array.reshape(-1)[offset : offset + 16].astype(np.float32)


def load_half(array: Array, offset: int) -> Array:
    """Read eight float32."""
    return array.reshape(-1)[offset : offset + 8].copy()


def splat_half(value: np.float32) -> Array:
    """Fill eight lanes of float32."""
    return np.full(8, value)


def widen_half(a: Array) -> Array:
    """Eight float32 lanes as a float64 vector."""
    return a.astype(np.float64)


def store(array: Array, offset: int, value: Array) -> None:
    """Write a vector."""
    array.reshape(-1)[offset : offset + _lanes(array)] = value


def store_as(array: Array, offset: int, value: Array) -> None:
    """Write eight float64 as what the array holds, float32 or (whole numbers) int32."""
    array.reshape(-1)[offset : offset + 8] = value.astype(array.dtype)


def splat(value: float | np.floating[Any]) -> Array:
    """Fill every lane with ``value``."""
    kind = np.asarray(value)
    return np.full(_lanes(kind), kind)


def add(a: Array, b: Array) -> Array:
    """A + b."""
    return a + b


def sub(a: Array, b: Array) -> Array:
    """A − b."""
    return a - b


def mul(a: Array, b: Array) -> Array:
    """A · b."""
    return a * b


def div(a: Array, b: Array) -> Array:
    """A / b."""
    return a / b


def fma(a: Array, b: Array, c: Array) -> Array:
    """A · b + c (rounded twice here, once when compiled)."""
    return a * b + c


def mantissa(a: Array) -> Array:
    """Scale positive numbers by powers of two into [1, 2)."""
    return 2.0 * np.frexp(a)[0]


def exponent(a: Array) -> Array:
    """floor(log2(a))."""
    return np.frexp(a)[1] - 1.0


def maximum(a: Array, b: Array) -> Array:
    """Take the larger lane; b where they do not compare."""
    return np.where(a > b, a, b)


def minimum(a: Array, b: Array) -> Array:
    """Take the smaller lane; b where they do not compare."""
    return np.where(a < b, a, b)


def root(a: Array) -> Array:
    """√a."""
    return np.sqrt(a)


def absolute(a: Array) -> Array:
    """|a|."""
    return np.abs(a)


def pick(bits: int, a: Array, b: Array) -> Array:
    """Take a's lane where the bit is set, b's elsewhere."""
    flags = (bits >> np.arange(a.size)) & 1
    return np.where(flags != 0, a, b)


def reduce_add(a: Array) -> Any:
    """Sum the lanes, halves folded onto each other."""
    while a.size > 1:
        a = a[: a.size // 2] + a[a.size // 2 :]
    return a[0]


def reduce_mul(a: Array) -> Any:
    """Multiply the lanes, halves folded onto each other."""
    while a.size > 1:
        a = a[: a.size // 2] * a[a.size // 2 :]
    return a[0]


def reduce_max(a: Array) -> Any:
    """Largest lane."""
    return a.max()


def bits_not_below(a: Array, b: Array) -> Any:
    """Set bit i unless a[i] < b[i]; lanes that do not compare are set."""
    return np.sum((~(a < b)).astype(np.int64) << np.arange(a.size))


def nonzero_bits(array: Array, offset: int) -> Any:
    """Set bit i where byte i of the sixteen is not zero."""
    found = array.reshape(-1)[offset : offset + 16] != 0
    return np.sum(found.astype(np.int64) << np.arange(16))


def count_bits(bits: int) -> int:
    """Count the set bits of a 64-bit word."""
    return (int(bits) & 0xFFFFFFFFFFFFFFFF).bit_count()


def prefetch(array: Array, offset: int) -> None:
    """Ask for a cache line: nothing to do here."""


def lowest_bit(bits: int) -> int:
    """Position of the lowest set bit; 64 where there is none."""
    word = int(bits)
    return 64 if word == 0 else (word & -word).bit_length() - 1


def _tile(
    vectors: int, x: Array, x_at: int, x_step: int, w: Array, w_at: int, depth: int, out: Array,
    out_at: int, out_step: int,
) -> None:  # fmt: skip
    width = vectors * _lanes(x)
    weights = w.reshape(-1)[w_at : w_at + depth * width].reshape(depth, width)
    for r in range(6):
        start, target = x_at + r * x_step, out_at + r * out_step
        out.reshape(-1)[target : target + width] = x.reshape(-1)[start : start + depth] @ weights


def tile_6x1(*args: Any) -> None:
    """Six rows times one vector of columns."""
    _tile(1, *args)


def tile_6x1_half(
    x: Array, x_at: int, x_step: int, w: Array, w_at: int, depth: int, out: Array, out_at: int,
    out_step: int,
) -> None:  # fmt: skip
    """Six rows times the first half of one vector of columns."""
    width, half = _lanes(x), _lanes(x) // 2
    weights = w.reshape(-1)[w_at : w_at + depth * width].reshape(depth, width)[:, :half]
    for r in range(6):
        start, target = x_at + r * x_step, out_at + r * out_step
        out.reshape(-1)[target : target + half] = x.reshape(-1)[start : start + depth] @ weights


def tile_6x2(*args: Any) -> None:
    """Six rows times two vectors of columns."""
    _tile(2, *args)


def tile_6x3(*args: Any) -> None:
    """Six rows times three vectors of columns."""
    _tile(3, *args)


def tile_6x4(*args: Any) -> None:
    """Six rows times four vectors of columns."""
    _tile(4, *args)


def _line(
    vectors: int, x: Array, x_at: int, w: Array, w_at: int, w_step: int, apart: int, depth: int,
    out: Array, out_at: int,
) -> None:  # fmt: skip
    lanes, flat = _lanes(x), w.reshape(-1)
    for c in range(vectors):
        places = w_at + c * apart + w_step * np.arange(depth)[:, None] + np.arange(lanes)
        target = out_at + c * lanes
        out.reshape(-1)[target : target + lanes] = x.reshape(-1)[x_at : x_at + depth] @ flat[places]


def line_1x1(*args: Any) -> None:
    """One row times one vector of columns."""
    _line(1, *args)


def line_1x2(*args: Any) -> None:
    """One row times two vectors of columns, ``apart`` elements from one to the next."""
    _line(2, *args)


def line_1x3(*args: Any) -> None:
    """One row times three vectors of columns, ``apart`` elements from one to the next."""
    _line(3, *args)


def line_1x4(*args: Any) -> None:
    """One row times four vectors of columns, ``apart`` elements from one to the next."""
    _line(4, *args)


def quantise(
    x: Array, x_at: int, scale: Array, scale_at: int, factor: float, out: Array, out_at: int
) -> None:
    """Write sixteen ``x·scale·factor`` as int16, rounded to nearest, held within ±32767."""
    value = np.rint(load(x, x_at) * load(scale, scale_at) * np.float32(factor))
    limit = splat(np.float32(32767.0))
    value = maximum(minimum(value, limit), -limit)
    out.reshape(-1)[out_at : out_at + 16] = value.astype(np.int16)


def outer_line(x: Array, x_at: int, factor: int, out: Array, out_at: int) -> None:
    """Write sixteen int16 ``x`` times an int16 ``factor``, which int16 holds."""
    value = x.reshape(-1)[x_at : x_at + 16] * np.int16(factor)
    out.reshape(-1)[out_at : out_at + 16] = value


def quantise_bytes(x: Array, x_at: int, factor: float, out: Array, out_at: int) -> Array:
    """Round sixteen ``x·factor`` to whole numbers within ±63, and write them, 64 more, as bytes."""
    value = np.rint(load(x, x_at) * np.float32(factor))
    limit = splat(np.float32(63.0))
    value = maximum(minimum(value, limit), -limit)
    out.reshape(-1)[out_at : out_at + 16] = (value + 64.0).astype(np.uint8)
    return value


def squares_6x1(
    x: Array, x_at: int, x_step: int, w: Array, w_at: int, depth: int, count: int, out: Array,
    out_at: int, out_step: int,
) -> None:  # fmt: skip
    """Sum the squares of ``count`` products of six rows of bytes with sixteen columns."""
    size = 64 * (1 + depth)
    panels = w.reshape(-1)[w_at : w_at + count * size].reshape(count, 1 + depth, 16, 4)
    for r in range(6):
        start, target = x_at + r * x_step, out_at + r * out_step
        row = x.reshape(-1)[start : start + 4 * depth].astype(np.int32).reshape(depth, 1, 4) - 64
        sums = (row * panels[:, 1:]).sum(axis=(1, 3)).astype(np.float32)
        out.reshape(-1)[target : target + 16] = (sums**2).sum(axis=0)


def _coarse(
    vectors: int, x: Array, x_at: int, x_step: int, w: Array, w_at: int, depth: int, unit: Array,
    unit_at: int, scale: Array, scale_at: int, out: Array, out_at: int, out_step: int,
) -> None:  # fmt: skip
    width = vectors * 16
    weights = w.reshape(-1)[w_at : w_at + 2 * depth * width].reshape(depth, width, 2)
    columns = scale.reshape(-1)[scale_at : scale_at + width]
    for r in range(6):
        start, target = x_at + r * x_step, out_at + r * out_step
        row = x.reshape(-1)[start : start + 2 * depth].reshape(depth, 1, 2).astype(np.int32)
        sums = (row * weights).sum(axis=(0, 2), dtype=np.int32).astype(np.float32)
        out.reshape(-1)[target : target + width] = sums * columns * unit[unit_at + r]


def coarse_6x1(*args: Any) -> None:
    """Six rows of int16 times one vector of columns, scaled."""
    _coarse(1, *args)


def coarse_6x1_half(*args: Any) -> None:
    """`coarse_6x1` whose second half of columns is of zeros only."""
    _coarse(1, *args)


def coarse_6x2(*args: Any) -> None:
    """Six rows of int16 times two vectors of columns, scaled."""
    _coarse(2, *args)


def coarse_6x3(*args: Any) -> None:
    """Six rows of int16 times three vectors of columns, scaled."""
    _coarse(3, *args)


def coarse_6x4(*args: Any) -> None:
    """Six rows of int16 times four vectors of columns, scaled."""
    _coarse(4, *args)


def _tile_at(
    vectors: int, x: Array, places: Array, w: Array, w_at: int, depth: int, out: Array,
    out_at: int, out_step: int,
) -> None:  # fmt: skip
    width = vectors * _lanes(x)
    weights = w.reshape(-1)[w_at : w_at + depth * width].reshape(depth, width)
    for r, start in enumerate(places):
        target = out_at + r * out_step
        out.reshape(-1)[target : target + width] = x.reshape(-1)[start : start + depth] @ weights


def tile_6x1_at(*args: Any) -> None:
    """Multiply the six rows of x that start at ``places`` int64[6] by one vector of columns."""
    _tile_at(1, *args)


def tile_6x2_at(*args: Any) -> None:
    """As `tile_6x1_at`, two vectors of columns."""
    _tile_at(2, *args)


def tile_6x3_at(*args: Any) -> None:
    """As `tile_6x1_at`, three vectors of columns."""
    _tile_at(3, *args)


def tile_6x4_at(*args: Any) -> None:
    """As `tile_6x1_at`, four vectors of columns."""
    _tile_at(4, *args)


def _outer(
    rows: int, vectors: int, a: Array, a_at: int, b: Array, b_at: int, step: int, depth: int,
    out: Array, out_at: int, out_step: int,
) -> None:  # fmt: skip
    """Add ``Σ_t a[t, r]·b[t, c]`` to ``out[r, c]``; c some vectors, rows lie ``step`` apart."""
    width = vectors * _lanes(b)
    for t in range(depth):
        line = b.reshape(-1)[b_at + t * step : b_at + t * step + width]
        for r in range(rows):
            place = out_at + r * out_step
            out.reshape(-1)[place : place + width] += a.reshape(-1)[a_at + t * step + r] * line


def outer_1x1(*args: Any) -> None:
    """One row of sums, one vector of columns."""
    _outer(1, 1, *args)


def outer_1x4(*args: Any) -> None:
    """One row of sums, four vectors of columns."""
    _outer(1, 4, *args)


def outer_4(*args: Any) -> None:
    """Four rows of sums, one vector of columns."""
    _outer(4, 1, *args)


def outer_6(*args: Any) -> None:
    """Six rows of sums, one vector of columns."""
    _outer(6, 1, *args)


def outer_8(*args: Any) -> None:
    """Eight rows of sums, one vector of columns."""
    _outer(8, 1, *args)
