"""Who is who: the rows of sources by ids elsewhere, or of customers who became others.

What is asked of a row is one column, `PERSON`: the key of the customer whom it is about, as the map
was valid and known at the moment that the sources were opened for. It stands beside the user's own
columns in a view over them; nothing is written. A row that has a date is of whoever had the id
then, one without of whoever has it now. See docs/adr/0145.
"""

from __future__ import annotations

from collections.abc import Iterable

from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE, Section
from bandit.core import folding, sql
from bandit.core.errors import DataError
from bandit.core.problems import nearest
from bandit.sources.connection import Database
from bandit.sources.identity_map import GIVEN, LAST, LINKS, MERGED, TOGETHER, written
from bandit.sources.sources import EVENTS

OWNER, PERSON, WRITTEN = "_bandit_owner", "_bandit_person", "_bandit_written"


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
    now = database.known.moment if database.known is not None else LAST
    database.rows(
        f"CREATE VIEW {view} AS SELECT given.*, links.owner AS {OWNER}, links.person AS {PERSON}"
        f" FROM (SELECT *, {written(database, role, section.customer)} AS {WRITTEN},"
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
