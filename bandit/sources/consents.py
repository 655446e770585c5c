"""Consents as the user's table has them, read so that no doubt turns into an agreement.

A grant counts for the customer and the channel that it names. A refusal counts for whomever it can
mean: of a channel that the campaign does not have (or none, `all`, `*`) for every channel, of a
customer who is written otherwise (blanks, case, invisible characters, 17.0 for 17) for that one.
By [identity] a grant counts for who the customer is now, a refusal for all who may be that person.
"""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.campaign import Campaign
from bandit.config.tables import Consents
from bandit.core import folding, sql
from bandit.sources import cells, identity, identity_map, refusals, spellings
from bandit.sources.columns import key_column
from bandit.sources.database import Database
from bandit.sources.refusals import Refusal

WORD = 60
"""Channels whose consents share one integer."""


def bits(database: Database, campaign: Campaign, key: str, channels: Sequence[str]) -> str:
    """SELECT of id and, for each `WORD` channels, integers granted0.., refused0.. of a bit each.

    A bit of granted is set by a grant of that customer and channel, and cleared by any refusal, or
    an answer that cannot be read, that can mean them. One of refused is set by a refusal that was
    given live: it also closes a channel that needs no consent.
    """
    words = range(-(-len(channels) // WORD))
    granted = _granted(database, campaign, key, channels)
    given = list(refusals.read(campaign.folder))
    if not given:
        none = ", ".join(f"0::BIGINT AS refused{w}" for w in words)
        return f"SELECT *, {none} FROM ({granted})"
    live = _given_live(database, campaign, given, key, channels)
    names = ", ".join(f"granted{w}, coalesce(refused{w}, 0) AS refused{w}" for w in words)
    return f"SELECT id, {names} FROM ({granted}) granted FULL JOIN ({live}) live USING (id)"


def _given_live(
    database: Database,
    campaign: Campaign,
    given: Sequence[Refusal],
    key: str,
    channels: Sequence[str],
) -> str:
    """SELECT of id, refused0.. over the refusals that were given live."""
    database.rows(f"CREATE OR REPLACE TABLE bandit_refusals (id {key}, place BIGINT)")
    position = {folding.fold(name): i for i, name in enumerate(channels)}
    place = [None if one.channel is None else position.get(folding.fold(one.channel))
             for one in given]  # fmt: skip
    database.rows(
        f"INSERT INTO bandit_refusals SELECT TRY_CAST(unnest(?::VARCHAR[]) AS {key}),"
        " unnest(?::BIGINT[])",
        [[str(one.customer) for one in given], place],
    )
    chosen = ", ".join(
        f"bit_or(CASE WHEN place IS NULL THEN -1 WHEN {_bit(w)}) AS refused{w}"
        for w in range(-(-len(channels) // WORD))
    )
    rows = meant(database, campaign, key, "SELECT id, place FROM bandit_refusals", "place")
    return f"SELECT id, {chosen} FROM ({rows}) WHERE id IS NOT NULL GROUP BY id"


def _granted(database: Database, campaign: Campaign, key: str, channels: Sequence[str]) -> str:
    """SELECT of id, granted0.. by the user's table; no row without [consents]."""
    words = range(-(-len(channels) // WORD))
    if campaign.consents is None:
        none = ", ".join(f"NULL::BIGINT AS granted{w}" for w in words)
        return f"SELECT NULL::{key} AS id, {none} WHERE false"
    given = seen(database, campaign.consents, key, channels)
    rows = f"SELECT id, place, granted FROM ({given}) WHERE place IS NOT NULL OR NOT granted"
    if campaign.consents.id is not None:
        rows += f" UNION ALL SELECT id, place, false FROM ({by_id(campaign.consents, given)})"
    elif key == "VARCHAR":
        people = identity.with_keys(database, customers(database, campaign))
        refused = f"SELECT said, place FROM ({given}) WHERE NOT granted"
        odd = spellings.alike(refused, people, "place")
        rows += f" UNION ALL SELECT id, place, false FROM ({odd})"
    if database.known is not None:
        refused = f"SELECT id, place FROM ({rows}) WHERE NOT granted"
        others = identity.with_others(database, refused, "place")
        rows = f"SELECT * FROM ({rows}) WHERE granted UNION ALL SELECT *, false FROM ({others})"
    chosen = ", ".join(
        f"bit_or(CASE WHEN granted AND {_bit(w)}) & ~bit_or(CASE WHEN granted THEN 0"
        f" WHEN place IS NULL THEN -1 WHEN {_bit(w)}) AS granted{w}"
        for w in words
    )
    return f"SELECT id, {chosen} FROM ({rows}) WHERE id IS NOT NULL GROUP BY id"


def _bit(word: int) -> str:
    """The end of a CASE: the bit of a place in that word."""
    first = word * WORD
    within = f"place BETWEEN {first} AND {first + WORD - 1}"
    return f"{within} THEN 1::BIGINT << (place - {first}) ELSE 0 END"


def seen(database: Database, given: Consents, key: str, channels: Sequence[str]) -> str:
    """SELECT of each row's id (or NULL), said (the customer as written), named, place, granted.

    ``named`` is the channel as written; ``place`` BIGINT its place among ``channels``, NULL where
    the campaign has none such.
    """
    kind, source = database.column("consents", given.customer), database.table("consents")
    said = database.read("consents", given.customer, "text")
    strict = database.key("consents", given.customer, key)
    granted = f"coalesce({value(database, given)}, false)"
    id_ = strict
    if key == "BIGINT" and kind != key and given.id is None:
        either = f"coalesce({strict}, {spellings.number(said)})"
        id_ = f"CASE WHEN {granted} THEN {strict} ELSE {either} END"
    named = database.read("consents", given.channel, "text")
    return (
        f"SELECT {id_} AS id, {said} AS said, {named} AS named,"
        f" {place(named, channels)} AS place, {granted} AS granted FROM {source.view}"
    )


def by_id(section: Consents, given: str) -> str:
    """SELECT of id, place: everybody whom the ids of refusals can mean, however written."""
    return (
        f"SELECT maybe.id, given.place FROM ({given}) given JOIN {identity_map.POSSIBLE} maybe"
        f" ON maybe.kind IN ({sql.text(str(identity.kind_of(section)))}, '')"
        f" AND maybe.said = {identity_map.loose('given.said')} WHERE NOT given.granted"
    )


def meant(
    database: Database,
    campaign: Campaign,
    key: str,
    rows: str,
    *more: str,
    least: str | None = None,
) -> str:
    """Refusals (id, ``more``) of the record, also of all whom their keys can mean.

    Of people who may be one, each different row is given once, as by `identity.with_others`.
    """
    if key == "VARCHAR":
        columns = ", ".join([*more, *([] if least is None else [least])])
        people = identity.with_keys(database, customers(database, campaign))
        odd = f"SELECT id AS said, {columns} FROM ({rows}) ANTI JOIN ({people}) USING (id)"
        if database.rows(f"SELECT count(*) FROM ({odd})")[0][0]:
            also = spellings.alike(odd, people, *columns.split(", "))
            rows = f"{rows} UNION ALL SELECT id, {columns} FROM ({also})"
    return identity.with_others(database, rows, *more, least=least)


def customers(database: Database, campaign: Campaign) -> str:
    """SELECT of the id of every customer."""
    return f"SELECT {key_column(database, campaign)} AS id FROM {database.table('customers').view}"


def place(said: str, names: Sequence[str]) -> str:
    """SQL of the place that a name, as it is compared, has among ``names``, or NULL: BIGINT.

    What is written as in the campaign is quick.
    """
    if not names:
        return "NULL::BIGINT"
    cases = " ".join(
        f"WHEN {sql.text(folding.fold(name))} THEN {n}::BIGINT" for n, name in enumerate(names)
    )
    return f"CASE {said} {cases} ELSE CASE {channel_name(said)} {cases} END END"


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
        words = database.read("consents", given.granted, "truth")
        return f"coalesce({words}, CASE {number} WHEN 1 THEN true WHEN 0 THEN false END)"
    return cells.read(column, kind, "truth", writing)
