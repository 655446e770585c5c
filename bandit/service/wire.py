"""Bodies of requests and answers: their shapes, and how a wrong one is told."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from bandit.core.schema import MOST_REWARD
from bandit.results.inspect import Slot
from bandit.workflows.live.arrivals import Told
from bandit.workflows.live.book import Book, Stood
from bandit.workflows.live.delivered import Id
from bandit.workflows.live.frames import Answer, Placed
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.messages import moment
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.told import Value

MOST_PLACEMENTS, MOST_EXCLUDED, MOST_ACTIVATED, MOST_CONTEXT = 50, 1000, 100, 200

Key = int | Id
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Wanted(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One placement of a request: 'outbound', or an inbound channel; all its slots by default."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    count: Annotated[int, Meta(ge=1, le=50)] | None = None


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``request_id`` is the caller's: the same request sent again has the same answer.

    With ``dry_run`` it is told what would be decided now, and nothing is. ``exclude_offers`` are
    not picked, whatever stands. What is asked for without ``activate`` counts as shown once it is
    activated, and is not learned from otherwise. With ``explain`` the answer says why each pick
    was made. ``context`` says what is known of features now, by the names of [features]; null: it
    is not known.
    """

    request_id: Id
    customer: Key
    placements: Annotated[list[Wanted], Meta(min_length=1, max_length=MOST_PLACEMENTS)]
    dry_run: bool = False
    exclude_offers: Annotated[list[Name], Meta(max_length=MOST_EXCLUDED)] = []
    activate: bool = True
    explain: bool = False
    context: Annotated[dict[Name, Value], Meta(max_length=MOST_CONTEXT)] = {}

    def asked(self) -> Asked:
        """What is asked of the desk."""
        places = [WantedPlacement(one.name, one.count) for one in self.placements]
        without = sorted(set(self.exclude_offers)) if self.exclude_offers else []
        return Asked(
            self.request_id, self.customer, places, self.dry_run, without, self.activate,
            self.explain, context=dict(sorted(self.context.items())) if self.context else {},
        )  # fmt: skip


class DecisionAnswer(Answer, frozen=True):
    """What is decided; ``explanation`` says why, where that was asked for.

    Each of its entries is what `bandit explain` tells of a slot.
    """

    explanation: list[Slot] = msgspec.field(default_factory=list)


class Was(msgspec.Struct, frozen=True):
    """What a request, or the ``trigger`` named, decided; where not ``active`` it is not shown."""

    request_id: str
    decided_at: str
    snapshot: str
    trigger: str | None
    active: bool
    placements: list[Placed]

    @classmethod
    def of(cls, stood: Stood, book: Book) -> Was:
        """As it stands in a frame; what the answer told again is in another one."""
        answer, own = stood.answer, stood.own
        return cls(
            request_id=answer.request_id,
            decided_at=answer.decided_at,
            snapshot=answer.snapshot,
            trigger=stood.trigger,
            active=not any(book.unshown(stood, placed) for placed in own),
            placements=own,
        )


class Decisions(msgspec.Struct, frozen=True):
    """The newest first, of today and yesterday."""

    customer: int | str
    decisions: list[Was]


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Several requests, each answered as if it had come alone."""

    requests: Annotated[list[DecisionRequest], Meta(min_length=1, max_length=100)]


class OutcomeRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What happened, to a decision or to a customer; ``occurred_at`` now by default."""

    event_id: Id
    event: Annotated[str, Meta(min_length=1, max_length=100)]
    decision_id: Id | None = None
    customer: Key | None = None
    reward: float = 0.0
    occurred_at: dt.datetime | None = None

    def held(self, now: dt.datetime) -> dt.datetime:
        """When it occurred; NotDecidedError for what no outcome can be."""
        if (self.decision_id is None) == (self.customer is None):
            raise NotDecidedError(422, "name a decision_id or a customer, one of the two")
        if not math.isfinite(self.reward) or abs(self.reward) > MOST_REWARD:
            raise NotDecidedError(422, f"reward {self.reward} is none; give a number of the unit")
        at = now if self.occurred_at is None else self.occurred_at
        if at.tzinfo is None:
            raise NotDecidedError(
                422, f"occurred_at = {at.isoformat()} says no zone; write 2026-11-23T10:00:00Z"
            )
        if at > now + dt.timedelta(minutes=5):
            raise NotDecidedError(
                422, f"occurred_at = {at.isoformat()} lies in the future; is a clock ahead?"
            )
        return at


class ActivationRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Decisions that were made without ``activate`` are shown; all of them are taken, or none."""

    decision_ids: Annotated[list[Id], Meta(min_length=1, max_length=MOST_ACTIVATED)]


class Shown(msgspec.Struct, frozen=True):
    """``new``: how many of them waited for it."""

    new: int


class ConsentRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A refusal of ``channel``, of all without one; ``granted`` can be false alone."""

    customer: Key
    granted: bool
    channel: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class Place(msgspec.Struct, frozen=True):
    """A placement that can be asked for: its slots, and what may be placed there today."""

    name: str
    count: int
    pairs: list[tuple[str, str]]


class CatalogueAnswer(msgspec.Struct, frozen=True):
    """What may be offered on ``day`` at all; each pair is an offer and a channel."""

    day: str
    snapshot: str
    placements: list[Place]


class Taken(msgspec.Struct, frozen=True):
    """``new``: it was not known before."""

    new: bool


class Become(msgspec.Struct, frozen=True):
    """What an event came to; ``due_at`` is when it is decided, the rest what was decided."""

    event_id: str
    fate: str
    trigger: str | None = None
    due_at: str | None = None
    decision_id: str | None = None
    offer: str | None = None
    channel: str | None = None
    propensity: float | None = None

    @classmethod
    def of(cls, told: Told) -> Become:
        """As it is answered."""
        due = None if told.due is None else moment(told.due)
        known = cls(told.event_id, told.fate, told.trigger, due)
        if (pick := told.pick) is None:
            return known
        return msgspec.structs.replace(
            known, decision_id=pick.decision_id, offer=pick.offer, channel=pick.channel,
            propensity=pick.propensity,
        )  # fmt: skip


class Refused(msgspec.Struct, frozen=True):
    """A refusal is on the disk; ``known``: the customer is one of today's."""

    known: bool


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answers in the order of the requests, a problem where there is none."""

    answers: list[dict[str, Any]]


B = TypeVar("B", bound=msgspec.Struct)


def read(body: bytes, kind: type[B]) -> B:
    """A body as ``kind``; NotDecidedError (400) names the place that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        told = str(e).splitlines()[0] if str(e) else "nested too deeply"
        raise NotDecidedError(400, f"the body is no {kind.__name__}: {told}") from None
