"""What says that a person agreed to a channel, or did not: the table, or a refusal given live."""

from __future__ import annotations

from collections.abc import Iterator

from bandit.config.campaign import Campaign
from bandit.core.days import shown_day
from bandit.core.folding import fold
from bandit.core.types import Bool
from bandit.sources import consents, refusals
from bandit.sources.catalogue import Catalogue
from bandit.sources.columns import key_type
from bandit.sources.database import Database


def of(
    database: Database, campaign: Campaign, catalogue: Catalogue, customer: str, consent: Bool
) -> dict[str, str]:
    """By channel, of those that ask for a consent or were refused live; ``consent`` bool[c]."""
    live = [one for one in refusals.read(campaign.folder) if str(one.customer) == customer]
    rows = _rows(database, campaign, catalogue, customer)
    return dict(_said(campaign, catalogue, consent, rows, live, database))


def _said(
    campaign: Campaign,
    catalogue: Catalogue,
    consent: Bool,
    rows: list[tuple[int | None, bool]],
    live: list[refusals.Refusal],
    database: Database,
) -> Iterator[tuple[str, str]]:
    given = campaign.consents
    table = "" if given is None else database.table("consents").called
    for place, channel in enumerate(catalogue.channels):
        closed = [
            one for one in live if one.channel is None or fold(one.channel) == fold(channel.name)
        ]
        if closed:
            yield (
                channel.name,
                f"refused live, {shown_day(max(one.at for one in closed), campaign.time_zone)}",
            )
        elif not channel.consent and not consent[place]:
            yield channel.name, "refused live, in a row that may mean them"
        elif channel.consent and given is None:
            yield channel.name, "no [consents]: nobody agreed"
        elif channel.consent and given is not None:
            column = f"{table}, column {given.granted!r}"
            mine = [granted for at, granted in rows if at in {place, None}]
            if consent[place]:
                yield channel.name, column
            elif mine and not all(mine):
                yield channel.name, f"refused by {column}"
            elif mine:
                yield channel.name, f"refused live, or by {column}, in a row that may mean them"
            else:
                yield channel.name, f"no row in {table}"


def _rows(
    database: Database, campaign: Campaign, catalogue: Catalogue, customer: str
) -> list[tuple[int | None, bool]]:
    """The place of the channel, None for every one, and the answer of each row about them."""
    if campaign.consents is None:
        return []
    key = key_type(database, campaign)
    names = [channel.name for channel in catalogue.channels]
    found = consents.seen(database, campaign.consents, key, names)
    return database.rows(
        f"SELECT place, bool_and(granted) FROM ({found}) WHERE id = CAST(? AS {key})"
        " AND (place IS NOT NULL OR NOT granted) GROUP BY place",
        [customer],
    )
