"""Vectors of 512 bits as Numba values, and the register tiles of matrix products.

Sixteen float32 or eight float64 lanes. Each operation is one instruction of LLVM's portable vector
language: on narrower machines LLVM splits it, the result is the same. ``fma`` is explicit, so no
compiler flag decides which product is rounded: every row gets the same bits wherever it lies in a
block. Without the compiler (``NUMBA_DISABLE_JIT=1``) the same names work on small NumPy arrays;
`simd_plain` says what each does.

Offsets count elements from the start of a C-contiguous array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from bandit.core.types import (
    Array,
    Bool,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Integer,
    UInt8,
)
from bandit.kernels._compile import PLAIN
from bandit.kernels.simd import plain as simd_plain

if not PLAIN:
    from llvmlite import binding
    from numba import config

    from bandit.kernels.simd import bits_compiled, tiles_compiled
    from bandit.kernels.simd import compiled as simd_compiled

LANES = 16
"""float32 lanes of a vector."""
LANES_64 = 8
"""float64 lanes of a vector."""

Vector32 = Float32
"""Sixteen lanes: an array only where there is no compiler."""
Vector64 = Float64
"""Eight lanes, likewise."""

_Vector = TypeVar("_Vector", bound=Array)
Scalar = TypeVar("Scalar", bound=np.generic)
_Table = npt.NDArray[Scalar]


class _Splat(Protocol):
    """Fills every lane: the value's type is the vector's."""

    @overload
    def __call__(self, value: np.int32, /) -> Int32: ...
    @overload
    def __call__(self, value: np.float32, /) -> Vector32: ...
    @overload
    def __call__(self, value: float, /) -> Vector64: ...


class _Tile(Protocol):
    """Multiplies six rows by a panel, all of one type."""

    def __call__(
        self, x: _Table[Scalar], x_at: int, x_step: int, w: _Table[Scalar], w_at: int,
        depth: int, out: _Table[Scalar], out_at: int, out_step: int, /,
    ) -> None: ...  # fmt: skip


class _TileAt(Protocol):
    """Multiplies six rows that lie anywhere by a panel, all of one type."""

    def __call__(
        self, x: _Table[Scalar], places: Int64, w: _Table[Scalar], w_at: int, depth: int,
        out: _Table[Scalar], out_at: int, out_step: int, /,
    ) -> None: ...  # fmt: skip


def _whole_registers() -> bool:
    """Whether the processor that is compiled for has registers of 512 bits, 32 of them."""
    name, features = vars(config)["CPU_NAME"], vars(config)["CPU_FEATURES"]
    if features is not None:
        return "+avx512f" in features
    if name not in {None, binding.get_host_cpu_name()}:
        return any(word in name for word in ("avx512", "icelake", "sapphire", "znver4", "znver5"))
    return bool(binding.get_host_cpu_features().get("avx512f", False))


TILE = 4 if not PLAIN and _whole_registers() else 1
"""Vectors of columns of a register tile: six rows by four fill 32 registers of 512 bits, six by one
fill 16 of 256. Either way every sum runs in the same order: the bits do not tell."""

_home: Any = simd_plain if PLAIN else simd_compiled
_bits: Any = simd_plain if PLAIN else bits_compiled
absolute: Callable[[_Vector], _Vector] = _home.absolute
add: Callable[[_Vector, _Vector], _Vector] = _home.add
bits_not_below: Callable[[_Vector, _Vector], np.int64] = _bits.bits_not_below
count_bits: Callable[[Integer], int] = _bits.count_bits
div: Callable[[_Vector, _Vector], _Vector] = _home.div
exponent: Callable[[Vector64], Vector64] = _home.exponent
fma: Callable[[_Vector, _Vector, _Vector], _Vector] = _home.fma
load: Callable[[_Table[Scalar], Integer], _Table[Scalar]] = _home.load
load_half: Callable[[Float32, Integer], Vector32] = _home.load_half
lowest_bit: Callable[[Integer], int] = _bits.lowest_bit
mantissa: Callable[[Vector64], Vector64] = _home.mantissa
maximum: Callable[[_Vector, _Vector], _Vector] = _home.maximum
minimum: Callable[[_Vector, _Vector], _Vector] = _home.minimum
mul: Callable[[_Vector, _Vector], _Vector] = _home.mul
narrow: Callable[[Float64, Integer], Vector32] = _home.narrow
nonzero_bits: Callable[[UInt8 | Bool, int], np.int64] = _bits.nonzero_bits
outer_line: Callable[[Int16, int, np.int16, Int16, int], None] = _home.outer_line
pick: Callable[[np.int64, _Vector, _Vector], _Vector] = _bits.pick
prefetch: Callable[[Array, Integer], None] = _home.prefetch
quantise: Callable[[Float32, int, Float32, int, np.float32, Int16, int], None] = _home.quantise
quantise_bytes: Callable[[Float32, int, np.float32, UInt8, int], Vector32] = _home.quantise_bytes
reduce_add: Callable[[_Table[Scalar]], Scalar] = _home.reduce_add
reduce_max: Callable[[_Table[Scalar]], Scalar] = _home.reduce_max
reduce_mul: Callable[[_Table[Scalar]], Scalar] = _home.reduce_mul
root: Callable[[_Vector], _Vector] = _home.root
splat: _Splat = _home.splat
splat_half: Callable[[np.float32], Vector32] = _home.splat_half
store: Callable[[_Table[Scalar], Integer, _Table[Scalar]], None] = _home.store
store_as: Callable[[Float32 | Int32, Integer, Vector64], None] = _home.store_as
sub: Callable[[_Vector, _Vector], _Vector] = _home.sub
widen: Callable[[Array, Integer], Vector64] = _home.widen
widen_half: Callable[[Vector32], Vector64] = _home.widen_half

_Coarse = Callable[
    [Int16, int, int, Int16, int, int, Float32, int, Float32, int, Float32, int, int], None
]
_tiles: Any = simd_plain if PLAIN else tiles_compiled
coarse_6x1: _Coarse = _tiles.coarse_6x1
coarse_6x1_half: _Coarse = _tiles.coarse_6x1_half
coarse_6x2: _Coarse = _tiles.coarse_6x2
coarse_6x3: _Coarse = _tiles.coarse_6x3
coarse_6x4: _Coarse = _tiles.coarse_6x4
_Outer = Callable[[Float64, int, Float64, int, int, int, Float64, int, int], None]
outer_1x1: _Outer = _tiles.outer_1x1
outer_1x4: _Outer = _tiles.outer_1x4
outer_4: _Outer = _tiles.outer_4
outer_6: _Outer = _tiles.outer_6
outer_8: _Outer = _tiles.outer_8
_Line = Callable[[_Table[Any], int, _Table[Any], int, int, int, int, _Table[Any], int], None]
line_1x1: _Line = _tiles.line_1x1
line_1x2: _Line = _tiles.line_1x2
line_1x3: _Line = _tiles.line_1x3
line_1x4: _Line = _tiles.line_1x4
squares_6x1: Callable[[UInt8, int, int, Int8, int, int, int, Float32, int, int], None] = (
    _tiles.squares_6x1
)
tile_6x1: _Tile = _tiles.tile_6x1
tile_6x1_half: _Tile = _tiles.tile_6x1_half
tile_6x2: _Tile = _tiles.tile_6x2
tile_6x3: _Tile = _tiles.tile_6x3
tile_6x4: _Tile = _tiles.tile_6x4
tile_6x1_at: _TileAt = _tiles.tile_6x1_at
tile_6x2_at: _TileAt = _tiles.tile_6x2_at
tile_6x3_at: _TileAt = _tiles.tile_6x3_at
tile_6x4_at: _TileAt = _tiles.tile_6x4_at
