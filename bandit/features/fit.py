"""Fit the encoding on a relation over the customers: a few aggregates, computed by DuckDB."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import duckdb

from bandit.campaign import Features
from bandit.errors import ConfigError, DataError
from bandit.features.spec import KINDS, Column, FeatureSpec, Kind

DIGITS = 9
"""Significant digits kept: sums over rows differ in the last bits by the order of the rows."""

MAX_CATEGORY_CHARACTERS = 200


def fit(features: Features, relation: duckdb.DuckDBPyRelation, at: dt.datetime) -> FeatureSpec:
    """Learn means, scales and categories from all customers.

    Parameters
    ----------
    features
        Which columns are of which kind.
    relation
        One row a customer; numeric columns DOUBLE, boolean BOOLEAN, categorical VARCHAR, date
        TIMESTAMP (UTC), vector FLOAT[d] or FLOAT[].
    at
        Time of the wave; dates become ages in days before it.

    Returns
    -------
    FeatureSpec
        The same whatever the order of the rows and the number of threads.

    Raises
    ------
    ConfigError
        Columns that are missing or of another type.
    DataError
        Columns that are constant or empty, vectors of several lengths. All are named at once.
    """
    wanted = [(name, kind) for kind in KINDS for name in getattr(features, kind)]
    _check_types(relation, wanted)
    if not wanted:
        return FeatureSpec(features.intercept, ())
    try:
        total = int(_one(relation, ["count(*)"])[0])
    except duckdb.Error as e:
        raise DataError(f"the feature columns cannot be read: {_first_line(e)}") from None
    if total == 0:
        raise DataError("there are no customers to fit the features on; fill the source")
    columns, faults = [], []
    for name, kind in wanted:
        try:
            columns.append(_column(features, relation, name, kind, at, total))
        except DataError as e:
            faults.append(str(e))
        except duckdb.Error as e:
            faults.append(f"feature column {name!r} cannot be read: {_first_line(e)}")
    if faults:
        raise DataError("\n".join(faults))
    return FeatureSpec(features.intercept, tuple(columns))


_TYPES = {
    "numeric": "DOUBLE",
    "boolean": "BOOLEAN",
    "categorical": "VARCHAR",
    "date": "TIMESTAMP",
}


def _check_types(relation: duckdb.DuckDBPyRelation, wanted: Sequence[tuple[str, Kind]]) -> None:
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    faults = []
    for name, kind in wanted:
        if name not in types:
            faults.append(f"feature column {name!r} is missing; there are {', '.join(types)}")
        elif kind == "vector" and not types[name].startswith("FLOAT["):
            faults.append(f"feature column {name!r} is {types[name]}; a vector must be FLOAT[d]")
        elif kind != "vector" and types[name] != _TYPES[kind]:
            faults.append(f"feature column {name!r} is {types[name]}; {kind} needs {_TYPES[kind]}")
    if faults:
        raise ConfigError("\n".join(faults))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one(relation: duckdb.DuckDBPyRelation, aggregates: Sequence[str]) -> tuple[Any, ...]:
    return tuple(relation.aggregate(", ".join(aggregates)).fetchall()[0])


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n", 1)[0]


def _column(
    features: Features,
    relation: duckdb.DuckDBPyRelation,
    name: str,
    kind: Kind,
    at: dt.datetime,
    total: int,
) -> Column:
    if kind == "categorical":
        return _categorical(features, relation, name, total)
    if kind == "vector":
        return _vector(relation, name, total)
    return _scalar(relation, name, kind, at, total)


def _scalar(
    relation: duckdb.DuckDBPyRelation, name: str, kind: Kind, at: dt.datetime, total: int
) -> Column:
    c = _quoted(name)
    value = {"numeric": c, "boolean": f"{c}::INTEGER::DOUBLE", "date": age_days(c, at)}[kind]
    finite = f"FILTER (isfinite({value}))"
    known, low, high, mean, scale = _one(relation, [
        f"count({c})", f"min({value}) {finite}", f"max({value}) {finite}",
        f"favg({value}) {finite}", f"stddev_pop({value}) {finite}",
    ])  # fmt: skip
    if low is None:
        raise DataError(f"feature column {name!r} has no value at all; fill it or leave it out")
    if low == high:
        raise DataError(f"feature column {name!r} is constant ({low}); leave it out")
    mean, scale = rounded(mean), rounded(scale)
    if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
        raise DataError(
            f"feature column {name!r} has values from {low} to {high}, too far apart to standardise"
        )
    return Column(name, kind, mean=mean, scale=scale, missing=known != total)


def age_days(column: str, at: dt.datetime) -> str:
    """SQL of the age in days of a UTC timestamp."""
    now = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return f"({now} - epoch_us({column})) / 86400000000.0"


def _categorical(
    features: Features, relation: duckdb.DuckDBPyRelation, name: str, total: int
) -> Column:
    c = _quoted(name)
    (known,) = _one(relation, [f"count({c})"])
    if known == 0:
        raise DataError(f"feature column {name!r} has no value at all; fill it or leave it out")
    counted = relation.filter(f"{c} IS NOT NULL AND length({c}) <= {MAX_CATEGORY_CHARACTERS}")
    rows = counted.aggregate(f"{c} AS value, count(*) AS n", c).order("n DESC, value").limit(
        features.max_categories
    ).fetchall()  # fmt: skip
    if known == total and len(rows) == 1 and rows[0][1] == total:
        raise DataError(f"feature column {name!r} is constant ({rows[0][0]!r}); leave it out")
    least = features.min_category_share * total
    kept = tuple(str(value) for value, count in rows if count >= least)
    if not kept:
        raise DataError(
            f"feature column {name!r} has no value that stands in"
            f" {features.min_category_share:.2%} of the rows; is it a key? leave it out"
        )
    return Column(name, "categorical", categories=kept, missing=known != total)


def _vector(relation: duckdb.DuckDBPyRelation, name: str, total: int) -> Column:
    c = _quoted(name)
    size = f"array_length({c})" if _fixed(relation, name) else f"len({c})"
    known, low, high, common = _one(
        relation, [f"count({c})", f"min({size})", f"max({size})", f"mode({size} ORDER BY {size})"]
    )
    if known == 0:
        raise DataError(f"feature column {name!r} has no value at all; fill it or leave it out")
    if low != high:
        raise DataError(
            f"feature column {name!r} has vectors of {low} to {high} numbers, mostly {common};"
            " all must have one length"
        )
    if low == 0:
        raise DataError(f"feature column {name!r} has vectors without numbers; leave it out")
    return Column(name, "vector", length=int(common), missing=known != total)


def _fixed(relation: duckdb.DuckDBPyRelation, name: str) -> bool:
    return str(relation.types[relation.columns.index(name)])[-2].isdigit()


def rounded(value: float) -> float:
    """To DIGITS significant digits."""
    return float(f"{value:.{DIGITS}g}")
