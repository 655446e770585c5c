"""What like baskets hold and a customer's lacks, as columns of the customers.

A basket holds ``ln(1 + times)`` of each product that a customer bought before a moment, lines of
one moment being one time. That is counted in whole thousandths and weights in whole millionths, so
that neither the order of rows nor the number of threads changes one bit of a sum.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.basket import BOUGHT, Basket
from bandit.config.basket import named as name_of
from bandit.config.campaign import Campaign
from bandit.config.variables import EventSource, resolved
from bandit.core import sql
from bandit.core.problems import nearest
from bandit.core.types import Float64
from bandit.sources import cells
from bandit.sources.aggregates import MOMENT
from bandit.sources.connection import Database
from bandit.sources.events import events
from bandit.sources.variables import STATE_BYTES, execute, in_parts, room

NAMED, ITEMS, LINES, WEIGHTS, GAPS = (
    "bandit_basket_named",
    "bandit_basket_items",
    "bandit_basket_lines",
    "bandit_basket_weights",
    "bandit_basket_gaps",
)
"""Tables of product that offers name; of product and item; of id, item and how much; of item and
weights; of id and gaps."""
MOST_ITEMS = 2_000
"""Products that baskets are compared by, those bought most; and all that offers name."""
MOST_PEOPLE = 100_000
"""Customers that likeness is learned from, about; all are judged by it."""
MUCH, UNIT = 1_000, 1_000_000
"""How much a basket holds, and a weight, count so many parts of 1."""
NAMED_AT_ONCE = 5


class Carried(NamedTuple):
    """A customer's gap of a product: None without one, since it is ``held`` or nothing was bought.

    ``items``: what was bought that carried it, with what each added, the largest first.
    """

    product: str
    gap: float | None
    held: bool
    bought: int
    items: list[tuple[str, float]]


def column_of(product: str) -> str:
    """How the column of a product's gap is called."""
    return f"gap_{product}"


def products(database: Database, campaign: Campaign) -> list[str]:
    """What the offers name, in the order of the alphabet; of a table as far as it is open."""
    if campaign.basket is None:
        return []
    column = campaign.basket.offer_column
    named = {name_of(o.features[column]) for o in campaign.offer if column in o.features}
    offers = database.tables.get("offers")
    if offers is not None and column in offers.columns:
        cell = cells.text(sql.name(column), offers.columns[column])
        rows = database.rows(f"SELECT DISTINCT {cell} FROM {offers.view} WHERE {cell} IS NOT NULL")
        named |= {str(product) for (product,) in rows}
    return sorted(named)


def evaluate(database: Database, campaign: Campaign, at: dt.datetime, key: str) -> dict[str, str]:
    """Make the gaps of everybody before ``at``; SQL of each over `GAPS`, by its column.

    ``key`` is the type of the customers' key. Of products that nobody bought there is none.
    """
    basket, named = campaign.basket, products(database, campaign)
    if basket is None or not named:
        return {}
    wanted = _lines(database, campaign, basket, named, at, key)
    if not wanted:
        execute(database, f"CREATE TABLE {GAPS} (id {key})")
        return {}
    gram = _gram(database)
    from bandit.models.gaps import weights  # noqa: PLC0415 - for those with a basket alone

    found = np.round(weights(gram, np.array(list(wanted.values()))) * UNIT).astype(np.int64)
    columns = {f"w{j}": found[:, j] for j in range(len(wanted))}
    table = pa.table({"item": np.arange(len(gram), dtype=np.int32), **columns})
    database.connection.from_arrow(table).create(WEIGHTS)
    sums = [
        f"CASE WHEN NOT bool_or(item = {item})"
        f" THEN CAST(sum(much * w{j}) AS DOUBLE) / {MUCH * UNIT} END AS g{j}"
        for j, item in enumerate(wanted.values())
    ]
    people = database.rows(f"SELECT approx_count_distinct(id) FROM {LINES}")[0][0]
    in_parts(
        database,
        f"SELECT * FROM {LINES}",
        GAPS,
        lambda rows: (
            f"SELECT id, {', '.join(sums)} FROM ({rows}) JOIN {WEIGHTS} USING (item) GROUP BY id"
        ),
        max(1, -(-people * (2 * len(sums) + 1) * STATE_BYTES // room(database))),
    )
    return {column_of(product): f"{GAPS}.g{j}" for j, product in enumerate(wanted)}


def source_of(campaign: Campaign, basket: Basket) -> EventSource:
    """Where the purchases lie."""
    return resolved(campaign.source, basket.bought)


def _lines(
    database: Database,
    campaign: Campaign,
    basket: Basket,
    named: Sequence[str],
    at: dt.datetime,
    key: str,
) -> dict[str, int]:
    """Make `ITEMS` and `LINES`; the items of what offers name, of what somebody bought."""
    found = events(database, campaign, source_of(campaign, basket), at, key)
    row, role = found.rows[BOUGHT], source_of(campaign, basket).role
    product = cells.text(row.column, database.column(role, basket.product))
    bought = (
        f"SELECT id, {MOMENT}, {product} AS product FROM ({found.query})"
        f" WHERE {row.fits} AND {row.column} IS NOT NULL"
    )
    database.connection.from_arrow(pa.table({"product": pa.array(named, pa.string())})).create(
        NAMED
    )
    kept = f"rank <= {MOST_ITEMS} OR product IN (FROM {NAMED})"
    execute(
        database,
        f"CREATE TABLE {ITEMS} AS SELECT product,"
        " CAST(row_number() OVER (ORDER BY rank) - 1 AS INTEGER) AS item FROM"
        " (SELECT product, row_number() OVER (ORDER BY count(*) DESC, product) AS rank"
        f" FROM ({bought}) GROUP BY product) WHERE {kept}",
    )
    rows, people = database.rows(
        f"SELECT count(*), approx_count_distinct(id) FROM ({found.query})"
    )[0]
    in_parts(
        database,
        bought,
        LINES,
        lambda mine: (
            f"SELECT id, item, CAST(round({MUCH} * ln(1 + count(DISTINCT {MOMENT}))) AS BIGINT)"
            f" AS much FROM ({mine}) JOIN {ITEMS} USING (product) GROUP BY id, item"
        ),
        max(1, -(-max(rows, people) * 4 * STATE_BYTES // room(database))),
    )
    return dict(
        database.rows(
            f"SELECT product, item FROM {ITEMS} SEMI JOIN {NAMED} USING (product) ORDER BY ALL"
        )
    )


def _gram(database: Database) -> Float64:
    """How much baskets hold both of two products, float64[p, p], of `MOST_PEOPLE` about."""
    people, items = database.rows(
        f"SELECT (SELECT count(DISTINCT id) FROM {LINES}), (SELECT count(*) FROM {ITEMS})"
    )[0]
    parts = max(1, people // MOST_PEOPLE)
    # Not DuckDB's own hash, which a version may change.
    chosen = f"md5_number_lower(CAST(id AS VARCHAR)) % {parts} = 0"
    lines = f"SELECT * FROM {LINES} WHERE {chosen}"
    gram = np.zeros((items, items), np.int64)
    for batch in database.stream(
        "SELECT one.item AS one, other.item AS other, CAST(sum(one.much * other.much) AS BIGINT)"
        f" AS both FROM ({lines}) one JOIN ({lines}) other USING (id) GROUP BY ALL",
        rows=1_000_000,
    ):
        one, other, both = (column.to_numpy() for column in batch.columns)
        gram[one, other] = both
    return gram / MUCH**2


def carried(
    database: Database, campaign: Campaign, wanted: Mapping[str, str], key: str, customer: str
) -> list[Carried]:
    """A customer's gaps of products, by what `evaluate` made; ``wanted`` as it returned."""
    own = f"SELECT item, much FROM {LINES} WHERE id = CAST(? AS {key})"
    found = []
    places = {column: query.rpartition(".g")[2] for column, query in wanted.items()}
    bought = database.rows(f"SELECT count(*) FROM ({own})", [customer])[0][0] if wanted else 0
    for product in products(database, campaign):
        place = places.get(column_of(product))
        if place is None:
            continue
        rows = database.rows(
            f"SELECT product, much * w{place} AS part FROM ({own}) JOIN {WEIGHTS} USING (item)"
            f" JOIN {ITEMS} USING (item) ORDER BY part DESC, product",
            [customer],
        )
        held = any(name == product for name, _ in rows)
        gap = None if held or not rows else sum(part for _, part in rows) / (MUCH * UNIT)
        items = [(str(name), part / (MUCH * UNIT)) for name, part in rows if part != 0]
        found.append(Carried(product, gap, held, int(bought), [] if held else items))
    return found


def notes(database: Database, campaign: Campaign, people: str) -> list[str]:
    """Sentences about empty baskets, products that nobody bought, and names of no product.

    ``people`` is a SELECT of the customers' ids.
    """
    basket, named = campaign.basket, products(database, campaign)
    if basket is None:
        return []
    source = source_of(campaign, basket)
    shown, days = database.table(source.role).shown, f"{basket.days:g}"
    if not named:
        return [f"[basket]: no offer names a product in {basket.offer_column!r}"]
    total, empty = database.rows(
        f"SELECT count(*), count(*) FILTER (id NOT IN (SELECT id FROM {LINES})) FROM ({people})"
    )[0]
    told = []
    if empty:
        told.append(
            f"{shown}: {empty:,} of {total:,} customers bought nothing in {days} days; of them"
            " nothing is known to be lacking, and they are decided without"
        )
    bought = {name for (name,) in database.rows(f"SELECT product FROM {ITEMS}")}
    missing = [product for product in named if product not in bought]
    view = database.table(source.role).view
    cell = cells.text(sql.name(basket.product), database.column(source.role, basket.product))
    ever = {
        name
        for (name,) in database.rows(
            f"SELECT DISTINCT {cell} FROM {view} WHERE list_contains(?::VARCHAR[], {cell})",
            [missing],
        )
    }
    unbought = [product for product in missing if product in ever]
    if unbought:
        told.append(
            f"{shown}: nobody bought {_some(unbought)} in {days} days; offers of it are decided"
            " without a gap"
        )
    strange = [product for product in missing if product not in ever]
    if strange:
        told.append(
            f"[basket]: {len(strange):,} of {len(named):,} products that offers name in"
            f" {basket.offer_column!r} stand nowhere in {shown}, such as {strange[0]!r}"
            f"{nearest(strange[0], bought)}; offers of them are decided without a gap"
        )
    return told


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:NAMED_AT_ONCE]))
    more = len(names) - NAMED_AT_ONCE
    return listed + (f" and {more:,} more" if more > 0 else "")
