"""Quoting, and the types of DuckDB as far as we tell them apart."""

from __future__ import annotations

import re

from sqlglot.errors import SqlglotError

PARSER_FAULTS = (SqlglotError, RecursionError, ValueError, AttributeError, TypeError, LookupError)
"""What sqlglot raises for text that it cannot read; on some it trips with a plain Python error."""

NO_BARS = "SET enable_progress_bar = false"
"""DuckDB draws bars on standard output where Python was given its program as text, as workers are,
or a library's user at a prompt: what we print is ours alone."""

INTEGERS = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
})  # fmt: skip
TIMES = re.compile(r"^(DATE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)$")
LIKELY_DAYS = ("1900-01-02", "2500-01-01")
"""Between these days things happen; the ones beyond stand for something else."""
LISTS = re.compile(r"^(?P<item>[A-Z]+(?:\(\d+,\d+\))?)\[(?P<size>\d*)\]$")


def name(identifier: str) -> str:
    """A quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal; for file paths in statements that take no parameters."""
    return "'" + value.replace("'", "''") + "'"


def is_number(kind: str) -> bool:
    """Integers, floats and decimals; a truth value is none."""
    return kind in INTEGERS or kind in {"FLOAT", "DOUBLE"} or kind.startswith("DECIMAL")


def is_time(kind: str) -> bool:
    """A date or a point in time."""
    return TIMES.match(kind) is not None


def is_category(kind: str) -> bool:
    """Text, or what has an obvious one: whole numbers, truth values, enums, UUIDs, dates."""
    return (
        kind in INTEGERS
        or kind in {"VARCHAR", "BOOLEAN", "UUID", "DATE"}
        or kind.startswith("ENUM")
    )


def is_vector(kind: str) -> bool:
    """A list or fixed array of numbers."""
    found = LISTS.match(kind)
    return found is not None and is_number(found["item"])


def likely(moment: str) -> str:
    """Whether a point in time is one that things happen at.

    DuckDB knows the infinite too; 1900-01-01 and 9999-12-31 stand for "none" in most systems, and
    years of two digits come out as the first century.
    """
    low, high = LIKELY_DAYS
    return f"{moment} BETWEEN TIMESTAMPTZ '{low}' AND TIMESTAMPTZ '{high}'"
