"""The generated operator's offers and channels, and what makes customers like them."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.worlds.draws import logistic, uniform
from bandit.worlds.people import ORIGIN, REGIONS, TRAITS


class Family(NamedTuple):
    """Offers of one kind: who may get them, what one sale earns, which traits make them liked."""

    name: str
    eligible: str | None
    margin_eur: float
    appeal: float
    likes: dict[str, float]


class ChannelKind(NamedTuple):
    """A way to reach people: its cost, who consents, whom it reaches, how often it annoys."""

    name: str
    cost_eur: float
    consent_share: float
    reach: float
    annoys: float
    likes: dict[str, float]


class Assortment(NamedTuple):
    """What is offered, as arrays over offers (o), channels (c) and traits (t).

    ``margin_eur``, ``offer_cost_eur`` float64[o]; ``taste`` float64[o, t], ``taste_base``
    float64[o], ``taste_region`` float64[o, regions]; ``turn`` float64[o, t], the direction in
    which drift turns taste; ``reach`` float64[c, t], ``reach_base`` float64[c]; ``fit``
    float64[o, c]; ``annoys``, ``channel_cost_eur`` float64[c]; ``priority`` int64[o], the
    product managers' order.
    """

    offers: tuple[str, ...]
    families: tuple[str, ...]
    eligible: tuple[str | None, ...]
    starts: tuple[dt.date | None, ...]
    channels: tuple[str, ...]
    margin_eur: Float64
    offer_cost_eur: Float64
    priority: Array
    taste: Float64
    taste_base: Float64
    taste_region: Float64
    turn: Float64
    reach: Float64
    reach_base: Float64
    fit: Float64
    annoys: Float64
    consent_share: Float64
    channel_cost_eur: Float64


FAMILIES = (
    Family("data", "plan <> 'unlimited'", 16, -1.7, {"data": 1.2, "young": 0.7, "digital": 0.3}),
    Family("device", "device_since < DATE '2025-07-05'", 44, -2.4,
           {"old_device": 1.1, "contract_near": 0.8, "young": 0.4}),
    Family("fibre", "fibre_available AND NOT has_fibre", 48, -2.5,
           {"fibre": 0.7, "data": 0.7, "family": 0.8}),
    Family("roaming", None, 14, -1.8, {"roaming": 1.4, "wealth": 0.5}),
    Family("tv", "NOT has_tv", 26, -2.1, {"family": 1.2, "young": -0.5, "wealth": 0.4}),
    Family("voice", None, 12, -1.7, {"voice": 1.3, "young": -0.7, "digital": -0.3}),
    Family("security", None, 10, -1.5, {"digital": -0.8, "young": -0.6, "family": 0.5}),
    Family("loyalty", "tenure_months >= 12", 20, -1.9, {"contract_near": 1.3, "wealth": -0.5}),
)  # fmt: skip

CHANNELS = (
    ChannelKind("email", 0.002, 0.80, -0.7, 0.010, {"opens": 1.2, "young": -0.2}),
    ChannelKind("sms", 0.04, 0.70, -0.5, 0.018, {"young": 0.4, "digital": -0.5, "opens": -0.3}),
    ChannelKind("push", 0.0, 0.50, -0.6, 0.014, {"digital": 1.2, "young": 0.3}),
    ChannelKind("call", 3.0, 0.45, 1.0, 0.040, {"young": -0.6, "voice": 0.5}),
    ChannelKind("post", 0.9, 0.95, -0.2, 0.006, {"young": -0.7, "digital": -0.6}),
)

_VARIANTS = ("plus", "max", "light", "home", "duo")


def assortment(
    offers: int, channels: int, seed: int, *, new: int = 0, new_day: int = 0
) -> Assortment:
    """The first `offers` offers, families in turn, on the first `channels` channels.

    The last `new` offers start `new_day` days after the origin.
    """
    first = ORIGIN + dt.timedelta(days=new_day)
    family = [FAMILIES[i % len(FAMILIES)] for i in range(offers)]
    kinds = [_kind(c) for c in range(channels)]
    o, t = np.arange(offers)[:, None], np.arange(len(TRAITS))
    liked = np.array([[f.likes.get(trait, 0.0) for trait in TRAITS] for f in family])
    own = logistic(seed, "offer taste", o, t)
    margin = np.array([f.margin_eur for f in family]) * (
        0.7 + 0.6 * uniform(seed, "margin", o[:, 0])
    )
    # A product manager ranks by what a sale earns, and a little by mood.
    wish = margin * np.exp(0.5 * logistic(seed, "priority", o[:, 0]))
    return Assortment(
        offers=tuple(itertools.islice(_names(), offers)),
        families=tuple(f.name for f in family),
        eligible=tuple(f.eligible for f in family),
        starts=tuple(first if i >= offers - new else None for i in range(offers)),
        channels=tuple(k.name for k in kinds),
        margin_eur=np.round(margin, 2),
        offer_cost_eur=np.zeros(offers),
        priority=np.argsort(np.argsort(-wish, kind="stable"), kind="stable") + 1,
        taste=liked + 0.3 * own,
        taste_base=np.array([f.appeal for f in family]) + 0.3 * logistic(seed, "base", o[:, 0]),
        taste_region=0.3 * logistic(seed, "offer region", o, np.arange(len(REGIONS))),
        turn=0.8 * logistic(seed, "turn", o, t),
        reach=np.array([[k.likes.get(trait, 0.0) for trait in TRAITS] for k in kinds]),
        reach_base=np.array([k.reach for k in kinds]),
        fit=np.exp(0.25 * logistic(seed, "fit", o, np.arange(channels))),
        annoys=np.array([k.annoys for k in kinds]),
        consent_share=np.array([k.consent_share for k in kinds]),
        channel_cost_eur=np.array([k.cost_eur for k in kinds]),
    )


def _names() -> itertools.chain[str]:
    return itertools.chain.from_iterable(
        (
            f"{f.name}_{_VARIANTS[r]}" if r < len(_VARIANTS) else f"{f.name}_{r + 1}"
            for f in FAMILIES
        )
        for r in itertools.count()
    )


def _kind(c: int) -> ChannelKind:
    kind = CHANNELS[c % len(CHANNELS)]
    return (
        kind if c < len(CHANNELS) else kind._replace(name=f"{kind.name}_{c // len(CHANNELS) + 1}")
    )
