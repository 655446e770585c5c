"""Vectors of 512 bits as Numba values, and the register tiles of matrix products.

Sixteen float32 or eight float64 lanes. Each operation is one instruction of LLVM's portable vector
language: on narrower machines LLVM splits it, the result is the same. ``fma`` is explicit, so no
compiler flag decides which product is rounded: every row gets the same bits wherever it lies in a
block. Without the compiler (``NUMBA_DISABLE_JIT=1``) the same names work on small NumPy arrays;
`simd_plain` says what each does.

Offsets count elements from the start of a C-contiguous array.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from numba import config

from bandit.kernels.simd import compiled as simd_compiled
from bandit.kernels.simd import plain as simd_plain
from bandit.kernels.simd import tiles_compiled

LANES = 16
"""float32 lanes of a vector."""
LANES_64 = 8
"""float64 lanes of a vector."""


def _whole_registers() -> bool:
    """Whether the processor that is compiled for has registers of 512 bits, 32 of them."""
    name, features = vars(config)["CPU_NAME"], vars(config)["CPU_FEATURES"]
    if features is not None:
        return "+avx512f" in features
    if name not in {None, binding.get_host_cpu_name()}:
        return any(word in name for word in ("avx512", "icelake", "sapphire", "znver4", "znver5"))
    return bool(binding.get_host_cpu_features().get("avx512f", False))


TILE = 4 if _whole_registers() else 1
"""Vectors of columns of a register tile: six rows by four fill 32 registers of 512 bits, six by one
fill 16 of 256. Either way every sum runs in the same order: the bits do not tell."""

_plain = vars(config)["DISABLE_JIT"]
_home: Any = simd_plain if _plain else simd_compiled
absolute: Any = _home.absolute
add: Any = _home.add
bits_not_below: Any = _home.bits_not_below
count_bits: Any = _home.count_bits
div: Any = _home.div
exponent: Any = _home.exponent
fma: Any = _home.fma
load: Any = _home.load
lowest_bit: Any = _home.lowest_bit
mantissa: Any = _home.mantissa
maximum: Any = _home.maximum
minimum: Any = _home.minimum
mul: Any = _home.mul
narrow: Any = _home.narrow
nonzero_bits: Any = _home.nonzero_bits
pick: Any = _home.pick
prefetch: Any = _home.prefetch
quantise: Any = _home.quantise
reduce_add: Any = _home.reduce_add
reduce_max: Any = _home.reduce_max
reduce_mul: Any = _home.reduce_mul
splat: Any = _home.splat
store: Any = _home.store
sub: Any = _home.sub
widen: Any = _home.widen

_tiles: Any = simd_plain if _plain else tiles_compiled
coarse_6x1: Any = _tiles.coarse_6x1
coarse_6x2: Any = _tiles.coarse_6x2
coarse_6x3: Any = _tiles.coarse_6x3
coarse_6x4: Any = _tiles.coarse_6x4
outer_6: Any = _tiles.outer_6
tile_6x1: Any = _tiles.tile_6x1
tile_6x2: Any = _tiles.tile_6x2
tile_6x3: Any = _tiles.tile_6x3
tile_6x4: Any = _tiles.tile_6x4
tile_6x1_at: Any = _tiles.tile_6x1_at
