"""The user's tables: where rows come from, and which column is what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    model_validator,
)

from bandit.config.section import Name, Strict, formed

SPARK = "spark:"
"""What a source of Spark's begins with; the table's name follows: spark:crm.customers."""
_DOTTED = re.compile(r"\w+(\.\w+){0,3}")


class Form(Strict):
    """How a source's cells are written, where that differs from 1.5, 2026-11-23 and true."""

    decimal: Literal[".", ","] = "."
    date_format: (
        Annotated[
            str, formed(r"(?s).*%[dymYbjG].*", "say where day, month and year stand: %d.%m.%Y")
        ]
        | None
    ) = None
    missing: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, Any]:
        """Its settings, for a source that takes this one's place."""
        return {name: getattr(self, name) for name in Form.model_fields}


class Source(Form):
    """Rows of the user's own: a table or query of a .duckdb file, Parquet, CSV, a Spark table."""

    source: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Source:
        if self.table is not None and self.query is not None:
            raise ValueError("give either table or query, not both")
        if (
            Path(self.source).suffix.lower() in {".duckdb", ".db"}
            and self.table is None
            and self.query is None
        ):
            raise ValueError("a .duckdb source needs a table or a query")
        _hold_spark(self.source, self.table)
        return self


class Customers(Source):
    """One row a customer."""

    key: str = "customer_id"


class Consents(Source):
    """Who agreed to be contacted on which channel; a refusal outweighs a grant.

    ``id``, here and below: the kind of ids in ``customer``, by [identity]; our own keys without it.
    """

    customer: str = "customer_id"
    id: Name | None = None
    channel: str = "channel"
    granted: str = "granted"


class History(Source):
    """Contacts made outside this program; they count for contact pressure."""

    customer: str = "customer_id"
    id: Name | None = None
    channel: str = "channel"
    offer: str = "offer"
    contacted_at: str = "contacted_at"


class Outcomes(Form):
    """Where outcomes come from when `learn` is given no file, and how their columns are called."""

    source: str | None = None
    table: str | None = None
    query: str | None = None
    event_id: str = "event_id"
    decision: str = "decision_id"
    customer: str = "customer_id"
    id: Name | None = None
    event: str = "event"
    reward: str = "reward"
    occurred_at: str = "occurred_at"
    version: str = "version"

    @model_validator(mode="after")
    def _named(self) -> Outcomes:
        _hold_spark(self.source, self.table)
        return self


def spark_table(source: str | None) -> str | None:
    """The name of a Spark table, None for a file."""
    if source is None or not source.startswith(SPARK):
        return None
    return source.removeprefix(SPARK)


def _hold_spark(source: str | None, table: str | None) -> None:
    name = spark_table(source)
    if name is None:
        return
    if not _DOTTED.fullmatch(name):
        raise ValueError(
            f"{source!r} names no Spark table: write spark:table or spark:schema.table"
        )
    if table is not None:
        raise ValueError(f"{source!r} is a table already: leave table = {table!r} out")


class Log(Source):
    """A campaign logged elsewhere, for `learn --log` and `simulate`: which column is what."""

    action: str
    reward: str
    propensity: str | float | dict[str, float] | None = None
    customer: str | None = None
    cluster: str | None = None
    time: str | None = None
    position: str | None = None
    eligible: str | None = None
    channel: Name | None = None
    no_contact: str | None = None
    actions: dict[str, str] = Field(default_factory=dict)
