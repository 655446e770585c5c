"""What an event comes to: one function for files and for HTTP, so that both lead to the same.

The clock of the arrival says what is too late, what is due, and the day that a decision belongs to;
that of the event says when it is due and which events lie too near to each other.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import NamedTuple

import msgspec

from bandit.config.campaign import Campaign
from bandit.config.trigger import Trigger
from bandit.core.errors import DataError
from bandit.core.framed import Writer
from bandit.core.types import Bool
from bandit.record import events
from bandit.record.events import CONTACTED, GATED, NO_CONTACT, WAITING, Event, Heard, Memory
from bandit.record.outbox import Box
from bandit.sources.wave_query import micros
from bandit.workflows.live import triggers
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer, Cause, Pick
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.situation import Person
from bandit.workflows.live.writing import Pending

QUIET, EXPIRED, UNMATCHED = "quiet", "expired", "unmatched"
UNKNOWN_KIND, UNKNOWN_CUSTOMER, DUPLICATE = "unknown_kind", "unknown_customer", "duplicate"
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


class Message(msgspec.Struct, frozen=True):
    """A line of the outbox; nothing in it hangs on when the event was delivered."""

    decision_id: str
    customer: int | str
    offer: str
    channel: str
    trigger: str
    event: str
    event_id: str
    occurred_at: str
    due_at: str
    expires_at: str
    expected_value: float


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
        now = micros(self.desk.now())
        if event.at > now + AHEAD_MINUTES * _MINUTE:
            raise NotDecidedError(422, "at lies in the future; is a clock ahead?")
        person = self.desk.situation.person(event.customer)
        event = event._replace(customer=person.key)
        if self.memory.is_other(event):
            raise NotDecidedError(
                422,
                f"event_id {event.event_id!r} was delivered with another content; give each event"
                " an id of its own",
            )
        if self.memory.knows(event.event_id):
            return Told(event.event_id, DUPLICATE)
        heeding = list(triggers.heeding(self._campaign, event.event))
        if not heeding:
            return Told(event.event_id, UNKNOWN_KIND)
        if person.position is None:
            return Told(event.event_id, UNKNOWN_CUSTOMER)
        for place, trigger in heeding:
            if self._holds(place, person.position):
                return self._heed(event, trigger, person.position, now)
        return Told(event.event_id, UNMATCHED)

    def release(self, most: int | None = None) -> list[Told]:
        """Look anew at the first ``most`` events whose time has come: what has changed counts."""
        now = micros(self.desk.now())
        told = [self._now(heard, now) for heard in self.memory.due(now, most)]
        return [one for one in told if one.fate != WAITING]

    def _heed(self, event: Event, trigger: Trigger, position: int, now: int) -> Told:
        due = event.at + round(trigger.delay_minutes * _MINUTE)
        until = due + round(trigger.expiry_minutes * _MINUTE)
        heard = Heard(event, trigger.name, due, until, WAITING)
        if now > until or event.at < self.memory.horizon:
            return Told(event.event_id, EXPIRED, trigger.name)
        if due > now and not self._quiet(heard, trigger):
            return self._came_to(heard, WAITING)
        return self._decide(heard, trigger, position)

    def _now(self, heard: Heard, now: int) -> Told:
        """What an event that has waited comes to."""
        event = heard.event
        named = {t.name: (place, t) for place, t in enumerate(self._campaign.trigger)}
        person = self._person(event)
        if person is None or person.position is None:
            return self._came_to(heard, UNKNOWN_CUSTOMER)
        if now > heard.until:
            return self._came_to(heard, EXPIRED)
        if heard.trigger not in named:
            return self._came_to(heard, UNMATCHED)
        place, trigger = named[heard.trigger]
        if not self._holds(place, person.position):
            return self._came_to(heard, UNMATCHED)
        return self._decide(heard, trigger, person.position)

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

    def _decide(self, heard: Heard, trigger: Trigger, position: int) -> Told:
        if self._quiet(heard, trigger):
            return self._came_to(heard, QUIET)
        try:
            self.desk.hold_open()
        except NotDecidedError:  # a wave is being planned
            return self._came_to(heard, WAITING)
        event = heard.event
        cause = Cause(trigger.name, event.event_id, event.event, event.at, heard.due, heard.until)
        within = self._in_play(trigger)
        self._log_of_events()  # it is there before the first decision is
        answer = self.desk.at_event(cause, event.customer, position, within)
        pick, fate = answer.placements[0].picks[0], fate_of(answer)
        if fate == CONTACTED:
            self.desk.pending.append(
                Pending(self._box(pick.channel or ""), line(cause, answer), None)
            )
            self.sent[pick.channel or ""] += 1
        return self._came_to(heard, fate)._replace(pick=pick)

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


def fate_of(answer: Answer) -> str:
    """What a trigger's decision came to."""
    (placed,) = answer.placements
    if placed.picks[0].offer is not None:
        return CONTACTED
    return GATED if placed.eligible_count == 1 else NO_CONTACT


def line(cause: Cause, answer: Answer) -> bytes:
    """What goes out for a contact."""
    pick = answer.placements[0].picks[0]
    message = Message(
        decision_id=pick.decision_id,
        customer=answer.customer,
        offer=pick.offer or "",
        channel=pick.channel or "",
        trigger=cause.trigger,
        event=cause.event,
        event_id=cause.event_id,
        occurred_at=moment(cause.at),
        due_at=moment(cause.due),
        expires_at=moment(cause.until),
        expected_value=pick.expected_value,
    )
    return msgspec.json.encode(message) + b"\n"


def moment(at: int) -> str:
    """Microseconds since 1970 as a time in UTC."""
    said = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)
    return said.isoformat().replace("+00:00", "Z")
