"""The register tiles of `simd` as LLVM instructions, one Numba intrinsic each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from bandit.kernels.simd.compiled import (
    LANES,
    Vector,
    backend,
    building,
    call,
    place,
    read,
    spread,
    suffix,
    vector_of,
    write,
)


def _sum_rows(
    builder: Any, vector: Any, starts: list[Any], w_from: Any, depth: Any, vectors: int,
    combine: Callable[[Any, Any, Any], Any], apart: int = 0,
) -> list[list[Any]]:  # fmt: skip
    """Emit ``combine(x[r, j], w[j, c], sum)`` over j, a register for each (row, vector).

    Lines of w lie side by side, or so many elements ``apart``.
    """
    wide, lanes = ir.IntType(64), vector.count
    cells = [[building.alloca_once(builder, vector) for _ in range(vectors)] for _ in starts]
    for cell in (cell for row in cells for cell in row):
        builder.store(ir.Constant(vector, [0] * lanes), cell)
    size = 8 if isinstance(vector.element, ir.DoubleType) else 4
    with building.for_range(builder, depth) as loop:
        step = ir.Constant(wide, apart or vectors * lanes)
        line = builder.gep(w_from, [builder.mul(loop.index, step)])
        weights = [
            read(builder, vector, builder.gep(line, [ir.Constant(wide, c * lanes)]), size)
            for c in range(vectors)
        ]
        for start, row in zip(starts, cells, strict=True):
            factor = spread(builder, builder.load(builder.gep(start, [loop.index])), lanes)
            for weight, cell in zip(weights, row, strict=True):
                builder.store(combine(factor, weight, builder.load(cell)), cell)
    return [[builder.load(cell) for cell in row] for row in cells]


def _multiply_rows(
    builder: Any, kind: Vector, starts: list[Any], w_from: Any, depth: Any, vectors: int,
    apart: int = 0,
) -> list[list[Any]]:  # fmt: skip
    """Emit ``Σ_j x[r, j]·w[j, c]``."""
    vector = backend(kind)

    def combine(factor: Any, weight: Any, total: Any) -> Any:
        return call(builder, f"llvm.fma.{suffix(kind)}", vector, factor, weight, total)

    return _sum_rows(builder, vector, starts, w_from, depth, vectors, combine, apart)


def _write_rows(
    builder: Any, kind: Vector, sums: list[list[Any]], out_from: Any, step: Any
) -> None:
    wide = ir.IntType(64)
    for r, row in enumerate(sums):
        target = builder.gep(out_from, [builder.mul(step, ir.Constant(wide, r))])
        for c, value in enumerate(row):
            place = builder.gep(target, [ir.Constant(wide, c * kind.lanes)])
            write(builder, value, place, kind.scalar.bitwidth // 8)


def _tile(vectors: int, *, half: bool = False) -> Any:
    @intrinsic
    def multiply(
        typing: Any, x: Any, x_at: Any, x_step: Any, w: Any, w_at: Any, depth: Any, out: Any,
        out_at: Any, out_step: Any,
    ) -> Any:  # fmt: skip
        whole = vector_of(x.dtype)
        kind = Vector(x.dtype, whole.lanes // 2) if half else whole
        apart = vectors * whole.lanes
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            wide = ir.IntType(64)
            x_from = place(context, builder, signature.args[0], args[0], args[1])
            w_from = place(context, builder, signature.args[3], args[3], args[4])
            out_from = place(context, builder, signature.args[6], args[6], args[7])
            starts = [
                builder.gep(x_from, [builder.mul(args[2], ir.Constant(wide, r))]) for r in range(6)
            ]
            sums = _multiply_rows(builder, kind, starts, w_from, args[5], vectors, apart)
            _write_rows(builder, kind, sums, out_from, args[8])
            return context.get_dummy_value()

        return types.void(x, intp, intp, w, intp, intp, out, intp, intp), generate

    return multiply


def _line(vectors: int) -> Any:
    @intrinsic
    def multiply(
        typing: Any, x: Any, x_at: Any, w: Any, w_at: Any, w_step: Any, apart: Any, depth: Any,
        out: Any, out_at: Any,
    ) -> Any:  # fmt: skip
        kind = vector_of(x.dtype)
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            wide, vector, size = ir.IntType(64), backend(kind), x.dtype.bitwidth // 8
            x_from = place(context, builder, signature.args[0], args[0], args[1])
            w_from = place(context, builder, signature.args[2], args[2], args[3])
            out_from = place(context, builder, signature.args[7], args[7], args[8])
            cells = [building.alloca_once(builder, vector) for _ in range(vectors)]
            for cell in cells:
                builder.store(ir.Constant(vector, [0] * kind.lanes), cell)
            with building.for_range(builder, args[6]) as loop:
                factor = builder.load(builder.gep(x_from, [loop.index]))
                factor = spread(builder, factor, kind.lanes)
                line = builder.gep(w_from, [builder.mul(loop.index, args[4])])
                for c, cell in enumerate(cells):
                    at = builder.gep(line, [builder.mul(args[5], ir.Constant(wide, c))])
                    weight, total = read(builder, vector, at, size), builder.load(cell)
                    name = f"llvm.fma.{suffix(kind)}"
                    builder.store(call(builder, name, vector, factor, weight, total), cell)
            _write_rows(builder, kind, [[builder.load(cell) for cell in cells]], out_from, args[8])
            return context.get_dummy_value()

        return types.void(x, intp, w, intp, intp, intp, intp, out, intp), generate

    return multiply


def _dot_pairs(builder: Any, factor: Any, weight: Any, total: Any) -> Any:
    """Add the products of two int16 neighbours to each int32: VPDPWSSD or VPMADDWD on x86."""
    lanes = total.type.count
    short, long = ir.VectorType(ir.IntType(16), 2 * lanes), ir.VectorType(ir.IntType(32), 2 * lanes)
    left, right = (builder.sext(builder.bitcast(v, short), long) for v in (factor, weight))
    products = builder.mul(left, right)
    half = ir.VectorType(ir.IntType(32), lanes)
    even, odd = (
        builder.shuffle_vector(products, products, ir.Constant(half, list(range(at, 2 * lanes, 2))))
        for at in (0, 1)
    )
    return builder.add(total, builder.add(even, odd))


def _dot_bytes(builder: Any, factor: Any, weight: Any, total: Any) -> Any:
    """Add the products of two neighbours, uint8 times int8, to each int16: VPMADDUBSW on x86."""
    word, short = ir.IntType(32), ir.VectorType(ir.IntType(16), 2 * LANES)
    tiny, long = ir.VectorType(ir.IntType(8), 4 * LANES), ir.VectorType(word, 2 * LANES)
    left, right = builder.bitcast(factor, tiny), builder.bitcast(weight, tiny)
    products = []
    for at in (0, 1):
        places = ir.Constant(long, list(range(at, 4 * LANES, 2)))
        one = builder.zext(builder.shuffle_vector(left, left, places), long)
        other = builder.sext(builder.shuffle_vector(right, right, places), long)
        products.append(builder.mul(one, other))
    both = builder.add(*products)
    # As the instruction does: what is given is too small for it.
    for sign, limit in (("<", 32767), (">", -32768)):
        bound = ir.Constant(long, [limit] * 2 * LANES)
        both = builder.select(builder.icmp_signed(sign, both, bound), both, bound)
    added = builder.add(builder.bitcast(total, short), builder.trunc(both, short))
    return builder.bitcast(added, total.type)


@intrinsic
def squares_6x1(
    typing: Any, x: Any, x_at: Any, x_step: Any, w: Any, w_at: Any, depth: Any, count: Any,
    out: Any, out_at: Any, out_step: Any,
) -> Any:  # fmt: skip
    """Sum the squares of ``count`` products of six rows of bytes with sixteen columns."""
    intp = types.intp

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide, word = ir.IntType(64), ir.IntType(32)
        vector, single = ir.VectorType(word, LANES), backend(vector_of(types.float32))
        short = ir.VectorType(ir.IntType(16), 2 * LANES)
        x_from = place(context, builder, x, args[0], args[1])
        w_from = place(context, builder, w, args[3], args[4])
        out_from = place(context, builder, out, args[7], args[8])
        starts, cells = [], []
        for r in range(6):
            start = builder.gep(x_from, [builder.mul(args[2], ir.Constant(wide, r))])
            starts.append(builder.bitcast(start, word.as_pointer()))
            cells.append(building.alloca_once(builder, single))
            builder.store(ir.Constant(single, [0.0] * LANES), cells[-1])
        line = ir.Constant(wide, 4 * LANES)
        panel = builder.mul(line, builder.add(args[5], ir.Constant(wide, 1)))
        with building.for_range(builder, args[6]) as loop:
            offset_from = builder.gep(w_from, [builder.mul(loop.index, panel)])
            offset = read(builder, short, offset_from, 1)
            first = builder.bitcast(builder.gep(offset_from, [line]), word.as_pointer())
            sums = _sum_rows(
                builder, vector, starts, first, args[5], 1,
                lambda factor, weight, total: _dot_bytes(builder, factor, weight, total),
            )  # fmt: skip
            for (total,), cell in zip(sums, cells, strict=True):
                halves = builder.add(builder.bitcast(total, short), offset)
                ones = ir.Constant(short, [1] * 2 * LANES)
                whole = builder.bitcast(halves, vector), builder.bitcast(ones, vector)
                value = builder.sitofp(
                    _dot_pairs(builder, *whole, ir.Constant(vector, [0] * LANES)), single
                )
                name = f"llvm.fma.v{LANES}f32"
                square = call(builder, name, single, value, value, builder.load(cell))
                builder.store(square, cell)
        rows = [[builder.load(cell)] for cell in cells]
        _write_rows(builder, vector_of(types.float32), rows, out_from, args[9])
        return context.get_dummy_value()

    return types.void(x, intp, intp, w, intp, intp, intp, out, intp, intp), generate


def _coarse(vectors: int, *, half: bool = False) -> Any:
    lanes = LANES // 2 if half else LANES

    @intrinsic
    def multiply(
        typing: Any, x: Any, x_at: Any, x_step: Any, w: Any, w_at: Any, depth: Any, unit: Any,
        unit_at: Any, scale: Any, scale_at: Any, out: Any, out_at: Any, out_step: Any,
    ) -> Any:  # fmt: skip
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            wide, word = ir.IntType(64), ir.IntType(32)
            vector, single = ir.VectorType(word, lanes), ir.VectorType(ir.FloatType(), lanes)
            x_from = place(context, builder, x, args[0], args[1])
            w_from = place(context, builder, w, args[3], args[4])
            unit_from = place(context, builder, unit, args[6], args[7])
            scale_from = place(context, builder, scale, args[8], args[9])
            out_from = place(context, builder, out, args[10], args[11])
            starts = [
                builder.bitcast(
                    builder.gep(x_from, [builder.mul(args[2], ir.Constant(wide, r))]),
                    word.as_pointer(),
                )
                for r in range(6)
            ]
            panel = builder.bitcast(w_from, word.as_pointer())

            def combine(factor: Any, weight: Any, total: Any) -> Any:
                return _dot_pairs(builder, factor, weight, total)

            apart = vectors * LANES
            sums = _sum_rows(builder, vector, starts, panel, args[5], vectors, combine, apart)
            scales = [
                read(builder, single, builder.gep(scale_from, [ir.Constant(wide, c * lanes)]), 4)
                for c in range(vectors)
            ]
            results = []
            for r, row in enumerate(sums):
                factor = builder.load(builder.gep(unit_from, [ir.Constant(wide, r)]))
                factor = spread(builder, factor, lanes)
                results.append(
                    [
                        builder.fmul(builder.fmul(builder.sitofp(total, single), column), factor)
                        for total, column in zip(row, scales, strict=True)
                    ]
                )
                if half:
                    results[-1].append(ir.Constant(single, [0.0] * lanes))
            _write_rows(builder, Vector(types.float32, lanes), results, out_from, args[12])
            return context.get_dummy_value()

        signature = types.void(
            x, intp, intp, w, intp, intp, unit, intp, scale, intp, out, intp, intp
        )
        return signature, generate

    return multiply


def _tile_at(vectors: int) -> Any:
    @intrinsic
    def multiply(
        typing: Any, x: Any, places: Any, w: Any, w_at: Any, depth: Any, out: Any, out_at: Any,
        out_step: Any,
    ) -> Any:  # fmt: skip
        kind = vector_of(x.dtype)
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            wide = ir.IntType(64)
            first = place(context, builder, signature.args[1], args[1], ir.Constant(wide, 0))
            w_from = place(context, builder, signature.args[2], args[2], args[3])
            out_from = place(context, builder, signature.args[5], args[5], args[6])
            starts = []
            for r in range(6):
                offset = builder.load(builder.gep(first, [ir.Constant(wide, r)]))
                starts.append(place(context, builder, signature.args[0], args[0], offset))
            sums = _multiply_rows(builder, kind, starts, w_from, args[4], vectors)
            _write_rows(builder, kind, sums, out_from, args[7])
            return context.get_dummy_value()

        return types.void(x, places, w, intp, intp, out, intp, intp), generate

    return multiply


def _outer(rows: int, vectors: int) -> Any:
    @intrinsic
    def add(
        typing: Any, a: Any, a_at: Any, b: Any, b_at: Any, step: Any, depth: Any, out: Any,
        out_at: Any, out_step: Any,
    ) -> Any:  # fmt: skip
        kind = vector_of(a.dtype)
        intp = types.intp

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            size, wide = a.dtype.bitwidth // 8, ir.IntType(64)
            vector = backend(kind)
            a_from = place(context, builder, signature.args[0], args[0], args[1])
            b_from = place(context, builder, signature.args[2], args[2], args[3])
            out_from = place(context, builder, signature.args[6], args[6], args[7])
            columns = [ir.Constant(wide, c * kind.lanes) for c in range(vectors)]
            targets = [
                builder.gep(
                    builder.gep(out_from, [builder.mul(args[8], ir.Constant(wide, r))]), [c]
                )
                for r in range(rows)
                for c in columns
            ]
            cells = [building.alloca_once(builder, vector) for _ in targets]
            for target, cell in zip(targets, cells, strict=True):
                builder.store(read(builder, vector, target, size), cell)
            with building.for_range(builder, args[5]) as loop:
                offset = builder.mul(loop.index, args[4])
                line = builder.gep(b_from, [offset])
                lines = [read(builder, vector, builder.gep(line, [c]), size) for c in columns]
                left = builder.gep(a_from, [offset])
                for at, cell in enumerate(cells):
                    row, column = divmod(at, vectors)
                    factor = builder.load(builder.gep(left, [ir.Constant(wide, row)]))
                    factor, total = spread(builder, factor, kind.lanes), builder.load(cell)
                    name = f"llvm.fma.{suffix(kind)}"
                    builder.store(call(builder, name, vector, factor, lines[column], total), cell)
            for target, cell in zip(targets, cells, strict=True):
                write(builder, builder.load(cell), target, size)
            return context.get_dummy_value()

        return types.void(a, intp, b, intp, intp, intp, out, intp, intp), generate

    return add


tile_6x1, tile_6x2, tile_6x3, tile_6x4 = (_tile(vectors) for vectors in (1, 2, 3, 4))
tile_6x1_half = _tile(1, half=True)
tile_6x1_at, tile_6x2_at, tile_6x3_at, tile_6x4_at = (_tile_at(vectors) for vectors in (1, 2, 3, 4))
line_1x1, line_1x2, line_1x3, line_1x4 = (_line(vectors) for vectors in (1, 2, 3, 4))
coarse_6x1, coarse_6x2, coarse_6x3, coarse_6x4 = (_coarse(vectors) for vectors in (1, 2, 3, 4))
coarse_6x1_half = _coarse(1, half=True)
outer_6 = _outer(6, 1)
outer_4, outer_8, outer_1x1, outer_1x4 = _outer(4, 1), _outer(8, 1), _outer(1, 1), _outer(1, 4)
