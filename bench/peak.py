"""`python -m bench.peak`: what the vector unit does, from which the floors in the docs follow.

Register tiles whose operands lie in the first-level cache, vector products of 512 bits a nanosecond
and core: sixteen in float32, eight in float64, 32 of 16-bit integers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from bandit.core.types import Array
from bandit.kernels import simd
from bandit.kernels._compile import serial

TILE = simd.TILE
COLUMNS = TILE * simd.LANES
PRODUCTS = 200_000


@serial
def _floats(x: Array, w: Array, out: Array, d: int, turns: int) -> None:
    for _ in range(turns):
        if TILE == 1:
            simd.tile_6x1(x, 0, d, w, 0, d, out, 0, COLUMNS)
        else:
            simd.tile_6x4(x, 0, d, w, 0, d, out, 0, COLUMNS)


@serial
def _integers(
    x: Array, w: Array, unit: Array, scale: Array, out: Array, d: int, turns: int
) -> None:
    for _ in range(turns):
        if TILE == 1:
            simd.coarse_6x1(x, 0, d, w, 0, d >> 1, unit, 0, scale, 0, out, 0, COLUMNS)
        else:
            simd.coarse_6x4(x, 0, d, w, 0, d >> 1, unit, 0, scale, 0, out, 0, COLUMNS)


def _fastest(call: Callable[[], None]) -> float:
    call()
    best = np.inf
    for _ in range(20):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def peak(d: int = 128) -> dict[str, float]:
    """Vector products a nanosecond."""
    rng = np.random.default_rng(0)
    turns = PRODUCTS // d
    found = {}
    for name, kind in (("float32", np.float32), ("float64", np.float64)):
        x, w = rng.random(6 * d).astype(kind), rng.random(COLUMNS * d).astype(kind)
        out = np.zeros(6 * COLUMNS, kind)
        seconds = _fastest(partial(_floats, x, w, out, d, turns))
        found[name] = 6 * TILE * d * turns / seconds * 1e-9
    x, w = (rng.integers(-99, 99, n).astype(np.int16) for n in (6 * d, COLUMNS * d))
    unit, scale = np.ones(6, np.float32), np.ones(COLUMNS, np.float32)
    out = np.zeros(6 * COLUMNS, np.float32)
    seconds = _fastest(lambda: _integers(x, w, unit, scale, out, d, turns))
    found["int16"] = 6 * TILE * (d >> 1) * turns / seconds * 1e-9
    return found


if __name__ == "__main__":
    for name, rate in peak().items():
        print(f"{name}: {rate:.2f} vector products a nanosecond and core")
