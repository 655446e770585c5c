"""Vectors of 512 bits as Numba values, and the register tile of a matrix product.

Sixteen float32 or eight float64 lanes. Each operation is one instruction of LLVM's portable vector
language: on narrower machines LLVM splits it, the result is the same. ``fma`` is explicit, so no
compiler flag decides which product is rounded: every row gets the same bits wherever it lies in a
block. Without the compiler (``NUMBA_DISABLE_JIT=1``) the same names work on small NumPy arrays.

Offsets count elements from the start of a C-contiguous array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES = 16
"""float32 lanes of a vector; float64 vectors have half as many."""
LANES_64 = 8


class _Vector(types.Type):
    def __init__(self, scalar: Any, lanes: int) -> None:
        self.scalar, self.lanes = scalar, lanes
        super().__init__(name=f"vector({scalar}x{lanes})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Vector) -> None:
        super().__init__(manager, kind, _backend(kind))


def _scalar(kind: Any) -> Any:
    return ir.FloatType() if kind == types.float32 else ir.DoubleType()


def _backend(kind: _Vector) -> Any:
    return ir.VectorType(_scalar(kind.scalar), kind.lanes)


def _vector_of(scalar: Any) -> _Vector:
    return _Vector(scalar, LANES if scalar == types.float32 else LANES_64)


def _call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def _suffix(kind: _Vector) -> str:
    return f"v{kind.lanes}f{32 if kind.scalar == types.float32 else 64}"


def _at(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [offset])


def _read(builder: Any, vector: Any, pointer: Any, size: int) -> Any:
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=size)


def _write(builder: Any, value: Any, pointer: Any, size: int) -> None:
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=size)


def _spread(builder: Any, value: Any, lanes: int) -> Any:
    word = ir.IntType(32)
    vector = ir.VectorType(value.type, lanes)
    blank = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(blank, value, ir.Constant(word, 0))
    mask = ir.Constant(ir.VectorType(word, lanes), [0] * lanes)
    return builder.shuffle_vector(first, blank, mask)


@intrinsic  # type: ignore[misc]
def _load(typing: Any, array: Any, offset: Any) -> Any:
    kind = _vector_of(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        return _read(builder, _backend(kind), pointer, array.dtype.bitwidth // 8)

    return kind(array, types.intp), generate


@intrinsic  # type: ignore[misc]
def _widen(typing: Any, array: Any, offset: Any) -> Any:
    kind = _vector_of(types.float64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        value = _read(builder, ir.VectorType(ir.FloatType(), LANES_64), pointer, 4)
        return builder.fpext(value, _backend(kind))

    return kind(array, types.intp), generate


@intrinsic  # type: ignore[misc]
def _store(typing: Any, array: Any, offset: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        _write(builder, args[2], pointer, array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic  # type: ignore[misc]
def _splat(typing: Any, value: Any) -> Any:
    kind = _vector_of(value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(builder, args[0], kind.lanes)

    return kind(value), generate


def _lanewise(operation: str) -> Any:
    @intrinsic  # type: ignore[misc]
    def combine(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args)

        return a(a, b), generate

    return combine


def _larger(sign: str) -> Any:
    @intrinsic  # type: ignore[misc]
    def select(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(sign, *args), *args)

        return a(a, b), generate

    return select


@intrinsic  # type: ignore[misc]
def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fma.{_suffix(a)}", args[0].type, *args)

    return a(a, b, c), generate


@intrinsic  # type: ignore[misc]
def _absolute(typing: Any, a: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fabs.{_suffix(a)}", args[0].type, args[0])

    return a(a), generate


def _reduction(operation: str) -> Any:
    @intrinsic  # type: ignore[misc]
    def reduce(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            # Halves folded onto each other: a fixed tree, the same for every row.
            value, lanes = args[0], a.lanes
            word = ir.IntType(32)
            while lanes > 1:
                lanes //= 2
                low = ir.Constant(ir.VectorType(word, lanes), list(range(lanes)))
                high = ir.Constant(ir.VectorType(word, lanes), list(range(lanes, 2 * lanes)))
                left = builder.shuffle_vector(value, value, low)
                right = builder.shuffle_vector(value, value, high)
                if operation == "fadd":
                    value = builder.fadd(left, right)
                else:
                    larger = builder.fcmp_ordered(">", left, right)
                    value = builder.select(larger, left, right)
            return builder.extract_element(value, ir.Constant(word, 0))

        return a.scalar(a), generate

    return reduce


@intrinsic  # type: ignore[misc]
def _bits_not_below(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flags = builder.fcmp_unordered(">=", args[0], args[1])
        return builder.zext(builder.bitcast(flags, ir.IntType(a.lanes)), ir.IntType(64))

    return types.int64(a, b), generate


@intrinsic  # type: ignore[misc]
def _pick(typing: Any, bits: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.trunc(args[0], ir.IntType(a.lanes))
        flags = builder.bitcast(word, ir.VectorType(ir.IntType(1), a.lanes))
        return builder.select(flags, args[1], args[2])

    return a(types.int64, a, b), generate


@intrinsic  # type: ignore[misc]
def _nonzero_bits(typing: Any, array: Any, offset: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), LANES)
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        value = _read(builder, vector, pointer, 1)
        flags = builder.icmp_unsigned("!=", value, ir.Constant(vector, [0] * LANES))
        return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(array, types.intp), generate


@intrinsic  # type: ignore[misc]
def _lowest_bit(typing: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flag = ir.Constant(ir.IntType(1), 0)
        return _call(builder, "llvm.cttz.i64", ir.IntType(64), args[0], flag)

    return types.int64(types.int64), generate


@intrinsic  # type: ignore[misc]
def _count_bits(typing: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "llvm.ctpop.i64", ir.IntType(64), args[0])

    return types.int64(types.int64), generate


@intrinsic  # type: ignore[misc]
def _prefetch(typing: Any, array: Any, offset: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        pointer = builder.bitcast(_at(context, builder, signature.args[0], args[0], args[1]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        callee = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(callee, [pointer] + [ir.Constant(word, v) for v in (0, 3, 1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def _tile(rows: int, vectors: int) -> Any:
    @intrinsic  # type: ignore[misc]
    def multiply(
        typing: Any, x: Any, x_at: Any, x_step: Any, w: Any, w_at: Any, depth: Any, out: Any,
        out_at: Any, out_step: Any,
    ) -> Any:  # fmt: skip
        kind = _vector_of(x.dtype)
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            size, wide = x.dtype.bitwidth // 8, ir.IntType(64)
            vector = _backend(kind)
            zero = ir.Constant(vector, [0.0] * kind.lanes)
            x_from = _at(context, builder, signature.args[0], args[0], args[1])
            w_from = _at(context, builder, signature.args[3], args[3], args[4])
            out_from = _at(context, builder, signature.args[6], args[6], args[7])

            def times(step: Any, count: int) -> Any:
                return builder.mul(step, ir.Constant(wide, count))

            starts = [builder.gep(x_from, [times(args[2], r)]) for r in range(rows)]
            cells = [
                [cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)
            ]
            for cell in (cell for row in cells for cell in row):
                builder.store(zero, cell)
            with cgutils.for_range(builder, args[5]) as loop:
                line = builder.gep(w_from, [times(loop.index, vectors * kind.lanes)])
                weights = [
                    _read(
                        builder,
                        vector,
                        builder.gep(line, [ir.Constant(wide, c * kind.lanes)]),
                        size,
                    )
                    for c in range(vectors)
                ]
                for start, row in zip(starts, cells, strict=True):
                    factor = builder.load(builder.gep(start, [loop.index]))
                    factor = _spread(builder, factor, kind.lanes)
                    for weight, cell in zip(weights, row, strict=True):
                        name = f"llvm.fma.{_suffix(kind)}"
                        total = _call(builder, name, vector, factor, weight, builder.load(cell))
                        builder.store(total, cell)
            for r, row in enumerate(cells):
                target = builder.gep(out_from, [times(args[8], r)])
                for c, cell in enumerate(row):
                    place = builder.gep(target, [ir.Constant(wide, c * kind.lanes)])
                    _write(builder, builder.load(cell), place, size)
            return context.get_dummy_value()

        return types.void(x, intp, intp, w, intp, intp, out, intp, intp), generate

    return multiply


if config.DISABLE_JIT:
    from bandit.kernels.simd_plain import (
        absolute,
        add,
        bits_not_below,
        count_bits,
        fma,
        load,
        lowest_bit,
        maximum,
        minimum,
        mul,
        nonzero_bits,
        pick,
        prefetch,
        reduce_add,
        reduce_max,
        splat,
        store,
        sub,
        tile_6x1,
        tile_6x2,
        tile_6x3,
        tile_6x4,
        widen,
    )
else:
    load, widen, store, splat = _load, _widen, _store, _splat
    add, sub, mul = _lanewise("fadd"), _lanewise("fsub"), _lanewise("fmul")
    maximum, minimum = _larger(">"), _larger("<")
    fma, absolute, pick = _fma, _absolute, _pick
    prefetch, count_bits = _prefetch, _count_bits
    reduce_add, reduce_max = _reduction("fadd"), _reduction("fmax")
    bits_not_below, nonzero_bits, lowest_bit = _bits_not_below, _nonzero_bits, _lowest_bit
    tile_6x1, tile_6x2, tile_6x3, tile_6x4 = (_tile(6, c) for c in (1, 2, 3, 4))
