"""Keys and feature columns of the customers in the types that the rest of the program expects."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError
from bandit.core.problems import Problems, nearest
from bandit.sources import asked, cells
from bandit.sources.cells import Use
from bandit.sources.database import Database, failed


def feature_columns(database: Database, campaign: Campaign) -> dict[str, str]:
    """SQL of each feature column, in the order of the configuration.

    Gaps of baskets follow. numeric is DOUBLE, boolean BOOLEAN, categorical VARCHAR, date TIMESTAMP
    in UTC, vector FLOAT[d] or FLOAT[]. ConfigError lists every column that is missing or of another
    kind.
    """
    faults = Problems()
    found: dict[str, str] = {}
    for column, use in asked.uses(campaign):
        try:
            found[column] = _typed(database, column, use)
        except BanditError as e:
            faults.catch(e)
    faults.stop()
    people = database.tables.get("customers")
    gaps = () if people is None else people.gaps
    return found | {column: sql.name(column) for column in gaps}


def _typed(database: Database, column: str, use: Use) -> str:
    kind = database.column("customers", column)
    refuse_unreadable(database.table("customers").shown, column, kind, use)
    return in_type(database.read("customers", column, use), kind, use)


def refuse_unreadable(shown: str, column: str, kind: str, use: Use) -> None:
    """ConfigError if a column of DuckDB's type ``kind`` cannot be a feature of that use."""
    if (use == "text" and kind in {"FLOAT", "DOUBLE"}) or not cells.readable(kind, use):
        named = {u: k for k, u in asked.KINDS.items()}[use]
        raise ConfigError(
            f"{shown}: column {column!r} is {kind}, a {named} feature"
            f" needs {cells.REMEDY[use]}; convert it in a query or list it under another kind"
        )


def in_type(read: str, kind: str, use: Use) -> str:
    """SQL of a cell that was read for a use in the type that `features.fit` names."""
    if use == "number" and kind != "DOUBLE":
        return f"CAST({read} AS DOUBLE)"
    return f"CAST({read} AS TIMESTAMP)" if use == "date" else read


def feature_relation(database: Database, campaign: Campaign) -> duckdb.DuckDBPyRelation:
    """The feature columns of all customers as `features.fit` takes them."""
    columns = feature_columns(database, campaign)
    chosen = ", ".join(f"{query} AS {sql.name(c)}" for c, query in columns.items()) or "1 AS one"
    try:
        return database.connection.sql(f"SELECT {chosen} FROM {database.table('customers').view}")
    except duckdb.Error as e:
        raise failed(e) from None


def key_type(database: Database, campaign: Campaign) -> str:
    """BIGINT or VARCHAR: how customers are identified; ConfigError for another kind of key."""
    table, key = database.table("customers"), campaign.customers.key
    if key not in table.columns:
        raise ConfigError(
            f"{table.shown} has no column {key!r}{nearest(key, table.columns)}; name yours in"
            " [customers] key, or where rows have none of their own add"
            f' query = "SELECT row_number() OVER () AS {key}, * FROM source"'
        )
    kind = table.columns[key]
    if table.key_kind is None:
        raise ConfigError(
            f"{table.shown}: key column {campaign.customers.key!r} is {kind};"
            " a key is a whole number or text, convert it in a query"
        )
    return table.key_kind


def key_column(database: Database, campaign: Campaign) -> str:
    """SQL of the customers' key, of `key_type`; NULL where the cell is none."""
    column = campaign.customers.key
    return database.table("customers").names.get((column, "key"), sql.name(column))


def customer_type(database: Database, campaign: Campaign) -> pa.DataType:
    """Arrow type of the customers' key: int64 or string."""
    return pa.int64() if key_type(database, campaign) == "BIGINT" else pa.string()
