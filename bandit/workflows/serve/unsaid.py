"""What would change a wave without a word: told, each with its remedy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from bandit.config.campaign import Campaign
from bandit.core.days import day_of
from bandit.record import journal, snapshots
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.wave import Run

MOST_NAMES = 5


def notes(run: Run, catalogue: Catalogue, serving: str) -> list[str]:
    """Of the record and today's catalogue; ``serving`` is the version that decides."""
    campaign = run.campaign
    waves = [
        w
        for w in record.waves(campaign.folder)
        if w.manifest.kind == "wave" and w.campaign == campaign.file and w.name != run.wave
    ]
    if not waves:
        return []
    return [
        *_gone(waves[-1], catalogue),
        *_later(waves, run),
        *_missing(campaign, waves, serving),
        *_not_learned(campaign, waves, run.at),
    ]


def _gone(last: Wave, catalogue: Catalogue) -> Iterator[str]:
    """Offers and channels that the last wave had, and those that it did not have."""
    offers = {o.name for o in catalogue.offers}
    had = dict.fromkeys(offer for offer, _ in last.actions.pairs)
    gone, new = [o for o in had if o not in offers], [o for o in sorted(offers) if o not in had]
    if gone:
        renamed = (
            f"; new are {_listed(new)}: where one is a new name for an old offer, give it the old"
            " name again, or it starts from nothing and the old one's contacts press it no more"
            if new
            else "; it is kept in the record, and comes back with its name"
        )
        yield f"offers that wave {last.name} had are gone: {_listed(gone)}{renamed}"
    channels = {c.name for c in catalogue.channels}
    lost = [c for c in dict.fromkeys(c for _, c in last.actions.pairs) if c not in channels]
    if lost:
        yield (
            f"channels that wave {last.name} had are gone: {_listed(lost)}; nobody is reached there"
            " any more, and what was learned of them waits for their names to come back"
        )


def _later(waves: Sequence[Wave], run: Run) -> Iterator[str]:
    later = [w for w in waves if w.at > run.at]
    if later:
        zone = run.campaign.time_zone
        newest = max(later, key=lambda w: w.at)
        yield (
            f"this wave of {day_of(run.at, zone)} is dated before wave {newest.name} of"
            f" {day_of(newest.at, zone)}, whose contacts count in its contact pressure; if that is"
            " not meant, give another --at"
        )


def _missing(campaign: Campaign, waves: Sequence[Wave], serving: str) -> Iterator[str]:
    """A version that waves were decided with, or that `learn` made, and that is not there."""
    told = journal.read(campaign.folder).entries
    made = {e.made for e in told if e.command in {"learn", "rollback"} and e.made is not None}
    gone = snapshots.missing(campaign.folder)
    known = {w.manifest.snapshot for w in waves} | made | ({gone} if gone else set())
    newest = max(known)
    if newest not in snapshots.versions(campaign.folder):
        yield (
            f"snapshot {newest} is missing, so that this wave is decided with {serving}: restore"
            f" {snapshots.SNAPSHOTS}/{newest} from a backup, or run `bandit learn` to learn again"
            " from all waves"
        )


def _not_learned(campaign: Campaign, waves: Sequence[Wave], at: dt.datetime) -> Iterator[str]:
    window = campaign.window
    closed = [w.name for w in waves if w.end(window) <= at]
    newest = snapshots.latest(campaign.folder, campaign.file)
    fold = None if newest is None else newest.manifest.fold
    learned = set() if fold is None else {name for name, _ in fold.waves}
    waiting = [name for name in closed if name not in learned]
    if waiting:
        yield (
            f"closed and not learned from: waves {_listed(waiting)}; this wave is decided as if"
            " they had not been, unless `bandit learn --outcomes FILE` is run first"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
