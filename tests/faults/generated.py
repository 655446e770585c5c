"""What broken inputs are made of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_WORDS = """
NULL|nan|inf|-inf|1e999|-0|0x10|=1+1|@x|true|ja|"|'|""|;|a,b|1/0|.1|email|Kunde-00001-ü
2026-13-45|2026-11-23|0000-00-00|99999-01-01|1970-01-01T00:00:00Z|2026-11-23.0
2026-11-23.999999999999999999999
"""
_SIGNS = ["", "\x00", "\r", "\n", "\ufeff", "\U0001f4a5", "\u202e", "x" * 5000, "9" * 30]
_PARTS = """
age|spend|city|"age"|1|-1|1e400|'x'|''|(|)|+|-|*|/|%|=|<>|AND|OR|NOT|IS NULL|BETWEEN|IN|(1, 2)
LIKE|'%'|CASE|WHEN|THEN|ELSE|END|CAST(|AS|DATE|INTEGER|abs(|round(|age_days(|today()|coalesce(
,|;|--|/*|*/|read_csv('/etc/passwd')|(SELECT 1)|FROM|$1|?|x -> x|[1]|{'a': 1}|::BLOB
INTERVAL 1 DAY|pg_sleep(9)|getenv('HOME')|\\|\U0001f642
"""
_FILES = ["customers.csv", "/etc/passwd", "../x.csv", "*.parquet", "nothing.duckdb"]


def _listed(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split("|")]


CELLS = st.one_of(
    st.sampled_from([*_listed(_WORDS), *_SIGNS]),
    st.text(max_size=12),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
)
ROWS = st.lists(st.lists(CELLS, min_size=5, max_size=7), min_size=1, max_size=5)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers()),
    st.sampled_from(_FILES),
)
CHANGES = st.tuples(st.integers(0, 1000), st.text(max_size=8), VALUES)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from("idr"), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=8,
)
EXPRESSIONS = st.lists(
    st.one_of(
        st.sampled_from(_listed(_PARTS)),
        st.text(max_size=4),
    ),
    max_size=14,
)


def edited(content: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    """Insert, delete or replace a few bytes."""
    for where, kind, new in edits:
        at = int(where * len(content))
        dropped = 0 if kind == "i" else len(new)
        content = content[:at] + (b"" if kind == "d" else new) + content[at + dropped :]
    return content


def tables(value: Any) -> list[dict[str, Any]]:
    """All tables inside a table or list."""
    inner = value.values() if isinstance(value, dict) else value
    found = [v for v in inner if isinstance(v, dict)]
    return [*found, *(t for v in inner if isinstance(v, dict | list) for t in tables(v))]
