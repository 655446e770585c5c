"""What an event comes to: one function for files and for HTTP, so that both lead to the same.

The clock of the arrival says what is too late, what is due, and the day that a decision belongs to;
that of the event says when it is due and which events lie too near to each other.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.trigger import Trigger
from bandit.core.errors import DataError
from bandit.core.framed import Writer
from bandit.core.types import Bool
from bandit.record import events
from bandit.record.events import WAITING, Event, Heard, Memory
from bandit.record.outbox import Box
from bandit.sources.wave_query import micros
from bandit.workflows.live import triggers
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer, Cause, Outcome, Pick
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.messages import fate_of, line
from bandit.workflows.live.requests import Request
from bandit.workflows.live.situation import Person
from bandit.workflows.live.writing import Pending

QUIET, EXPIRED, UNMATCHED, REFUSAL = "quiet", "expired", "unmatched", "refusal"
UNKNOWN_KIND, UNKNOWN_CUSTOMER, DUPLICATE = "unknown_kind", "unknown_customer", "duplicate"
MOST_TOGETHER = 64
"""Events that are decided together."""
AHEAD_MINUTES = 5
"""So far may the clock of an event be ahead of ours."""
_MINUTE = 60_000_000


class Told(NamedTuple):
    """What became of an event; ``due`` as in `Heard`, ``pick`` where it was decided."""

    event_id: str
    fate: str
    trigger: str | None = None
    due: int | None = None
    pick: Pick | None = None


class _Due(NamedTuple):
    """An event that is to be decided now, by ``trigger``, on an ``occasion`` of the customer's."""

    heard: Heard
    trigger: Trigger
    request: Request
    occasion: int

    @property
    def alike(self) -> tuple[str, int]:
        """What those who are decided together have in common."""
        return self.trigger.name, self.occasion

    def hangs_together(self, event: Event, person: Person | None) -> bool:
        """Whether what comes of another event may hang on what comes of this one."""
        mine = self.heard.event
        return event.event_id == mine.event_id or (
            person is not None and person.key == self.request.person.customer
        )


class Arrivals:
    """Takes events in for a desk; what they lead to waits in the desk's ``pending``."""

    def __init__(self, desk: Desk, memory: Memory) -> None:
        self.desk, self.memory = desk, memory
        self.sent = Counter[str]()
        self._boxes: dict[tuple[str, str], Box] = {}
        self._log: Writer | None = None
        self._inside: tuple[Generation, dict[str, Bool]] = desk.generation, {}

    @property
    def _campaign(self) -> Campaign:
        return self.desk.generation.wave.run.campaign

    def forget_old(self) -> None:
        """Let go of events that are too old for every trigger; once a day is enough."""
        at = horizon(self._campaign, self.desk.now())
        if at is not None:
            self.memory.forget_before(at)

    def take(self, event: Event) -> Told:
        """Decide at an event, put it off, or say why neither is done.

        NotDecidedError for what is no event of a customer's, and for an id that was another's.
        """
        (told,) = self.take_all([event])
        if isinstance(told, NotDecidedError):
            raise told
        return told

    def take_all(self, events: Sequence[Event]) -> list[Told | NotDecidedError]:
        """As `take` of one after the other, in less time."""
        now = micros(self.desk.now())
        return self._all(events, lambda event, person: self._come(event, person, now))

    def release(self, most: int | None = None) -> list[Told]:
        """Look anew at the first ``most`` events whose time has come: what has changed counts."""
        now = micros(self.desk.now())
        due = {heard.event: heard for heard in self.memory.due(now, most)}
        told = self._all(list(due), lambda event, person: self._now(due[event], person, now))
        return [one for one in told if isinstance(one, Told) and one.fate != WAITING]

    def _all(
        self, events: Sequence[Event], look: Callable[[Event, Person | None], Told | _Due]
    ) -> list[Told | NotDecidedError]:
        """Look at one after the other; those to be decided are so together, in runs.

        A run has each customer and event once, one trigger and one occasion: nothing in it hangs on
        what stands before it but the room that caps leave, which the desk looks after.
        """
        found: dict[int, Told | NotDecidedError] = {}
        run: dict[int, _Due] = {}
        for number, event in enumerate(events):
            person = self._person(event)
            if any(due.hangs_together(event, person) for due in run.values()):
                self._decide(run, found)
            try:
                looked = look(event, person)
            except NotDecidedError as e:
                found[number] = e
                continue
            if isinstance(looked, Told):
                found[number] = looked
                continue
            if run and looked.alike != next(iter(run.values())).alike:
                self._decide(run, found)
            run[number] = looked
            if len(run) == MOST_TOGETHER:
                self._decide(run, found)
        self._decide(run, found)
        return [found[number] for number in range(len(events))]

    def _come(self, event: Event, person: Person | None, now: int) -> Told | _Due:
        """What an event that is delivered comes to."""
        if event.at > now + AHEAD_MINUTES * _MINUTE:
            # A zone may put it beyond the years that a datetime has.
            said = str(np.datetime64(event.at, "us")).removesuffix(".000000")
            raise NotDecidedError(422, f"at = {said}Z lies in the future; is a clock ahead?")
        if person is None:
            person = self.desk.situation.person(event.customer)  # which says what is wrong
        event = event._replace(customer=person.key)
        if self.memory.is_other(event):
            raise NotDecidedError(
                422,
                f"event_id {event.event_id!r} was delivered with another content; give each event"
                " an id of its own",
            )
        refuses, refused = self.desk.refuses(event.event), self.desk.book.refusals
        if self.memory.knows(event.event_id) or (event.event_id in refused and not refuses):
            return Told(event.event_id, DUPLICATE)
        if refuses:
            new = self.desk.hear(
                Outcome(event.event_id, None, event.customer, event.event, 0.0, event.at, now)
            )
            return Told(event.event_id, REFUSAL if new else DUPLICATE)
        heeding = list(triggers.heeding(self._campaign, event.event))
        if not heeding:
            return Told(event.event_id, UNKNOWN_KIND)
        if person.position is None:
            return Told(event.event_id, UNKNOWN_CUSTOMER)
        for place, trigger in heeding:
            if self._holds(place, person.position):
                return self._heed(event, trigger, person.key, person.position, now)
        return Told(event.event_id, UNMATCHED)

    def _heed(
        self, event: Event, trigger: Trigger, key: int | str, position: int, now: int
    ) -> Told | _Due:
        due = event.at + round(trigger.delay_minutes * _MINUTE)
        until = due + round(trigger.expiry_minutes * _MINUTE)
        heard = Heard(event, trigger.name, due, until, WAITING)
        if now > until or event.at < self.memory.horizon:
            return Told(event.event_id, EXPIRED, trigger.name)
        if due > now and not self._quiet(heard, trigger):
            return self._came_to(heard, WAITING)
        return self._due(heard, trigger, key, position)

    def _now(self, heard: Heard, person: Person | None, now: int) -> Told | _Due:
        """What an event that has waited comes to."""
        named = {t.name: (place, t) for place, t in enumerate(self._campaign.trigger)}
        if person is None or person.position is None:
            return self._came_to(heard, UNKNOWN_CUSTOMER)
        if now > heard.until:
            return self._came_to(heard, EXPIRED)
        if heard.trigger not in named:
            return self._came_to(heard, UNMATCHED)
        place, trigger = named[heard.trigger]
        if not self._holds(place, person.position):
            return self._came_to(heard, UNMATCHED)
        return self._due(heard, trigger, person.key, person.position)

    def _due(self, heard: Heard, trigger: Trigger, key: int | str, position: int) -> Told | _Due:
        if self._quiet(heard, trigger):
            return self._came_to(heard, QUIET)
        self._log_of_events()  # it is there before the first decision is
        event = heard.event
        cause = Cause(trigger.name, event.event_id, event.event, event.at, heard.due, heard.until)
        request = self.desk.at_event(cause, key, position)
        return _Due(heard, trigger, request, self.desk.occasion(request))

    def _decide(self, run: dict[int, _Due], found: dict[int, Told | NotDecidedError]) -> None:
        """Decide a run, and empty it."""
        if not run:
            return
        dues = list(run.values())
        try:
            self.desk.hold_open()
        except NotDecidedError:  # a wave is being planned
            told = [self._came_to(one.heard, WAITING) for one in dues]
        else:
            inside = self._in_play(dues[0].trigger)
            answers = self.desk.at_events([one.request for one in dues], inside)
            told = [self._out(one, answer) for one, answer in zip(dues, answers, strict=True)]
        found.update(zip(run, told, strict=True))
        run.clear()

    def _person(self, event: Event) -> Person | None:
        try:
            return self.desk.situation.person(event.customer)
        except NotDecidedError:  # it was a key when the event came
            return None

    def _holds(self, place: int, position: int) -> bool:
        """Whether the condition of the trigger at ``place`` holds, as of the generation."""
        generation = self.desk.generation
        before = len(generation.wave.run.experiments)
        return bool(generation.customers.within[position, before + place])

    def _quiet(self, heard: Heard, trigger: Trigger) -> bool:
        apart = round(trigger.quiet_minutes * _MINUTE)
        return self.memory.quiet(trigger.name, heard.event, apart)

    def _out(self, due: _Due, answer: Answer) -> Told:
        """Put a contact that was decided into the outbox, and note what the event came to."""
        pick, fate, cause = answer.placements[0].picks[0], fate_of(answer), due.request.cause
        if pick.channel is not None and cause is not None:
            self.desk.pending.append(Pending(self._box(pick.channel), line(cause, answer), None))
            self.sent[pick.channel] += 1
        return self._came_to(due.heard, fate)._replace(pick=pick)

    def _box(self, channel: str) -> Box:
        where = channel, self.desk.generation.day
        return self._boxes.setdefault(where, Box(self._campaign.folder, *where))

    def _came_to(self, heard: Heard, fate: str) -> Told:
        """Note what an event came to; one that waits as before is noted already."""
        before = self.memory.waiting.get(heard.event.event_id)
        heard = heard._replace(fate=fate)
        self.memory.add(heard)
        if heard != before:
            self.desk.pending.append(Pending(self._log_of_events(), events.frame(heard), None))
        return Told(heard.event.event_id, fate, heard.trigger, heard.due)

    def _log_of_events(self) -> Writer:
        if self._log is None:
            try:
                self._log = Writer(events.next_file(self._campaign.folder), rank=2)
            except DataError as e:
                raise NotDecidedError(503, str(e)) from None
        return self._log

    def _in_play(self, trigger: Trigger) -> Bool:
        if self._inside[0] is not self.desk.generation:
            self._inside = self.desk.generation, {}
        known = self._inside[1]
        if trigger.name not in known:
            known[trigger.name] = triggers.inside(self.desk.generation.wave, trigger)
        return known[trigger.name]


def horizon(campaign: Campaign, now: dt.datetime) -> int | None:
    """Events from before are a day too old for every trigger; None where there is no trigger."""
    back = [max(t.delay_minutes + t.expiry_minutes, t.quiet_minutes) for t in campaign.trigger]
    return micros(now - dt.timedelta(days=1, minutes=max(back))) if back else None
