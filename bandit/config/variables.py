"""What `[[source]]`, `[variables]` and `[[segment]]` may say: events, what is made of them, crowds.

A leaf below `bandit.config.campaign`, which takes them in as sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from bandit.config.section import Name, Strict, formed
from bandit.config.tables import Source
from bandit.core.folding import fold
from bandit.core.problems import nearest

Word = Annotated[
    str,
    formed(
        r"[A-Za-z_][A-Za-z0-9_]{0,62}",
        "a name is up to 63 letters, digits and underscores here and begins with no digit",
    ),
]
"""A name that rules can say without quotes."""
Function = Literal[
    "count", "any", "distinct", "sum", "mean", "min", "max", "first", "last", "days_since",
    "days_since_first", "median_gap", "ratio", "share", "trend", "rfm",
]  # fmt: skip
Condition = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]

_COLUMN = {
    "distinct": True, "sum": True, "mean": True, "min": True, "max": True, "first": True,
    "last": True, "ratio": True, "rfm": True, "share": None, "trend": None,
}  # fmt: skip
"""Whether a function is of a column: True it must name one, None it may, else it has none."""
AS_THEY_ARE = frozenset({"first", "last", "distinct"})
"""Functions of a column as rules see it; the others take numbers."""
FIRST_SEGMENT = "segment"
"""The column with the first of a customer's segments."""


class EventSource(Source):
    """Events of customers: whose, when, and from when on it could be known."""

    name: Word
    customer: str = "customer_id"
    id: Name | None = None
    at: str
    known_at: str | None = None

    @property
    def role(self) -> str:
        """What messages and rejects call it."""
        return f"source.{self.name}"


class Variable(Strict):
    """A number, a truth or a word about each customer, of their events before a moment.

    ``days`` is how far it looks back, the whole past without it; ``where`` an expression over the
    columns of the source; ``per`` the column below the line of a ratio.
    """

    source: Word | None = None
    function: Function
    column: str | None = None
    per: str | None = None
    days: Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)] | None = None
    where: Condition | None = None

    @model_validator(mode="after")
    def _fits(self) -> Variable:
        said = self.function
        wanted = _COLUMN.get(said, False)
        if wanted is True and self.column is None:
            raise ValueError(f"{said} is of a column; add column = ...")
        if wanted is False and self.column is not None:
            raise ValueError(f"{said} is of rows, not of a column; leave column out")
        if (said == "ratio") != (self.per is not None):
            raise ValueError("ratio needs per, the column to divide by, and no other function does")
        if said == "share" and self.where is None:
            raise ValueError("share needs where: it is the part of rows, or of column, that fits")
        if said == "trend" and self.days is None:
            raise ValueError("trend needs days: it compares them with as many before")
        return self


class Segment(Strict):
    """A crowd of customers by an expression over their columns, variables among these.

    A customer may be of several; of these ``priority`` says which comes first, the lowest number.
    """

    name: Word
    where: Condition
    priority: int = 0


def numbers_of(variables: Mapping[str, Variable]) -> list[str]:
    """Columns that must be numbers, each once."""
    found = [
        column
        for v in variables.values()
        if v.function not in AS_THEY_ARE
        for column in (v.column, v.per)
        if column is not None
    ]
    return list(dict.fromkeys(found))


def resolved(sources: Sequence[EventSource], variable: Variable) -> EventSource:
    """The source of a variable: the only one where it names none; ValueError if there is none."""
    if variable.source is None:
        if len(sources) != 1:
            raise ValueError(
                f"there are {len(sources)} [[source]]; say of which: source = ..."
                if sources
                else "there is no [[source]]; add one"
            )
        return sources[0]
    for source in sources:
        if source.name == variable.source:
            return source
    raise ValueError(
        f"source = {variable.source!r} is no [[source]]"
        f"{nearest(variable.source, [s.name for s in sources])}"
    )


def hold_named_once(
    sources: Sequence[EventSource], variables: Sequence[str], segments: Sequence[Segment]
) -> None:
    """ValueError for a name that stands twice: case tells no columns apart."""
    taken = {fold(FIRST_SEGMENT): "the column of a customer's first segment"} if segments else {}
    for kind, names in (("variable", variables), ("segment", [s.name for s in segments])):
        for name in names:
            if fold(name) in taken:
                raise ValueError(
                    f"{kind} {name!r} is called as {taken[fold(name)]}; give it a name of its own"
                )
            taken[fold(name)] = f"{kind} {name!r}"
    known: set[str] = set()
    for source in sources:
        if fold(source.name) in known:
            raise ValueError(f"two [[source]] are called {source.name!r}; rename one")
        known.add(fold(source.name))
