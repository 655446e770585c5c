"""After a kill: what triggers decided and the outbox, or the events' log, may not have yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bandit.config.campaign import Campaign
from bandit.core.framed import Frames, Writer, mended
from bandit.core.wording import counted
from bandit.record import events, streams
from bandit.record.events import WITHHELD, Event, Heard, Memory
from bandit.record.outbox import Box
from bandit.sources.wave_query import micros
from bandit.workflows.live import frames
from bandit.workflows.live.arrivals import Arrivals, horizon
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer, Cause, Decided
from bandit.workflows.live.messages import fate_of, line

_answer = msgspec.json.Decoder(Answer)


class Said(NamedTuple):
    """A decision of a trigger, with the day of its stream."""

    day: str
    cause: Cause
    answer: Answer


def in_streams(folder: Path) -> Iterator[Said]:
    """What triggers decided, read from all segments."""
    every = streams.segments(folder)
    torn = streams.torn_at_most(every)
    for segment in every:
        for _, content in Frames(segment.path, may_be_torn=segment.path in torn):
            found = frames.decoded(content)
            if isinstance(found, Decided) and found.cause is not None:
                yield Said(segment.day, found.cause, _answer.decode(found.answer))


def settle(folder: Path, decided: Iterable[Said], may: Callable[[Said], bool]) -> list[str]:
    """Put out what is decided, is not noted and ``may`` still go; a sentence if there was any.

    Before that a torn end of the events' log is cut. What may not is withheld, where it is sure
    that it never went out. Only who holds the streams may call this.
    """
    notes = mended(events.logs(folder))
    memory = events.read(folder)
    doubtful = [said for said in decided if _doubtful(memory, said.cause)]
    if not doubtful:
        return notes
    lines: dict[Box, list[bytes]] = {}
    boxes: dict[tuple[str, str], tuple[Box, set[str] | None]] = {}
    heard = []
    for said in doubtful:
        pick, fate = said.answer.placements[0].picks[0], fate_of(said.answer)
        if pick.channel is not None:
            where = pick.channel, said.day
            box = boxes[where][0] if where in boxes else Box(folder, *where)
            there = boxes.setdefault(where, (box, box.ids()))[1]
            if pick.decision_id not in (there or ()):
                if may(said):
                    lines.setdefault(box, []).append(line(said.cause, said.answer))
                elif there is not None:
                    fate = WITHHELD
        heard.append(_heard(said, fate))
    for box, there in boxes.values():
        if box in lines or there is not None:  # where there is nothing to add, a torn end goes
            box.append(lines.get(box, []))
    log = Writer(events.next_file(folder), rank=2)
    log.append([events.frame(one) for one in heard])
    log.close()
    put, held = sum(map(len, lines.values())), sum(one.fate == WITHHELD for one in heard)
    return [
        *notes,
        f"a run died while it put out what {counted(len(heard), 'event')} led to:"
        f" {counted(put, 'contact was', 'contacts were')} put into the outbox now, {held:,} may"
        " not go out any more and are withheld",
    ]


def _doubtful(memory: Memory, cause: Cause) -> bool:
    if cause.event_id in memory.waiting:
        return True
    return not memory.knows(cause.event_id) and cause.at >= memory.horizon


def _heard(said: Said, fate: str) -> Heard:
    cause = said.cause
    event = Event(cause.event_id, cause.event, said.answer.customer, cause.at)
    return Heard(event, cause.trigger, cause.due, cause.until, fate)


def arrivals(campaign: Campaign, desk: Desk) -> Arrivals:
    """What takes events in, after what a run that died left undone; the caller holds the streams.

    Nothing is remembered of events that are a day too old for every trigger.
    """
    now = micros(desk.now())

    def may(said: Said) -> bool:
        pick, customer = said.answer.placements[0].picks[0], said.answer.customer
        return now <= said.cause.until and desk.situation.may_still(
            customer, pick.offer or "", pick.channel or ""
        )

    decided = [
        Said(stood.segment.day, stood.decided.cause, stood.answer)
        for stood in desk.book.at_events()
        if stood.decided.cause is not None
    ]
    desk.book.notes += settle(campaign.folder, decided, may)
    memory = events.read(campaign.folder)
    at = horizon(campaign, desk.now())
    return Arrivals(desk, memory if at is None else events.anew(campaign.folder, at))
