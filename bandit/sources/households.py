"""The units of experiments that assign households, as columns of the customers.

A unit is 64 bits of the household's key, or of the customer's own where there is none: of each kind
of keys by itself, so that no household is taken for a customer. Who was in an earlier wave of the
experiment keeps the unit of then: a move changes nobody's arm. See docs/adr/0146.
"""

from __future__ import annotations

from bandit.config.campaign import Campaign
from bandit.config.household import Household
from bandit.core import sql
from bandit.core.errors import ConfigError
from bandit.core.wording import counted
from bandit.sources import cells, sources
from bandit.sources.connection import Database, Table

CUSTOMER = "customer_id"
"""The key in the files of earlier waves."""


def units(database: Database, campaign: Campaign, key: str) -> tuple[list[str], str]:
    """What to select of the customers ``bandit_people`` for their units, and what to join."""
    people, chosen, joined = database.table("customers"), [], ""
    for number, one in enumerate(campaign.households):
        unit = of_today(people, one, key)
        if one.seen:
            seen = f"bandit_seen_{number}"
            joined += f" LEFT JOIN ({_first_seen(one)}) {seen} ON {seen}.id = {key}"
            unit = f"coalesce({seen}.unit, {unit})"
        chosen.append(f"{unit} AS {sql.name(one.unit)}")
    return chosen, joined


def household(people: Table, one: Household) -> str:
    """SQL of the key of a customer's household as text, NULL for none; 12.0 is 12, as in keys."""
    if one.column not in people.columns:
        raise ConfigError(
            f"experiment {one.experiment!r}: {people.shown} has no column {one.column!r}; name in"
            " household the column that says of which household a customer is"
        )
    said = cells.text(sql.name(one.column), people.columns[one.column])
    return f"nullif(trim(CAST({said} AS VARCHAR)), '')"


def of_today(people: Table, one: Household, key: str) -> str:
    """SQL of a customer's unit by the household of today, UBIGINT."""
    said = household(people, one)
    return (
        f"md5_number_lower(CASE WHEN {said} IS NULL THEN 'customer ' || CAST({key} AS VARCHAR)"
        f" ELSE 'household ' || {said} END)"
    )


def _first_seen(one: Household) -> str:
    """SELECT of id and unit, as they were in the oldest wave that has the customer."""
    each = " UNION ALL ".join(
        f"SELECT {CUSTOMER} AS id, {sql.name(one.unit)} AS unit, {wave} AS wave"
        f" FROM {sources.parquet([file])}"
        for wave, file in enumerate(one.seen)
    )
    return f"SELECT id, arg_min(unit, wave) AS unit FROM ({each}) GROUP BY id"


def notes(database: Database, campaign: Campaign) -> list[str]:
    """How many customers have no household, and how many have another than they keep."""
    people, told = database.table("customers"), list[str]()
    key = people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
    for one in campaign.households:
        said, kept = household(people, one), sql.name(one.unit)
        alone, moved, total = database.rows(
            f"SELECT count(*) FILTER ({said} IS NULL),"
            f" count(*) FILTER ({kept} <> {of_today(people, one, key)}), count(*)"
            f" FROM {people.view}"
        )[0]
        if alone:
            told.append(
                f"experiment {one.experiment!r}: {alone:,} of {total:,} customers have no"
                f" {one.column!r}; each is a household of their own"
            )
        if moved:
            told.append(
                f"experiment {one.experiment!r}: {counted(moved, 'customer is', 'customers are')}"
                f" in another {one.column!r} than when first seen; the arm stays"
            )
    return told
