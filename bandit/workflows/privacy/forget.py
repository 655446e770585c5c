"""`bandit forget`: customers out of the record, the index and the lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.errors import BanditError, UsageError
from bandit.core.types import SILENT, Progress
from bandit.record import erase, exports, index, lock, manifest, snapshots
from bandit.record.person import People
from bandit.results.privacy import Forgotten
from bandit.sources import database
from bandit.workflows.learn.statistics import STATISTICS
from bandit.workflows.operate import recover

SOURCES = ("customers", "consents", "history", "outcomes", "log")


def forget(
    campaign_path: Path, *, customers: Sequence[str], progress: Progress = SILENT
) -> Forgotten:
    """Remove ``customers`` from decisions, outcomes, rejects, lists and index, all or nothing.

    The stored posteriors stay: they are sums over many. The waves' own sums go, so the next
    `learn` is without these customers.
    """
    campaign = campaign_file.load(campaign_path)
    people = People(tuple(dict.fromkeys(customers)))
    if not all(people.keys) or not people.keys:
        raise UsageError("name the customer to forget by a key that is not empty")
    with lock.hold(campaign.folder, "forget"):
        notes = recover.recover(campaign)
        progress.step("rewriting the record")
        erased = erase.erase(campaign.folder, people, campaign.folder / STATISTICS)
        index.refresh(campaign.folder)
        progress.step("looking into the sources")
        still_in = [*_still_in(campaign, people), *_beside_lists(campaign, erased.waves)]
        return Forgotten(
            customers=list(people.keys),
            decisions=erased.decisions,
            outcomes=erased.outcomes,
            rejects=erased.rejects,
            listed=erased.listed,
            waves=list(erased.waves),
            still_in=still_in,
            notes=[*notes, *_said(campaign, erased, still_in)],
        )


def _said(campaign: Campaign, erased: erase.Erased, still_in: Sequence[str]) -> list[str]:
    said = []
    if not any(erased[:4]):
        said.append("the record held nothing of them")
    elif snapshots.versions(campaign.folder):
        said.append(
            "the posteriors in snapshots/ are kept: they are sums over many customers; the next"
            " `bandit learn` adds up without these"
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


def _still_in(campaign: Campaign, people: People) -> list[str]:
    """The user's own sources that still hold one of the keys, or could not be asked."""
    found = []
    for role in SOURCES:
        section = getattr(campaign, role)
        column = getattr(section, "key", None) or getattr(section, "customer", None)
        if section is None or section.source is None or column is None:
            continue
        try:
            with database.connect(campaign, roles=(role,)) as data:
                if column not in data.table(role).columns:
                    continue
                held = data.rows(
                    f"SELECT count(*) FROM {data.table(role).view}"
                    f" WHERE list_contains(?::VARCHAR[], {sql.name(column)}::VARCHAR)",
                    [list(people.keys)],
                )[0][0]
                if held:
                    found.append(f"{data.table(role).shown} ({held:,} rows)")
        except BanditError:
            found.append(f"{section.source} (could not be read)")
    return found
