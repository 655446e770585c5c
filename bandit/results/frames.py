"""A result as tables: one row of its figures, and one table for each list or count in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

from bandit.results.figures import Interval
from bandit.results.plain import plain

Cells: TypeAlias = dict[str, object]
RESULT = "result"
"""The table with the result's own figures; it has one row."""


def frames(result: object) -> dict[str, pl.DataFrame]:
    """Every table of a result by its name.

    A list or a count is a table of that name; one inside a row of another table is called
    `table.field` and begins with the columns that tell the row: its ``name``, or its ``position``.
    An interval is three columns: the figure, and its ends as `_lower` and `_upper`.
    """
    return {
        name: pl.DataFrame(rows, infer_schema_length=None, strict=False)
        for name, rows in tables(result).items()
    }


def tables(result: object) -> dict[str, list[Cells]]:
    """The same as rows of plain values."""
    found: dict[str, list[Cells]] = {RESULT: []}
    _walk(found, "", {}, result)
    return {name: rows for name, rows in found.items() if rows}


def _walk(found: dict[str, list[Cells]], table: str, key: Cells, value: object) -> None:
    """Add the rows of ``value`` to ``table``, each beginning with ``key``."""
    if isinstance(value, Interval):
        found.setdefault(table, []).append({**key, **_interval("value", value, "")})
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _row(found, table, key, value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _walk(found, table, {**key, _free("name", key): str(name)}, inner)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            if isinstance(inner, Mapping):  # a row of the record
                cells = {str(k): plain(v) for k, v in inner.items()}
                found.setdefault(table, []).append({**key, **cells})
            else:
                _walk(found, table, {**key, _free("position", key): position}, inner)
    else:
        found.setdefault(table, []).append({**key, "value": plain(value)})


def _row(found: dict[str, list[Cells]], table: str, key: Cells, value: object) -> None:
    """One row for a dataclass; what is no single figure goes into tables of its own."""
    cells: Cells = dict(key)
    inner: list[tuple[str, object]] = []
    for field in dataclasses.fields(value):  # type: ignore[arg-type]  # asked by the caller
        part = getattr(value, field.name)
        if isinstance(part, Interval):
            cells |= _interval(field.name, part, f"{field.name}_")
        elif isinstance(part, Mapping | list | tuple) or dataclasses.is_dataclass(part):
            inner.append((field.name, part))
        else:
            cells[field.name] = plain(part)
    found.setdefault(table or RESULT, []).append(cells)
    for name, part in inner:
        _walk(found, f"{table}.{name}" if table else name, key, part)


def _interval(name: str, value: Interval, prefix: str) -> Cells:
    ends = {f"{prefix}lower": plain(value.lower), f"{prefix}upper": plain(value.upper)}
    return {name: plain(value.value), **ends}


def _free(name: str, key: Cells) -> str:
    """A column's name that the key does not have yet: name, name_2, ..."""
    names = [name, *(f"{name}_{i}" for i in range(2, len(key) + 3))]
    return next(n for n in names if n not in key)
