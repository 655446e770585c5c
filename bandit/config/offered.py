"""What may be offered, and on which channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import (
    Field,
    model_validator,
)

from bandit.config.discount import DEPTH, PRODUCT, Deep
from bandit.config.reward import Amount, Days
from bandit.config.section import INBOUND, OUTBOUND, Cost, Count, Day, Name, Strict


class Offer(Strict):
    """What may be offered, to whom, when, through which channels, and what it is worth."""

    name: Name
    family: Name | None = None
    value: Amount | str = 1.0
    cost: Cost = 0.0
    channels: tuple[Name, ...] | None = None
    eligible: str | None = None
    starts: Day | None = None
    ends: Day | None = None
    priority: int = 0
    max_contacts: Count | None = None
    min_contacts: Count | None = None
    budget: Cost | None = None
    features: dict[Name, Amount | bool | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Offer:
        if self.starts and self.ends and self.ends < self.starts:
            raise ValueError(f"ends {self.ends} lies before starts {self.starts}; swap them")
        if (
            self.min_contacts
            and self.max_contacts is not None
            and self.min_contacts > self.max_contacts
        ):
            raise ValueError(
                f"min_contacts {self.min_contacts} is above max_contacts {self.max_contacts}"
            )
        return self


def is_deep(offer: Offer, depth: float) -> bool:
    """Whether its feature `DEPTH` is of ``depth`` or more."""
    own = offer.features.get(DEPTH)
    return isinstance(own, int | float) and not isinstance(own, bool) and own >= depth


def none_so_deep(offers: Sequence[Offer], deep: Deep | None) -> Iterator[str]:
    """That none of the offers is what [pressure] deep speaks of."""
    if deep is not None and offers and not any(is_deep(o, deep.depth) for o in offers):
        yield (
            f"pressure.deep.depth = {deep.depth:g}: no offer has a discount so deep; name one that"
            " there is"
        )


def odd_depths(offers: Iterable[Offer]) -> Iterator[str]:
    """What is wrong with offers that a table says to be the depths of one (`PRODUCT`)."""
    first: dict[object, Offer] = {}
    seen: dict[tuple[object, object], Offer] = {}
    for offer in offers:
        if PRODUCT not in offer.features:
            continue
        whole, depth = offer.features[PRODUCT], offer.features.get(DEPTH)
        said = f"offer {offer.name!r}, a depth of {whole!r}"
        if isinstance(depth, bool | str | None) or not 0.0 <= depth < 1.0:
            yield (
                f"{said}: depth is {depth!r}; each must be a number of at least 0 and below 1,"
                " such as 0.2"
            )
            continue
        other = seen.setdefault((whole, depth), offer)
        if other is not offer:
            yield f"{said}: {other.name!r} has the depth {depth:g} as well; keep one of them"
        family = first.setdefault(whole, offer).family
        if offer.family is None or offer.family != family:
            yield (
                f"{said}: family is {offer.family!r}, that of {first[whole].name!r} {family!r};"
                " depths of one offer are one family, so that a customer gets one of them in a wave"
            )


class Channel(Strict):
    """Outbound: a contact, counted and capped. Inbound: a ranked list of `ranks` offers.

    An inbound list fills all its ranks; with `fill` "only_worth" no contact competes for each, and
    the list ends where it wins.
    """

    name: Name
    kind: Literal["outbound", "inbound"] = "outbound"
    fill: Literal["all", "only_worth"] = "all"
    cost: Cost = 0.0
    consent: bool = True
    ranks: Annotated[int, Field(ge=1, le=50)] = 1
    capacity: Count | None = None
    max_contacts: Annotated[int, Field(ge=1)] | None = None
    per_days: Days | None = None

    @model_validator(mode="after")
    def _kind(self) -> Channel:
        if self.kind == OUTBOUND and self.ranks != 1:
            raise ValueError("ranks is for inbound channels; an outbound one makes one contact")
        if self.kind == INBOUND and self.capacity is not None:
            raise ValueError("capacity is for outbound channels; an inbound one makes no contact")
        if self.kind == OUTBOUND and self.fill != "all":
            raise ValueError("fill is for inbound channels; outbound, no contact always competes")
        if (self.max_contacts is None) != (self.per_days is None):
            raise ValueError("max_contacts and per_days go together")
        return self


class Address(Strict):
    """Where the customers' address of a channel stands; asked by `experiment check-list` alone."""

    column: str
    form: Literal["email", "phone", "other"] = "other"
