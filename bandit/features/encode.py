"""Arrow columns to C-contiguous float32: the one place that converts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bandit.core.errors import DataError
from bandit.core.types import Bool, Float32, Float64
from bandit.features import ranks
from bandit.features.spec import SCORE, Column, FeatureSpec

DAY_US = 86_400_000_000


class Fault(NamedTuple):
    """A row that cannot be encoded: its number in the batch, the column, what stood there, why."""

    row: int
    column: str
    value: str
    reason: str


class Encoded(NamedTuple):
    """``contexts`` float32[n, d], C-contiguous; rows named in ``faults`` must not be used."""

    contexts: Float32
    faults: list[Fault]


def encode(spec: FeatureSpec, columns: pa.RecordBatch, at: dt.datetime) -> Encoded:
    """Encode n rows as the spec says.

    Parameters
    ----------
    spec
        d features.
    columns
        At least the spec's columns, of the types that `fit` names; in any order.
    at
        Time of the wave, with a zone; dates become ages in days before it.

    Returns
    -------
    Encoded
        NULL is imputed; NaN and infinite numbers, and vectors of a wrong length, are faults. A
        spec of one vector column and nothing else gives the column's own memory, not a copy.

    Raises
    ------
    DataError
        A column is missing or has another type than when the spec was fitted.
    """
    arrays = _checked(spec, columns)
    n = columns.num_rows
    alone = _alone(spec, arrays)
    if alone is not None:
        return Encoded(alone, _vector_faults(spec.columns[0], alone))
    out = np.zeros((n, spec.n_features), dtype=np.float32)
    start = int(spec.intercept)
    out[:, :start] = 1.0
    faults: list[Fault] = []
    for column, array in zip(spec.columns, arrays, strict=True):
        width = len(column.names)
        faults += _into(column, array, at, out[:, start : start + width])
        if column.known_at is not None:
            faults += _late(column, array, columns.column(column.known_at), at)
        start += width
    return Encoded(out, sorted(faults))


def _checked(spec: FeatureSpec, columns: pa.RecordBatch) -> list[pa.Array]:
    faults, arrays = [], []
    for column in spec.columns:
        position = columns.schema.get_field_index(column.name)
        if position < 0 and column.product is not None:
            # No offer names the product any more, so nobody's mean hangs on it.
            arrays.append(pa.nulls(columns.num_rows, pa.float64()))
            continue
        if position < 0:
            faults.append(
                f"feature column {column.name!r} is missing; the snapshot was learned with it:"
                " restore it, or change [features] and learn anew"
            )
            continue
        array = columns.column(position)
        if not _fits(column, array.type):
            faults.append(
                f"feature column {column.name!r} is now {array.type}, it was learned as"
                f" {column.kind}; convert it back"
            )
        known = column.known_at
        if known is not None and columns.schema.get_field_index(known) < 0:
            faults.append(f"column {known!r}, when score {column.name!r} was computed, is missing")
        arrays.append(array)
    if faults:
        raise DataError("\n".join(faults))
    return arrays


_TYPES = {
    "numeric": (pa.float64(),),
    "boolean": (pa.bool_(),),
    "categorical": (pa.string(), pa.large_string()),
    "date": (pa.timestamp("us"),),
    "score": (pa.float64(),),
}


def _fits(column: Column, kind: pa.DataType) -> bool:
    if column.kind == "vector":
        is_list = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
        return bool(is_list and kind.value_type == pa.float32())
    return kind in _TYPES[column.kind]


def _into(column: Column, array: pa.Array, at: dt.datetime, out: Float32) -> list[Fault]:
    if column.kind == "categorical":
        _categorical_into(column, array, out)
        return []
    if column.kind == "vector":
        return _vector_into(column, array, out)
    if column.kind == SCORE:
        return _score_into(column, array, out)
    return _scalar_into(column, array, at, out)


def _missing(array: pa.Array) -> Bool | None:
    """Which rows are NULL, or None if none is."""
    if array.null_count == 0:
        return None
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)


def _scalar_into(column: Column, array: pa.Array, at: dt.datetime, out: Float32) -> list[Fault]:
    missing = _missing(array)
    values = _numbers(column, array, at)
    with np.errstate(over="ignore"):
        scaled = ((values - column.mean) / column.scale).astype(np.float32)
    if missing is not None:
        scaled[missing] = 0.0
        if column.missing:
            out[:, 1] = missing
    out[:, 0] = scaled
    return _not_finite(column, array, ~np.isfinite(scaled))


def _not_finite(column: Column, array: pa.Array, bad: Bool) -> list[Fault]:
    return [
        Fault(int(row), column.name, str(array[int(row)]), "is not finite; mend or empty the cell")
        for row in np.flatnonzero(bad)
    ]


def _score_into(column: Column, array: pa.Array, out: Float32) -> list[Fault]:
    missing = _missing(array)
    values: Float64 = _buffer(array, np.float64)
    known = np.ones(len(array), np.bool_) if missing is None else ~missing
    terms = np.array(column.terms or (), np.float32)
    out[known, :2] = terms[ranks.bins(column.cuts or (), values[known])]
    if column.missing:
        out[:, 2] = ~known
    return _not_finite(column, array, known & ~np.isfinite(values))


def _late(column: Column, array: pa.Array, known_at: pa.Array, at: dt.datetime) -> list[Fault]:
    """Rows whose score may know what came after: computed later than ``at``, or nobody says when.

    A row without a score has nothing to know.
    """
    began = pa.scalar(at.astimezone(dt.UTC).replace(tzinfo=None), pa.timestamp("us"))
    in_time = pc.fill_null(pc.less_equal(known_at, began), False)
    bad = pc.and_(array.is_valid(), pc.invert(in_time)).to_numpy(zero_copy_only=False)
    if not bad.any():
        return []
    why = (
        f"of score {column.name!r}: it was computed after the wave began ({at.isoformat()}), or"
        " nobody says when; hand over scores from before, or begin later with --at"
    )
    return [
        Fault(int(row), str(column.known_at), str(known_at[int(row)]), why)
        for row in np.flatnonzero(bad)
    ]


def _numbers(column: Column, array: pa.Array, at: dt.datetime) -> Float64:
    """Values as float64; what stands in missing places is finite and without meaning."""
    if column.kind == "numeric":
        numbers: Float64 = _buffer(array, np.float64)
        return numbers
    if column.kind == "boolean":
        return np.asarray(pc.fill_null(array, False).cast(pa.float64()).to_numpy())
    now = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    age_us: npt.NDArray[np.int64] = now - _buffer(array, np.int64)
    return age_us / DAY_US


def _buffer(array: pa.Array, kind: type) -> Any:
    """The values of a fixed-width Arrow array without a copy, NULL or not."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype=kind)
    return np.frombuffer(data, dtype=kind, count=len(array) + array.offset)[array.offset :]


def _categorical_into(column: Column, array: pa.Array, out: Float32) -> None:
    known = pa.array(column.categories, type=array.type)
    code = pc.index_in(array, value_set=known).fill_null(len(column.categories)).to_numpy()
    missing = _missing(array)
    if missing is not None and column.missing:
        code = np.where(missing, len(column.categories) + 1, code)
    out[np.arange(len(code)), code] = 1.0


def _alone(spec: FeatureSpec, arrays: Sequence[pa.Array]) -> Float32 | None:
    """The memory of the only column if it is a complete vector and nothing stands beside it."""
    single = len(spec.columns) == 1 and not spec.intercept
    if not single or spec.columns[0].kind != "vector" or spec.columns[0].missing:
        return None
    if arrays[0].null_count or (_lengths(arrays[0]) != spec.columns[0].length).any():
        return None
    return _matrix(arrays[0], spec.columns[0].length)


def _lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    if pa.types.is_fixed_size_list(array.type):
        return np.full(len(array), array.type.list_size, dtype=np.int64)
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    return np.asarray(lengths, dtype=np.int64)


def _matrix(array: pa.Array, length: int) -> Float32:
    """A list array without NULLs whose rows all have `length` numbers, viewed."""
    if pa.types.is_fixed_size_list(array.type):
        start = array.offset * length
    else:
        start = array.offsets[0].as_py() if len(array) else 0
    values = array.values.slice(start, len(array) * length)
    if values.null_count:
        values = values.fill_null(np.nan)
    flat: Float32 = _buffer(values, np.float32)
    return flat.reshape(len(array), length)


def _vector_into(column: Column, array: pa.Array, out: Float32) -> list[Fault]:
    missing = _missing(array)
    lengths = _lengths(array)
    present = np.ones(len(array), dtype=bool) if missing is None else ~missing
    if missing is not None and column.missing:
        out[:, column.length] = missing
    wrong = np.flatnonzero(present & (lengths != column.length))
    good = present & (lengths == column.length)
    chosen = array if good.all() else array.filter(pa.array(good))
    matrix = _matrix(chosen, column.length)
    if good.all():
        out[:, : column.length] = matrix
    else:
        out[good, : column.length] = matrix
    reason = f"numbers, the vector must have {column.length}"
    faults = [Fault(int(r), column.name, str(lengths[r]), reason) for r in wrong]
    return faults + _vector_faults(column, matrix, np.flatnonzero(good))


def _vector_faults(
    column: Column, matrix: Float32, rows: npt.NDArray[np.int64] | None = None
) -> list[Fault]:
    """Rows with NaN or infinity."""
    finite = np.isfinite(matrix)
    faults = []
    for row in np.flatnonzero(~finite.all(axis=1)) if not finite.all() else ():
        place = int(np.flatnonzero(~finite[row])[0])
        number = int(row if rows is None else rows[row])
        value = str(matrix[row, place])
        faults.append(Fault(number, f"{column.name}[{place}]", value, "is not finite; mend it"))
    return faults
