"""`bandit status`: where a campaign stands, who ran what, and what can be done next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.days import acting_at, day_of
from bandit.core.types import SILENT, Progress
from bandit.core.version import VERSION
from bandit.core.wording import counted
from bandit.record import events, journal, layers, manifest, outcomes, snapshots, streams
from bandit.record import waves as record
from bandit.record.journal import Entry
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.status import (
    CampaignStatus,
    ExperimentStatus,
    RunStatus,
    SnapshotStatus,
    WaveStatus,
)
from bandit.workflows.serve.taking_part import arms_pinned, takes_part

MOST_RUNS = 20
"""Lines of the journal that are shown, the newest."""


@steady
def status(
    campaign_path: Path, *, at: dt.datetime | None = None, progress: Progress = SILENT
) -> CampaignStatus:
    """Read the manifests and the journal of a campaign; no source is opened, nothing is written.

    ``at`` decides which windows are closed: today's midnight by default, as for `learn`.
    """
    campaign = campaign_file.load(campaign_path)
    at = acting_at(at, campaign.time_zone)
    progress.step("reading the record")
    waves = record.waves(campaign.folder)
    versions = [snapshots.load(campaign.folder, v) for v in snapshots.versions(campaign.folder)]
    told = journal.read(campaign.folder)
    pinned = arms_pinned(campaign, waves)
    known = [_snapshot(one, told.entries, pinned) for one in versions]
    learned = set(known[-1].waves) if known else set()
    listed = [_wave(campaign, wave, at, learned, told.entries) for wave in waves]
    day = day_of(at, campaign.time_zone)
    tried = list(_experiments(campaign, waves, at, day))
    taken = [manifest.read(p) for p in manifest.published(campaign.folder / outcomes.OUTCOMES)]
    waiting = list(events.read(campaign.folder).waiting.values())
    return CampaignStatus(
        campaign=campaign.name,
        folder=campaign.folder,
        config=campaign.digest,
        program=VERSION,
        serving=known[-1].version if known else None,
        waves=listed,
        snapshots=known,
        experiments=tried,
        deliveries=len(taken),
        waiting=len(waiting),
        events=sum(int(content.get("events") or 0) for content in taken),
        runs=[RunStatus(*entry) for entry in told.entries[-MOST_RUNS:]],
        next=list(_next(campaign_path, listed, tried, day)),
        notes=[*_notes(campaign, listed, told.unreadable), *_waits(campaign, waiting)],
    )


def _wave(
    campaign: Campaign, wave: Wave, at: dt.datetime, learned: set[str], runs: Sequence[Entry]
) -> WaveStatus:
    about = wave.manifest
    ends = wave.end(campaign.window)
    return WaveStatus(
        name=wave.name,
        at=wave.at.isoformat(),
        kind=about.kind,
        decisions=about.decisions,
        contacted=about.summary.get("contacted"),
        snapshot=about.snapshot,
        window_ends=ends.isoformat(),
        closed=ends <= at,
        learned=wave.name in learned,
        config=about.config,
        version=about.versions.get("bandit"),
        run_by=who(runs, "serve-batch", wave.name),
    )


def _snapshot(
    stored: snapshots.Snapshot, runs: Sequence[Entry], pinned: Mapping[str, list[str]]
) -> SnapshotStatus:
    fold = stored.manifest.fold
    restored = stored.manifest.restored
    return SnapshotStatus(
        version=stored.version,
        parent=stored.manifest.parent,
        waves=[name for name, _ in fold.waves] if fold else [],
        restored=restored,
        run_by=who(runs, "rollback" if restored else "learn", stored.version),
        pinned=pinned.get(stored.version, []),
    )


def who(runs: Sequence[Entry], command: str, made: str) -> str | None:
    """Who ran it first; a later run of the same name found it done."""
    found = (f"{r.user}@{r.host}" for r in runs if (r.command, r.made) == (command, made))
    return next(found, None)


def _experiments(
    campaign: Campaign, waves: Sequence[Wave], at: dt.datetime, day: dt.date
) -> Iterator[ExperimentStatus]:
    """Those that were started in this campaign, in the order of their layers."""
    for layer in layers.read(campaign.folder).layers:
        for claim in layer.claims:
            if claim.campaign != campaign.file:
                continue
            had = [w for w in waves if takes_part(w, claim.name)]
            asked = claim.experiment
            state, until = "running", None
            if claim.end is not None:
                until = claim.end + dt.timedelta(days=asked.cooldown_days)
                state = "resting" if until > day else "free"
            elif asked.start > day:
                state, until = "to start", asked.start
            elif len(had) >= asked.waves:
                state = "over"
            yield ExperimentStatus(
                name=claim.name,
                layer=layer.name,
                state=state,
                until=None if until is None else until.isoformat(),
                waves=len(had),
                closed=sum(w.end(campaign.window) <= at for w in had),
                planned=asked.waves,
            )


def _next(
    path: Path, waves: Sequence[WaveStatus], tried: Sequence[ExperimentStatus], today: dt.date
) -> Iterator[str]:
    """Commands that would do something now."""
    if not waves:
        yield f"bandit check {path}"
    if any(w.closed and not w.learned for w in waves):
        yield f"bandit learn {path} --outcomes FILE"
    if today.isoformat() not in {w.name for w in waves}:
        yield f"bandit serve-batch {path}"
    if waves:
        yield f"bandit report {path}"
    if any(w.closed for w in waves):
        yield f"bandit simulate {path}"
    for one in tried:
        if one.closed and one.state in {"running", "over"}:
            yield f"bandit experiment read {path} {one.name}"
        if one.state == "over" and one.closed == one.waves:
            yield f"bandit experiment stop {path} {one.name}"


def _notes(campaign: Campaign, waves: Sequence[WaveStatus], unreadable: int) -> Iterator[str]:
    opened = [w for w in waves if not w.closed]
    if opened:
        first = min(opened, key=lambda w: w.window_ends)
        yield f"the window of wave {first.name} closes on {first.window_ends[:10]}"
    if waves and waves[-1].config != campaign.digest:
        yield f"campaign.toml has changed since wave {waves[-1].name}"
    if streams.waiting(campaign.folder):
        yield "live decisions wait to become waves: `bandit seal` or `learn` makes them so"
    if (gone := snapshots.missing(campaign.folder)) is not None:
        yield (
            f"snapshot {gone}, the newest, is missing, so that older ones decide: restore"
            f" {snapshots.SNAPSHOTS}/{gone} from a backup, or run `bandit learn` to learn again"
        )
    if unreadable:
        yield f"{journal.NAME} has {counted(unreadable, 'line')} that cannot be read as an entry"


def _waits(campaign: Campaign, waiting: Sequence[events.Heard]) -> Iterator[str]:
    """Events that triggers have put off."""
    if waiting:
        first = dt.datetime.fromtimestamp(min(one.due for one in waiting) / 1e6, dt.UTC)
        yield (
            f"{counted(len(waiting), 'event waits for its', 'events wait for their')} time, the"
            f" first for {first.astimezone(ZoneInfo(campaign.time_zone)):%Y-%m-%d %H:%M}: `bandit"
            " serve`, or `bandit trigger` then, decides at them"
        )
