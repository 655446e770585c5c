"""What an event of each kind is worth after each action: `[reward.events]` on a catalogue.

After a contact with offer o an event of a kind is worth what its kind says: a number of money, the
offer's `value`, the money that stands in the event's own `reward`, or a column of the offers. After
no contact there is no offer: `no_contact_value` stands in the place of its value and its columns.

Money is the unit wherever an offer's value is a number: a unit of reward there is worth 1. Where it
is an expression over the customer, a unit of reward is one event that is worth the value, and no
other kind may be worth anything: a unit of one is never multiplied by the worth of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.offered import Offer
from bandit.config.reward import AMOUNT, VALUE, Reward
from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Bool, Float64


class Worths(NamedTuple):
    """``weights`` float64[K, k]: worth of an event of ``kinds`` after an action, in its unit.

    ``amounts`` bool[K]: kinds of which each event says its own amount, which counts as so many;
    events of the others count as 1. ``in_money`` bool[k]: actions whose unit of reward is money.
    """

    kinds: tuple[str, ...]
    amounts: Bool
    weights: Float64
    in_money: Bool

    def of(self, kind: Array, reward: Float64, action: Array) -> Float64:
        """Worth of events, float64[n]: ``kind`` int[n] by position, -1 for one without a worth."""
        count = np.where(self.amounts[kind], reward, 1.0)
        return np.where(kind < 0, 0.0, count * self.weights[kind, action])


def worths(reward: Reward, offers: Sequence[Offer], space: ActionSpace) -> Worths | None:
    """The worths over ``space``; None without [reward.events]. Actions of no offer are worth 0."""
    kinds = reward.kinds
    if not kinds:
        return None
    known = {offer.name: offer for offer in offers}
    served = [known.get(name) for name, _ in space.pairs]
    weights = np.zeros((len(kinds), len(space)))
    for row, worth in zip(weights, kinds.values(), strict=True):
        row[0] = _at_peace(worth, reward.no_contact_value)
        row[1:] = [0.0 if offer is None else _worth(worth, offer) for offer in served]
    return Worths(
        kinds=tuple(kinds),
        amounts=np.array(reward.amounts),
        weights=weights,
        in_money=in_money(offers, space),
    )


def in_money(offers: Sequence[Offer], space: ActionSpace) -> Bool:
    """Actions whose value is the same for everybody, bool[k]."""
    hangs = {offer.name for offer in offers if isinstance(offer.value, str)}
    return np.array([True, *(name not in hangs for name, _ in space.pairs)])


def faults(reward: Reward, offers: Sequence[Offer]) -> Iterator[str]:
    """What [reward.events] says that the offers cannot answer."""
    for kind, worth in reward.events.items():
        where = f"reward.events.{kind} = {worth!r}"
        for offer in offers:
            if isinstance(offer.value, str) and worth not in (VALUE, 0.0):
                yield (
                    f"{where}: offer {offer.name!r} has a value that hangs on the customer, and"
                    f" other kinds of events must then be worth {VALUE!r} or 0; give the offer a"
                    " number, or a column that [model] columns names"
                )
            elif isinstance(worth, str) and worth not in (VALUE, AMOUNT):
                given = offer.features.get(worth)
                if _number(given) is None:
                    told = "no value" if given is None else f"{given!r}, which is no number,"
                    yield f"{where}: offer {offer.name!r} has {told} in that column; write a number"


def _worth(worth: float | str, offer: Offer) -> float:
    if worth == AMOUNT:
        return 1.0
    if worth == VALUE:
        return 1.0 if isinstance(offer.value, str) else float(offer.value)
    if isinstance(worth, str):
        return _number(offer.features.get(worth)) or 0.0  # `faults` has told of None
    return float(worth)


def _at_peace(worth: float | str, no_contact: float) -> float:
    if worth == AMOUNT:
        return 1.0
    return no_contact if isinstance(worth, str) else float(worth)


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given)
