"""What the streams know: whose decisions stand where, which requests were answered, what is used.

Memory holds places in the segments, not their content: that is read again where it is wanted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bandit.config.campaign import Campaign
from bandit.core.errors import DataError
from bandit.core.folding import fold
from bandit.core.framed import Frames, mended, read_at
from bandit.record import lock, streams
from bandit.record.streams import Segment
from bandit.sources import refusals
from bandit.sources.refusals import Refusal
from bandit.workflows.live import frames
from bandit.workflows.live.frames import (
    Activated,
    Answer,
    Cause,
    Decided,
    Head,
    Outcome,
    Paced,
    Pick,
    Placed,
    Priced,
    Said,
    Used,
)
from bandit.workflows.live.paces import Paces

_PLACE_BITS = 40
Place = int
"""A frame: its segment's position in the book, and the byte where it begins."""

_answer = msgspec.json.Decoder(Answer)


class Stood(NamedTuple):
    """One frame of a customer with the segment that it stands in."""

    segment: Segment
    decided: Decided

    @property
    def answer(self) -> Answer:
        """As it was given."""
        return _answer.decode(self.decided.answer)

    @property
    def own(self) -> list[Placed]:
        """The placements that were decided here: an answer also tells again what stood before."""
        return [placed for placed in self.answer.placements if placed.wave == self.wave]

    @property
    def trigger(self) -> str | None:
        """The trigger that decided, None where somebody asked."""
        return None if self.decided.cause is None else self.decided.cause.trigger

    @property
    def wave(self) -> str:
        """The wave that its decisions belong to."""
        return wave_name(self.segment, self.decided.occasion, self.decided.cause)


class Refused(NamedTuple):
    """An event by which a customer refused an offer, or any; ``at`` in microseconds since 1970."""

    offer: str | None
    at: int


def wave_name(segment: Segment, occasion: int, cause: Cause | None = None) -> str:
    """Each occasion of a customer is in a wave of its own, so that a wave has one decision a slot.

    So its decisions are what a wave of that name would decide. Those of each trigger are apart.
    """
    if cause is not None:
        return f"{segment.wave}-{occasion}-{cause.trigger}"
    return segment.wave if occasion == 1 else f"{segment.wave}-{occasion}"


def refusal_events(campaign: Campaign) -> frozenset[str]:
    """Events by which an offer is refused, as they are compared; none where refusals count not."""
    if campaign.pressure.refusal_days is None:
        return frozenset()
    return frozenset(fold(event) for event in campaign.pressure.refusal_events)


class Book:
    """Of one campaign; only the process that holds its streams adds to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: list[tuple[Segment, int]] = []
        self._where: dict[tuple[str, int], int] = {}
        self._fresh: dict[Place, Decided] = {}
        self._last: dict[int | str, Place] = {}
        self._requests: dict[str, Place] = {}
        self._decisions: dict[int, Place] = {}
        self.events: set[str] = set()
        self.refusals: dict[str, Outcome] = {}
        self.activated: set[str] = set()
        self._closed = 0
        self.caused: dict[str, Place] = {}
        self.refused: dict[int | str, list[Refused]] = {}
        self.closed: dict[int | str, set[str | None]] = {}
        self.used: dict[str, Counter[str]] = {}
        self.paces = Paces()
        self.notes: list[str] = []

    def close(self) -> None:
        """Let the files go."""
        for _, handle in self._segments:
            os.close(handle)
        self._segments = []

    def recover(self, since: str, refusing: frozenset[str]) -> None:
        """Read what is there: every segment that is no wave yet, and those of ``since`` and after.

        Ends where a run died are cut: the caller holds the streams. DataError for other damage.
        """
        every = streams.segments(self._folder)
        torn = streams.torn_at_most(every)
        for segment in every:
            if segment.sealed and segment.day < since:
                continue
            read = Frames(segment.path, may_be_torn=segment.path in torn)
            found = list(read)
            if len(found) <= 1 and not segment.sealed:
                segment.path.unlink()  # begun, and nothing was decided
                continue
            self.opened(segment)
            for place, content in found:
                self._take(frames.decoded(content), place, refusing)
            self.written()
            self.notes += read.mend()
        if lock.command(self._folder) is not None:  # a command may be making waves of them now
            self._closed = len(self._segments)
        self.notes += mended(refusals.logs(self._folder))
        for refusal in refusals.read(self._folder):
            self.close_channel(refusal)

    def _take(self, frame: frames.Frame, place: int, refusing: frozenset[str]) -> None:
        """Take in a frame that is on the disk, of the newest segment."""
        segment = self._segments[-1][0]
        match frame:
            case Head(paced=Paced() as paced):
                self.paces.begun(segment, paced)
            case Decided() | Priced():
                self.add(frame, place)
            case Outcome():
                self.heard(frame, refusing)
            case Activated(decisions):
                self.activated.update(decisions)
            case Used() as erased:
                self.used.setdefault(segment.day, Counter()).update(erased.amounts)
                self.paces.erased(segment, erased)

    def opened(self, segment: Segment, paced: Paced | None = None) -> None:
        """Take in a segment that is on the disk, and its prices; what is added next is in it."""
        self._where[segment.day, segment.number] = len(self._segments)
        self._segments.append((segment, os.open(segment.path, os.O_RDONLY | os.O_NOFOLLOW)))
        if paced is not None:
            self.paces.begun(segment, paced)

    def close_older(self) -> None:
        """What was decided in segments before the newest can be activated no more."""
        self._closed = len(self._segments) - 1

    def is_open(self, stood: Stood) -> bool:
        """Whether what waits in a frame can still be activated: its segment is no wave yet."""
        segment = stood.segment
        return not segment.sealed and self._where[segment.day, segment.number] >= self._closed

    def unshown(self, stood: Stood, placed: Placed) -> list[str]:
        """Of a placement's decisions those that wait to be activated."""
        if not stood.decided.waits:
            return []
        return [p.decision_id for p in placed.picks if p.decision_id not in self.activated]

    def add(self, decided: Said, place: int, answer: Answer | None = None) -> Place:
        """Take in a frame of the newest segment; decisions are at hand until `written`.

        ``answer`` is that of the frame, for who has it at hand.
        """
        number = len(self._segments) - 1
        at = number << _PLACE_BITS | place
        if isinstance(decided, Priced):
            self.paces.moved(self._segments[number][0], decided)
        if not isinstance(decided, Decided):
            return at
        self._fresh[at] = decided
        self._last[decided.customer] = at
        if decided.cause is None:
            self._requests[decided.request] = at
        else:
            self.caused[decided.cause.event_id] = at
        for placed in (answer or _answer.decode(decided.answer)).placements:
            for pick in placed.picks:
                self._decisions.setdefault(hash(pick.decision_id), at)
        if decided.used:
            day = self._segments[number][0].day
            self.used.setdefault(day, Counter()).update(decided.used)
            self.paces.uses(day, decided)
        return at

    def written(self, places: Iterable[Place] | None = None) -> None:
        """Let go of what is on the disk: these frames, or all."""
        if places is None:
            self._fresh.clear()
            return
        for at in places:
            self._fresh.pop(at, None)

    def is_fresh(self, at: Place) -> bool:
        """Whether a frame may not be on the disk yet."""
        return at in self._fresh

    def owns(self, wave: str) -> bool:
        """Whether a wave was made of a segment that is in the book."""
        return any(wave == s.wave or wave.startswith(f"{s.wave}-") for s, _ in self._segments)

    def of(self, customer: int | str) -> list[Stood]:
        """A customer's frames, the newest first."""
        return list(self._chain(self._last.get(customer)))

    def request(self, request: str) -> tuple[Place, Stood] | None:
        """The answer to a request."""
        at = self._requests.get(request)
        return None if at is None else (at, self._read(at))

    def at_events(self) -> list[Stood]:
        """What triggers decided, in the order in which they did."""
        return [self._read(at) for at in self.caused.values()]

    def decision(self, decision_id: str) -> tuple[Stood, Pick] | None:
        """The frame of a decision, and itself; None if it is none of ours."""
        at = self._decisions.get(hash(decision_id))
        stood = None if at is None else self._read(at)
        for placed in stood.answer.placements if stood is not None else ():
            for pick in placed.picks:
                if pick.decision_id == decision_id and stood is not None:
                    return stood, pick
        return None

    def place_before(self, customer: int | str) -> tuple[str, int, int] | None:
        """Where the customer's newest frame stands, as the next one says it."""
        at = self._last.get(customer)
        if at is None:
            return None
        segment, _ = self._segments[at >> _PLACE_BITS]
        return segment.day, segment.number, at & ((1 << _PLACE_BITS) - 1)

    def heard(self, outcome: Outcome, refusing: frozenset[str]) -> None:
        """Take in an event; one that is a refusal counts from the next decision on."""
        self.events.add(outcome.event_id)
        if fold(outcome.event) not in refusing:
            return
        self.refusals[outcome.event_id] = outcome
        customer, offer = outcome.customer, None
        found = None if outcome.decision is None else self.decision(outcome.decision)
        if found is not None:
            customer, offer = found[0].decided.customer, found[1].offer
        if customer is not None:
            self.refused.setdefault(customer, []).append(Refused(offer, outcome.at))

    def refused_before(self, outcome: Outcome) -> bool:
        """Whether just this refusal was heard."""
        before = self.refusals.get(outcome.event_id)
        who = outcome.decision, outcome.customer
        return before is not None and (before.decision, before.customer) == who

    def head(self, segment: Segment) -> Head:
        """What a segment of the book was made with."""
        _, handle = self._segments[self._where[segment.day, segment.number]]
        found = frames.decoded(read_at(handle, 0, segment.path))
        if not isinstance(found, Head):
            raise _headless(segment)
        return found

    def close_channel(self, refusal: Refusal) -> None:
        """Take in a refusal of a channel, or of all."""
        self.closed.setdefault(refusal.customer, set()).add(refusal.channel)

    def _chain(self, at: Place | None) -> Iterator[Stood]:
        while at is not None:
            stood = self._read(at)
            yield stood
            before = stood.decided.before
            if before is None or before[:2] not in self._where:
                return
            at = self._where[before[:2]] << _PLACE_BITS | before[2]

    def _read(self, at: Place) -> Stood:
        segment, handle = self._segments[at >> _PLACE_BITS]
        found = self._fresh.get(at)
        if found is None:
            content = frames.decoded(read_at(handle, at & ((1 << _PLACE_BITS) - 1), segment.path))
            if not isinstance(content, Decided):
                raise DataError(f"{segment.path}: no decision stands where one was written")
            found = content
        return Stood(segment, found)


def head_of(segment: Segment) -> Head:
    """What a segment was made with; DataError where its first frame is none."""
    for _, content in Frames(segment.path):
        found = frames.decoded(content)
        if isinstance(found, Head):
            return found
        break
    raise _headless(segment)


def _headless(segment: Segment) -> DataError:
    return DataError(f"{segment.path} does not begin with what it was made with; restore it")
