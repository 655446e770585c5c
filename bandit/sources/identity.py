"""Who is who: ids of other sources as the customers' key, customers who became others.

What is asked of a row is one column, `PERSON`: the key of the customer whom it is about, as the map
was valid and known at the moment that the sources were opened for. It stands beside the user's own
columns in a view over them; nothing is written. A row that has a date is of whoever had the id
then, one without of whoever has it now. See docs/adr/0145.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.identity import OWN, ROLE, Identity, Section
from bandit.core import folding, sql
from bandit.core.errors import DataError
from bandit.core.problems import nearest
from bandit.sources import typed
from bandit.sources.connection import Database
from bandit.sources.events import micros
from bandit.sources.merges import Key, Known, Link, merged
from bandit.sources.sources import EVENTS

GIVEN, LINKS, POSSIBLE = "bandit_identity_given", "bandit_identity_links", "bandit_identity_maybe"
MERGED, TOGETHER = "bandit_identity_merged", "bandit_identity_together"
OWNER, PERSON, WRITTEN = "_bandit_owner", "_bandit_person", "_bandit_written"
_FIRST, _LAST = -(2**62), 2**62

NO_ID = "no id; write the id that the other source has"
NO_KIND = "no kind; say which ids these are, as id = in the sections does, or 'customer'"
NO_CUSTOMER = "no key of a customer; write it as the customers' source does"
NO_DATE = "no date; write it as 2026-11-23: until then it counts for refusals alone"
TWO = (
    "one id of two customers from one moment on; keep one: until then it counts for refusals alone"
)
CIRCLE = (
    "customers became each other in a circle; break it: until then it counts for refusals alone"
)


def read(database: Database, asked: Identity, at: dt.datetime, key: str) -> Known:
    """Make the tables of the map; ``key`` is BIGINT or VARCHAR."""
    moment = micros(at)
    database.rows(f"CREATE TABLE {GIVEN} AS {_given(database, asked, key)}")
    listed = database.rows(
        f"SELECT number, own, owner, since FROM {GIVEN} WHERE folded = {sql.text(OWN)}"
        f" AND own IS NOT NULL AND owner IS NOT NULL AND {_counts(moment)} ORDER BY number"
    )
    people = merged(Link(*row) for row in listed)
    _pairs(database, MERGED, key, list(people.person.items()))
    _pairs(database, TOGETHER, key, [(one, group[0]) for group in people.together for one in group])
    database.rows(
        f"CREATE TABLE {LINKS} AS SELECT dated.kind, dated.id, dated.owner,"
        " coalesce(others.other, dated.owner) AS person,"
        f" CASE WHEN dated.place = 1 THEN {_FIRST} ELSE dated.since END AS since, dated.until FROM"
        " (SELECT *, row_number() OVER sorted AS place,"
        f" lead(since, 1, {_LAST}) OVER sorted AS until FROM ({_owners(moment)})"
        " WINDOW sorted AS (PARTITION BY kind, id ORDER BY since)) dated"
        f" LEFT JOIN {MERGED} others ON others.id = dated.owner"
    )
    database.rows(
        f"CREATE TABLE {POSSIBLE} AS SELECT DISTINCT folded AS kind, {loose('id')} AS said,"
        f" owner AS id FROM {GIVEN} WHERE folded <> {sql.text(OWN)} AND id IS NOT NULL"
        f" AND owner IS NOT NULL AND {_counts(moment)}"
    )
    return Known(moment, key, people)


def _counts(moment: int) -> str:
    """SQL of whether a row of the map counts at all: it may, where nobody can say from when on."""
    return f"coalesce(greatest(since, known), {moment}) <= {moment}"


def _owners(moment: int) -> str:
    """SELECT of kind, id, since, owner of ids elsewhere; no owner where there are two."""
    return (
        "SELECT folded AS kind, id, since,"
        " CASE WHEN min(owner) = max(owner) THEN min(owner) END AS owner"
        f" FROM {GIVEN} WHERE folded <> {sql.text(OWN)} AND id IS NOT NULL AND owner IS NOT NULL"
        f" AND since IS NOT NULL AND {_counts(moment)} GROUP BY folded, id, since"
    )


def _given(database: Database, asked: Identity, key: str) -> str:
    """SELECT of the map's rows as they are meant; ``own`` is the id as a key of ours."""
    kind = database.read(ROLE, asked.kind, "text")
    database.read(ROLE, asked.customer, "text")  # which says of a column that it holds no keys
    when = database.read(ROLE, asked.valid_from, "date")
    heard = database.read(ROLE, asked.known_at or asked.valid_from, "date")
    own = typed.as_key(sql.name(asked.id), database.column(ROLE, asked.id), key)
    said = [
        f"coalesce(CAST({sql.name(column)} AS VARCHAR), '') AS said_{name}"
        for name, column in (
            ("id", asked.id), ("kind", asked.kind), ("customer", asked.customer),
            ("date", asked.valid_from),
        )
    ]  # fmt: skip
    return (
        f"SELECT row_number() OVER () AS number, {folding.folded(kind)} AS folded,"
        f" {_written(database, ROLE, asked.id)} AS id, {own} AS own,"
        f" {database.key(ROLE, asked.customer, key)} AS owner,"
        f" CASE WHEN {heard} IS NOT NULL THEN epoch_us({when}) END AS since,"
        f" epoch_us({heard}) AS known,"
        f" {', '.join(said)} FROM {database.table(ROLE).view}"
    )


def _pairs(database: Database, table: str, key: str, pairs: list[tuple[Key, Key]]) -> None:
    kind = pa.int64() if key == "BIGINT" else pa.string()
    columns = [pa.array([pair[side] for pair in pairs], kind) for side in (0, 1)]
    listed = pa.table(dict(zip(("id", "other"), columns, strict=True)))
    database.connection.from_arrow(listed).create(table)


def _written(database: Database, role: str, column: str) -> str:
    """SQL of an id as text, NULL for none."""
    return f"nullif(trim(CAST({database.read(role, column, 'text')} AS VARCHAR)), '')"


def loose(expression: str) -> str:
    """SQL of an id as refusals compare it: 017, 17.0 and ' 17' are one, and so is any case."""
    cut = f"regexp_replace({folding.folded(expression)}, '^([0-9]+)[.]0+$', '\\1')"
    cut = f"regexp_replace({cut}, '^0+([0-9]+)$', '\\1')"
    # Most ids stand there as they are compared, which is found out quickly.
    plain = f"regexp_full_match({expression}, '[a-z1-9][a-z0-9]*')"
    return f"CASE WHEN {plain} THEN {expression} ELSE {cut} END"


def as_now(database: Database, rows: str, *more: str) -> str:
    """Rows of id and ``more`` of the record, of who each customer is now."""
    if database.known is None or not database.known.people.person:
        return rows
    columns = "".join(f", given.{name}" for name in more)
    return (
        f"SELECT coalesce(others.other, given.id) AS id{columns} FROM ({rows}) given"
        f" LEFT JOIN {MERGED} others ON others.id = given.id"
    )


def with_others(database: Database, rows: str, *more: str, least: str | None = None) -> str:
    """Rows of id and ``more``, each also for all who may be the same person.

    Of such people each different row is given once, with the ``least`` of a column if one is named:
    memory grows with them, not with their square.
    """
    if database.known is None or not database.known.people.together:
        return rows
    names = ", ".join(more)
    also = "" if least is None else f", min({least}) AS {least}"
    kept = ", ".join(["id", *more, *([] if least is None else [least])])
    return (
        f"SELECT {kept} FROM ({rows}) alone ANTI JOIN {TOGETHER} several USING (id) UNION ALL"
        f" SELECT {kept} FROM (SELECT other AS person, {names}{also} FROM ({rows}) given"
        f" JOIN {TOGETHER} several USING (id) GROUP BY ALL) found"
        f" JOIN (SELECT id, other AS person FROM {TOGETHER}) every USING (person)"
    )


def with_keys(database: Database, people: str) -> str:
    """SELECT of the ids of ``people``, and of all who became or may be one of them."""
    if database.known is None:
        return people
    return f"SELECT id FROM ({people}) UNION SELECT id FROM {TOGETHER}"


def named(kind: str, id_: str) -> str:
    """SQL of an id elsewhere as rejects have it: told apart from the keys of ours."""
    return f"coalesce({kind}, '') || ' ' || {id_}"


def kind_of(section: Section | None) -> str | None:
    """The kind of ids that a section's rows have, as it is compared; None for our own keys."""
    return None if section is None or section.id is None else folding.fold(section.id)


def concerns(campaign: Campaign, roles: Iterable[str]) -> bool:
    """Whether the map is needed beside these sources: theirs are rows of customers."""
    return campaign.identity is not None and any(
        role == "outcomes" or role in _SIDE or role.startswith(EVENTS) for role in roles
    )


def section_of(campaign: Campaign, role: str) -> Section | None:
    """What says whose the rows of a role are."""
    for source in campaign.source:
        if source.role == role:
            return source
    found = {"consents": campaign.consents, "history": campaign.history}
    return campaign.outcomes if role == "outcomes" else found.get(role)


_SIDE = ("consents", "history")
_DATED = {"history": "contacted_at", "outcomes": "occurred_at"}


def apply(database: Database, campaign: Campaign, role: str) -> None:
    """Give the rows of an open source the column `PERSON`; merged customers are no rows any more.

    Outcomes keep the key that the id had when they occurred, since the record keeps what came.
    """
    known, table = database.known, database.table(role)
    if known is None:
        return
    view = f"{table.view}_people"
    if role == "customers":
        if known.people.person:
            key = table.names.get((campaign.customers.key, "key"), sql.name(campaign.customers.key))
            database.rows(
                f"CREATE VIEW {view} AS SELECT * FROM {table.view}"
                f" WHERE NOT coalesce({key} IN (SELECT id FROM {MERGED}), false)"
            )
            database.tables[role] = table._replace(view=view)
        return
    section = section_of(campaign, role)
    if section is None or section.customer not in table.columns:
        return
    kind = kind_of(section)
    if kind is not None:
        _hold_kind(database, kind, f"{table.shown}: id = {section.id!r}")
        _translated(database, role, section, kind, view)
    elif known.people.person and role != "outcomes":
        own = database.key(role, section.customer, known.key)
        database.rows(
            f"CREATE VIEW {view} AS SELECT given.*, coalesce(others.other, given.{WRITTEN})"
            f" AS {PERSON} FROM (SELECT *, {own} AS {WRITTEN} FROM {table.view}) given"
            f" LEFT JOIN {MERGED} others ON others.id = given.{WRITTEN}"
        )
    else:
        return
    names = {**table.names, (section.customer, "key"): OWNER if role == "outcomes" else PERSON}
    database.tables[role] = table._replace(view=view, names=names)


def _translated(database: Database, role: str, section: Section, kind: str, view: str) -> None:
    """Make the view of a source whose ids are not our keys."""
    table, moment = database.table(role), "NULL"
    dated = getattr(section, _DATED.get(role, "at"), None)
    if role != "consents" and dated in table.columns:
        moment = f"epoch_us({database.read(role, str(dated), 'date')})"
    now = database.known.moment if database.known is not None else _LAST
    database.rows(
        f"CREATE VIEW {view} AS SELECT given.*, links.owner AS {OWNER}, links.person AS {PERSON}"
        f" FROM (SELECT *, {_written(database, role, section.customer)} AS {WRITTEN},"
        f" coalesce({moment}, {now}) AS _bandit_when FROM {table.view}) given"
        f" LEFT JOIN {LINKS} links ON links.kind = {sql.text(kind)}"
        f" AND links.id = given.{WRITTEN} AND given._bandit_when >= links.since"
        " AND given._bandit_when < links.until"
    )


def _hold_kind(database: Database, kind: str, where: str) -> None:
    """DataError where the map has no id of that kind at all: a slip in the name."""
    kinds = [str(k) for (k,) in database.rows(
        f"SELECT DISTINCT folded FROM {GIVEN} WHERE folded IS NOT NULL ORDER BY folded LIMIT 100"
    )]  # fmt: skip
    if kind not in kinds:
        shown = database.table(ROLE).shown
        raise DataError(
            f"{where}: {shown} has no row of this kind{nearest(kind, kinds)}; its rows would be"
            " nobody's"
        )


def _may_be_odd(database: Database) -> bool:
    """Whether a cell of the map is missing, or an id of two customers."""
    own = f"CASE WHEN folded = {sql.text(OWN)} THEN own IS NULL ELSE id IS NULL END"
    missing, two = database.rows(
        f"SELECT (SELECT bool_or(coalesce(folded, '') = '' OR {own} OR owner IS NULL OR since IS"
        f" NULL) FROM {GIVEN}), (SELECT bool_or(owner IS NULL) FROM {LINKS})"
    )[0]
    return bool(missing or two)


def rejects(database: Database, known: Known) -> str | None:
    """SELECT of number and schema.REJECTS of the map's rows that are not followed.

    None where one look at the table finds no candidate.
    """
    if not (known.people.contradicting or known.people.circles or _may_be_odd(database)):
        return None
    odd = [*((link.row, TWO) for link in known.people.contradicting),
           *((link.row, CIRCLE) for link in known.people.circles)]  # fmt: skip
    numbers = pa.table(
        {
            "number": pa.array([number for number, _ in odd], pa.int64()),
            "reason": pa.array([reason for _, reason in odd], pa.string()),
        }
    )
    database.rows("DROP TABLE IF EXISTS bandit_identity_odd")
    database.connection.from_arrow(numbers).create("bandit_identity_odd")
    own = sql.text(OWN)
    cases = (
        ("coalesce(folded, '') = ''", "kind", sql.text(NO_KIND)),
        (f"CASE WHEN folded = {own} THEN own IS NULL ELSE id IS NULL END", "id", sql.text(NO_ID)),
        ("owner IS NULL", "customer", sql.text(NO_CUSTOMER)),
        ("since IS NULL", "date", sql.text(NO_DATE)),
        (f"folded <> {own} AND {_counts(known.moment)} AND one <> other", "customer",
         sql.text(TWO)),
        ("odd.reason IS NOT NULL", "customer", "odd.reason"),
    )  # fmt: skip

    def first(answers: Iterable[str]) -> str:
        whens = zip(cases, answers, strict=True)
        return f"CASE {' '.join(f'WHEN {case[0]} THEN {answer}' for case, answer in whens)} END"

    among = f"OVER (PARTITION BY folded, id, since, {_counts(known.moment)})"
    return (
        f'SELECT number, {sql.text(ROLE)} AS "table",'
        f" CASE WHEN folded = {own} THEN said_id ELSE {named('folded', 'said_id')} END AS key,"
        f' {first(sql.text(case[1]) for case in cases)} AS "column",'
        f" {first(f'said_{case[1]}' for case in cases)} AS value,"
        f" {first(case[2] for case in cases)} AS reason"
        f" FROM (SELECT *, min(owner) {among} AS one, max(owner) {among} AS other FROM {GIVEN})"
        " LEFT JOIN bandit_identity_odd odd USING (number)"
        f" WHERE {' OR '.join(f'({case[0]})' for case in cases)}"
    )
