"""The vector operations of `simd` as LLVM instructions, one Numba intrinsic each."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES, LANES_64 = 16, 8


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


@intrinsic
def load(typing: Any, array: Any, offset: Any) -> Any:
    """Read a vector."""
    kind = _vector_of(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        return _read(builder, _backend(kind), pointer, array.dtype.bitwidth // 8)

    return kind(array, types.intp), generate


@intrinsic
def widen(typing: Any, array: Any, offset: Any) -> Any:
    """Read eight float32 or float64 as a float64 vector."""
    kind = _vector_of(types.float64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        if array.dtype == types.float64:
            return _read(builder, _backend(kind), pointer, 8)
        value = _read(builder, ir.VectorType(ir.FloatType(), LANES_64), pointer, 4)
        return builder.fpext(value, _backend(kind))

    return kind(array, types.intp), generate


@intrinsic
def narrow(typing: Any, array: Any, offset: Any) -> Any:
    """Read sixteen float64 as a float32 vector."""
    kind = _vector_of(types.float32)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        value = _read(builder, ir.VectorType(ir.DoubleType(), LANES), pointer, 8)
        return builder.fptrunc(value, _backend(kind))

    return kind(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write a vector."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        _write(builder, args[2], pointer, array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def splat(typing: Any, value: Any) -> Any:
    """Fill every lane with a value."""
    kind = _vector_of(value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(builder, args[0], kind.lanes)

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
        return _call(builder, f"llvm.fma.{_suffix(a)}", args[0].type, *args)

    return a(a, b, c), generate


@intrinsic
def absolute(typing: Any, a: Any) -> Any:
    """|a|."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fabs.{_suffix(a)}", args[0].type, args[0])

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
                if operation == "fadd":
                    value = builder.fadd(left, right)
                else:
                    larger = builder.fcmp_ordered(">", left, right)
                    value = builder.select(larger, left, right)
            return builder.extract_element(value, ir.Constant(word, 0))

        return a.scalar(a), generate

    return reduce


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
        pointer = _at(context, builder, signature.args[0], args[0], args[1])
        value = _read(builder, vector, pointer, 1)
        flags = builder.icmp_unsigned("!=", value, ir.Constant(vector, [0] * LANES))
        return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(array, types.intp), generate


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Position of the lowest set bit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flag = ir.Constant(ir.IntType(1), 0)
        return _call(builder, "llvm.cttz.i64", ir.IntType(64), args[0], flag)

    return types.int64(types.int64), generate


@intrinsic
def count_bits(typing: Any, bits: Any) -> Any:
    """Count the set bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "llvm.ctpop.i64", ir.IntType(64), args[0])

    return types.int64(types.int64), generate


@intrinsic
def prefetch(typing: Any, array: Any, offset: Any) -> Any:
    """Ask for the cache line."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        pointer = builder.bitcast(_at(context, builder, signature.args[0], args[0], args[1]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        callee = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(callee, [pointer] + [ir.Constant(word, v) for v in (0, 3, 1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def _multiply_rows(
    builder: Any, kind: _Vector, starts: list[Any], w_from: Any, depth: Any, vectors: int
) -> list[list[Any]]:
    """Emit ``Σ_j x[r, j]·w[j, c]`` with a register for each (row, vector); return the sums."""
    size, wide = kind.scalar.bitwidth // 8, ir.IntType(64)
    vector = _backend(kind)
    zero = ir.Constant(vector, [0.0] * kind.lanes)
    cells = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in starts]
    for cell in (cell for row in cells for cell in row):
        builder.store(zero, cell)
    with cgutils.for_range(builder, depth) as loop:
        step = ir.Constant(wide, vectors * kind.lanes)
        line = builder.gep(w_from, [builder.mul(loop.index, step)])
        weights = [
            _read(builder, vector, builder.gep(line, [ir.Constant(wide, c * kind.lanes)]), size)
            for c in range(vectors)
        ]
        for start, row in zip(starts, cells, strict=True):
            factor = _spread(builder, builder.load(builder.gep(start, [loop.index])), kind.lanes)
            for weight, cell in zip(weights, row, strict=True):
                name = f"llvm.fma.{_suffix(kind)}"
                total = _call(builder, name, vector, factor, weight, builder.load(cell))
                builder.store(total, cell)
    return [[builder.load(cell) for cell in row] for row in cells]


def _write_rows(
    builder: Any, kind: _Vector, sums: list[list[Any]], out_from: Any, step: Any
) -> None:
    wide = ir.IntType(64)
    for r, row in enumerate(sums):
        target = builder.gep(out_from, [builder.mul(step, ir.Constant(wide, r))])
        for c, value in enumerate(row):
            place = builder.gep(target, [ir.Constant(wide, c * kind.lanes)])
            _write(builder, value, place, kind.scalar.bitwidth // 8)


def _tile(vectors: int) -> Any:
    @intrinsic
    def multiply(
        typing: Any, x: Any, x_at: Any, x_step: Any, w: Any, w_at: Any, depth: Any, out: Any,
        out_at: Any, out_step: Any,
    ) -> Any:  # fmt: skip
        kind = _vector_of(x.dtype)
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            wide = ir.IntType(64)
            x_from = _at(context, builder, signature.args[0], args[0], args[1])
            w_from = _at(context, builder, signature.args[3], args[3], args[4])
            out_from = _at(context, builder, signature.args[6], args[6], args[7])
            starts = [
                builder.gep(x_from, [builder.mul(args[2], ir.Constant(wide, r))]) for r in range(6)
            ]
            sums = _multiply_rows(builder, kind, starts, w_from, args[5], vectors)
            _write_rows(builder, kind, sums, out_from, args[8])
            return context.get_dummy_value()

        return types.void(x, intp, intp, w, intp, intp, out, intp, intp), generate

    return multiply


@intrinsic
def tile_6x1_at(
    typing: Any, x: Any, places: Any, w: Any, w_at: Any, depth: Any, out: Any, out_at: Any,
    out_step: Any,
) -> Any:  # fmt: skip
    """Multiply the six rows of x that start at ``places`` int64[6] by one vector of columns."""
    kind = _vector_of(x.dtype)
    intp = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(64)
        first = _at(context, builder, signature.args[1], args[1], ir.Constant(wide, 0))
        w_from = _at(context, builder, signature.args[2], args[2], args[3])
        out_from = _at(context, builder, signature.args[5], args[5], args[6])
        starts = []
        for r in range(6):
            offset = builder.load(builder.gep(first, [ir.Constant(wide, r)]))
            starts.append(_at(context, builder, signature.args[0], args[0], offset))
        sums = _multiply_rows(builder, kind, starts, w_from, args[4], 1)
        _write_rows(builder, kind, sums, out_from, args[7])
        return context.get_dummy_value()

    return types.void(x, places, w, intp, intp, out, intp, intp), generate


@intrinsic
def outer_6(
    typing: Any, a: Any, a_at: Any, b: Any, b_at: Any, step: Any, depth: Any, out: Any,
    out_at: Any, out_step: Any,
) -> Any:  # fmt: skip
    """Add ``Σ_t a[t, r]·b[t, c]`` to ``out[r, c]``, six r and a vector of c."""
    kind = _vector_of(a.dtype)
    intp = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size, wide = a.dtype.bitwidth // 8, ir.IntType(64)
        vector = _backend(kind)
        a_from = _at(context, builder, signature.args[0], args[0], args[1])
        b_from = _at(context, builder, signature.args[2], args[2], args[3])
        out_from = _at(context, builder, signature.args[6], args[6], args[7])
        places = [
            builder.gep(out_from, [builder.mul(args[8], ir.Constant(wide, r))]) for r in range(6)
        ]
        cells = [cgutils.alloca_once(builder, vector) for _ in range(6)]
        for place, cell in zip(places, cells, strict=True):
            builder.store(_read(builder, vector, place, size), cell)
        with cgutils.for_range(builder, args[5]) as loop:
            offset = builder.mul(loop.index, args[4])
            line = _read(builder, vector, builder.gep(b_from, [offset]), size)
            left = builder.gep(a_from, [offset])
            for r, cell in enumerate(cells):
                factor = builder.load(builder.gep(left, [ir.Constant(wide, r)]))
                factor = _spread(builder, factor, kind.lanes)
                name = f"llvm.fma.{_suffix(kind)}"
                builder.store(_call(builder, name, vector, factor, line, builder.load(cell)), cell)
        for place, cell in zip(places, cells, strict=True):
            _write(builder, builder.load(cell), place, size)
        return context.get_dummy_value()

    return types.void(a, intp, b, intp, intp, intp, out, intp, intp), generate


add, sub, mul = _lanewise("fadd"), _lanewise("fsub"), _lanewise("fmul")
maximum, minimum = _larger(">"), _larger("<")
reduce_add, reduce_max = _reduction("fadd"), _reduction("fmax")
tile_6x1, tile_6x2, tile_6x3, tile_6x4 = (_tile(vectors) for vectors in (1, 2, 3, 4))
