"""Keys and feature columns of the customers in the types that the rest of the program expects."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError
from bandit.core.problems import Faults
from bandit.sources.database import Database, failed

_REMEDY = {
    "numeric": "a number",
    "boolean": "true or false",
    "categorical": "text or a whole number",
    "date": "a date or time",
    "vector": "a list of numbers such as FLOAT[64]",
}


def feature_columns(database: Database, campaign: Campaign) -> dict[str, str]:
    """SQL of each feature column, in the order of the configuration.

    numeric is DOUBLE, boolean BOOLEAN, categorical VARCHAR, date TIMESTAMP in UTC, vector FLOAT[d]
    or FLOAT[]. ConfigError lists every column that is missing or of another kind.
    """
    faults = Faults()
    found: dict[str, str] = {}
    features = campaign.features
    for kind in ("numeric", "boolean", "categorical", "date", "vector"):
        for column in getattr(features, kind):
            try:
                found[column] = _typed(database, column, kind)
            except BanditError as e:
                faults.catch(e)
    faults.stop()
    return found


def _typed(database: Database, column: str, kind: str) -> str:
    type_ = database.column("customers", column)
    quoted = sql.name(column)
    if kind == "numeric" and sql.is_number(type_):
        return quoted if type_ == "DOUBLE" else f"CAST({quoted} AS DOUBLE)"
    if kind == "boolean" and type_ == "BOOLEAN":
        return quoted
    if kind == "boolean" and type_ in sql.INTEGERS:
        return f"CASE {quoted} WHEN 0 THEN false WHEN 1 THEN true END"
    if kind == "categorical" and sql.is_category(type_):
        return quoted if type_ == "VARCHAR" else f"CAST({quoted} AS VARCHAR)"
    if kind == "date" and sql.is_time(type_):
        return f"CAST({sql.moment(quoted, type_)} AS TIMESTAMP)"
    if kind == "vector" and sql.is_vector(type_):
        size = type_[type_.index("[") :]
        return quoted if type_ == f"FLOAT{size}" else f"CAST({quoted} AS FLOAT{size})"
    raise ConfigError(
        f"{database.table('customers').shown}: column {column!r} is {type_}, a {kind} feature"
        f" needs {_REMEDY[kind]}; convert it in a query or list it under another kind"
    )


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
    kind = database.column("customers", campaign.customers.key)
    if kind in sql.INTEGERS:
        return "BIGINT"
    if kind in {"VARCHAR", "UUID"} or kind.startswith("ENUM"):
        return "VARCHAR"
    raise ConfigError(
        f"{database.table('customers').shown}: key column {campaign.customers.key!r} is {kind};"
        " a key is a whole number or text, convert it in a query"
    )


def customer_type(database: Database, campaign: Campaign) -> pa.DataType:
    """Arrow type of the customers' key: int64 or string."""
    return pa.int64() if key_type(database, campaign) == "BIGINT" else pa.string()


def as_key(expression: str, kind: str, wanted: str) -> str:
    """A column of another table as the customers' key; NULL where it can be none of them."""
    if kind == wanted:
        return expression
    if wanted == "VARCHAR":
        return f"CAST({expression} AS VARCHAR)"
    number = f"TRY_CAST({expression} AS BIGINT)"
    if kind in sql.INTEGERS:
        return number
    if kind == "VARCHAR":
        return f"CASE WHEN {number}::VARCHAR = trim({expression}) THEN {number} END"
    return f"CASE WHEN {number} = {expression} THEN {number} END"
