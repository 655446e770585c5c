from __future__ import annotations

import contextlib
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.core.errors import ConfigError
from bandit.sources.expressions import FUNCTIONS, check_expression
from tests.faults import injections
from tests.sources.small import AT

COLUMNS = {
    "age": "BIGINT",
    "Spend": "DOUBLE",
    "city": "VARCHAR",
    "joined": "DATE",
    "member": "BOOLEAN",
    'od"d name': "BIGINT",
}
ROW = (
    "SELECT 30::BIGINT AS age, 12.5::DOUBLE AS Spend, 'Bern' AS city, DATE '2024-11-23' AS joined,"
    ' true AS member, 7::BIGINT AS "od""d name", NULL::DOUBLE AS nothing'
)


@pytest.fixture(scope="module")
def locked():
    connection = duckdb.connect(":memory:")
    connection.execute(f"CREATE TABLE customers AS {ROW}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    yield connection
    connection.close()


def _answer(connection, text: str):
    query = check_expression(text, COLUMNS | {"nothing": "DOUBLE"}, at=AT)
    return connection.execute(f"SELECT {query} FROM customers").fetchall()[0][0]


ANSWERS = {
    "age >= 18 and city = 'Bern'": True,
    "AGE between 18 and 29 or spend > 12": True,
    "age in (1, 2, 30) and city not in ('Zug')": True,
    "not member": False,
    "nothing > 1": None,
    "nothing is null and age is not null": True,
    "city like 'B%' and city ilike '%RN'": True,
    "case when age < 20 then 1 when age < 40 then 2 else 3 end": 2,
    "round(spend * 1.1, 1)": 13.8,
    "abs(-3) + least(1, 2) + greatest(1, 2) + coalesce(nothing, 4)": 10,
    "floor(2.7) + ceil(2.1) + sqrt(9) + ln(exp(1)) + pow(2, 3)": 17.0,
    "length(trim(lower(city))) = 4 and upper(city) = 'BERN'": True,
    "contains(city, 'er') and starts_with(city, 'Be') and ends_with(city, 'n')": True,
    "age_days(joined)": 730,
    "date_diff('month', joined, today())": 24,
    "joined < date '2025-01-01' and current_date >= joined": True,
    "year(joined) * 100 + month(joined) + day(joined)": 202434,
    "cast(city as double) is null": True,
    "age::varchar || '!' = '30!'": True,
    "nullif(age, 30) is null": True,
    '"od""d name" % 4': 3,
    "age // 4 - 7": 0,
    "age * 9223372036854775807 > 0": None,
    "9000000000000000000 * 9000000000000000000 * age > 0": None,
    "spend / 0 > 1e308": None,
    "age > 1 -- and nothing else": True,
}


@pytest.mark.parametrize("text", ANSWERS)
def test_what_is_allowed_means_what_it_says(locked, text: str) -> None:
    answer = _answer(locked, text)
    assert answer == (
        pytest.approx(ANSWERS[text]) if isinstance(ANSWERS[text], float) else ANSWERS[text]
    )


REFUSALS = {
    "age >": "does not parse at line 1, position 5, near '>'",
    "age > 18) or (1 = 1": "does not parse",
    "agee > 18": "unknown column 'agee'; did you mean 'age'?",
    "cast(agee as int) > 1": "unknown column 'agee'",
    "age_days(joind) > 1": "unknown column 'joind'; did you mean 'joined'?",
    "rowid = 1": "unknown column 'rowid'; known here: ",
    "customers.age > 18": "'customers.age' is no column; write its name alone",
    "max(age) > 1": "function 'max' is not allowed here",
    "agedays(joined) > 1": "function 'agedays' is not allowed; did you mean 'age_days'?",
    "age > (select 18)": "is not allowed here",
    "age in (select 18)": "IN takes a list of values here, not a query",
    "exists(select 1)": "function 'exists' is not allowed here",
    "read_csv('/etc/passwd')": "function 'read_csv' is not allowed here",
    "getenv('HOME') = ''": "function 'getenv' is not allowed",
    "age > 18; drop table customers": "does not parse",
    "floor{:}": "does not parse",
    "age > ?": "is not allowed here",
    "1 < age < 3": "does not parse: Chained comparisons are not supported",
    "cast(age as blob) = 1": "cast to BLOB is not allowed; known here: BIGINT, ",
    "sum(age) over ()": "is not allowed here",
    "date_diff('nanosecond', joined, today())": "date_diff counts in day, ",
    "age_days() > 1": "age_days(joined) with one",
    "*": "is not allowed here",
    "": "empty or not text",
    "age = 1 or " * 400 + "true": "longer than 4000 characters",
    "(" * 50 + "age" + ")" * 50 + " > 1": "nested more than 30 deep",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_is_not_allowed_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_expression(text, COLUMNS, at=AT)
    assert REFUSALS[text] in str(caught.value)
    assert len(str(caught.value)) < 700


def test_the_day_is_the_wave_s() -> None:
    query = check_expression("age_days(joined) > 3", COLUMNS, at=AT)
    assert "'2026-11-23'" in query
    assert "today" not in query.lower()


def test_no_injection_is_executed(tmp_path: Path) -> None:
    assert injections.hold_harmless(tmp_path)["strings"] >= 1000


def test_a_quoted_payload_is_a_text(locked) -> None:
    assert _answer(locked, "city = '''; DROP TABLE customers; --'") is False


PIECES = [
    *COLUMNS, *FUNCTIONS, "(", ")", ",", "+", "-", "*", "/", "=", "<", ">", "and", "or", "not",
    "case", "when", "then", "else", "end", "in", "is", "null", "between", "like", "::", "int",
    "'", '"', ";", "--", "/*", "*/", "1", "2.5", "'x'", "select", "from", "[", "]", "{", "}", ".",
    "interval", "date", "cast", "as", "->", ":", "$", "?", "\\", "\x00", "é", "\n", "~", "%",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join))
)
def test_any_text_is_an_expression_or_a_config_error(text: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(ConfigError):
        query = check_expression(text, COLUMNS, at=AT)
        assert len(duckdb.extract_statements(f"SELECT {query} FROM customers")) == 1
    assert time.monotonic() - started < 5


def test_nesting_costs_no_time() -> None:
    for opening, closing in (
        ("(", ")"),
        ("abs(", ")"),
        ("case when ", " then 1 end"),
        ("not ", ""),
    ):
        for depth in (10, 25, 400):
            started = time.monotonic()
            with contextlib.suppress(ConfigError):
                check_expression(opening * depth + "true" + closing * depth, COLUMNS, at=AT)
            assert time.monotonic() - started < 5, (opening, depth)


def test_rules_of_many_rows_agree_with_numpy(locked) -> None:
    rng = np.random.default_rng(5)
    age = rng.integers(0, 100, 1000)
    query = check_expression("age >= 18 and not (age between 40 and 50) or age % 7 = 0", COLUMNS)
    rows = locked.execute(
        f"SELECT {query} FROM (SELECT unnest(?) AS age)", [age.tolist()]
    ).fetchall()
    expected = (age >= 18) & ~((age >= 40) & (age <= 50)) | (age % 7 == 0)
    assert [r[0] for r in rows] == expected.tolist()
