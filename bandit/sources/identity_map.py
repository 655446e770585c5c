"""The map of [identity] as tables: ids elsewhere and whose they are, customers who became others.

As it was valid and known at a moment. What is sure, what is possible and what is refused: see
docs/adr/0145.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pyarrow as pa

from bandit.config.identity import OWN, ROLE, Identity
from bandit.core import folding, sql
from bandit.sources import spellings, typed
from bandit.sources.connection import Database
from bandit.sources.events import micros
from bandit.sources.merges import Key, Known, Link, merged

GIVEN, LINKS, POSSIBLE = "bandit_identity_given", "bandit_identity_links", "bandit_identity_maybe"
MERGED, TOGETHER = "bandit_identity_merged", "bandit_identity_together"
_FIRST, LAST = -(2**62), 2**62

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


def read(
    database: Database, asked: Identity, at: dt.datetime, key: str, people: str | None
) -> Known:
    """Make the tables of the map; ``key`` is BIGINT or VARCHAR.

    ``people`` is a SELECT of the customers' ids, where they are open: a key that is written
    otherwise counts for refusals alone.
    """
    moment, own = micros(at), sql.text(OWN)
    database.rows(f"CREATE TABLE {GIVEN} AS {_given(database, asked, key)}")
    listed = database.rows(
        "SELECT number, own_maybe, owner_maybe, CASE WHEN own IS NOT NULL AND owner IS NOT NULL AND"
        f" folded = {own} THEN since END FROM {GIVEN} WHERE coalesce(folded, '') IN ({own}, '') AND"
        f" own_maybe IS NOT NULL AND owner_maybe IS NOT NULL AND {_counts(moment)} ORDER BY number"
    )
    links = [Link(*row) for row in listed]
    if key == "VARCHAR" and people is not None:
        links += _otherwise(database, moment, people)
    found = merged(links)
    _pairs(database, MERGED, key, list(found.person.items()))
    _pairs(database, TOGETHER, key, [(one, group[0]) for group in found.together for one in group])
    database.rows(
        f"CREATE TABLE {LINKS} AS SELECT dated.kind, dated.id, dated.owner,"
        " coalesce(others.other, dated.owner) AS person,"
        f" CASE WHEN dated.place = 1 THEN {_FIRST} ELSE dated.since END AS since, dated.until FROM"
        " (SELECT *, row_number() OVER sorted AS place,"
        f" lead(since, 1, {LAST}) OVER sorted AS until FROM ({_owners(moment)})"
        " WINDOW sorted AS (PARTITION BY kind, id ORDER BY since)) dated"
        f" LEFT JOIN {MERGED} others ON others.id = dated.owner"
    )
    database.rows(
        f"CREATE TABLE {POSSIBLE} AS SELECT DISTINCT coalesce(folded, '') AS kind,"
        f" {loose('id')} AS said, owner_maybe AS id FROM {GIVEN}"
        f" WHERE coalesce(folded, '') <> {own} AND id IS NOT NULL"
        f" AND owner_maybe IS NOT NULL AND {_counts(moment)}"
    )
    return Known(moment, key, found)


def _otherwise(database: Database, moment: int, people: str) -> list[Link]:
    """Links, for refusals alone, of keys in the map to whom they can mean: 'K17 ' to 'K17'.

    ``people`` is a SELECT of the customers' ids, which are texts.
    """
    own = f"SELECT own AS said FROM {GIVEN} WHERE coalesce(folded, '') IN ({sql.text(OWN)}, '')"
    keys = f"{own} AND {_counts(moment)} UNION SELECT owner FROM {GIVEN} WHERE {_counts(moment)}"
    odd = f"SELECT said FROM ({keys}) ANTI JOIN ({people}) ON id = said"
    found = database.rows(
        f"SELECT said, id FROM ({spellings.alike(odd, people)}) UNION ALL SELECT said,"
        f" min(said) OVER (PARTITION BY {folding.folded('said')}) FROM ({odd})"
        " WHERE said IS NOT NULL ORDER BY ALL"
    )
    return [Link(0, said, meant, None) for said, meant in found if said != meant]


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
    owner = database.key(ROLE, asked.customer, key)

    def maybe(column: str, strict: str) -> str:
        """A key however it is written: texts are seen to where the customers are known."""
        if key != "BIGINT" or database.column(ROLE, column) != "VARCHAR":
            return strict
        return f"coalesce({strict}, {spellings.number(sql.name(column))})"

    said = [
        f"coalesce(CAST({sql.name(column)} AS VARCHAR), '') AS said_{name}"
        for name, column in (
            ("id", asked.id), ("kind", asked.kind), ("customer", asked.customer),
            ("date", asked.valid_from),
        )
    ]  # fmt: skip
    return (
        f"SELECT row_number() OVER () AS number, {folding.folded(kind)} AS folded,"
        f" {written(database, ROLE, asked.id)} AS id, {own} AS own,"
        f" {owner} AS owner, {maybe(asked.id, own)} AS own_maybe,"
        f" {maybe(asked.customer, owner)} AS owner_maybe,"
        f" CASE WHEN {heard} IS NOT NULL THEN epoch_us({when}) END AS since,"
        f" epoch_us({heard}) AS known,"
        f" {', '.join(said)} FROM {database.table(ROLE).view}"
    )


def _pairs(database: Database, table: str, key: str, pairs: list[tuple[Key, Key]]) -> None:
    kind = pa.int64() if key == "BIGINT" else pa.string()
    columns = [pa.array([pair[side] for pair in pairs], kind) for side in (0, 1)]
    listed = pa.table(dict(zip(("id", "other"), columns, strict=True)))
    database.connection.from_arrow(listed).create(table)


def written(database: Database, role: str, column: str) -> str:
    """SQL of an id as text, NULL for none."""
    return f"nullif(trim(CAST({database.read(role, column, 'text')} AS VARCHAR)), '')"


def loose(expression: str) -> str:
    """SQL of an id as refusals compare it: 017, 17.0 and ' 17' are one, and so is any case."""
    cut = f"regexp_replace({folding.folded(expression)}, '^([0-9]+)[.]0+$', '\\1')"
    cut = f"regexp_replace({cut}, '^0+([0-9]+)$', '\\1')"
    # Most ids stand there as they are compared, which is found out quickly.
    plain = f"regexp_full_match({expression}, '[a-z1-9][a-z0-9]*')"
    return f"CASE WHEN {plain} THEN {expression} ELSE {cut} END"


def named(kind: str, id_: str) -> str:
    """SQL of an id elsewhere as rejects have it: told apart from the keys of ours."""
    return f"coalesce({kind}, '') || ' ' || {id_}"


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
