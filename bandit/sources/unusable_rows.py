"""Rows of consents, contact history and events that cannot be used, and of people elsewhere.

A row without a usable customer, answer or date is refused, counted and kept. A row of somebody who
is not among the customers is none of this campaign's, as where `[customers]` is filtered: it is
counted and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE
from bandit.core import sql
from bandit.core.errors import DataError
from bandit.core.folding import fold, folded
from bandit.core.problems import nearest
from bandit.core.schema import REJECTS
from bandit.core.wording import counted
from bandit.sources import consents as answers
from bandit.sources import coverage, events, identity, identity_map, joined, spellings
from bandit.sources.catalogue import Catalogue
from bandit.sources.columns import key_type
from bandit.sources.database import Database, failed, streaming_failed
from bandit.sources.events import Fault

BATCH_ROWS = 50_000

NO_KEY = "no customer; write the key as the customers' source does"
NO_ANSWER = "neither true nor false; counted as no consent"
NO_DATE = "no date; write it as 2026-11-23"


class Refused(NamedTuple):
    """How many rows of a table are refused for a reason, and one of them, ``row`` where known."""

    table: str
    shown: str
    reason: str
    rows: int
    total: int
    column: str
    example: str
    row: int | None = None

    @property
    def sentence(self) -> str:
        """For a person."""
        row = "" if self.row is None else f" row {self.row:,},"
        return (
            f"{self.shown}: {self.rows:,} of {self.total:,} rows refused, for example{row}"
            f" {self.column} = {self.example!r}: {self.reason}"
        )


def count(database: Database, campaign: Campaign) -> list[Refused]:
    """Refused rows by table and reason; memory does not grow with them."""
    found = []
    for role, rows in _refused(database, campaign).items():
        shown, total = database.table(role).shown, database.count(role)
        number = "min_by(number, value)" if role == ROLE else "NULL"
        counted = database.rows(
            f'SELECT reason, count(*), min_by("column", value), min(value), {number}'
            f" FROM ({rows}) GROUP BY reason ORDER BY reason"
        )
        found += [Refused(role, shown, r, int(n), total, c, v, row) for r, n, c, v, row in counted]
    return found


def hold_share(campaign: Campaign, found: list[Refused]) -> None:
    """DataError if more of a table's rows are refused than `limits.reject_share` allows."""
    limit = campaign.limits.reject_share
    tables = {f.table: [g for g in found if g.table == f.table] for f in found}
    faults = [
        f"{'; '.join(f.sentence for f in rows)}; more than limits.reject_share = {limit:g} allows:"
        " mend them or raise it"
        for rows in tables.values()
        if sum(f.rows for f in rows) > limit * rows[0].total
    ]
    if faults:
        raise DataError("\n".join(faults))


def stream(database: Database, campaign: Campaign) -> Iterator[pa.RecordBatch]:
    """Batches of schema.REJECTS, in an order that does not depend on the source's.

    A consent or contact without a customer, a consent whose answer cannot be read (it counts as
    no), a contact whose date is none (it counts as not made).
    """
    names = ", ".join(sql.name(c) for c in REJECTS.names)
    for rows in _refused(database, campaign).values():
        cursor = database.connection.cursor()
        try:
            query = f"SELECT {names} FROM ({rows}) ORDER BY ALL"
            for batch in cursor.sql(query).to_arrow_reader(BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=REJECTS)
        except duckdb.Error as e:
            raise failed(e) from None
        except (pa.ArrowException, OSError) as e:
            raise streaming_failed(e) from None
        finally:
            cursor.close()


def notes(database: Database, campaign: Campaign, catalogue: Catalogue) -> list[str]:
    """Sentences about rows that count otherwise than written, or for nobody here."""
    found = [note for table in database.tables.values() for note in table.notes]
    found += joined.notes(database, campaign)
    found += coverage.notes(database, campaign)
    found += _of_consents(database, campaign, [c.name for c in catalogue.channels])
    return found + _of_history(database, campaign, catalogue)


def _of_history(database: Database, campaign: Campaign, catalogue: Catalogue) -> list[str]:
    history = campaign.history
    if history is None or "history" not in database.tables:
        return []
    table = database.table("history")
    id_ = database.key("history", history.customer, key_type(database, campaign))
    names = {
        "channel": (history.channel, [c.name for c in catalogue.channels]),
        "offer": (history.offer, [o.name for o in catalogue.offers]),
    }
    given = [f"{id_} AS id"]
    asked = ["count(*) FILTER (NOT known AND id IS NOT NULL)", "count(*)"]
    for kind, (column, known) in names.items():
        said = database.read("history", column, "text")
        given += [f"{said} AS {kind}", f"{_listed(said, known)} AS {kind}_known"]
        strange = f"{kind} IS NOT NULL AND NOT {kind}_known"
        asked += [f"count(*) FILTER ({strange})", f"min({kind}) FILTER ({strange})"]
    rows = f"SELECT {', '.join(given)} FROM {table.view}"
    outside, total, *odd = database.rows(
        f"SELECT {', '.join(asked)} FROM ({_known(database, campaign, rows)})"
    )[0]
    found = []
    if outside:
        found.append(
            f"{table.shown}: {outside:,} of {total:,} contacts are of people who are"
            " not among the customers; they count for nobody"
        )
    for (kind, (_, known)), count, example in zip(names.items(), odd[::2], odd[1::2], strict=True):
        if count:
            found.append(
                f"{table.shown}: {count:,} of {total:,} contacts name no {kind} of the campaign,"
                f" such as {example!r}{nearest(example, known)}; they count as contacts of none"
            )
    return found


def _of_consents(database: Database, campaign: Campaign, channels: Sequence[str]) -> list[str]:
    if campaign.consents is None or "consents" not in database.tables:
        return []
    key, shown = key_type(database, campaign), database.table("consents").shown
    given = answers.seen(database, campaign.consents, key, channels)
    outside, refusals, everywhere, total = database.rows(
        "SELECT count(*) FILTER (NOT known AND id IS NOT NULL),"
        " count(*) FILTER (NOT known AND NOT granted),"
        " count(*) FILTER (place IS NULL AND NOT granted), count(*)"
        f" FROM ({_known(database, campaign, given)})"
    )[0]
    found = []
    if everywhere:
        named = database.rows(
            f"SELECT DISTINCT coalesce(named, '') FROM ({given})"
            " WHERE place IS NULL AND NOT granted ORDER BY 1 LIMIT 5"
        )
        words = ", ".join(repr(str(word)) for (word,) in named)
        found.append(
            f"{shown}: {counted(everywhere, 'refusal names', 'refusals name')} no channel of the"
            f" campaign ({words}); each counts for all channels: leave out with a query what"
            " belongs to others"
        )
    if outside:
        found.append(
            f"{shown}: {outside:,} of {total:,} rows are of people who are not among the customers"
        )
    if refusals:
        found.append(
            f"{shown}: {counted(refusals, 'refusal matches', 'refusals match')} no customer as"
            " written"
        )
    if refusals and key == "VARCHAR":
        refused = f"SELECT said FROM ({given}) WHERE NOT granted"
        spelled = spellings.alike(refused, answers.customers(database, campaign))
        odd = database.rows(f"SELECT count(*) FROM ({spelled}) WHERE said <> id")[0][0]
        if odd:
            found.append(
                f"{shown}: {counted(odd, 'refusal is', 'refusals are')} of customers who are"
                " written otherwise (blanks, case, invisible characters); they count"
            )
    return found


def _known(database: Database, campaign: Campaign, rows: str) -> str:
    """The rows with whether their id is a customer's."""
    people = f"SELECT id FROM ({answers.customers(database, campaign)}) WHERE id IS NOT NULL"
    return f"SELECT *, coalesce(id IN ({people}), false) AS known FROM ({rows})"


def _listed(said: str, names: Sequence[str]) -> str:
    """SQL of whether a name, as it is compared, is one of ``names``; plain writing is quick."""
    words = ", ".join(sql.text(fold(name)) for name in names) or "NULL"
    return (
        f"CASE WHEN {said} IN ({words}) THEN true"
        f" ELSE coalesce({folded(said)} IN ({words}), false) END"
    )


def _refused(database: Database, campaign: Campaign) -> dict[str, str]:
    """By table, a SELECT of rejects; a table all of whose rows can be used is left out."""
    found: dict[str, str | None] = {}
    consents, history = campaign.consents, campaign.history
    if consents is not None and "consents" in database.tables:
        bad = f"{answers.value(database, consents)} IS NULL"
        found["consents"] = _select(
            database, campaign, "consents", consents.customer,
            [Fault(consents.granted, bad, NO_ANSWER)],
        )  # fmt: skip
    if history is not None and "history" in database.tables:
        bad = f"{database.read('history', history.contacted_at, 'date')} IS NULL"
        found["history"] = _select(
            database, campaign, "history", history.customer,
            [Fault(history.contacted_at, bad, NO_DATE)],
        )  # fmt: skip
    for source in campaign.source:
        if source.role in database.tables:
            found[source.role] = _select(
                database, campaign, source.role, source.customer,
                events.faults(database, campaign, source),
            )  # fmt: skip
    if database.known is not None:
        found[ROLE] = identity_map.rejects(database, database.known)
    return {role: rows for role, rows in found.items() if rows is not None}


def _select(
    database: Database, campaign: Campaign, role: str, customer: str, faults: Sequence[Fault]
) -> str | None:
    """SELECT of rejects, or None where one pass over the table finds no candidate."""
    bad = " OR ".join(f"({fault.bad})" for fault in faults)
    id_ = database.key(role, customer, key_type(database, campaign))
    # An id that the map does not know is of somebody elsewhere; only none is a fault.
    kind = identity.kind_of(identity.section_of(campaign, role))
    nobody = f"{id_ if kind is None else identity.WRITTEN} IS NULL"
    view = database.table(role).view
    if not database.rows(f"SELECT bool_or({nobody} OR {bad}) FROM {view}")[0][0]:
        return None
    given = f"coalesce(CAST({sql.name(customer)} AS VARCHAR), '')"
    key = "given" if kind is None else identity_map.named(sql.text(kind), "given")
    cells = [f"coalesce(CAST({sql.name(f.column)} AS VARCHAR), '')" for f in faults]

    def first(answers: Sequence[str]) -> str:
        """By the first fault of a row; the last answer where there is no other."""
        pairs = zip(faults[:-1], answers[:-1], strict=True)
        whens = " ".join(f"WHEN {fault.bad} THEN {answer}" for fault, answer in pairs)
        return f"CASE {whens} ELSE {answers[-1]} END" if whens else answers[-1]

    rows = (
        f"SELECT {id_} AS id, {nobody} AS nobody, {given} AS given, {first(cells)} AS cell,"
        f" {first([sql.text(f.column) for f in faults])} AS bad_column,"
        f" {first([sql.text(f.reason) for f in faults])} AS reason"
        f" FROM {view} WHERE {nobody} OR {bad}"
    )

    def either(without: str, otherwise: str) -> str:
        return f"CASE WHEN nobody THEN {without} ELSE {otherwise} END"

    return (
        f'SELECT {sql.text(role)} AS "table", {key} AS key,'
        f' {either(sql.text(customer), "bad_column")} AS "column",'
        f" {either('given', 'cell')} AS value,"
        f" {either(sql.text(NO_KEY), 'reason')} AS reason"
        f" FROM ({_known(database, campaign, rows)}) WHERE nobody OR known"
    )
