"""Fit the encoding on a relation over the customers: a few aggregates, computed by DuckDB."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import duckdb

from bandit.config.deciding import Features
from bandit.config.score import Score
from bandit.core.errors import ConfigError, DataError
from bandit.features import ranks
from bandit.features.spec import KINDS, SCORE, Column, FeatureSpec, Kind

DIGITS = 9
"""Significant digits kept: sums over rows differ in the last bits by the order of the rows."""

MAX_CATEGORY_CHARACTERS = 200
GROUPED_AT_ONCE = 30
DATE: Kind = "date"


def fit(
    features: Features,
    relation: duckdb.DuckDBPyRelation,
    at: dt.datetime,
    scores: Sequence[Score] = (),
    gaps: Mapping[str, str] = MappingProxyType({}),
    called: str = "the table",
) -> FeatureSpec:
    """Learn means, scales, categories and the ranks of scores from all customers.

    Parameters
    ----------
    features
        Which columns are of which kind.
    relation
        One row a customer; numeric columns DOUBLE, boolean BOOLEAN, categorical VARCHAR, date
        TIMESTAMP (UTC), vector FLOAT[d] or FLOAT[].
    at
        Time of the wave; dates become ages in days before it.
    scores
        Whose columns are DOUBLE, with TIMESTAMP for when they were computed.
    gaps
        Columns of what baskets lack, each with its product; those that tell nobody from anybody
        else are left out.
    called
        Where the rows are from, as an error names it.

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
    known_at = [(s.known_at, DATE) for s in scores if s.known_at is not None]
    _check_types(relation, [*wanted, *((s.column, SCORE) for s in scores), *known_at])
    if not wanted and not scores and not gaps:
        return FeatureSpec(features.intercept, ())
    try:
        total, counted = _counted(relation, wanted, at)
        common = _common(relation, features.categorical, features.max_categories)
        cut = [_cut(relation, score.column, score.known_at, at) for score in scores]
        lacking = [_gap(name, gaps[name], _cut(relation, name, None, at)) for name in gaps]
    except duckdb.Error as e:
        reason = str(e).split("\n", 1)[0]
        raise DataError(f"the feature columns cannot be read: {reason}") from None
    if total == 0:
        raise DataError(f"{called} has no rows; is it the right table?")
    least = features.min_category_share * total
    made = [
        *(
            partial(_column, name, kind, counted[name], total, common.get(name, []), least)
            for name, kind in wanted
        ),
        *(partial(_score, *found, total) for found in zip(scores, cut, strict=True)),
    ]
    columns, faults = [], []
    for make in made:
        try:
            columns.append(make())
        except DataError as e:
            faults.append(str(e))
    if faults:
        raise DataError("\n".join(faults))
    columns += [column for column in lacking if column is not None]
    return FeatureSpec(features.intercept, tuple(columns))


def _column(
    name: str,
    kind: Kind,
    counted: Sequence[Any],
    total: int,
    common: list[tuple[str, int]],
    least: float,
) -> Column:
    if kind == "categorical":
        return _categorical(name, counted, total, common, least)
    if kind == "vector":
        return _vector(name, counted, total)
    return _scalar(name, kind, counted, total)


_TYPES = {
    "numeric": "DOUBLE",
    "boolean": "BOOLEAN",
    "categorical": "VARCHAR",
    "date": "TIMESTAMP",
    "score": "DOUBLE",
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


def _counted(
    relation: duckdb.DuckDBPyRelation, wanted: Sequence[tuple[str, Kind]], at: dt.datetime
) -> tuple[int, dict[str, Sequence[Any]]]:
    """Rows, and each column's aggregates: all in one pass, since a source may be a heavy query."""
    asked = {name: _aggregates(relation, name, kind, i) for i, (name, kind) in enumerate(wanted)}
    flat = ["count(*)", *(a for aggregates in asked.values() for a in aggregates)]
    cells = [cell for i, (name, kind) in enumerate(wanted) for cell in _cells(name, kind, i, at)]
    row = relation.project(", ".join(cells) or "1 AS one").aggregate(", ".join(flat)).fetchall()[0]
    found: dict[str, Sequence[Any]] = {}
    start = 1
    for name, aggregates in asked.items():
        found[name] = row[start : start + len(aggregates)]
        start += len(aggregates)
    return int(row[0]), found


def _cells(name: str, kind: Kind, place: int, at: dt.datetime) -> list[str]:
    """The column as c0.., and as x0.. what of a number is finite.

    A condition on each of four aggregates takes six times as long as one on the cell.
    """
    c = _quoted(name)
    cells = [f"{c} AS c{place}"]
    if kind not in {"categorical", "vector"}:
        value = {"numeric": c, "boolean": f"{c}::INTEGER::DOUBLE", "date": age_days(c, at)}[kind]
        cells.append(f"CASE WHEN isfinite({value}) THEN {value} END AS x{place}")
    return cells


def _aggregates(relation: duckdb.DuckDBPyRelation, name: str, kind: Kind, place: int) -> list[str]:
    known = f"count(c{place})"
    if kind == "categorical":
        return [known]
    if kind == "vector":
        fixed = str(relation.types[relation.columns.index(name)])[-2].isdigit()
        return [known, f"histogram({'array_length' if fixed else 'len'}(c{place}))"]
    return [known, *(f"{f}(x{place})" for f in ("min", "max", "favg", "stddev_pop"))]


def age_days(column: str, at: dt.datetime) -> str:
    """SQL of the age in days of a UTC timestamp."""
    now = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return f"({now} - epoch_us({column})) / 86400000000.0"


def _common(
    relation: duckdb.DuckDBPyRelation, names: Sequence[str], most: int
) -> dict[str, list[tuple[str, int]]]:
    """The `most` frequent values of each column with their counts, again in one pass."""
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for start in range(0, len(names), GROUPED_AT_ONCE):
        part = names[start : start + GROUPED_AT_ONCE]
        columns = ", ".join(f"c{i}" for i in range(len(part)))
        shortened = ", ".join(
            f"CASE WHEN length({c}) <= {MAX_CATEGORY_CHARACTERS} THEN {c} END AS c{i}"
            for i, c in enumerate(map(_quoted, part))
        )
        sets = ", ".join(f"(c{i})" for i in range(len(part)))
        counted = relation.query(
            "customers",
            f"SELECT place, value, n FROM (SELECT grouping({columns}) AS place,"
            f" coalesce({columns}) AS value, count(*) AS n FROM (SELECT {shortened} FROM customers)"
            f" GROUP BY GROUPING SETS ({sets})) WHERE value IS NOT NULL"
            " QUALIFY row_number() OVER (PARTITION BY place ORDER BY n DESC, value)"
            f" <= {most} ORDER BY place, n DESC, value",
        )
        # grouping() has a 0 bit for the set's own column, the first column highest.
        places = {(1 << len(part)) - 1 - (1 << (len(part) - 1 - i)): n for i, n in enumerate(part)}
        for place, value, count in counted.fetchall() if counted is not None else ():
            found[places[place]].append((str(value), int(count)))
    return found


def _empty(name: str) -> DataError:
    return DataError(f"feature column {name!r} has no value at all; fill it or leave it out")


def _scalar(name: str, kind: Kind, counted: Sequence[Any], total: int) -> Column:
    known, low, high, mean, scale = counted
    if low is None:
        raise _empty(name)
    if low == high:
        raise DataError(f"feature column {name!r} is constant ({low}); leave it out")
    mean, scale = rounded(mean), rounded(scale)
    if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
        raise DataError(
            f"feature column {name!r} has values from {low} to {high}, too far apart to standardise"
        )
    blank = _blank(known, total)
    return Column(name, kind, mean=mean, scale=scale, missing=known != total, blank=blank)


def _categorical(
    name: str, counted: Sequence[Any], total: int, common: list[tuple[str, int]], least: float
) -> Column:
    (known,) = counted
    if known == 0:
        raise _empty(name)
    if common and common[0][1] == total:
        raise DataError(f"feature column {name!r} is constant ({common[0][0]!r}); leave it out")
    kept = tuple(value for value, count in common if count >= least)
    if not kept:
        raise DataError(
            f"feature column {name!r} has no value that stands in {least / total:.2%} of the rows;"
            " is it a key? leave it out"
        )
    other = rounded(1.0 - sum(count for value, count in common if value in kept) / known)
    return Column(
        name,
        "categorical",
        categories=kept,
        missing=known != total,
        blank=_blank(known, total),
        other=other,
    )


def _vector(name: str, counted: Sequence[Any], total: int) -> Column:
    """The length that most vectors have; `encode` refuses the rows with another one."""
    known, lengths = counted
    if known == 0:
        raise _empty(name)
    length, count = min(lengths.items(), key=lambda pair: (-pair[1], pair[0]))
    if 2 * count <= known:
        raise DataError(
            f"feature column {name!r} has vectors of {min(lengths)} to {max(lengths)} numbers;"
            " all must have one length"
        )
    if length == 0:
        raise DataError(f"feature column {name!r} has vectors without numbers; leave it out")
    blank = _blank(known, total)
    return Column(name, "vector", length=int(length), missing=known != total, blank=blank)


def _cut(
    relation: duckdb.DuckDBPyRelation, column: str, known_at: str | None, at: dt.datetime
) -> tuple[int, int, list[float] | None]:
    """Of a score: how many cells are filled, how many count, and what stands at `ranks.shares`.

    The cuts are cells of the column, the same whatever the order of the rows.
    """
    c = _quoted(column)
    counts = f"isfinite({c})"
    if known_at is not None:
        counts += f" AND {age_days(_quoted(known_at), at)} >= 0"
    row = relation.aggregate(
        f"count({c}), count(*) FILTER ({counts}),"
        f" quantile_disc({c}, {list(ranks.shares())}) FILTER ({counts})"
    ).fetchall()[0]
    return int(row[0]), int(row[1]), row[2]


def _score(score: Score, found: tuple[int, int, list[float] | None], total: int) -> Column:
    filled, counting, quantiles = found
    said = f"score column {score.column!r}"
    if filled == 0:
        raise DataError(f"{said} has no value at all; fill it or leave it out")
    if counting == 0 or quantiles is None:
        raise DataError(
            f"{said}: no score is known to be computed before the wave began"
            f" ({score.known_at}); hand over scores from before, or begin later with --at"
        )
    ranked = ranks.ranks(quantiles)
    if ranked is None:
        raise DataError(f"{said} says the same of everybody; leave it out")
    return Column(
        score.column, SCORE, missing=filled != total, blank=_blank(filled, total),
        offers=score.of, known_at=score.known_at, cuts=ranked.cuts, terms=ranked.terms,
    )  # fmt: skip


def _gap(name: str, product: str, found: tuple[int, int, list[float] | None]) -> Column | None:
    """Who holds the product, or has no basket, has no gap: there may be such at any wave."""
    ranked = None if found[2] is None else ranks.ranks(found[2])
    if ranked is None:
        return None
    return Column(name, SCORE, missing=True, cuts=ranked.cuts, terms=ranked.terms, product=product)


def _blank(known: int, total: int) -> float:
    return rounded(1.0 - known / total)


def rounded(value: float) -> float:
    """To DIGITS significant digits."""
    return float(f"{value:.{DIGITS}g}")
