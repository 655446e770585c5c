from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.core.errors import DataError
from bandit.features import Column, FeatureSpec, encode

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
SPEC = FeatureSpec(
    intercept=True,
    columns=(
        Column("age", "numeric", mean=40.0, scale=10.0, missing=True),
        Column("member", "boolean", mean=0.5, scale=0.5),
        Column("city", "categorical", categories=("Bern", "Zug"), missing=True),
        Column("joined", "date", mean=100.0, scale=50.0),
        Column("v", "vector", length=2),
    ),
)


def _batch(**changed) -> pa.RecordBatch:
    columns = {
        "age": pa.array([50.0, None, 30.0]),
        "member": pa.array([True, False, None]),
        "city": pa.array(["Zug", None, "Genf"]),
        "joined": pa.array([AT - dt.timedelta(days=150), None, AT]).cast(pa.timestamp("us")),
        "v": pa.array([[1, 2], [3, 4], None], pa.list_(pa.float32(), 2)),
    } | changed
    return pa.RecordBatch.from_pydict(columns)


def naive(spec: FeatureSpec, batch: pa.RecordBatch, at: dt.datetime) -> np.ndarray:
    """Row by row, from the words of `Column`."""
    rows = []
    for row in batch.to_pylist():
        out = [1.0] if spec.intercept else []
        for c in spec.columns:
            value = row[c.name]
            indicator = [float(value is None)] if c.missing else []
            if c.kind == "categorical":
                hot = [float(value == k) for k in c.categories]
                other = value is not None and value not in c.categories
                other = other or (value is None and not c.missing)
                out += [*hot, float(other), *indicator]
            elif c.kind == "vector":
                out += [*(value if value is not None else [0.0] * c.length), *indicator]
            else:
                if c.kind == "date" and value is not None:
                    value = (at - value.replace(tzinfo=dt.UTC)) / dt.timedelta(days=1)
                out += [0.0 if value is None else (float(value) - c.mean) / c.scale, *indicator]
        rows.append(out)
    return np.array(rows, dtype=np.float32).reshape(batch.num_rows, len(spec.names))


def test_the_encoding_by_hand() -> None:
    contexts, faults = encode(SPEC, _batch(), AT)
    assert faults == []
    np.testing.assert_allclose(contexts, [
        [1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 2],
        [1, 0, 1, -1, 0, 0, 0, 1, 0, 3, 4],
        [1, -1, 0, 0, 0, 0, 1, 0, -2, 0, 0],
    ])  # fmt: skip
    assert contexts.dtype == np.float32
    assert contexts.flags.c_contiguous
    np.testing.assert_array_equal(contexts, naive(SPEC, _batch(), AT))


def test_a_slice_encodes_as_the_part_of_the_whole() -> None:
    whole = encode(SPEC, _batch(), AT).contexts
    for start in range(3):
        part = encode(SPEC, _batch().slice(start), AT).contexts
        np.testing.assert_array_equal(part, whole[start:])
        assert encode(SPEC, _batch().slice(start, 0), AT).contexts.shape == (0, 11)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e6, 1e6),
            st.none() | st.booleans(),
            st.none() | st.sampled_from(["Bern", "Zug", "Genf", "", "Zürich"]),
            st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),  # noqa: DTZ001
            st.none() | st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=2),
        ),
        max_size=8,
    ),
    st.booleans(),
    st.booleans(),
)
def test_fast_equals_naive(rows: list[tuple], missing: bool, intercept: bool) -> None:
    types = [pa.float64(), pa.bool_(), pa.string(), pa.timestamp("us"), pa.list_(pa.float32())]
    names = [c.name for c in SPEC.columns]
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(list(c), t) for c, t in zip(columns, types, strict=True)], names=names
    )
    spec = FeatureSpec(
        intercept,
        tuple(
            Column(c.name, c.kind, c.mean, c.scale, missing, c.categories, c.length)
            for c in SPEC.columns
        ),
    )
    contexts, faults = encode(spec, batch, AT)
    assert faults == []
    assert contexts.shape == (len(rows), spec.n_features)
    np.testing.assert_allclose(contexts, naive(spec, batch, AT), rtol=1e-6, atol=1e-6)


def test_numbers_that_are_none_are_faults() -> None:
    batch = _batch(
        age=pa.array([float("nan"), None, float("-inf")]),
        v=pa.array([[1, np.inf], [3, 4], [np.nan, 2]], pa.list_(pa.float32(), 2)),
    )
    faults = encode(SPEC, batch, AT).faults
    assert [(f.row, f.column, f.value) for f in faults] == [
        (0, "age", "nan"), (0, "v[1]", "inf"), (2, "age", "-inf"), (2, "v[0]", "nan"),
    ]  # fmt: skip
    assert faults[0].reason == "is not finite; mend or empty the cell"


def test_a_number_too_large_for_float32_is_a_fault() -> None:
    faults = encode(SPEC, _batch(age=pa.array([1e300, 1.0, 2.0])), AT).faults
    assert [(f.row, f.column, f.value) for f in faults] == [(0, "age", "1e+300")]


def test_a_vector_of_wrong_length_is_a_fault() -> None:
    batch = _batch(v=pa.array([[1, 2], [3], [4, 5, 6]], pa.list_(pa.float32())))
    contexts, faults = encode(SPEC, batch, AT)
    assert [tuple(f) for f in faults] == [
        (1, "v", "1", "numbers, the vector must have 2"),
        (2, "v", "3", "numbers, the vector must have 2"),
    ]
    np.testing.assert_array_equal(contexts[0, -2:], [1, 2])
    fixed = _batch(v=pa.array([[1, 2, 3]] * 3, pa.list_(pa.float32(), 3)))
    assert len(encode(SPEC, fixed, AT).faults) == 3


def test_a_number_missing_inside_a_vector_is_a_fault() -> None:
    batch = _batch(v=pa.array([[1, None], [3, 4], [5, 6]], pa.list_(pa.float32(), 2)))
    assert [(f.row, f.column) for f in encode(SPEC, batch, AT).faults] == [(0, "v[1]")]


def test_missing_columns_and_changed_types_are_told_together() -> None:
    batch = _batch(age=pa.array(["50", "x", "1"]), joined=pa.array([1, 2, 3])).drop_columns(
        ["city"]
    )
    with pytest.raises(DataError) as caught:
        encode(SPEC, batch, AT)
    assert str(caught.value).splitlines() == [
        "feature column 'age' is now string, it was learned as numeric; convert it back",
        "feature column 'city' is missing; the snapshot was learned with it: restore it, or change"
        " [features] and learn anew",
        "feature column 'joined' is now int64, it was learned as date; convert it back",
    ]


@pytest.mark.parametrize("fixed", [True, False])
def test_a_vector_alone_is_viewed(fixed: bool) -> None:
    matrix = np.arange(64, dtype=np.float32).reshape(8, 8)
    if fixed:
        column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), 8)
    else:
        column = pa.ListArray.from_arrays(
            pa.array(range(0, 65, 8), pa.int32()), pa.array(matrix.ravel())
        )
    spec = FeatureSpec(False, (Column("v", "vector", length=8),))
    batch = pa.RecordBatch.from_arrays([column], names=["v"])
    for part, expected in ((batch, matrix), (batch.slice(2, 3), matrix[2:5])):
        contexts, faults = encode(spec, part, AT)
        assert faults == []
        np.testing.assert_array_equal(contexts, expected)
        assert contexts.flags.c_contiguous
        assert np.shares_memory(contexts, np.frombuffer(column.values.buffers()[1], np.float32))


def test_a_vector_alone_with_missing_rows_is_filled() -> None:
    spec = FeatureSpec(False, (Column("v", "vector", length=2),))
    batch = pa.RecordBatch.from_pydict({"v": pa.array([[1, 2], None], pa.list_(pa.float32(), 2))})
    np.testing.assert_array_equal(encode(spec, batch, AT).contexts, [[1, 2], [0, 0]])
    bad = pa.RecordBatch.from_pydict({"v": pa.array([[1, np.nan]], pa.list_(pa.float32(), 2))})
    assert encode(spec, bad, AT).faults[0].column == "v[1]"


def test_only_an_intercept() -> None:
    contexts, faults = encode(FeatureSpec(True, ()), _batch(), AT)
    np.testing.assert_array_equal(contexts, np.ones((3, 1)))
    assert faults == []
