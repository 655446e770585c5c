"""Lanes as bits and bits as lanes: comparisons, masks and counts as LLVM instructions."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from bandit.kernels.simd.compiled import LANES, call, place, read


@intrinsic
def bits_not_below(typing: Any, a: Any, b: Any) -> Any:
    """Set bit i unless a[i] < b[i]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flags = builder.fcmp_unordered(">=", args[0], args[1])
        return builder.zext(builder.bitcast(flags, ir.IntType(a.lanes)), ir.IntType(64))

    return types.int64(a, b), generate


@intrinsic
def pick(typing: Any, bits: Any, a: Any, b: Any) -> Any:
    """Take a's lane where the bit is set, b's elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.trunc(args[0], ir.IntType(a.lanes))
        flags = builder.bitcast(word, ir.VectorType(ir.IntType(1), a.lanes))
        return builder.select(flags, args[1], args[2])

    return a(types.int64, a, b), generate


@intrinsic
def nonzero_bits(typing: Any, array: Any, offset: Any) -> Any:
    """Set bit i where byte i of sixteen is not zero."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), LANES)
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        value = read(builder, vector, pointer, 1)
        flags = builder.icmp_unsigned("!=", value, ir.Constant(vector, [0] * LANES))
        return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(array, types.intp), generate


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Position of the lowest set bit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flag = ir.Constant(ir.IntType(1), 0)
        return call(builder, "llvm.cttz.i64", ir.IntType(64), args[0], flag)

    return types.int64(types.int64), generate


@intrinsic
def count_bits(typing: Any, bits: Any) -> Any:
    """Count the set bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, "llvm.ctpop.i64", ir.IntType(64), args[0])

    return types.int64(types.int64), generate
