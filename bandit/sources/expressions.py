"""Expressions of campaign.toml: parsed, held to an allow-list, written anew for DuckDB.

What the user wrote never reaches the database; only SQL generated from the checked tree does, with
every identifier quoted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from bandit.core.errors import ConfigError
from bandit.core.problems import nearest, shown
from bandit.core.sql import LIKELY_DAYS, PARSER_FAULTS, is_time

MAX_CHARACTERS = 4_000
MAX_DEPTH = 30
MAX_NODES = 1_000
MAX_WRITTEN = 200_000
"""Characters of the SQL: what may be no number is asked for twice, so nesting doubles it."""

_OPERATORS: frozenset[type[exp.Expr]] = frozenset({
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple,
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.And, exp.Or, exp.Not,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg,
    exp.Between, exp.In, exp.Is, exp.Like, exp.ILike, exp.Case, exp.If,
    exp.Cast, exp.TryCast, exp.DataType, exp.Var, exp.DPipe,
})  # fmt: skip

FUNCTIONS: dict[str, type[exp.Expr]] = {
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
"""Functions by the name that the user calls them."""

AGE_DAYS = "age_days"
"""Ours: the days from a date to the wave."""
IN_SEGMENT = "in_segment"
"""Ours: whether the customer is of a segment, by its name."""

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
_CAST_NAMES = sorted(set(_CASTS.values()))
_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "HOUR", "MINUTE"}
_ALLOWED = _OPERATORS | frozenset(FUNCTIONS.values())


def check_expression(
    text: str,
    columns: Mapping[str, str],
    *,
    at: dt.datetime | None = None,
    zone: str = "UTC",
    segments: Collection[str] = (),
) -> str:
    """Safe SQL for an expression over `columns` (name to DuckDB type).

    `today()` and `age_days(column)` mean the day `at` in the time zone, the time of the wave, so
    that the same wave gives the same answer on another day; `in_segment('x')` is one of the
    ``segments``, which are columns of truth. Casts that fail, NaN, infinity and
    dates that are none are NULL, so a rule over them is unknown. ConfigError quotes the place where
    it does not parse, the function or construction that is not allowed, or the unknown column with
    the nearest one.
    """
    tree = _parse(text)
    day = (at or dt.datetime.now(dt.UTC)).astimezone(ZoneInfo(zone)).date()
    today = exp.cast(exp.Literal.string(day.isoformat()), "DATE", dialect="duckdb")
    whole = exp.Paren(this=tree)
    for count, node in enumerate(whole.walk()):
        if count > MAX_NODES:
            raise ConfigError(f"{shown(text)}: too large; at most {MAX_NODES} parts")
        _check(node, text)
    rewrite = _Rewrite(text, columns, today, zone, segments)
    for node in reversed(list(tree.walk())):
        rewrite.in_place(node)
    safe = f"TRY{whole.sql('duckdb', comments=False, identify=True)}"
    if len(safe) > MAX_WRITTEN:
        raise ConfigError(f"{shown(text)}: divisions and roots nested too deep; simplify it")
    _check_single(safe, text)
    return safe


def _check_single(safe: str, text: str) -> None:
    """DuckDB's own parser must see one expression too, whatever sqlglot thought it wrote."""
    try:
        statements = duckdb.extract_statements(f"SELECT {safe}")
    except duckdb.Error as e:
        reason = str(e).split("\n", 1)[0].removeprefix("Parser Error: ")
        raise ConfigError(f"{shown(text)} does not parse: {reason}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError(f"{shown(text)} is more than one expression")


def _parse(text: str) -> exp.Expr:
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{shown(text)}: longer than {MAX_CHARACTERS} characters; shorten it")
    if "\x00" in text or not text.strip():
        raise ConfigError(f'{shown(text)}: empty or not text; write for example "age >= 18"')
    if _nesting(text) > MAX_DEPTH:
        raise ConfigError(f"{shown(text)}: nested more than {MAX_DEPTH} deep; simplify it")
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb", into=exp.Condition)
    except ParseError as e:
        raise ConfigError(_parse_message(text, e)) from None
    except PARSER_FAULTS as e:
        reason = str(e).split("\n", 1)[0]
        raise ConfigError(f"{shown(text)} does not parse: {reason}") from None
    return tree


def _nesting(text: str) -> int:
    """Deepest bracket, CASE or run of prefixes, counted before a recursive parser sees them."""
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


def _check(node: exp.Expr, text: str) -> None:
    """Refuse everything that is not listed, and the rarer arguments of what is."""
    if isinstance(node, exp.Anonymous):
        reason = _unknown_function(node)
    elif type(node) not in _ALLOWED:
        reason = f"{_construction(node)} is not allowed here"
    else:
        reason = next(
            (r for kind, rule in _NARROWER if isinstance(node, kind) and (r := rule(node))), ""
        )
    if reason:
        raise ConfigError(f"{shown(text)}: {reason}")


def _unknown_function(node: exp.Anonymous) -> str:
    if node.name.lower() in {AGE_DAYS, IN_SEGMENT, "today"}:
        return ""
    known = [*FUNCTIONS, AGE_DAYS, IN_SEGMENT]
    return f"function {node.name!r} is not allowed{nearest(node.name, known)}"


def _construction(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return f"function {node.sql_name().lower()!r}"
    return f"{type(node).__name__.upper()} ({shown(node.sql('duckdb'))})"


def _column_alone(node: exp.Expr) -> str:
    if node.args.get("table") or not isinstance(node.this, exp.Identifier):
        return f"{node.sql('duckdb')!r} is no column; write its name alone"
    return ""


def _values_only(node: exp.Expr) -> str:
    if any(node.args.get(other) for other in ("query", "unnest", "field")):
        return "IN takes a list of values here, not a query"
    return ""


def _plain_type(node: exp.Expr) -> str:
    kind = node.args["to"]
    if kind.this in _CASTS and not kind.expressions and not node.args.get("format"):
        return ""
    return f"cast to {kind.sql('duckdb')} is not allowed; known here: {', '.join(_CAST_NAMES)}"


def _known_unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    if unit is None or str(unit.name).upper() in _UNITS:
        return ""
    return f"date_diff counts in {', '.join(sorted(_UNITS)).lower()}"


def _unit_only(node: exp.Expr) -> str:
    return "" if isinstance(node.parent, exp.DateDiff) else f"{node.name!r} is not allowed here"


_NARROWER: tuple[tuple[type[exp.Expr], Callable[[exp.Expr], str]], ...] = (
    (exp.Column, _column_alone),
    (exp.In, _values_only),
    (exp.Cast, _plain_type),
    (exp.DateDiff, _known_unit),
    (exp.Var, _unit_only),
)


_BEYOND = (exp.Div, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow, exp.Mod)
"""What makes NaN or infinity of numbers that are neither."""

_FLOATS = (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)
_SUMS = (exp.Add, exp.Sub, exp.Mul)


def _is_sum(node: exp.Expr) -> bool:
    """The outermost sum or product: it may pass the largest number."""
    above = node.parent
    while isinstance(above, exp.Paren | exp.Neg):
        above = above.parent
    return isinstance(node, _SUMS) and not isinstance(above, _SUMS)


def _finite(node: exp.Expr) -> exp.Expr:
    """The number, or unknown where it is none: to DuckDB, NaN is greater than every number."""
    asked = exp.Anonymous(this="isfinite", expressions=[node.copy()])
    return exp.Paren(this=exp.Case(ifs=[exp.If(this=asked, true=node)]))


def _of_all(node: exp.Expr) -> exp.Expr:
    """The least or greatest, unknown if any part is: DuckDB passes over what is unknown."""
    parts = [node.this, *node.expressions]
    known = [
        exp.Not(this=exp.Is(this=exp.Paren(this=p.copy()), expression=exp.Null())) for p in parts
    ]
    return exp.Paren(this=exp.Case(ifs=[exp.If(this=exp.and_(*known), true=node)]))


class _Rewrite(NamedTuple):
    """Columns by their true names, casts that cannot fail, the wave's day for today."""

    text: str
    columns: Mapping[str, str]
    today: exp.Expr
    zone: str
    segments: Collection[str]

    def in_place(self, node: exp.Expr) -> None:
        """Rewrite one node; its children are done already."""
        if isinstance(node, exp.Column):
            node.replace(self._known(self._true_name(node.name)))
        elif isinstance(node, exp.CurrentDate):
            node.replace(self.today.copy())
        elif isinstance(node, exp.Anonymous):
            node.replace(self._ours(node))
        elif type(node) is exp.Cast:
            tried = exp.TryCast(this=node.this, to=node.args["to"])
            node.replace(_finite(tried) if node.args["to"].this in _FLOATS else tried)
        elif isinstance(node, exp.Least | exp.Greatest):
            node.replace(_of_all(node.copy()))
        elif isinstance(node, _BEYOND) or _is_sum(node):
            node.replace(_finite(node.copy()))

    def _known(self, name: str) -> exp.Expr:
        """A column as rules see it: NaN, infinity and dates that are none are unknown."""
        column, kind = exp.column(exp.to_identifier(name, quoted=True)), self.columns[name]
        if kind in {"FLOAT", "DOUBLE"}:
            return _finite(column)
        if not is_time(kind):
            return column
        said: exp.Expr = column.copy()
        if kind == "TIMESTAMP WITH TIME ZONE":
            said = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(self.zone), said])
        low, high = (exp.cast(exp.Literal.string(d), "DATE", dialect="duckdb") for d in LIKELY_DAYS)
        likely = exp.Between(this=column, low=low, high=high)
        return exp.Paren(this=exp.Case(ifs=[exp.If(this=likely, true=said)]))

    def _true_name(self, name: str) -> str:
        for column in self.columns:
            if column.lower() == name.lower():
                return column
        raise ConfigError(
            f"{shown(self.text)}: unknown column {name!r}{nearest(name, self.columns)}"
        )

    def _ours(self, node: exp.Anonymous) -> exp.Expr:
        arguments = node.expressions
        if node.name.lower() == "today" and not arguments:
            return self.today.copy()
        if node.name.lower() == IN_SEGMENT:
            return self._member(arguments)
        if node.name.lower() != AGE_DAYS or len(arguments) != 1:
            raise ConfigError(
                f"{shown(self.text)}: write today() without arguments, {AGE_DAYS}(joined) with one"
            )
        born = exp.TryCast(this=arguments[0], to=exp.DataType.build("DATE", dialect="duckdb"))
        return exp.DateDiff(this=self.today.copy(), expression=born, unit=exp.Var(this="DAY"))

    def _member(self, arguments: list[exp.Expr]) -> exp.Expr:
        """The column of the segment that is named, as text."""
        named = arguments[0] if len(arguments) == 1 else None
        if not isinstance(named, exp.Literal) or not named.is_string:
            raise ConfigError(f"{shown(self.text)}: write {IN_SEGMENT}('name')")
        found = [name for name in self.segments if name.lower() == named.name.lower()]
        if not found:
            raise ConfigError(
                f"{shown(self.text)}: no [[segment]] {named.name!r}"
                f"{nearest(named.name, self.segments)}"
            )
        return exp.column(exp.to_identifier(found[0], quoted=True))
