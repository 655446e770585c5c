"""One decision after the other, exact given all before it.

A customer's decision at a placement holds for the day, as in a wave: asked again they get the same
one. Where a pick may no longer be made, since the customer refused or a rule changed, or where more
ranks are asked for than were decided, a new occasion begins: a wave of its own, decided anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.config.campaign import OUTBOUND
from bandit.core.framed import Writer, framed
from bandit.core.types import Float64
from bandit.record import streams
from bandit.sources import refusals
from bandit.sources.refusals import Refusal
from bandit.sources.wave_query import micros
from bandit.workflows.live import frames
from bandit.workflows.live.answers import Teller, cut, slot_of
from bandit.workflows.live.book import Book, Place, Stood, refusal_events, wave_name
from bandit.workflows.live.frames import Answer, Decided, Outcome
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.heads import head, renamed
from bandit.workflows.live.room import Room
from bandit.workflows.live.situation import Situation, Standing
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave


class WantedPlacement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A placement by name: 'outbound', or an inbound channel; all its slots without ``count``."""

    name: str
    count: int | None = None


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request for decisions."""

    request_id: str
    customer: int | str
    placements: list[WantedPlacement]


class Given(NamedTuple):
    """An answer; ``fresh``: it holds once all that is pending now is on the disk."""

    answer: Answer
    fresh: bool


class Pending(NamedTuple):
    """A frame that waits for its writer; ``place`` in the book, None for a refusal."""

    writer: Writer
    frame: bytes
    place: Place | None


class _Request(NamedTuple):
    """A request that was looked at: who is meant, what is wanted, what was decided before."""

    asked: Asked
    body: bytes
    customer: int | str
    wanted: dict[str, int]
    chain: Sequence[Stood]
    standing: Standing


class Desk:
    """Decides; what it decided waits in ``pending`` to be written, in order, before it is told.

    ``gate`` raises NotDecidedError while nobody may be contacted anew.
    """

    def __init__(
        self,
        book: Book,
        generation: Generation,
        gate: Callable[[Generation, Book], None],
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self.book = book
        self.pending: list[Pending] = []
        self._gate, self._now = gate, now
        self._refusals_log: Writer | None = None
        self.open(generation)

    def open(self, generation: Generation) -> None:
        """Begin a new segment, decided from ``generation`` on."""
        campaign = generation.wave.run.campaign
        self.segment = streams.next_segment(campaign.folder, generation.day)
        self._writer = Writer(self.segment.path)
        first = framed(frames.encoded(head(generation, self.segment)))
        self._writer.append([first])
        self.book.opened(self.segment)
        self._end, self.frames = len(first), 0
        self.generation = generation
        self.situation = Situation(generation, self.book)
        self._refusal_events = refusal_events(campaign)
        self._tellers: dict[int, Teller] = {}
        self._mean = np.ascontiguousarray(generation.wave.posterior.mean)
        self._room = Room(generation.limits, self.book.used.get(generation.day, Counter()))
        self._slots = {p.name: p.slots for p in generation.wave.plan.placements}

    def decide(self, asked: Asked) -> Given:
        """Decide, or tell again what was decided; NotDecidedError says why neither can be."""
        body = hashlib.blake2b(msgspec.json.encode(asked), digest_size=16).digest()
        before = self._answered(asked, body)
        if before is not None:
            return before
        customer, position = self.situation.known(asked.customer)
        wanted = self._wanted(asked.placements)
        chain = self.book.of(customer)
        row = self.situation.row(customer, position, chain)
        standing = self.situation.standing(row, position, chain, wanted)
        request = _Request(asked, body, customer, wanted, chain, standing)
        if len(standing) == len(wanted):
            return self._again(request)
        if OUTBOUND in wanted and OUTBOUND not in standing:
            self._gate(self.generation, self.book)
        return self._anew(request, self.situation.ready(row, position))

    def hear(self, outcome: Outcome) -> None:
        """Take in an event; one that is a refusal counts from the next decision on."""
        self.book.heard(outcome, self._refusal_events)
        self._write(outcome)

    def refuse(self, customer: int | str, channel: str | None) -> None:
        """Take in a refusal of a channel, or of all."""
        at = self._now().isoformat(timespec="microseconds")
        refusal = Refusal(customer, channel, at)
        self.book.close_channel(refusal)
        if self._refusals_log is None:
            folder = self.generation.wave.run.campaign.folder
            self._refusals_log = Writer(refusals.next_file(folder))
        self.pending.append(Pending(self._refusals_log, refusals.frame(refusal), None))

    def _answered(self, asked: Asked, body: bytes) -> Given | None:
        """The answer that a request of this id had."""
        known = self.book.request(asked.request_id)
        if known is None:
            return None
        place, stood = known
        if stood.decided.asked != body:
            raise NotDecidedError(
                422,
                f"request_id {asked.request_id!r} was answered for another body; give each request"
                " an id of its own",
            )
        answer = msgspec.structs.replace(stood.answer, replayed=True)
        return Given(answer, self.book.is_fresh(place))

    def _wanted(self, placements: Sequence[WantedPlacement]) -> dict[str, int]:
        """How many slots of each placement, in the plan's order."""
        known = ", ".join(self._slots)
        wanted: dict[str, int] = {}
        for one in placements:
            most = self._slots.get(one.name)
            if most is None:
                raise NotDecidedError(
                    422, f"there is no placement {one.name!r}; known here: {known}"
                )
            count = most if one.count is None else one.count
            if not 1 <= count <= most:
                raise NotDecidedError(
                    422,
                    f"count of {one.name!r} is {count}; it has {most} slots: ask for 1 to {most}",
                )
            if one.name in wanted:
                raise NotDecidedError(422, f"placement {one.name!r} is asked for twice")
            wanted[one.name] = count
        if not wanted:
            raise NotDecidedError(422, f"no placement is asked for; known here: {known}")
        return {name: wanted[name] for name in self._slots if name in wanted}

    def _again(self, request: _Request) -> Given:
        """Tell standing decisions again: they are no new data, so nothing is written."""
        newest = max((stood for _, stood in request.standing.values()), key=lambda s: s.decided.at)
        known = self.book.request(newest.decided.request)
        fresh = known is not None and self.book.is_fresh(known[0])
        answer = msgspec.structs.replace(
            newest.answer,
            request_id=request.asked.request_id,
            placements=[cut(request.standing[n][0], count) for n, count in request.wanted.items()],
        )
        return Given(answer, fresh)

    def _anew(self, request: _Request, ready: Prepared) -> Given:
        """Decide at the placements that have no standing decision, and write it down."""
        new = {n: count for n, count in request.wanted.items() if n not in request.standing}
        number, joint = self._occasion(request.chain, new)
        teller = self._teller(number)
        taken, used = [], Counter[str]()
        for one in fill(_narrowed(teller.wave, new), ready, joint=joint, room=self._room.left):
            taken.append(one)
            if one.placement.outbound:
                used.update(self._room.use(int(one.choice.action[0])))
        placed = teller.placed(taken, ready, new)
        at = self._now()
        answer = Answer(
            request_id=request.asked.request_id,
            customer=request.customer,
            snapshot=teller.wave.start.version,
            decided_at=at.isoformat(timespec="microseconds"),
            placements=[
                placed[n] if n in placed else cut(request.standing[n][0], count)
                for n, count in request.wanted.items()
            ],
        )
        self._write(
            Decided(
                request=request.asked.request_id,
                asked=request.body,
                customer=request.customer,
                occasion=number,
                at=micros(at),
                slots=[slot_of(one, ready) for one in taken],
                joint=taken[-1].choice.joint[0].tolist(),
                context=ready.contexts[0].tobytes(),
                left=ready.left[0].tolist(),
                values=ready.values[0].tobytes() if ready.values.ndim == 2 else b"",
                used=dict(used),
                before=self.book.place_before(request.customer),
                answer=msgspec.json.encode(answer),
            )
        )
        return Given(answer, fresh=True)

    def _occasion(self, chain: Sequence[Stood], new: Collection[str]) -> tuple[int, Float64 | None]:
        """The occasion on which placements are decided, and what its slots so far tell."""
        mine = [stood for stood in chain if stood.segment.path == self.segment.path]
        if not mine:
            return 1, None
        last = mine[0].decided
        done = {p.name for s in mine if s.decided.occasion == last.occasion for p in s.own}
        if done.isdisjoint(new):
            return last.occasion, np.array([last.joint])
        return last.occasion + 1, None

    def _teller(self, occasion: int) -> Teller:
        made = self._tellers.get(occasion)
        if made is None:
            wave = renamed(self.generation.wave, wave_name(self.segment, occasion))
            made = self._tellers[occasion] = Teller(wave, self._mean)
        return made

    def _write(self, frame: Decided | Outcome) -> None:
        content = framed(frames.encoded(frame))
        place = self.book.add(frame, self._end)
        self.pending.append(Pending(self._writer, content, place))
        self._end += len(content)
        self.frames += 1


def _narrowed(wave: Wave, counts: Mapping[str, int]) -> Wave:
    """The wave with these placements alone, and so many slots of each."""
    places = [p._replace(slots=counts[p.name]) for p in wave.plan.placements if p.name in counts]
    return wave._replace(plan=wave.plan._replace(placements=places))
