"""Consents as the user's table has them, read so that no doubt turns into an agreement."""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.sources.columns import as_key
from bandit.sources.database import Database


def rows(database: Database, campaign: Campaign, key: str, channels: Sequence[str]) -> str:
    """SELECT of id, channel (see `channel_name`), granted (never NULL); no row without [consents].

    An answer that cannot be read is a no, and a no without a channel is one to all ``channels``.
    """
    given = campaign.consents
    if given is None:
        return f"SELECT NULL::{key} AS id, NULL::VARCHAR AS channel, false AS granted LIMIT 0"
    customer = as_key(sql.name(given.customer), database.column("consents", given.customer), key)
    database.column("consents", given.channel)
    channel = channel_name(f"CAST({sql.name(given.channel)} AS VARCHAR)")
    granted = f"coalesce({value(database, campaign)}, false)"
    every = ", ".join(channel_name(sql.text(name)) for name in channels)
    source = database.table("consents").view
    return (
        f"SELECT {customer} AS id, {channel} AS channel, {granted} AS granted FROM {source}"
        f" UNION ALL SELECT {customer}, unnest([{every}]), false FROM {source}"
        f" WHERE coalesce({channel}, '') = '' AND NOT {granted}"
    )


def channel_name(expression: str) -> str:
    """A channel's name as it is compared: case and blanks around it tell nothing."""
    return f"lower(trim({expression}))"


def value(database: Database, campaign: Campaign) -> str:
    """SQL of a consent row's answer: true, false, or NULL where it cannot be read.

    Of numbers, 1 is a yes and 0 a no; another code, a 2 for "revoked" say, is neither.
    """
    given = campaign.consents
    if given is None:
        return "NULL::BOOLEAN"
    kind = database.column("consents", given.granted)
    column = sql.name(given.granted)
    if kind == "BOOLEAN":
        return column
    if sql.is_number(kind):
        return f"CASE {column} WHEN 1 THEN true WHEN 0 THEN false END"
    return f"TRY_CAST({column} AS BOOLEAN)"
