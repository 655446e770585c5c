from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pytest

from bandit.config.deciding import Features
from bandit.core.errors import ConfigError, DataError
from bandit.features import FeatureSpec, fit
from bandit.features.spec import MISSING, OTHER

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
ALL = Features(
    numeric=("age", "spend"),
    boolean=("member",),
    categorical=("city",),
    date=("joined",),
    vector=("v",),
    max_categories=2,
    min_category_share=0.1,
)
ROWS = """
SELECT range::DOUBLE AS age, CASE WHEN range % 10 = 0 THEN NULL ELSE range / 7.0 END AS spend,
 range % 4 = 0 AS member, ['Bern', 'Zug', 'Chur', NULL][least(range % 8 + 1, 4)::BIGINT] AS city,
 TIMESTAMP '2026-11-23' - to_days(range::INTEGER) AS joined, [range, -range]::FLOAT[2] AS v,
 1.5::DOUBLE AS same, NULL::DOUBLE AS never, 'x' AS one, range::VARCHAR AS id, range AS whole,
 CASE WHEN range = 3 THEN [1] ELSE [1, 2] END::FLOAT[] AS nearly,
 CASE WHEN range % 2 = 0 THEN [1] ELSE [1, 2] END::FLOAT[] AS ragged, 'a' AS "a, ""b"
FROM range(1000)
"""


@pytest.fixture(scope="module")
def connection():
    found = duckdb.connect(":memory:")
    yield found
    found.close()


def _fit(connection, features: Features, query: str = ROWS) -> FeatureSpec:
    return fit(features, connection.sql(query), AT)


def test_names_means_and_categories(connection) -> None:
    spec = _fit(connection, ALL)
    assert spec.names == (
        "intercept", "age", "spend", f"spend={MISSING}", "member", "city=Bern", "city=Chur",
        f"city={OTHER}", f"city={MISSING}", "joined", "v[0]", "v[1]",
    )  # fmt: skip
    age, spend, member, city, joined, vector = spec.columns
    x = np.arange(1000)
    assert age.mean == pytest.approx(x.mean(), rel=1e-8)
    assert age.scale == pytest.approx(x.std(), rel=1e-8)
    known = x[x % 10 != 0] / 7
    assert (spend.mean, spend.scale) == pytest.approx((known.mean(), known.std()), rel=1e-8)
    assert member.mean == 0.25
    assert joined.mean == pytest.approx(499.5)
    assert (city.missing, vector.length, age.missing) == (True, 2, False)


def test_a_spec_survives_json(connection) -> None:
    spec = _fit(connection, ALL)
    again = FeatureSpec.from_json(spec.to_json())
    assert again == spec
    assert again.digest == spec.digest
    assert len(spec.digest) == 64


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"intercept":true,"columns":[{}]}', '{"intercept":1,"columns":[]}',
             '{"intercept":true,"columns":[{"name":"a","kind":"numeric","scale":0,"categories":[]}]}',
             "[" * 100_000],
)  # fmt: skip
def test_a_damaged_spec_is_told(text: str) -> None:
    with pytest.raises(DataError, match="the feature spec is damaged"):
        FeatureSpec.from_json(text)


def test_order_of_rows_and_threads_change_nothing(connection) -> None:
    found = set()
    for order in ("age", "age DESC", "hash(age)", "hash(age + 1)"):
        for threads in (1, 2):
            connection.execute(f"SET threads = {threads}")
            found.add(_fit(connection, ALL, f"SELECT * FROM ({ROWS}) ORDER BY {order}").digest)
    assert len(found) == 1


def test_wrong_columns_are_told_together(connection) -> None:
    features = Features(numeric=("age", "city", "nope"), vector=("whole",), date=("id",))
    with pytest.raises(ConfigError) as caught:
        _fit(connection, features)
    assert [line[:45] for line in str(caught.value).splitlines()] == [
        "feature column 'city' is VARCHAR; numeric nee",
        "feature column 'nope' is missing; there are a",
        "feature column 'id' is VARCHAR; date needs TI",
        "feature column 'whole' is BIGINT; a vector mu",
    ]


def test_useless_columns_are_told_together(connection) -> None:
    features = Features(
        numeric=("same", "never"), categorical=("one", "id", "a, \"b"), vector=("ragged",)
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        _fit(connection, features)
    assert str(caught.value).splitlines() == [
        "feature column 'same' is constant (1.5); leave it out",
        "feature column 'never' has no value at all; fill it or leave it out",
        "feature column 'one' is constant ('x'); leave it out",
        "feature column 'id' has no value that stands in 0.50% of the rows; is it a key? leave"
        " it out",
        "feature column 'a, \"b' is constant ('a'); leave it out",
        "feature column 'ragged' has vectors of 1 to 2 numbers; all must have one length",
    ]


def test_a_vector_of_another_length_does_not_stop_the_fit(connection) -> None:
    (column,) = _fit(connection, Features(vector=("nearly",))).columns
    assert (column.length, column.missing) == (2, False)


def test_many_categorical_columns_are_counted_apart(connection) -> None:
    names = tuple(f"c{i}" for i in range(70))
    chosen = ", ".join(f"'v' || (range % {i + 2}) AS c{i}" for i in range(70))
    features = Features(categorical=names, max_categories=3, min_category_share=0.0)
    spec = _fit(connection, features, f"SELECT {chosen} FROM range(1000)")
    for i, column in enumerate(spec.columns):
        counts = np.bincount(np.arange(1000) % (i + 2))
        order = sorted(range(i + 2), key=lambda v: (-counts[v], f"v{v}"))[:3]
        assert column.categories == tuple(f"v{v}" for v in order)


def test_nothing_to_fit_on(connection) -> None:
    with pytest.raises(DataError, match="the table has no rows"):
        _fit(connection, ALL, f"SELECT * FROM ({ROWS}) WHERE false")
    assert _fit(connection, Features()).names == ("intercept",)


def test_numbers_that_are_none_do_not_spoil_the_mean(connection) -> None:
    query = (
        "SELECT CASE range WHEN 3 THEN 'nan' WHEN 4 THEN 'inf' ELSE range::VARCHAR END::DOUBLE AS x"
        " FROM range(100)"
    )
    (column,) = _fit(connection, Features(numeric=("x",)), query).columns
    known = np.delete(np.arange(100), [3, 4])
    assert column.mean == pytest.approx(known.mean(), rel=1e-8)
    assert not column.missing


def test_values_too_far_apart(connection) -> None:
    query = "SELECT CASE WHEN range = 0 THEN -1.7e308 ELSE 1.7e308 END AS x FROM range(9)"
    with pytest.raises(DataError, match="column 'x'"):
        _fit(connection, Features(numeric=("x",)), query)
