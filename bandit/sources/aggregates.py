"""Variables as aggregates of events: what each function is, in DuckDB's SQL.

Only numbers, flags and moments that `sources.events` has made are named here, by names of ours.
Sums are of whole millionths, so that neither the order of rows nor the number of threads changes
one bit of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from bandit.config.variables import Variable

DAY_US = 86_400_000_000
UNIT = 1_000_000
"""A sum counts so many parts of 1."""
MOST = 9_000_000_000_000
"""What is larger has no millionths in 64 bits."""
FIFTHS = (0.2, 0.4, 0.6, 0.8)


class Row(NamedTuple):
    """SQL of what a variable sees of an event; a flag is a name, or None for every event.

    ``column`` and ``per`` are whole millionths where the function adds up, else as they are.
    ``fits``: inside the window and where; ``inside``: the window alone; ``earlier``: the window
    before it, and where.
    """

    column: str
    per: str
    fits: str | None
    inside: str | None
    earlier: str | None


class Part(NamedTuple):
    """What is gathered of a customer's events: of those with a flag that say ``known`` columns.

    ``column`` is what is counted, added up or compared; without one rows are counted. "first" and
    "last" are the cell at one end of time; of several of one moment the one at that end of the
    alphabet.
    """

    said: Literal["count", "sum", "min", "max", "distinct", "first", "last"]
    column: str = ""
    flag: str | None = None
    known: tuple[str, ...] = ()

    def sql(self) -> str:
        """As an aggregate of DuckDB."""
        column, known = self.column or "*", self.known
        if self.said in {"first", "last"}:
            said = "min" if self.said == "first" else "max"
            called = f"{said}(struct_pack(moment := {MOMENT}, cell := {column}))"
            known = (*known, column)
        elif self.said == "distinct":
            called = f"count(DISTINCT {column})"
        else:
            called = f"{self.said}({column})"
        where = [*(f"{c} IS NOT NULL" for c in known), *([self.flag] if self.flag else [])]
        return f"{called} FILTER (WHERE {' AND '.join(where)})" if where else called


class Aggregate(NamedTuple):
    """``parts``: names of aggregates; ``value``: SQL over them; ``empty`` without an event."""

    parts: Sequence[str]
    value: str
    empty: str | None


MOMENT = "at_us"


def aggregate(variable: Variable, row: Row, known: dict[Part, str], now_us: int) -> Aggregate:
    """A variable before the moment ``now_us``, in microseconds since 1970.

    ``known`` names each different aggregate once; new ones are added. rfm has no value of its own:
    its fifths hang on everybody (`scores`).
    """
    said = variable.function
    parts = _PARTS[said](row, Part("sum", row.column) if variable.column else Part("count"))
    names = [known.setdefault(part, f"a{len(known)}") for part in parts]
    value = _VALUES[said](*(*names, "", "")[:3]) if said in _VALUES else ""
    return Aggregate(names, value.format(now=now_us, day=float(DAY_US)), _EMPTY.get(said))


def _ratio(row: Row, _: Part) -> list[Part]:
    """Both sums over the events that say both."""
    both = (row.column, row.per)
    return [Part("sum", row.column, row.fits, both), Part("sum", row.per, row.fits, both)]


_PARTS: Mapping[str, Callable[[Row, Part], list[Part]]] = {
    "count": lambda r, _: [Part("count", "", r.fits)],
    "any": lambda r, _: [Part("count", "", r.fits)],
    "distinct": lambda r, _: [Part("distinct", r.column, r.fits)],
    "sum": lambda r, whole: [whole._replace(flag=r.fits)],
    "mean": lambda r, whole: [whole._replace(flag=r.fits), Part("count", r.column, r.fits)],
    "min": lambda r, _: [Part("min", r.column, r.fits)],
    "max": lambda r, _: [Part("max", r.column, r.fits)],
    "first": lambda r, _: [Part("first", r.column, r.fits)],
    "last": lambda r, _: [Part("last", r.column, r.fits)],
    "days_since": lambda r, _: [Part("max", MOMENT, r.fits)],
    "days_since_first": lambda r, _: [Part("min", MOMENT, r.fits)],
    "ratio": _ratio,
    "share": lambda r, whole: [whole._replace(flag=r.fits), whole._replace(flag=r.inside)],
    "trend": lambda r, whole: [whole._replace(flag=r.fits), whole._replace(flag=r.earlier)],
    "rfm": lambda r, whole: [
        Part("max", MOMENT, r.fits),
        Part("count", "", r.fits),
        whole._replace(flag=r.fits),
    ],
}
"""What a function gathers, ``whole`` being the sum of its column or the count of rows."""


def _double(name: str) -> str:
    return f"CAST({name} AS DOUBLE)"


def _part_of(one: str, whole: str) -> str:
    return f"coalesce({_double(one)}, 0.0) / nullif({_double(whole)}, 0)"


def _change(now: str, before: str) -> str:
    one, other = (f"coalesce({_double(n)}, 0.0)" for n in (now, before))
    return f"({one} - {other}) / nullif(abs({one}) + abs({other}), 0)"


_VALUES: Mapping[str, Callable[[str, str, str], str]] = {
    "count": lambda a, *_: a,
    "any": lambda a, *_: f"{a} > 0",
    "distinct": lambda a, *_: a,
    "sum": lambda a, *_: f"coalesce({_double(a)}, 0.0) / {UNIT}",
    "mean": lambda a, b, _: f"{_double(a)} / nullif({_double(b)}, 0) / {UNIT}",
    "min": lambda a, *_: a,
    "max": lambda a, *_: a,
    "first": lambda a, *_: f"{a}.cell",
    "last": lambda a, *_: f"{a}.cell",
    "days_since": lambda a, *_: f"({{now}} - {a}) / {{day}}",
    "days_since_first": lambda a, *_: f"({{now}} - {a}) / {{day}}",
    "ratio": lambda a, b, _: _part_of(a, b),
    "share": lambda a, b, _: _part_of(a, b),
    "trend": lambda a, b, _: _change(a, b),
}
"""SQL of the value over the aggregates' names, in the order of `_PARTS`."""

_EMPTY = {"count": "0", "distinct": "0", "any": "false", "sum": "CAST(0 AS DOUBLE)"}
"""The value without any event, where it is known."""


def scores(names: Sequence[str], borders: Sequence[Sequence[int]]) -> str:
    """SQL of the three digits of rfm: the fifth of each part among everybody's, 5 the best.

    Whoever stands on a border belongs below it, so that equals have equal digits.
    """
    digits = [
        " + ".join(["1", *(f"CAST({name} > {cut} AS INTEGER)" for cut in cuts)])
        for name, cuts in zip(names, borders, strict=True)
    ]
    return f"CAST(100 * ({digits[0]}) + 10 * ({digits[1]}) + ({digits[2]}) AS BIGINT)"
