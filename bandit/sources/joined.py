"""The customers with their variables, segments and gaps as columns beside their own.

They are made before a moment, so a wave of a day gone by has those of that day, as far as the
sources tell what was known then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.variables import FIRST_SEGMENT
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError
from bandit.core.folding import fold
from bandit.core.problems import Problems
from bandit.sources import basket, households
from bandit.sources.connection import Database, Table
from bandit.sources.expressions import check_expression
from bandit.sources.variables import One, evaluate, execute, table_of

VIEW = "bandit_customers_known"
PEOPLE = "bandit_customers"
"""The view of the customers alone."""


def join(database: Database, campaign: Campaign, at: dt.datetime, one: One | None = None) -> None:
    """Give the customers of an open database their variables before ``at``, and their segments.

    ConfigError lists every fault by variable and segment.
    """
    people = database.table("customers")
    key = people.key_kind
    asked = campaign.variables or campaign.segment or campaign.households or campaign.basket
    if key is None or not asked:
        return
    faults = Problems()
    _hold_free(campaign, people, basket.products(database, campaign), faults)
    # Likeness is learned from everybody, so before the events are narrowed to one.
    gaps = faults.attempt(lambda: basket.evaluate(database, campaign, at, key)) or {}
    made = faults.attempt(lambda: evaluate(database, campaign, at, key, one))
    own = f"bandit_people.{_key(campaign, people)}"
    units = faults.attempt(lambda: households.units(database, campaign, own))
    faults.stop()
    more, joined = units or ([], "")
    chosen = ["bandit_people.*", *more]
    if gaps:
        joined += f" LEFT JOIN {basket.GAPS} ON {basket.GAPS}.id = {own}"
        chosen += [f"{query} AS {sql.name(column)}" for column, query in gaps.items()]
    for part in made or ():
        joined += f" LEFT JOIN {part.table} ON {part.table}.id = {own}"
        chosen += [f"{query} AS {sql.name(name)}" for name, query in part.values().items()]
    execute(
        database,
        f"CREATE VIEW {VIEW}_variables AS"
        f" SELECT {', '.join(chosen)} FROM {people.view} bandit_people{joined}",
    )
    found = database.describe(f"SELECT * FROM {VIEW}_variables")
    made_here = (*campaign.variables, *(one.unit for one in campaign.households), *gaps)
    kinds = dict(people.columns) | {name: found[name] for name in made_here}
    _segments(database, campaign, kinds, at)
    known = database.table("customers")
    database.tables["customers"] = known._replace(gaps=gaps)


def _key(campaign: Campaign, people: Table) -> str:
    return people.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))


def restore(database: Database, campaign: Campaign, served: pa.Table) -> None:
    """Give the customers the variables and segments of a wave's record; others have none.

    ``served`` has the key first, then what the wave's campaign names.
    """
    people = database.table("customers")
    made = tuple(served.column_names[1:])
    faults = Problems()
    _hold_free(campaign, people, (), faults)
    faults.stop()
    relation = database.connection.from_arrow(served)
    relation.create("bandit_served")
    chosen = ", ".join(f"bandit_served.{sql.name(c)}" for c in made)
    execute(
        database,
        f"CREATE VIEW {VIEW}_variables AS SELECT bandit_people.*, {chosen}"
        f" FROM {people.view} bandit_people LEFT JOIN bandit_served"
        f" ON bandit_served.{sql.name(served.column_names[0])}"
        f" = bandit_people.{_key(campaign, people)}",
    )
    found = database.describe(f"SELECT * FROM {VIEW}_variables")
    kinds = dict(people.columns) | {name: found[name] for name in made}
    _stand_in(database, campaign, people, "SELECT * FROM " + VIEW + "_variables", kinds, made)


def _hold_free(
    campaign: Campaign, people: Table, products: Sequence[str], faults: Problems
) -> None:
    """The names of variables, segments and gaps are no columns of the customers."""
    taken = {fold(column): column for column in people.columns}
    names = [("variable", name) for name in campaign.variables]
    names += [("segment", segment.name) for segment in campaign.segment]
    names += [("the unit of", one.unit) for one in campaign.households]
    names += [("the gap", basket.column_of(product)) for product in products]
    if campaign.segment:
        names.append(("the column of the first segment,", FIRST_SEGMENT))
    for kind, name in names:
        if fold(name) in taken:
            faults.config.append(
                f"{kind} {name!r} is called as column {taken[fold(name)]!r} of {people.shown};"
                " rename one, the column by a query"
            )


def _segments(
    database: Database, campaign: Campaign, kinds: dict[str, str], at: dt.datetime
) -> None:
    """The view that stands for the customers from now on."""
    people, faults = database.table("customers"), Problems()
    checked: dict[str, str] = {}
    for segment in sorted(campaign.segment, key=lambda s: s.priority):
        try:
            checked[segment.name] = check_expression(
                segment.where, kinds, at=at, zone=campaign.time_zone
            )
        except BanditError as e:
            lines = str(e).splitlines()
            faults.config.extend(f"segment {segment.name!r}: {line}" for line in lines)
    told = database.kinds(f"{VIEW}_variables", checked.values())
    wheres = {segment.name: segment.where for segment in campaign.segment}
    chosen = ["*"]
    for name, query in checked.items():
        try:
            answer = f"SELECT {query} AS answer FROM {VIEW}_variables"
            if (kind := told.get(query) or database.describe(answer)["answer"]) != "BOOLEAN":
                raise ConfigError(
                    f"{wheres[name]!r} gives {kind}, not true or false; compare it with something"
                )
        except BanditError as e:
            lines = str(e).splitlines()
            faults.config.extend(f"segment {name!r}: {line}" for line in lines)
            continue
        chosen.append(f"coalesce({query}, false) AS {sql.name(name)}")
    faults.stop()
    body = f"SELECT {', '.join(chosen)} FROM {VIEW}_variables"
    kinds |= dict.fromkeys(campaign.crowds, "BOOLEAN")
    made = (*campaign.variables, *campaign.crowds, *(one.unit for one in campaign.households))
    _stand_in(database, campaign, people, body, kinds, made)


def with_first_segment(campaign: Campaign, rows: str) -> str:
    """SELECT of rows that tell segments, with the first of them by priority."""
    if not campaign.crowds:
        return f"SELECT * FROM {rows}"
    words = " ".join(f"WHEN {sql.name(c)} THEN {sql.text(c)}" for c in campaign.crowds)
    return f"SELECT *, CASE {words} END AS {sql.name(FIRST_SEGMENT)} FROM {rows}"


def _stand_in(
    database: Database,
    campaign: Campaign,
    people: Table,
    body: str,
    kinds: dict[str, str],
    made: tuple[str, ...],
) -> None:
    """Make the view that stands for the customers from now on, with their first segment."""
    if campaign.crowds:
        body = with_first_segment(campaign, f"({body})")
        kinds = kinds | {FIRST_SEGMENT: "VARCHAR"}
    execute(database, f"CREATE VIEW {VIEW} AS {body}")
    database.tables["customers"] = people._replace(view=VIEW, columns=kinds, made=made)


def notes(database: Database, campaign: Campaign) -> list[str]:
    """Sentences about events of people elsewhere, and about variables that are of no event."""
    people, told = database.tables.get("customers"), list[str]()
    if people is None or people.view != VIEW:
        return told
    told += households.notes(database, campaign)
    told += basket.notes(database, campaign, f"SELECT {_key(campaign, people)} AS id FROM {PEOPLE}")
    for source in campaign.source:
        variables, table = campaign.variables_of(source), table_of(campaign, source)
        if not variables:
            continue
        shown = database.table(source.role).shown
        asked = ["count(*)"]
        for name, variable in variables.items():
            none = {"count": "0", "sum": "0", "distinct": "0", "any": "false"}
            column = sql.name(name)
            if (empty := none.get(variable.function)) is not None:
                column = f"nullif({column}, {empty})"
            asked.append(f"count({column})")
        total, *filled = database.rows(f"SELECT {', '.join(asked)} FROM {table}")[0]
        outside = database.rows(
            f"SELECT count(*) FROM {table}_parts parts ANTI JOIN"
            f" (SELECT {_key(campaign, people)} AS id FROM {PEOPLE}) known USING (id)"
        )[0][0]
        if outside:
            told.append(
                f"{shown}: {outside:,} of {total:,} people with events are not among the customers"
            )
        told += [
            f"variable {name!r}: no event of {shown} that is known by now makes one; it is empty,"
            " or 0, for everybody"
            for name, count in zip(variables, filled, strict=True)
            if not count
        ]
    return told
