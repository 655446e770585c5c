"""`bandit trigger`: what a file of events leads to, and those events whose time has come."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.days import day_of, midnight_of
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import SILENT, Progress
from bandit.core.wording import counted
from bandit.record import lock, streams
from bandit.results.live import FATES, Triggered
from bandit.workflows.live import event_files, settle
from bandit.workflows.live import generation as generations
from bandit.workflows.live.arrivals import Arrivals
from bandit.workflows.live.book import Book, refusal_events
from bandit.workflows.live.delivered import Line
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import Gate, NotDecidedError
from bandit.workflows.live.writing import write
from bandit.workflows.operate import recover

EVENTS = 500
"""Events that are on the disk together."""
_EXAMPLES = 3
REJECTED = "rejected"


def trigger(
    campaign_path: Path,
    *,
    events: Path | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    progress: Progress = SILENT,
) -> Triggered:
    """Decide at the events of a file, JSON lines, CSV or Parquet, in its order.

    First at those whose time has come. ConfigError without a [[trigger]]; LockedError while a
    server decides, which takes events itself, or while another run holds the campaign: a wave that
    is planned comes first.
    """
    campaign = campaign_file.load(campaign_path)
    if not campaign.trigger:
        raise ConfigError(
            f"{campaign.folder / campaign.file} has no [[trigger]]: add one with a name and the"
            " event that it heeds; docs/triggers.md has an example"
        )
    progress.step("reading events")
    lines = [] if events is None else list(event_files.lines(events))
    _hold_share(campaign, events, lines)
    with ExitStack() as stack:
        stack.enter_context(lock.hold(campaign.folder, "trigger"))
        notes = recover.recover(campaign)
        stack.enter_context(streams.held(campaign.folder, "trigger"))
        arrivals = opened(stack, campaign, now, progress)
        desk = arrivals.desk
        progress.step("deciding", total=len(lines))
        fates = Counter(told.fate for told in arrivals.release())
        released = fates.total()
        faults: list[str] = []
        for start in range(0, len(lines), EVENTS):
            some = lines[start : start + EVENTS]
            fates.update(_fates(arrivals, some, faults))
            _flush(desk)
            progress.advance(len(some))
        _flush(desk)
        if not desk.frames:
            desk.segment.path.unlink()  # nothing was decided
        return Triggered(
            campaign=campaign.name,
            events=len(lines),
            released=released,
            **{name: fates[name] for name in FATES},
            outbox=dict(sorted(arrivals.sent.items())),
            still_waiting=len(arrivals.memory.waiting),
            notes=[*notes, *desk.book.notes, *desk.generation.notes, *_told(events, faults)],
        )


def opened(
    stack: ExitStack, campaign: Campaign, now: Callable[[], dt.datetime], progress: Progress
) -> Arrivals:
    """Everything that events are taken in with; the caller holds campaign and streams."""
    at = midnight_of(now(), campaign.time_zone)
    yesterday = day_of(at, campaign.time_zone) - dt.timedelta(days=1)
    book = Book(campaign.folder)
    stack.callback(book.close)
    book.recover(yesterday.isoformat(), refusal_events(campaign))
    made = generations.make(stack, campaign, at, campaign.seed, progress, held=True)
    desk = Desk(book, made, Gate(campaign.folder), now)
    return settle.arrivals(campaign, desk)


def _flush(desk: Desk) -> None:
    """What was decided onto the disk, and then into the outbox."""
    try:
        write(desk.pending)
    except OSError as e:
        raise DataError(
            f"{e.filename or desk.segment.path}: {e.strerror}; what stands in the outbox is"
            " recorded: mend the disk and run the command again"
        ) from None
    desk.pending.clear()
    desk.book.written()


def _fates(arrivals: Arrivals, lines: Sequence[Line], faults: list[str]) -> Iterator[str]:
    """What the events of some lines come to, and why those that are none are rejected."""
    taken = iter(arrivals.take_all([line.event for line in lines if line.event is not None]))
    for line in lines:
        told = NotDecidedError(400, line.fault) if line.event is None else next(taken)
        if isinstance(told, NotDecidedError):
            faults.append(f"{line.word} {line.number}: {told}")
            yield REJECTED
        else:
            yield told.fate


def _hold_share(campaign: Campaign, path: Path | None, lines: Sequence[Line]) -> None:
    """DataError, before anything is decided, where too many lines are no events."""
    wrong = [line for line in lines if line.event is None]
    limit = campaign.limits.reject_share
    if len(wrong) > limit * len(lines):
        told = [f"{path}, {line.word} {line.number}: {line.fault}" for line in wrong[:_EXAMPLES]]
        told.append(
            f"{len(wrong):,} of {len(lines):,} lines are no events, more than limits.reject_share ="
            f" {limit:g} allows; mend them or raise it"
        )
        raise DataError("\n".join(told))


def _told(path: Path | None, faults: Sequence[str]) -> list[str]:
    told = [f"{path}, {fault}" for fault in faults[:_EXAMPLES]]
    more = len(faults) - len(told)
    return (
        [*told, f"{counted(more, 'more line was', 'more lines were')} rejected"]
        if more > 0
        else told
    )
