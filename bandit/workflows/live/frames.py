"""What a stream's frames say, as MessagePack: a head, then decisions and outcomes as they came."""

from __future__ import annotations

from typing import Any

import msgspec

FALLBACK = "fallback"
"""Group of what rules picked alone, since there was no time for more."""


class Priced(msgspec.Struct, tag="priced", array_like=True, frozen=True):
    """The limits' prices from here on: float[p][m] a unit, in reward units.

    ``epoch`` counts how often they have moved on their day; ``at`` in microseconds since 1970;
    ``squares`` float[p][m] sum what the steps were made from, squared.
    """

    epoch: int
    at: int
    prices: list[list[float]]
    squares: list[list[float]]


class Paced(msgspec.Struct, array_like=True, frozen=True):
    """What a segment's steps of prices are made with, by limit (m) and population (p).

    ``whose``: everybody, or everybody else and the arms with parts; ``most`` float[p][m], infinite
    where there is only a minimum; ``unit`` float[m] what a contact uses at most. Prices stay
    between ``least`` float[p][m] and ``highest`` float[m], and steps are as wide as ``spread``
    float[m], in reward units. ``answering`` float[p] is the share of who asks whose policy heeds
    prices, ``deaf`` are the groups of the others. ``hours`` float[24] is the plan, which adds up to
    1; the day is from ``begins`` to ``ends``, in microseconds since 1970. ``priced`` is what holds
    at the segment's beginning.
    """

    limits: list[str]
    whose: list[str]
    most: list[list[float]]
    unit: list[float]
    least: list[list[float]]
    highest: list[float]
    spread: list[float]
    answering: list[float]
    deaf: list[int]
    hours: list[float]
    begins: int
    ends: int
    seconds: float
    priced: Priced


class Head(msgspec.Struct, tag="head", array_like=True, frozen=True):
    """The first frame of a segment: all that its decisions were made with, but for the customers.

    ``campaign``, ``offers`` and ``channels`` are those of the day as JSON; ``values`` float[k],
    None where they hang on the customer; ``past``: the waves whose contacts were looked at;
    ``arm_prices`` float[k] of each arm with limits of its own, where ``prices`` are everybody
    else's; ``shadow`` is the name of the policy that decided beside; ``paced``: how prices move,
    None where they stay.
    """

    wave: str
    day: str
    at: str
    seed: int
    campaign: dict[str, Any]
    file: str
    offers: list[dict[str, Any]]
    channels: list[dict[str, Any]]
    snapshot: str
    prices: list[float]
    whole_keys: bool
    values: list[float] | None
    past: list[str]
    experiments: list[dict[str, Any]]
    arm_prices: list[list[float]] = []
    shadow: str | None = None
    paced: Paced | None = None


class Pick(msgspec.Struct, frozen=True):
    """One decision as it is answered; ``offer`` and ``channel`` are null for no contact.

    Of a fallback ``propensity`` is null: nobody can say how probable it was to be too late.
    """

    rank: int
    decision_id: str
    offer: str | None
    channel: str | None
    propensity: float | None
    score: float
    expected_reward: float
    expected_value: float
    price: float
    group: str


class Placed(msgspec.Struct, frozen=True):
    """A placement's picks; a list shorter than ``count`` has come to its end.

    ``eligible_count``: actions that the first pick was taken from, no contact included.
    """

    name: str
    count: int
    picks: list[Pick]
    eligible_count: int
    wave: str


class Answer(msgspec.Struct, frozen=True):
    """What is decided for a request; ``replayed``: the same request had it before.

    Where not ``active`` some of it is shown only once it is activated. ``price_epoch``: how often
    prices had moved that day.
    """

    request_id: str
    customer: int | str
    snapshot: str
    decided_at: str
    placements: list[Placed]
    replayed: bool = False
    active: bool = True
    price_epoch: int = 0


class Slot(msgspec.Struct, array_like=True, frozen=True):
    """One decision, by the numbers of the segment's plan; ``eligible``: the set as packed bits.

    ``capped``: what was left of it was closed by a cap.
    """

    placement: str
    slot: int
    action: int
    propensity: float
    score: float
    group: int
    eligible: bytes
    capped: bool


class Cause(msgspec.Struct, array_like=True, frozen=True):
    """The event that a trigger decided at; times in microseconds since 1970 as in `Heard`."""

    trigger: str
    event_id: str
    event: str
    at: int
    due: int
    until: int


class Decided(msgspec.Struct, tag="decided", array_like=True, frozen=True):
    """The answer to one request.

    ``asked`` digests its body; ``occasion`` counts the times that a customer was decided for anew;
    ``at`` in microseconds since 1970; ``joint`` as in `Choice`, after the last slot; ``context``
    float32[d]; ``left`` int32[5]; ``values`` float32[k] or empty; ``used`` of each limit;
    ``before``: day, segment and place of the customer's frame before this one. Where a trigger
    decided, ``request`` is the id of the event in ``cause``, and ``occasion`` counts for it alone.
    What was decided here ``waits`` to be activated. ``shadow``: of each slot, what another policy
    picked, and the probability that it gives to what was done. ``told``: what the asker said of
    features, which is in ``context``. A ``fallback`` is of the rules alone, and never learned from.
    ``units``: the customer's in each experiment that assigns households. ``epoch``: whose prices
    were paid, as in `Priced`.
    """

    request: str
    asked: bytes
    customer: int | str
    occasion: int
    at: int
    slots: list[Slot]
    joint: list[float]
    context: bytes
    left: list[int]
    values: bytes
    used: dict[str, float]
    before: tuple[str, int, int] | None
    answer: bytes
    cause: Cause | None = None
    waits: bool = False
    shadow: list[tuple[int, float]] = msgspec.field(default_factory=list)
    told: dict[str, Any] = msgspec.field(default_factory=dict)
    fallback: bool = False
    units: list[int] = msgspec.field(default_factory=list)
    epoch: int = 0


class Activated(msgspec.Struct, tag="activated", array_like=True, frozen=True):
    """Decisions that waited are shown; ``at`` in microseconds since 1970."""

    decisions: list[str]
    at: int


class Outcome(msgspec.Struct, tag="outcome", array_like=True, frozen=True):
    """An event as it came; ``at`` and ``received`` in microseconds since 1970."""

    event_id: str
    decision: str | None
    customer: int | str | None
    event: str
    reward: float
    at: int
    received: int


class Used(msgspec.Struct, tag="used", array_like=True, frozen=True):
    """What decisions that were erased used of each limit on their day, and its last prices.

    ``paid``: what was charged for it, where prices moved.
    """

    amounts: dict[str, float]
    paced: Paced | None = None
    paid: dict[str, float] = msgspec.field(default_factory=dict)


Said = Decided | Outcome | Activated | Priced
"""What is written down behind a head."""
Frame = Head | Decided | Activated | Outcome | Used | Priced

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Head | Decided | Activated | Outcome | Used | Priced)


def encoded(frame: Frame) -> bytes:
    """A frame's content."""
    return _encoder.encode(frame)


def decoded(content: bytes) -> Frame:
    """What a frame's content says; msgspec.DecodeError for what was not written by us."""
    found: Frame = _decoder.decode(content)
    return found
