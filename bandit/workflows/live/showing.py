"""Decisions that are made now and shown later, or never: what was never shown is not learned from.

Room under caps and contact pressure are taken when the decision is made, so none is passed whatever
is activated. When a stream becomes a wave, what was not activated by then is withheld in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bandit.core.framed import Frames
from bandit.record.streams import Segment
from bandit.workflows.live import frames
from bandit.workflows.live.answers import cut
from bandit.workflows.live.book import Book
from bandit.workflows.live.frames import Activated, Answer, Decided
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, Given, Request
from bandit.workflows.live.situation import Situation


def unshown(book: Book, request: Request) -> list[str]:
    """Decisions that stand, that a request is told again, and that are shown by it now."""
    if not (request.asked.activate and request.standing):
        return []
    return [
        decision_id
        for name, (placed, stood) in request.standing.items()
        for decision_id in book.unshown(stood, cut(placed, request.wanted[name]))
    ]


def answered(book: Book, asked: Asked, body: bytes) -> Given | None:
    """The answer that a request of this id had; NotDecidedError if its ``body`` was another."""
    known = book.request(asked.request_id)
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
    return Given.of(answer, fresh=book.is_fresh(place))


def again(book: Book, request: Request, *, shown: bool) -> Given:
    """Standing decisions as they are told again, some of them ``shown`` by that."""
    newest = max((stood for _, stood in request.standing.values()), key=lambda s: s.decided.at)
    known = book.request(newest.decided.request)
    fresh = shown or (known is not None and book.is_fresh(known[0]))
    answer = msgspec.structs.replace(
        newest.answer,
        request_id=request.asked.request_id,
        placements=[cut(request.standing[n][0], count) for n, count in request.wanted.items()],
        active=not any(
            book.unshown(stood, cut(placed, request.wanted[name]))
            for name, (placed, stood) in request.standing.items()
        ),
    )
    return Given.of(answer, fresh=fresh)


def to_activate(book: Book, situation: Situation, decisions: Sequence[str]) -> list[str]:
    """Of ``decisions`` those that wait; NotDecidedError if one is unknown, or may not be shown."""
    return [one for one in dict.fromkeys(decisions) if _waits(book, situation, one)]


def _waits(book: Book, situation: Situation, decision_id: str) -> bool:
    found = book.decision(decision_id)
    if found is None:
        raise NotDecidedError(
            404, f"no live decision of today or yesterday has the id {decision_id!r}"
        )
    stood, pick = found
    if decision_id in book.activated or not stood.decided.waits:
        return False
    told = f"decision {decision_id!r}"
    if not book.is_open(stood):
        raise NotDecidedError(
            409,
            f"{told} was not activated before its stream became a wave: it counts as never shown;"
            " ask for a new one",
        )
    customer = stood.decided.customer
    if pick.offer is not None and not situation.may_still(customer, pick.offer, pick.channel or ""):
        raise NotDecidedError(
            409, f"{told} may not be shown any more: the customer refused, or a rule changed"
        )
    return True


def made(decided: Decided, wave: str) -> list[str]:
    """The decisions that a frame was written for, as ids."""
    answer = msgspec.json.decode(decided.answer, type=Answer)
    return [p.decision_id for one in answer.placements if one.wave == wave for p in one.picks]


def activated(segments: Sequence[Segment]) -> set[str]:
    """Decisions that were activated in these segments."""
    shown: set[str] = set()
    for segment in segments:
        for _, content in Frames(segment.path):
            found = frames.decoded(content)
            if isinstance(found, Activated):
                shown.update(found.decisions)
    return shown
