"""Expressions of campaign.toml: parsed, held to an allow-list, written anew for DuckDB.

What the user wrote never reaches the database; only SQL generated from the checked tree does, with
every identifier quoted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from bandit.errors import ConfigError
from bandit.store.faults import nearest, shown

MAX_CHARACTERS = 4_000
MAX_DEPTH = 30
MAX_NODES = 1_000

_OPERATORS: frozenset[type[exp.Expression]] = frozenset({
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple,
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.And, exp.Or, exp.Not,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg,
    exp.Between, exp.In, exp.Is, exp.Like, exp.ILike, exp.Case, exp.If,
    exp.Cast, exp.TryCast, exp.DataType, exp.Var, exp.DPipe,
})  # fmt: skip

FUNCTIONS: dict[str, type[exp.Expression]] = {
    "abs": exp.Abs,
    "round": exp.Round,
    "floor": exp.Floor,
    "ceil": exp.Ceil,
    "sqrt": exp.Sqrt,
    "ln": exp.Ln,
    "exp": exp.Exp,
    "pow": exp.Pow,
    "least": exp.Least,
    "greatest": exp.Greatest,
    "coalesce": exp.Coalesce,
    "nullif": exp.Nullif,
    "lower": exp.Lower,
    "upper": exp.Upper,
    "trim": exp.Trim,
    "length": exp.Length,
    "contains": exp.Contains,
    "starts_with": exp.StartsWith,
    "ends_with": exp.EndsWith,
    "year": exp.Year,
    "month": exp.Month,
    "day": exp.Day,
    "date_diff": exp.DateDiff,
    "today": exp.CurrentDate,
}
"""Functions by the name that the user calls them; `age_days(date)` is ours."""

_CASTS = {
    exp.DataType.Type.DATE: "DATE",
    exp.DataType.Type.TIMESTAMP: "TIMESTAMP",
    exp.DataType.Type.TIMESTAMPTZ: "TIMESTAMPTZ",
    exp.DataType.Type.DOUBLE: "DOUBLE",
    exp.DataType.Type.FLOAT: "FLOAT",
    exp.DataType.Type.BIGINT: "BIGINT",
    exp.DataType.Type.INT: "INT",
    exp.DataType.Type.BOOLEAN: "BOOLEAN",
    exp.DataType.Type.VARCHAR: "TEXT",
    exp.DataType.Type.TEXT: "TEXT",
}
_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "HOUR", "MINUTE"}
_ALLOWED = _OPERATORS | frozenset(FUNCTIONS.values())


def check_expression(
    text: str, columns: Mapping[str, str], *, at: dt.datetime | None = None
) -> str:
    """Safe SQL for an expression over `columns` (name to DuckDB type).

    `today()` and `age_days(column)` mean the day `at` (UTC), the time of the wave, so that the
    same wave gives the same answer on another day. Casts that fail and arithmetic that overflows
    give NULL. ConfigError quotes the place where it does not parse, the function or construction
    that is not allowed, or the unknown column with the nearest one.
    """
    tree = _parse(text)
    day = (at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).date()
    known = {c.lower(): c for c in columns}
    count = 0
    for node in tree.walk():
        count += 1
        if count > MAX_NODES or node.depth > 4 * MAX_DEPTH:
            raise ConfigError(f"{shown(text)}: too large; at most {MAX_NODES} parts")
        _check(node, text)
    safe = tree.transform(lambda node: _rewrite(node, text, known, columns, day))
    return f"TRY({safe.sql('duckdb', comments=False, identify=True)})"


def _parse(text: str) -> exp.Expression:
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{shown(text)}: longer than {MAX_CHARACTERS} characters; shorten it")
    if "\x00" in text or not text.strip():
        raise ConfigError(f"{shown(text)}: empty or not text; write for example \"age >= 18\"")
    if _nesting(text) > MAX_DEPTH:
        raise ConfigError(f"{shown(text)}: nested more than {MAX_DEPTH} deep; simplify it")
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb", into=exp.Condition)
    except ParseError as e:
        raise ConfigError(_parse_message(text, e)) from None
    except RecursionError:
        raise ConfigError(f"{shown(text)}: nested too deeply; simplify it") from None
    except (SqlglotError, ValueError) as e:
        reason = str(e).split("\n", 1)[0]
        raise ConfigError(f"{shown(text)} does not parse: {reason}") from None
    return tree


def _nesting(text: str) -> int:
    """Deepest bracket or CASE, and runs of prefixes, counted before a recursive parser sees them."""
    depth = deepest = 0
    for token in text.lower().replace("(", " ( ").replace(")", " ) ").split():
        depth += (token in {"(", "case", "not", "-", "+", "~"}) - (token in {")", "end"})
        depth = max(depth, 0)
        deepest = max(deepest, depth)
    return max(deepest, text.count("[") + text.count("{"))


def _parse_message(text: str, error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    where = f"line {first['line']}, position {first['col']}" if first.get("line") else "its end"
    near = f", near {first['highlight']!r}" if first.get("highlight") else ""
    what = str(first.get("description") or error).split("\n", 1)[0].rstrip(".")
    return f"{shown(text)} does not parse at {where}{near}: {what}"


def _check(node: exp.Expression, text: str) -> None:
    """Refuse everything that is not listed, and the rarer arguments of what is."""
    if isinstance(node, exp.Anonymous):
        if node.name.lower() in {"age_days", "today"}:
            return
        raise ConfigError(
            f"{shown(text)}: function {node.name!r} is not allowed{nearest(node.name, _function_names())}"
        )
    if type(node) not in _ALLOWED:
        raise ConfigError(f"{shown(text)}: {_construction(node)} is not allowed here")
    if isinstance(node, exp.Column) and (node.table or not isinstance(node.this, exp.Identifier)):
        raise ConfigError(f"{shown(text)}: {node.sql('duckdb')!r} is no column; write its name alone")
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest") or node.args.get("field")):
        raise ConfigError(f"{shown(text)}: IN takes a list of values here, not a query")
    if isinstance(node, exp.Cast):
        kind = node.to
        if kind.this not in _CASTS or kind.expressions or node.args.get("format"):
            raise ConfigError(
                f"{shown(text)}: cast to {kind.sql('duckdb')} is not allowed; known here:"
                f" {', '.join(sorted(set(_CASTS.values())))}"
            )
    if isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "DAY").strip("'").upper() not in _UNITS:
        raise ConfigError(f"{shown(text)}: date_diff counts in {', '.join(sorted(_UNITS))}")
    if isinstance(node, exp.Var) and not isinstance(node.parent, exp.DateDiff):
        raise ConfigError(f"{shown(text)}: {node.name!r} is not allowed here")


def _function_names() -> list[str]:
    return [*FUNCTIONS, "age_days"]


def _construction(node: exp.Expression) -> str:
    if isinstance(node, exp.Func):
        return f"function {node.sql_name().lower()!r}"
    return f"{type(node).__name__.upper()} ({shown(node.sql('duckdb'))})"


def _rewrite(
    node: exp.Expression,
    text: str,
    known: Mapping[str, str],
    columns: Mapping[str, str],
    day: dt.date,
) -> exp.Expression:
    """Columns by their true names, casts that cannot fail, the wave's day for today."""
    today = exp.cast(exp.Literal.string(day.isoformat()), "DATE", dialect="duckdb")
    if isinstance(node, exp.Column):
        found = known.get(node.name.lower())
        if found is None:
            raise ConfigError(f"{shown(text)}: unknown column {node.name!r}{nearest(node.name, columns)}")
        return exp.column(exp.to_identifier(found, quoted=True))
    if isinstance(node, exp.CurrentDate):
        return today
    if isinstance(node, exp.Anonymous):
        arguments = node.expressions
        if node.name.lower() == "today" and not arguments:
            return today
        if len(arguments) != 1:
            raise ConfigError(f"{shown(text)}: {node.name} takes one column, for example age_days(joined)")
        return exp.DateDiff(this=today, expression=_date(arguments[0]), unit=exp.Var(this="DAY"))
    if isinstance(node, exp.Cast) and type(node) is exp.Cast:
        return exp.TryCast(this=node.this, to=node.to)
    return node


def _date(node: exp.Expression) -> exp.Expression:
    return exp.TryCast(this=node, to=exp.DataType.build("DATE", dialect="duckdb"))
