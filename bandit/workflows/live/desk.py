"""One decision after the other, exact given all before it.

A customer's decision at a placement holds for the day, as in a wave: asked again they get the same
one. Where a pick may no longer be made, since the customer refused or a rule changed, or where more
ranks are asked for than were decided, a new occasion begins: a wave of its own, decided anew.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from bandit.config.section import OUTBOUND
from bandit.core.folding import fold
from bandit.core.framed import Writer, framed
from bandit.core.types import Bool
from bandit.record import streams
from bandit.sources import refusals
from bandit.sources.refusals import Refusal
from bandit.sources.wave_query import micros
from bandit.workflows.live import frames, showing
from bandit.workflows.live.book import Book, Stood, refusal_events
from bandit.workflows.live.drawing import Drawing, Drawn, written
from bandit.workflows.live.explaining import Explainer, Of
from bandit.workflows.live.frames import Activated, Answer, Cause, Outcome, Said
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.heads import head
from bandit.workflows.live.noting import frame
from bandit.workflows.live.pacer import Pacer
from bandit.workflows.live.requests import Asked, Given, Met, Request, digest, occasion_of, wanted
from bandit.workflows.live.room import Rooms
from bandit.workflows.live.shadow import Tally
from bandit.workflows.live.situation import Present, Situation
from bandit.workflows.live.writing import Pending

TOO_LATE = (
    "Deadline-Ms is over before this was decided, and contacts and experiments have no fallback:"
    " nothing is decided, ask again"
)


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
        self._gate, self.now = gate, now
        self._refusals_log: Writer | None = None
        self.shadowed = Tally()
        self._explainer = Explainer(generation.wave.run.campaign.folder, book)
        self.open(generation)

    def open(self, generation: Generation) -> None:
        """Begin a new segment, decided from ``generation`` on.

        DataError where the disk refuses its head: nothing has changed then.
        """
        campaign = generation.wave.run.campaign
        pacer = Pacer(generation, self.book, micros(self.now()))
        generation = generation.at_prices(pacer.charges)
        segment = streams.next_segment(campaign.folder, generation.day)
        first = framed(frames.encoded(head(generation, segment, pacer.paced)))
        self._writer = Writer(segment.path, first=first)
        self.segment, self.pacer = segment, pacer
        self.book.opened(segment, pacer.paced)
        self._end, self.frames = len(first), 0
        self.generation = generation
        self.situation = Situation(generation, self.book)
        self._refusal_events = refusal_events(campaign)
        used = self.book.used.get(generation.day, Counter())
        apart = generation.wave.plan.apart
        rooms = Rooms(generation.limits, apart, generation.populations, used)
        self._drawing = Drawing(
            self.situation, segment, rooms, self.shadowed, self.now, pacer.epoch
        )
        self._slots = {p.name: p.slots for p in generation.wave.plan.placements}

    def decide(self, asked: Asked) -> Given:
        """Decide, or tell again what was decided; NotDecidedError says why neither can be."""
        (given,) = self.decide_all([asked])
        if isinstance(given, NotDecidedError):
            raise given
        return given

    def decide_all(
        self, asks: Sequence[Asked], late: Set[int] = frozenset()
    ) -> list[Given | NotDecidedError]:
        """Decide for several at once, with the answers that they have one after the other.

        Those in the places ``late`` have no time left: what does not stand is the rules' to pick.
        """
        found: dict[int, Given | NotDecidedError] = {}
        waiting = dict(enumerate(asks))
        while waiting:
            waiting = self._round(waiting, found, late)
        return [self._told(asked, found[number]) for number, asked in enumerate(asks)]

    def _told(self, asked: Asked, given: Given | NotDecidedError) -> Given | NotDecidedError:
        """An answer as it was asked for: with what `bandit explain` shows, or without."""
        if not asked.explain or isinstance(given, NotDecidedError):
            return given
        tried = None if given.tried is None else Stood(self.segment, given.tried)
        slots = self._explainer.slots(given.answer, tried, self.situation, self._wave_of)
        return given.explained(slots)

    def chances(self, decision_id: str) -> dict[str | None, float]:
        """The probability of each offer, None for no offer, when a decision was drawn."""
        return self._explainer.chances(decision_id, self.situation, self._wave_of)

    def _wave_of(self, stood: Stood) -> Of | None:
        """The wave that a frame of the open segment is of."""
        if stood.segment != self.segment:
            return None
        values = self.generation.customers.values
        wave = self._drawing.teller(stood.wave).wave
        return Of(wave, values.tolist() if values.ndim == 1 else None)

    def _round(
        self,
        waiting: Mapping[int, Asked],
        found: dict[int, Given | NotDecidedError],
        late: Set[int],
    ) -> dict[int, Asked]:
        """Decide for each customer once; what is asked of them beside that waits for a round."""
        requests: dict[int, Request] = {}
        later: dict[int, Asked] = {}
        met = Met()
        for number, asked in waiting.items():
            try:
                looked = self._looked(asked, met)
            except NotDecidedError as e:
                found[number] = e
                continue
            if looked is None:
                later[number] = asked
            elif isinstance(looked, Given):
                found[number] = looked
            else:
                requests[number] = looked
                met.add(looked)
        closed = self._closed(requests.values())
        if closed is not None:
            for number, request in list(requests.items()):
                if OUTBOUND in request.new:
                    found[number] = NotDecidedError(closed.status, str(closed))
                    del requests[number]
        if late:
            hurried = {n: requests.pop(n) for n in list(requests) if n in late}
            found.update(self._hurried(hurried))
        if requests:
            given = self._anew(list(requests.values()))
            found.update(zip(requests, given, strict=True))
        return later

    def _hurried(self, requests: Mapping[int, Request]) -> dict[int, Given | NotDecidedError]:
        """What rules pick for lists; a contact, or an experiment's member, has no such fallback."""
        found: dict[int, Given | NotDecidedError] = {}
        rest: dict[int, Request] = {}
        for number, request in requests.items():
            if OUTBOUND in request.new or self.generation.wave.run.experiments:
                found[number] = NotDecidedError(503, TOO_LATE)
            else:
                rest[number] = request
        if rest:
            found.update(zip(rest, self._anew(list(rest.values()), late=True), strict=True))
        return found

    def _looked(self, asked: Asked, met: Met) -> Request | Given | None:
        """What is to be decided, or the answer that stands; None where it hangs on who was met."""
        if asked.request_id in met.requests:
            return None
        body = digest(asked)
        before = None if asked.dry_run else showing.answered(self.book, asked, body)
        if before is not None:
            return before
        customer, position = self.situation.known(asked.customer)
        if customer in met.customers:
            return None
        wants = wanted(asked, self._slots)
        without = self.situation.without(asked.exclude_offers, asked.among)
        context = self.situation.context(position, asked.context)
        person = Present(customer, position, self.book.of(customer), without, context)
        stands = self.situation.standing(person, wants)
        new = {n: count for n, count in wants.items() if n not in stands} if stands else wants
        request = Request(asked, body, person, wants, stands, new)
        if not new:
            return self._again(request)
        return self._tried(request) if asked.dry_run else request

    def _closed(self, requests: Iterable[Request]) -> NotDecidedError | None:
        """Why nobody may be contacted now."""
        if not any(OUTBOUND in request.new for request in requests):
            return None
        try:
            self.hold_open()
        except NotDecidedError as e:
            return e
        return None

    def hold_open(self) -> None:
        """NotDecidedError while nobody may be contacted anew."""
        self._gate(self.generation, self.book)

    def at_event(self, cause: Cause, customer: int | str, position: int) -> Request:
        """What a trigger asks at an event: one contact, or none."""
        person = Present(customer, position, self.book.of(customer))
        wants = {OUTBOUND: 1}
        return Request(Asked(cause.event_id, customer, []), b"", person, wants, {}, wants, cause)

    def occasion(self, request: Request) -> int:
        """The occasion on which it would be decided now."""
        return occasion_of(request, self.segment)[0]

    def at_events(self, requests: Sequence[Request], inside: Bool) -> list[Answer]:
        """Decide for one trigger, by actions ``inside`` bool[k], as one after the other would be.

        Each customer is in it once, and all are on the same occasion.
        """
        return [given.answer for given in self._anew(requests, inside)]

    def activate(self, decisions: Sequence[str]) -> int:
        """Take in that decisions are shown; how many waited for it. All of them, or none."""
        return self._shown(showing.to_activate(self.book, self.situation, decisions))

    def refuses(self, event: str) -> bool:
        """Whether events of this kind are refusals."""
        return fold(event) in self._refusal_events

    def hear(self, outcome: Outcome) -> bool:
        """Take in an event; one that is a refusal counts from the next decision on.

        False for one that was heard before. NotDecidedError for a refusal under the id of another
        event: it would count for nothing.
        """
        refuses = self.refuses(outcome.event)
        if outcome.event_id in self.book.events:
            if refuses and not self.book.refused_before(outcome):
                raise NotDecidedError(
                    422,
                    f"event_id {outcome.event_id!r} was delivered with another content; give each"
                    " event an id of its own",
                )
            return False
        self.book.heard(outcome, self._refusal_events)
        if refuses and outcome.customer is not None:
            self.situation.refused(outcome.customer)
        self._write(outcome)
        return True

    def refuse(self, customer: int | str, channel: str | None) -> None:
        """Take in a refusal of a channel, or of all."""
        at = written(self.now())
        refusal = Refusal(customer, channel, at)
        self.book.close_channel(refusal)
        self.situation.refused(customer)
        if self._refusals_log is None:
            folder = self.generation.wave.run.campaign.folder
            self._refusals_log = Writer(refusals.next_file(folder))
        self.pending.append(Pending(self._refusals_log, refusals.frame(refusal), None))

    def _again(self, request: Request) -> Given:
        """Tell standing decisions again: they are no new data, so nothing is written."""
        shown = 0 if request.asked.dry_run else self._shown(showing.unshown(self.book, request))
        return showing.again(self.book, request, shown=bool(shown))

    def _tried(self, request: Request) -> Given:
        """What would be decided now: nothing is written, and no room is taken."""
        if OUTBOUND in request.new:
            self.hold_open()
        self._reprice([request])
        made, answer, shadow = self._drawing.tried(request)
        given = Given.of(answer, fresh=False)
        tried = frame(request, made, None, given.content, shadow, self._units(request))
        return given._replace(tried=tried)

    def _anew(
        self, requests: Sequence[Request], inside: Bool | None = None, *, late: bool = False
    ) -> list[Given]:
        """Decide for customers, each of them once, and write it down."""
        self._reprice(requests)
        found: dict[int, Given] = {}
        for i, drawn in self._drawing.anew(requests, inside, late=late):
            found[i] = self._noted(requests[i], drawn)
        return [found[i] for i in range(len(requests))]

    def _reprice(self, requests: Sequence[Request]) -> None:
        """Begin an epoch where one is due, before a contact is asked for: lists have no prices."""
        contacts = any(OUTBOUND in request.new for request in requests)
        priced = self.pacer.due(micros(self.now()), self.book) if contacts else None
        if priced is None:
            return
        self._write(priced)
        if self.pacer.take(priced):
            self.generation = self.generation.at_prices(self.pacer.charges)
            self._drawing.at_prices(priced.epoch, self.pacer.charges)

    def _noted(self, request: Request, drawn: Drawn) -> Given:
        """Write a decision down."""
        made, answer, shadow = drawn
        given = Given.of(answer, fresh=True)
        before = self.book.place_before(request.person.customer)
        units = self._units(request)
        self._write(frame(request, made, before, given.content, shadow, units), answer)
        self._shown(showing.unshown(self.book, request))
        return given

    def _units(self, request: Request) -> list[int]:
        """The customer's unit in each experiment of households."""
        units: list[int] = self.generation.customers.units[request.person.position].tolist()
        return units

    def _shown(self, decisions: Sequence[str]) -> int:
        """Note that decisions are shown; how many these are."""
        if decisions:
            self.book.activated.update(decisions)
            self._write(Activated(list(decisions), micros(self.now())))
        return len(decisions)

    def _write(self, said: Said, answer: Answer | None = None) -> None:
        content = framed(frames.encoded(said))
        place = self.book.add(said, self._end, answer)
        self.pending.append(Pending(self._writer, content, place))
        self._end += len(content)
        self.frames += 1
