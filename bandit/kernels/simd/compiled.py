"""The vector operations of `simd` as LLVM instructions, one Numba intrinsic each."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES, LANES_64 = 16, 8
building: Any = cgutils
"""Numba's helpers are untyped."""


class Vector(types.Type):
    """A vector of 512 bits."""

    def __init__(self, scalar: Any, lanes: int) -> None:
        self.scalar, self.lanes = scalar, lanes
        super().__init__(name=f"vector({scalar}x{lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        begin: Any = super().__init__
        begin(manager, kind, backend(kind))


def _scalar(kind: Any) -> Any:
    if kind == types.int32:
        return ir.IntType(32)
    return ir.FloatType() if kind == types.float32 else ir.DoubleType()


def backend(kind: Vector) -> Any:
    """LLVM's type."""
    return ir.VectorType(_scalar(kind.scalar), kind.lanes)


def vector_of(scalar: Any) -> Vector:
    """Vector of float32, float64 or int32."""
    return Vector(scalar, LANES_64 if scalar == types.float64 else LANES)


def call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call an LLVM function by its name."""
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(building.get_or_insert_function(builder.module, kind, name), args)


def suffix(kind: Vector) -> str:
    """Type as LLVM's names of functions end with it."""
    return f"v{kind.lanes}f{32 if kind.scalar == types.float32 else 64}"


def place(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """Pointer to an array's element."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [offset])


def read(builder: Any, vector: Any, pointer: Any, size: int) -> Any:
    """Load a vector whose elements have ``size`` bytes."""
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=size)


def write(builder: Any, value: Any, pointer: Any, size: int) -> None:
    """Store a vector whose elements have ``size`` bytes."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=size)


def spread(builder: Any, value: Any, lanes: int) -> Any:
    """Fill every lane with a value."""
    word = ir.IntType(32)
    vector = ir.VectorType(value.type, lanes)
    blank = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(blank, value, ir.Constant(word, 0))
    mask = ir.Constant(ir.VectorType(word, lanes), [0] * lanes)
    return builder.shuffle_vector(first, blank, mask)


@intrinsic
def load(typing: Any, array: Any, offset: Any) -> Any:
    """Read a vector."""
    kind = vector_of(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        return read(builder, backend(kind), pointer, array.dtype.bitwidth // 8)

    return kind(array, types.intp), generate


@intrinsic
def widen(typing: Any, array: Any, offset: Any) -> Any:
    """Read eight float32 or float64 as a float64 vector."""
    kind = vector_of(types.float64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        if array.dtype == types.float64:
            return read(builder, backend(kind), pointer, 8)
        value = read(builder, ir.VectorType(ir.FloatType(), LANES_64), pointer, 4)
        return builder.fpext(value, backend(kind))

    return kind(array, types.intp), generate


@intrinsic
def narrow(typing: Any, array: Any, offset: Any) -> Any:
    """Read sixteen float64 as a float32 vector."""
    kind = vector_of(types.float32)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        value = read(builder, ir.VectorType(ir.DoubleType(), LANES), pointer, 8)
        return builder.fptrunc(value, backend(kind))

    return kind(array, types.intp), generate


@intrinsic
def load_half(typing: Any, array: Any, offset: Any) -> Any:
    """Read eight float32."""
    kind = Vector(types.float32, LANES_64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        return read(builder, backend(kind), pointer, 4)

    return kind(array, types.intp), generate


@intrinsic
def splat_half(typing: Any, value: Any) -> Any:
    """Fill eight lanes of float32."""
    kind = Vector(types.float32, LANES_64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread(builder, args[0], LANES_64)

    return kind(value), generate


@intrinsic
def widen_half(typing: Any, a: Any) -> Any:
    """Eight float32 lanes as a float64 vector."""
    kind = vector_of(types.float64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fpext(args[0], backend(kind))

    return kind(a), generate


@intrinsic
def store(typing: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write a vector."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = place(context, builder, signature.args[0], args[0], args[1])
        write(builder, args[2], pointer, array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def store_as(typing: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write eight float64 as what the array holds, float32 or (whole numbers) int32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_scalar(array.dtype), LANES_64)
        whole = array.dtype == types.int32
        turned = (builder.fptosi if whole else builder.fptrunc)(args[2], kind)
        write(builder, turned, place(context, builder, signature.args[0], args[0], args[1]), 4)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def splat(typing: Any, value: Any) -> Any:
    """Fill every lane with a value."""
    kind = vector_of(value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return spread(builder, args[0], kind.lanes)

    return kind(value), generate


def _lanewise(operation: str) -> Any:
    @intrinsic
    def combine(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args)

        return a(a, b), generate

    return combine


def _larger(sign: str) -> Any:
    @intrinsic
    def select(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.select(builder.fcmp_ordered(sign, *args), *args)

        return a(a, b), generate

    return select


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Multiply and add, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.fma.{suffix(a)}", args[0].type, *args)

    return a(a, b, c), generate


@intrinsic
def absolute(typing: Any, a: Any) -> Any:
    """|a|."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.fabs.{suffix(a)}", args[0].type, args[0])

    return a(a), generate


@intrinsic
def root(typing: Any, a: Any) -> Any:
    """√a."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.sqrt.{suffix(a)}", args[0].type, args[0])

    return a(a), generate


def _bits(builder: Any, value: Any, lanes: int, keep: int, base: int) -> Any:
    """Some bits of each float64, over others: keep & bits | base."""
    word = ir.VectorType(ir.IntType(64), lanes)
    kept = builder.and_(builder.bitcast(value, word), ir.Constant(word, [keep] * lanes))
    return builder.or_(kept, ir.Constant(word, [base] * lanes))


@intrinsic
def mantissa(typing: Any, a: Any) -> Any:
    """Scale a positive normal float64 by a power of two into [1, 2)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = _bits(builder, args[0], a.lanes, (1 << 52) - 1, 1023 << 52)
        return builder.bitcast(word, args[0].type)

    return a(a), generate


@intrinsic
def exponent(typing: Any, a: Any) -> Any:
    """Power of two by which `mantissa` scales: floor(log2(a)) of a positive normal float64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.VectorType(ir.IntType(64), a.lanes)
        shifted = builder.lshr(builder.bitcast(args[0], word), ir.Constant(word, [52] * a.lanes))
        # Low bits of 2⁵² are whole numbers: no conversion, which narrow machines lack.
        whole = builder.or_(shifted, ir.Constant(word, [(1023 + 52) << 52] * a.lanes))
        bias = ir.Constant(args[0].type, [2.0**52 + 1023.0] * a.lanes)
        return builder.fsub(builder.bitcast(whole, args[0].type), bias)

    return a(a), generate


def _reduction(operation: str) -> Any:
    @intrinsic
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
                if operation != "fmax":
                    value = getattr(builder, operation)(left, right)
                else:
                    larger = builder.fcmp_ordered(">", left, right)
                    value = builder.select(larger, left, right)
            return builder.extract_element(value, ir.Constant(word, 0))

        return a.scalar(a), generate

    return reduce


@intrinsic
def prefetch(typing: Any, array: Any, offset: Any) -> Any:
    """Ask for the cache line."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        pointer = builder.bitcast(
            place(context, builder, signature.args[0], args[0], args[1]), byte
        )
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        callee = building.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(callee, [pointer] + [ir.Constant(word, v) for v in (0, 3, 1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def quantise(
    typing: Any, x: Any, x_at: Any, scale: Any, scale_at: Any, factor: Any, out: Any, out_at: Any
) -> Any:
    """Write sixteen ``x·scale·factor`` as int16, rounded to nearest, held within ±32767."""
    kind = vector_of(types.float32)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = backend(kind)
        value = read(builder, vector, place(context, builder, x, args[0], args[1]), 4)
        scaling = read(builder, vector, place(context, builder, scale, args[2], args[3]), 4)
        value = builder.fmul(builder.fmul(value, scaling), spread(builder, args[4], LANES))
        value = call(builder, f"llvm.rint.{suffix(kind)}", vector, value)
        for sign, limit in (("<", 32767.0), (">", -32767.0)):
            bound = ir.Constant(vector, [limit] * LANES)
            value = builder.select(builder.fcmp_ordered(sign, value, bound), value, bound)
        whole = builder.fptosi(value, ir.VectorType(ir.IntType(32), LANES))
        short = builder.trunc(whole, ir.VectorType(ir.IntType(16), LANES))
        write(builder, short, place(context, builder, out, args[5], args[6]), 2)
        return context.get_dummy_value()

    intp = types.intp
    return types.void(x, intp, scale, intp, types.float32, out, intp), generate


@intrinsic
def outer_line(typing: Any, x: Any, x_at: Any, factor: Any, out: Any, out_at: Any) -> Any:
    """Write sixteen int16 ``x`` times an int16 ``factor``, which int16 holds."""
    intp = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(16), LANES)
        value = read(builder, vector, place(context, builder, x, args[0], args[1]), 2)
        value = builder.mul(value, spread(builder, args[2], LANES))
        write(builder, value, place(context, builder, out, args[3], args[4]), 2)
        return context.get_dummy_value()

    return types.void(x, intp, types.int16, out, intp), generate


@intrinsic
def quantise_bytes(typing: Any, x: Any, x_at: Any, factor: Any, out: Any, out_at: Any) -> Any:
    """Round sixteen ``x·factor`` to whole numbers within ±63, and write them, 64 more, as bytes."""
    kind = vector_of(types.float32)
    intp = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = backend(kind)
        value = read(builder, vector, place(context, builder, x, args[0], args[1]), 4)
        value = builder.fmul(value, spread(builder, args[2], LANES))
        value = call(builder, f"llvm.rint.{suffix(kind)}", vector, value)
        for sign, limit in (("<", 63.0), (">", -63.0)):
            bound = ir.Constant(vector, [limit] * LANES)
            value = builder.select(builder.fcmp_ordered(sign, value, bound), value, bound)
        above = builder.fadd(value, ir.Constant(vector, [64.0] * LANES))
        whole = builder.fptosi(above, ir.VectorType(ir.IntType(32), LANES))
        tiny = builder.trunc(whole, ir.VectorType(ir.IntType(8), LANES))
        write(builder, tiny, place(context, builder, out, args[3], args[4]), 1)
        return value

    return kind(x, intp, types.float32, out, intp), generate


add, sub, mul, div = (_lanewise(name) for name in ("fadd", "fsub", "fmul", "fdiv"))
maximum, minimum = _larger(">"), _larger("<")
reduce_add, reduce_mul = _reduction("fadd"), _reduction("fmul")
reduce_max = _reduction("fmax")
