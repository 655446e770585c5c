"""What is asked of the desk, what is known of it before a draw, and what is given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.core.types import Float64
from bandit.record.streams import Segment
from bandit.results.inspect import Slot
from bandit.workflows.live.frames import Answer, Cause, Decided
from bandit.workflows.live.frames import Slot as Taken
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.situation import Present, Standing
from bandit.workflows.live.told import Value


class WantedPlacement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A placement by name: 'outbound', or an inbound channel; all its slots without ``count``."""

    name: str
    count: int | None = None


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A request for decisions; with ``dry_run`` nothing is decided, and only told.

    ``exclude_offers`` may not be picked, nor any that is not ``among``. Without ``activate`` what
    is decided counts as shown only once it is activated. To ``explain`` it changes nothing of it.
    ``context``: what the asker knows of features now, by their names in order.
    """

    request_id: str
    customer: int | str
    placements: list[WantedPlacement]
    dry_run: bool = False
    exclude_offers: list[str] = []
    activate: bool = True
    explain: bool = False
    among: list[str] | None = None
    context: dict[str, Value] = {}


class Given(NamedTuple):
    """An answer, and as JSON; ``fresh``: it holds once all that is pending now is on the disk.

    ``tried`` would be the frame of what was only tried.
    """

    answer: Answer
    content: bytes
    fresh: bool
    tried: Decided | None = None

    @classmethod
    def of(cls, answer: Answer, *, fresh: bool) -> Given:
        """Encode it."""
        return cls(answer, msgspec.json.encode(answer), fresh)

    def explained(self, slots: Sequence[Slot]) -> Given:
        """With why each pick was made."""
        why = msgspec.json.encode(slots)
        return self._replace(content=self.content[:-1] + b',"explanation":' + why + b"}")


class Request(NamedTuple):
    """A request that was looked at: who is meant, what is to be decided, what stands already.

    ``new`` are the placements that have no standing decision, and how many slots of each;
    ``cause`` is the event where a trigger asks.
    """

    asked: Asked
    body: bytes
    person: Present
    wanted: dict[str, int]
    standing: Standing
    new: dict[str, int]
    cause: Cause | None = None


class Made(NamedTuple):
    """What one customer was decided for on an occasion; fields as in `Decided`."""

    occasion: int
    at: int
    slots: list[Taken]
    joint: list[float]
    context: bytes
    left: list[int]
    values: bytes
    used: Mapping[str, float]
    epoch: int
    fallback: bool = False


class Met:
    """Requests and customers that are being decided for: their next ones hang on it."""

    def __init__(self) -> None:
        self.requests: set[str] = set()
        self.customers: set[int | str] = set()

    def add(self, request: Request) -> None:
        """Take one in."""
        self.requests.add(request.asked.request_id)
        self.customers.add(request.person.customer)


def digest(asked: Asked) -> bytes:
    """What a retry must have in common with a request: all but whether it is to be explained."""
    if asked.explain:
        asked = msgspec.structs.replace(asked, explain=False)
    return hashlib.blake2b(msgspec.json.encode(asked), digest_size=16).digest()


def occasion_of(
    request: Request, segment: Segment, *, late: bool = False
) -> tuple[int, Float64 | None]:
    """The occasion on which placements are decided, and what its slots so far tell.

    One that is too ``late`` for more than rules is an occasion of its own.
    """
    if not request.person.chain:
        return 1, None
    asks = None if request.cause is None else request.cause.trigger
    mine = [s for s in request.person.chain if s.segment.path == segment.path and s.trigger == asks]
    if not mine:
        return 1, None
    last = mine[0].decided
    # A wave has one context a customer, and one way to decide.
    if late or last.fallback or not request.person.was_told(mine[0]):
        return last.occasion + 1, None
    done = {p.name for s in mine if s.decided.occasion == last.occasion for p in s.own}
    if done.isdisjoint(request.new):
        return last.occasion, np.array(last.joint)
    return last.occasion + 1, None


def wanted(asked: Asked, slots: Mapping[str, int]) -> dict[str, int]:
    """How many ranks of each placement, in the order of ``slots``; NotDecidedError for too many."""
    found: dict[str, int] = {}
    for one in asked.placements:
        most = slots.get(one.name)
        if most is None:
            told = f"there is no placement {one.name!r}; known here: {', '.join(slots)}"
            raise NotDecidedError(422, told)
        count = most if one.count is None else one.count
        if not 1 <= count <= most:
            raise NotDecidedError(
                422, f"count of {one.name!r} is {count}; it has {most} slots: ask for 1 to {most}"
            )
        if one.name in found:
            raise NotDecidedError(422, f"placement {one.name!r} is asked for twice")
        found[one.name] = count
    if not found:
        raise NotDecidedError(422, f"no placement is asked for; known here: {', '.join(slots)}")
    if len(found) == 1:
        return found
    return {name: found[name] for name in slots if name in found}
