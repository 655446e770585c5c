"""DuckDB over the user's files: read-only, nothing else reachable, settings locked."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE
from bandit.config.tables import Form, Source
from bandit.core import sql
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.problems import Problems, nearest
from bandit.sources import csv_source, identity, identity_map, joined, key_pin, sources, typed
from bandit.sources.asked import asked_of
from bandit.sources.cells import Writing
from bandit.sources.connection import (
    Database,
    Table,
    failed,
    streaming_failed,
    too_little_memory,
)
from bandit.sources.csv_source import Text, first_line
from bandit.sources.given import given
from bandit.sources.proposals import Ask
from bandit.sources.sources import Located
from bandit.sources.typed import SAMPLE_ROWS, Relation
from bandit.sources.variables import One

__all__ = [
    "CATALOGUE",
    "ROLES",
    "Database",
    "connect",
    "failed",
    "open_sources",
    "streaming_failed",
]

CATALOGUE = ("offers", "channels")
ROLES = ("customers", *CATALOGUE, "consents", "history")
"""The sources of a wave; `connect` takes others too (outcomes, log)."""
_FIRST = {role: place for place, role in enumerate((*CATALOGUE, "customers", ROLE))}


def connect(
    campaign: Campaign,
    *,
    threads: int | None = None,
    extra_files: Sequence[Path] = (),
    roles: Sequence[str] = ROLES,
    more: Mapping[str, Source] | None = None,
    at: dt.datetime | None = None,
    one: One | None = None,
    moment: dt.datetime | None = None,
) -> Database:
    """Open the sources of a campaign.

    Parameters
    ----------
    campaign
        Its folder is where relative paths start; `limits.memory_mb` bounds DuckDB.
    threads
        Of DuckDB; by default as many as there are processors. Results do not depend on it.
    extra_files
        Parquet files of ours that queries may read besides.
    roles
        Which sections are sources here; those that the campaign lacks are left out.
    more
        Further sources by role, for example a file of outcomes named on the command line.
    at
        Before which the customers' variables and segments are made; without it they have none.
    one
        The only customer of whom they are made; by default all.
    moment
        As of which [identity] is read; ``at`` where that is given, else now.

    Raises
    ------
    ConfigError, DataError
        Everything wrong at once: missing files, unknown tables, broken CSV lines with their
        numbers, queries that are not one SELECT.
    """
    faults = Problems()
    database = open_sources(
        campaign, faults, threads=threads, extra_files=extra_files, roles=roles, more=more,
        at=at, one=one, moment=moment,
    )  # fmt: skip
    if faults:
        database.close()
    faults.stop()
    return database


def open_sources(
    campaign: Campaign,
    faults: Problems,
    *,
    threads: int | None = None,
    extra_files: Sequence[Path] = (),
    roles: Sequence[str] = ROLES,
    more: Mapping[str, Source] | None = None,
    at: dt.datetime | None = None,
    one: One | None = None,
    moment: dt.datetime | None = None,
) -> Database:
    """Like `connect`, but what is wrong goes to `faults` and the sources that are right open."""
    wanted = {role: _source(campaign, role) for role in roles} | dict(more or {})
    events = {} if at is None else {s.role: given(s.role) or s for s in campaign.source}
    wanted |= events
    if identity.concerns(campaign, wanted):
        wanted[ROLE] = _source(campaign, ROLE)
    located: list[Located] = []
    # The catalogue comes first: what its rules name is read of the customers. Then they, and who
    # is who, which all else is read by.
    for role, source in sorted(wanted.items(), key=lambda item: _FIRST.get(item[0], len(_FIRST))):
        if source is not None:
            try:
                located.append(sources.locate(role, source, campaign.folder))
            except BanditError as e:
                faults.catch(e)
    database = Database(
        threads or os.cpu_count() or 1, campaign.limits.memory_mb, campaign.limits.query_seconds
    )
    seen = [file for one in campaign.households for file in one.seen]
    try:
        aliases = _attach(database, located, faults)
        database.lock([f for s in located for f in s.files] + [*extra_files, *seen])
        for found in located:
            if not found.is_database or found.files[0] in aliases:
                try:
                    _open(database, campaign, found, aliases)
                    _identify(database, campaign, found.role, moment or at)
                except BanditError as e:
                    faults.catch(e)
        if at is not None and {"customers", *events} <= database.tables.keys():
            faults.attempt(partial(joined.join, database, campaign, at, one))
    except BaseException:
        database.close()
        raise
    return database


def _identify(
    database: Database, campaign: Campaign, role: str, moment: dt.datetime | None
) -> None:
    """Read who is who once the map is open, and every source's rows by it."""
    if role != ROLE:
        identity.apply(database, campaign, role)
        return
    key, asked = _key_kind(database, campaign, role), campaign.identity
    if key is not None and asked is not None:
        at = dt.datetime.now(dt.UTC) if moment is None else moment
        people = database.tables.get("customers")
        column = campaign.customers.key
        ids = None if people is None else people.names.get((column, "key"), sql.name(column))
        listed = None if people is None else f"SELECT {ids} AS id FROM {people.view}"
        database.known = identity_map.read(database, asked, at, key, listed)
        if people is not None:
            identity.apply(database, campaign, "customers")


def _key_kind(database: Database, campaign: Campaign, role: str) -> str | None:
    """The kind of the customers' key: theirs, and for the map without them that of the waves."""
    people = database.tables.get("customers")
    if people is not None:
        return people.key_kind
    return key_pin.pinned(campaign.folder) if role == ROLE else None


def _source(campaign: Campaign, role: str) -> Source | None:
    found = given(role) or getattr(campaign, role)
    if found is None or isinstance(found, Source):
        return found
    if found.source is None:
        return None
    return Source(source=found.source, table=found.table, query=found.query, **found.form)


def _attach(database: Database, located: Sequence[Located], faults: Problems) -> dict[Path, str]:
    """Attach each .duckdb file once, under a name of ours; its path stays out of the names."""
    aliases: dict[Path, str] = {}
    for source in located:
        file = source.files[0]
        if not source.is_database or file in aliases:
            continue
        alias = f"bandit_{len(aliases)}"
        try:
            database.connection.execute(f"ATTACH {sql.text(str(file))} AS {alias} (READ_ONLY)")
            aliases[file] = alias
        except duckdb.Error as e:
            faults.data.append(f"{file} cannot be opened as a DuckDB file: {first_line(e)}")
    return aliases


def _open(
    database: Database, campaign: Campaign, source: Located, aliases: Mapping[Path, str]
) -> None:
    """Make the view of one source and learn its columns."""
    view, alias = f"bandit_{source.role.replace('.', '_')}", aliases.get(source.files[0])
    text = None
    if alias is not None:
        body = f"SELECT * FROM {sources.table(alias, source.source.table or '')}"
    elif source.is_parquet:
        body = f"SELECT * FROM {sources.parquet_of(source)}"
    else:
        text = csv_source.read(source.files)
        body = text.strict
    if source.source.query is not None:
        own = f"{view}_file"
        if alias is None:
            _create(database, source, own, body)
        body = sources.query(source.role, source.source.query, alias=alias, own=own)
    raw = f"{view}_raw"
    if alias is not None and source.source.query is None:
        _hold_table(database, source, alias)
    _create(database, source, raw, body)
    plain = sources.PLAIN
    if source.is_parquet and source.source.query is None and body.endswith(f"]{plain})"):
        database.plain[source.role] = source.files
    relation = Relation(raw, _columns(database, source, raw), source.shown, text is not None)
    asked = asked_of(
        campaign,
        source.role,
        relation.kinds,
        _mentioned(database, campaign),
        _key_kind(database, campaign, source.role),
    )
    writing = Writing(Form(**source.source.form), campaign.time_zone)
    ask, sample = _asking(database, source, relation, text)
    try:
        with database.limited():
            read = typed.load(
                database.connection, relation, asked, writing, ask=ask, sample=sample, name=view
            )
    except duckdb.Error as e:
        raise _refused(source, e) from None
    database.tables[source.role] = Table(
        view=view,
        columns=read.columns,
        shown=source.shown,
        has_faults=read.has_faults,
        names=read.names,
        key_kind=read.key_kind,
        writing=writing,
        unfit=read.unfit,
        notes=text.notes if text is not None else (),
        hints=read.hints,
    )


def _asking(
    database: Database, source: Located, relation: Relation, text: Text | None
) -> tuple[Ask, Ask]:
    """How aggregates over a source are asked; the first question finds the broken lines of CSV."""
    connection, files = database.connection, source.files
    if text is None or source.source.query is not None:
        if text is not None:
            csv_source.hold_whole(
                connection, files, f"SELECT count(*) FROM ({text.tolerant}) source"
            )

        def ask(columns: str, rows: str = relation.body) -> Sequence[Any]:
            return connection.execute(f"SELECT {columns} FROM {rows} source").fetchall()[0]

        first = f"(SELECT * FROM {relation.body} LIMIT {SAMPLE_ROWS})"
        return ask, lambda columns: ask(columns, first)

    def whole(columns: str, limit: str = "") -> Sequence[Any]:
        rows = f"(SELECT * FROM ({text.tolerant}) every {limit})"
        query = f"SELECT {columns} FROM {rows} source"
        return csv_source.hold_whole(connection, files, query)[0]

    return whole, lambda columns: whole(columns, f"LIMIT {SAMPLE_ROWS}")


def _mentioned(database: Database, campaign: Campaign) -> str:
    """All rules and values of the offers, and populations, in one text."""
    texts = [t for o in campaign.offer for t in (o.eligible, o.value) if isinstance(t, str)]
    texts += [text for text in campaign.populations if text is not None]
    texts += [segment.where for segment in campaign.segment]
    offers = database.tables.get("offers")
    for column in ("eligible", "value"):
        if offers is not None and offers.columns.get(column) == "VARCHAR":
            query = f"SELECT DISTINCT {sql.name(column)} FROM {offers.view} LIMIT 10001"
            texts += [str(text) for (text,) in database.rows(query)]
    return "\n".join(texts)


def _hold_table(database: Database, source: Located, alias: str) -> None:
    """ConfigError if the file has no such table, with those that it has."""
    rows = database.connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = $1",
        [alias],
    ).fetchall()
    known = {t if schema == "main" else f"{schema}.{t}" for schema, t in rows}
    table = source.source.table or ""
    plain = table.replace('"', "").lower()
    if plain.removeprefix("main.") not in {name.lower() for name in known}:
        raise ConfigError(
            f"[{source.role}] {source.files[0]} has no table {table!r}{nearest(table, known)}"
        )


def _create(database: Database, source: Located, view: str, body: str) -> None:
    try:
        database.connection.execute(f"CREATE VIEW {view} AS {body}")
    except duckdb.Error as e:
        raise _refused(source, e) from None


def _columns(database: Database, source: Located, view: str) -> dict[str, str]:
    try:
        rows = database.connection.execute(f"DESCRIBE SELECT * FROM {view}").fetchall()
    except duckdb.Error as e:
        raise _refused(source, e) from None
    return {str(row[0]): str(row[1]) for row in rows}


def _refused(source: Located, error: duckdb.Error) -> BanditError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return too_little_memory(first_line(error))
    if isinstance(error, duckdb.PermissionException):
        return ConfigError(
            f"[{source.role}] {source.shown} reads a file that the campaign does not name:"
            f" {first_line(error)}"
        )
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return ConfigError(f"[{source.role}] {source.shown}: {first_line(error)}")
    return DataError(f"[{source.role}] {source.shown} cannot be read: {first_line(error)}")
