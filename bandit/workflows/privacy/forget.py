"""`bandit forget`: customers out of the record, the index and the lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE
from bandit.config.tables import Source
from bandit.core import sql
from bandit.core.days import day_of
from bandit.core.errors import BanditError, DataError, LockedError, UsageError
from bandit.core.folding import fold
from bandit.core.types import SILENT, Progress
from bandit.core.wording import counted
from bandit.record import (
    erase,
    exports,
    index,
    lock,
    manifest,
    outbox,
    snapshots,
    streams,
    waves,
)
from bandit.record.person import People, spelled_keys
from bandit.results.privacy import Forgotten
from bandit.sources import database, event_index, persons, refusals
from bandit.sources.database import Database
from bandit.sources.persons import Ids
from bandit.workflows.learn.statistics import STATISTICS
from bandit.workflows.live.first import hold_stopped, sealed_first
from bandit.workflows.operate import recover
from bandit.workflows.privacy import export_customer
from bandit.workflows.serve.taking_part import arms_pinned

SOURCES = ("customers", ROLE, "consents", "history", "outcomes", "log")


def forget(
    campaign_path: Path, *, customers: Sequence[str], progress: Progress = SILENT
) -> Forgotten:
    """Remove ``customers`` from decisions, outcomes, rejects, lists and index, all or nothing.

    A key is theirs in any spelling (`People`). The stored posteriors stay: they are sums over many.
    The waves' own sums go, so the next `learn` is without these customers. DataError, and nothing
    goes, if the record holds nothing of one of them.
    """
    campaign = campaign_file.load(campaign_path)
    keys = tuple(dict.fromkeys(customers))
    if not keys or not all(key.strip() for key in keys):
        raise UsageError("name the customer to forget by a key that is not empty")
    with ExitStack() as stack:
        stack.enter_context(lock.hold(campaign.folder, "forget"))
        hold_stopped(campaign.folder)
        notes = recover.recover(campaign)
        try:
            stack.enter_context(streams.still(campaign.folder, "forget"))
        except LockedError:
            hold_stopped(campaign.folder)  # which knows what to do about it
            raise
        notes += sealed_first(campaign, progress, empty=True)
        progress.step("rewriting the record")
        ids = persons.ids(campaign, keys)
        people = erase.people(campaign.folder, ids.keys, ids.elsewhere)
        erased = _erased(campaign, people, ids, again=erase.FINISHED in notes)
        index.refresh(campaign.folder)
        progress.step("looking for what is left")
        _hold_gone(campaign, people)
        progress.step("looking into the sources")
        exports.remove_tests(campaign.folder)
        still_in = [
            *_still_in(campaign, people, ids),
            *_beside_lists(campaign, erased.waves),
            *(f"{path} (not looked into)" for path in outbox.others(campaign.folder)),
        ]
        return Forgotten(
            customers=list(people.keys),
            decisions=erased.decisions,
            outcomes=erased.outcomes,
            rejects=erased.rejects,
            listed=erased.listed,
            events=erased.events,
            waves=list(erased.waves),
            still_in=still_in,
            notes=[
                *notes,
                *_same(ids),
                *_said(campaign, erased, still_in, {*people.keys, *people.numbers}),
            ],
        )


def _erased(campaign: Campaign, people: People, ids: Ids, *, again: bool) -> erase.Erased:
    """Erase; of somebody unknown say also which of the user's files hold them."""
    event_index.keep_only(campaign.folder)
    try:
        caches = campaign.folder / STATISTICS
        refusing = {fold(kind) for kind in campaign.pressure.refusal_events}
        return erase.erase(
            campaign.folder, people, caches, refusing=refusing, persons=ids.persons, again=again,
            on=day_of(dt.datetime.now(dt.UTC), campaign.time_zone),
        )  # fmt: skip
    except erase.UnknownPersonError as unknown:
        held = _still_in(campaign, people, ids)
        more = f"; your own files hold them: {', '.join(held)}" if held else ""
        raise erase.UnknownPersonError(f"{unknown}{more}") from None


def _hold_gone(campaign: Campaign, people: People) -> None:
    """A second look by other code than that which erased."""
    left = export_customer.gather(campaign, people)
    found = {
        "decisions": left.decisions,
        "outcomes": left.outcomes,
        "rejects": left.rejects,
        "lists": left.lists,
        "events": left.events,
        "variables": left.variables,
    }
    places = [name for name, rows in found.items() if rows]
    if places:
        raise DataError(
            f"{campaign.folder} still holds rows of them among its {', '.join(places)}, in files"
            " that no manifest names; `bandit export-customer` shows them: remove these files"
        )


def _same(ids: Ids) -> list[str]:
    """A sentence on keys that nobody named and that went too."""
    others = ids.keys[len(ids.persons) :]
    if not others:
        return []
    return [f"by [identity] these are the same people, and went too: {', '.join(others)}"]


def _pinned(campaign: Campaign) -> list[str]:
    """A sentence on arms that go on deciding by sums that the next `learn` does not replace."""
    found = arms_pinned(campaign, waves.waves(campaign.folder))
    arms = [f"{arm} (snapshot {version})" for version, own in found.items() for arm in own]
    if not arms:
        return []
    return [
        "these arms of experiments decide by a snapshot that stays as it is, whatever is learned"
        f" anew, until their experiment is over or stopped: {', '.join(arms)}"
    ]


def _said(
    campaign: Campaign, erased: erase.Erased, still_in: Sequence[str], people: set[int | str]
) -> list[str]:
    said = []
    if not erased.rows:
        said.append("the record held nothing of them")
    elif snapshots.versions(campaign.folder):
        said.append(
            "the posteriors in snapshots/ are kept: they are sums over many customers; the next"
            " `bandit learn` adds up without these"
        )
        said += _pinned(campaign)
    if any(refusal.customer in people for refusal in refusals.read(campaign.folder)):
        said.append(
            "that they refused, live or by an event, is kept, so that nobody contacts them again"
            " while your customers' table holds them"
        )
    if still_in:
        said.append(
            f"your own files are never written to; delete them there too: {', '.join(still_in)}"
        )
    return said


def _beside_lists(campaign: Campaign, waves: Sequence[str]) -> list[str]:
    """Files that somebody has put beside the lists of ``waves``, copies for example."""
    found = []
    for wave in waves:
        folder = campaign.folder / exports.EXPORTS / wave
        if (folder / manifest.NAME).is_file():
            ours = {manifest.NAME, *manifest.read(folder)["files"]}
            others = sorted(p for p in folder.iterdir() if p.name not in ours)
            found += [f"{path} (not looked into)" for path in others]
    return found


def _spelled(column: str) -> str:
    """As `People.own`, of a column of the user's."""
    text = f"regexp_replace({sql.name(column)}::VARCHAR, '[\u200b-\u200d\u2060\ufeff]', '', 'g')"
    text = f"trim(nfc_normalize({text}))"
    return (
        f"(list_contains(?::VARCHAR[], {text})"
        f" OR list_contains(?::HUGEINT[], TRY_CAST({text} AS HUGEINT)))"
    )


def _looked_for(people: People, ids: Ids, kind: str | None, role: str) -> list[list[Any]]:
    """Texts and whole numbers that would be theirs in a section with ids of a ``kind``."""
    if kind is None or role == ROLE:
        return [list(spelled_keys(people.keys)), people.numbers if people.whole else []]
    theirs = tuple(id_ for of, id_ in ids.elsewhere if of == fold(kind))
    return [list(spelled_keys(theirs)), []]


def _opened(campaign: Campaign, role: str, events: Source | None) -> Database:
    if events is None:
        return database.connect(campaign, roles=(role,))
    return database.connect(campaign, roles=(), more={role: events})


def _still_in(campaign: Campaign, people: People, ids: Ids) -> list[str]:
    """The user's own sources that still hold one of the ids, or could not be asked."""
    found = []
    sections = {role: getattr(campaign, role) for role in SOURCES}
    events = {source.role: source for source in campaign.source}
    for role, section in (sections | events).items():
        column = getattr(section, "key", None) or getattr(section, "customer", None)
        if section is None or section.source is None or column is None:
            continue
        try:
            with _opened(campaign, role, events.get(role)) as data:
                if column not in data.table(role).columns:
                    continue
                held = data.rows(
                    f"SELECT count(*) FROM {data.table(role).view} WHERE {_spelled(column)}",
                    _looked_for(people, ids, getattr(section, "id", None), role),
                )[0][0]
                if held:
                    found.append(f"{data.table(role).shown} ({counted(held, 'row')})")
        except BanditError:
            found.append(f"{section.source} (could not be read)")
    return found
