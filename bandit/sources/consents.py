"""Consents as the user's table has them, read so that no doubt turns into an agreement.

A grant counts for the customer and the channel that it names. A refusal counts for whomever it can
mean: of a channel that the campaign does not have (or none, `all`, `*`) for every channel, of a
customer who is written otherwise (blanks, case, invisible characters, 17.0 for 17) for that one.
"""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.campaign import Campaign, Consents
from bandit.core import folding, sql
from bandit.sources import cells
from bandit.sources.columns import key_column
from bandit.sources.database import Database
from bandit.sources.typed import as_key


def rows(database: Database, campaign: Campaign, key: str, channels: Sequence[str]) -> str:
    """SELECT of id, channel (see `channel_name`), granted (never NULL); no row without [consents].

    An answer that cannot be read is a no.
    """
    if campaign.consents is None:
        return f"SELECT NULL::{key} AS id, NULL::VARCHAR AS channel, false AS granted LIMIT 0"
    every = ", ".join(sql.text(folding.fold(name)) for name in channels)
    given = seen(database, campaign.consents, key, channels)
    parts = [
        f"SELECT id, channel, granted FROM ({given}) WHERE channel IS NOT NULL",
        f"SELECT id, unnest([{every}]), false FROM ({given}) WHERE channel IS NULL AND NOT granted",
    ]
    if key == "VARCHAR":
        spelled = otherwise_spelled(given, customers(database, campaign))
        parts += [
            f"SELECT id, channel, false FROM ({spelled}) WHERE channel IS NOT NULL",
            f"SELECT id, unnest([{every}]), false FROM ({spelled}) WHERE channel IS NULL",
        ]
    return " UNION ALL ".join(parts)


def seen(database: Database, given: Consents, key: str, channels: Sequence[str]) -> str:
    """SELECT of each row's id (or NULL), said (the customer as written), named, channel, granted.

    ``named`` is the channel as written; ``channel`` is NULL where the campaign has none such.
    """
    source = database.table("consents")
    said = database.read("consents", given.customer, "text")
    kind = source.columns[given.customer]
    strict = as_key(sql.name(given.customer), kind, key)
    granted = f"coalesce({value(database, given)}, false)"
    id_ = strict
    if key == "BIGINT":
        id_ = f"CASE WHEN {granted} THEN {strict} ELSE coalesce({strict}, {_number(said)}) END"
    named = database.read("consents", given.channel, "text")
    return (
        f"SELECT {id_} AS id, {said} AS said, {named} AS named,"
        f" {_known(named, channels)} AS channel, {granted} AS granted FROM {source.view}"
    )


def customers(database: Database, campaign: Campaign) -> str:
    """SELECT of the id of every customer."""
    return f"SELECT {key_column(database, campaign)} AS id FROM {database.table('customers').view}"


def otherwise_spelled(given: str, people: str) -> str:
    """SELECT of id, said, channel: refusals of ``people`` who are written in another way.

    Case is passed over only where nobody is written in the refusal's.
    """
    near = f"{folding.whole('said')} = {folding.whole('id')}"
    pairs = (
        f"SELECT id, said, channel, {near} AS near FROM (SELECT DISTINCT said, channel"
        f" FROM ({given}) given WHERE NOT granted AND said IS NOT NULL) refused"
        f" JOIN ({people}) people ON {folding.folded('said')} = {folding.folded('people.id')}"
    )
    return (
        f"SELECT id, said, channel FROM (SELECT *, bool_or(near) OVER (PARTITION BY said) AS known"
        f" FROM ({pairs})) WHERE near OR NOT known"
    )


def _number(said: str) -> str:
    """A whole number however it is written: 017, ' 17', 17.0."""
    plain = folding.whole(said)
    number = f"TRY_CAST({plain} AS BIGINT)"
    return f"CASE WHEN TRY_CAST({plain} AS DOUBLE) = {number} THEN {number} END"


def _known(said: str, channels: Sequence[str]) -> str:
    """The channel as it is compared, or NULL; what is written as in the campaign is quick."""
    folded = [folding.fold(name) for name in channels]
    if not folded:
        return "NULL::VARCHAR"
    listed = ", ".join(sql.text(name) for name in folded)
    name = channel_name(said)
    return f"CASE WHEN {said} IN ({listed}) THEN {said} WHEN {name} IN ({listed}) THEN {name} END"


def channel_name(expression: str) -> str:
    """A channel's name as it is compared."""
    return folding.folded(expression)


def value(database: Database, given: Consents) -> str:
    """SQL of a consent row's answer: true, false, or NULL where it cannot be read.

    Of numbers, 1 is a yes and 0 a no; another code, a 2 for "revoked" say, is neither.
    """
    kind, writing = database.column("consents", given.granted), database.tables["consents"].writing
    column = sql.name(given.granted)
    if kind == "VARCHAR":
        # A cell that is a number in another dress, 1.0 say, is the same code.
        number = f"TRY_CAST({column} AS DOUBLE)"
        words = cells.read(column, kind, "truth", writing)
        return f"coalesce({words}, CASE {number} WHEN 1 THEN true WHEN 0 THEN false END)"
    return cells.read(column, kind, "truth", writing)
