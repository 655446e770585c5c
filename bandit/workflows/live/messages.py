"""Lines of the outbox, made of what triggers decided."""

from __future__ import annotations

import datetime as dt

import msgspec

from bandit.record.events import CONTACTED, GATED, NO_CONTACT
from bandit.workflows.live.frames import Answer, Cause


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
