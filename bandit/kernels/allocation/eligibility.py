"""Eligibility: the rules of offer, consent and contact pressure as one mask."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array
from bandit.kernels._compile import serial


def mask_into(
    first: int,
    last: int,
    offer: Array,
    channel: Array,
    outbound: Array,
    running: Array,
    rules: Array,
    consent: Array,
    blocked_channels: Array,
    blocked_offers: Array,
    mask: Array,
    left: Array,
) -> None:
    """Fill ``mask`` bool[n, k] and ``left`` int32[n, 5] for customers first to last.

    An action is allowed when its offer is running, the offer's rule holds, the customer consents to
    the channel and, for an outbound channel, pressure blocks neither channel nor offer. ``left``
    counts the outbound actions that are alive at first and after each of the four rules.

    A customer's two bits an offer and a channel are gathered into bytes an action; what is left
    are loops without branches over those.
    """
    k = offer.shape[0]
    n_offers, n_channels = rules.shape[1], consent.shape[1]
    there = (offer >= 0) & (channel >= 0)
    # One place more than there are offers and channels: that of the unknown, which nothing opens.
    o = np.where(there, offer, n_offers).astype(np.uint32)
    c = np.where(there, channel, n_channels).astype(np.uint32)
    known, out = (running & there).astype(np.uint8), outbound.astype(np.uint8)
    known[0] = out[0] = 0
    of_offer, of_channel = np.zeros(n_offers + 1, np.uint8), np.zeros(n_channels + 1, np.uint8)
    by_offer, by_channel = np.zeros(k, np.uint8), np.zeros(k, np.uint8)
    _mask_into(
        first, last, rules, consent, blocked_channels, blocked_offers, mask, left, o, c, known, out,
        of_offer, of_channel, by_offer, by_channel,
    )  # fmt: skip


@serial
def _mask_into(
    first: int, last: int, rules: Array, consent: Array, blocked_channels: Array,
    blocked_offers: Array, mask: Array, left: Array, o: Array, c: Array, known: Array, out: Array,
    of_offer: Array, of_channel: Array, by_offer: Array, by_channel: Array,
) -> None:  # fmt: skip
    k = o.shape[0]
    n_offers, n_channels = rules.shape[1], consent.shape[1]
    all_out, known_out = np.int32(0), np.int32(0)
    for a in range(1, k):
        all_out += np.int32(out[a])
        known_out += np.int32(known[a] & out[a])
    for i in range(first, last):
        for j in range(n_offers):
            of_offer[j] = np.uint8(rules[i, j]) | (np.uint8(blocked_offers[i, j]) << 1)
        for j in range(n_channels):
            of_channel[j] = np.uint8(consent[i, j]) | (np.uint8(blocked_channels[i, j]) << 1)
        for a in range(1, k):
            by_offer[a], by_channel[a] = of_offer[o[a]], of_channel[c[a]]
        ruled, agreed, free = np.int32(0), np.int32(0), np.int32(0)
        mask[i, 0] = True
        for a in range(1, k):
            rule = by_offer[a] & known[a]
            consents = rule & by_channel[a]
            opened = consents & ~(((by_offer[a] | by_channel[a]) >> 1) & out[a]) & 1
            ruled += np.int32(rule & out[a])
            agreed += np.int32(consents & out[a])
            free += np.int32(opened & out[a])
            mask[i, a] = opened != 0
        left[i, 0], left[i, 1], left[i, 2], left[i, 3], left[i, 4] = (
            all_out, known_out, ruled, agreed, free,
        )  # fmt: skip


def pressure_into(
    first: int,
    last: int,
    offsets: Array,
    contact_offer: Array,
    contact_channel: Array,
    contact_age: Array,
    refusal_offsets: Array,
    refusal_offer: Array,
    refusal_age: Array,
    max_contacts: int,
    per_days: float,
    channel_max: Array,
    channel_days: Array,
    quiet_days: float,
    same_offer_days: float,
    refusal_days: float,
    family: Array,
    allowance: Array,
    blocked_channels: Array,
    blocked_offers: Array,
) -> None:
    """What the contacts and refusals of customers first to last forbid.

    ``offsets`` int64[n + 1] cut the ragged contacts (offer int16, -1 unknown; channel int16;
    age_days float32, how long ago) and refusals. Fills ``allowance`` int32[n], the contacts still
    allowed (at most what it holds on entry), ``blocked_channels`` bool[n, channels] and
    ``blocked_offers`` bool[n, offers]. A refusal blocks its offer's whole family; one that names no
    offer blocks every offer. Limits that are not set come as -1.
    """
    on_channel = np.zeros(blocked_channels.shape[1], np.int64)
    _pressure_into(
        first, last, offsets, contact_offer, contact_channel, contact_age, refusal_offsets,
        refusal_offer, refusal_age, max_contacts, per_days, channel_max, channel_days, quiet_days,
        same_offer_days, refusal_days, family, allowance, blocked_channels, blocked_offers,
        on_channel,
    )  # fmt: skip


@serial
def _pressure_into(
    first: int, last: int, offsets: Array, contact_offer: Array, contact_channel: Array,
    contact_age: Array, refusal_offsets: Array, refusal_offer: Array, refusal_age: Array,
    max_contacts: int, per_days: float, channel_max: Array, channel_days: Array, quiet_days: float,
    same_offer_days: float, refusal_days: float, family: Array, allowance: Array,
    blocked_channels: Array, blocked_offers: Array, on_channel: Array,
) -> None:  # fmt: skip
    n_channels, n_offers = blocked_channels.shape[1], blocked_offers.shape[1]
    for i in range(first, last):
        recent = 0
        for c in range(n_channels):
            on_channel[c] = 0
            blocked_channels[i, c] = False
        for o in range(n_offers):
            blocked_offers[i, o] = False
        for j in range(offsets[i], offsets[i + 1]):
            age, c, o = contact_age[j], contact_channel[j], contact_offer[j]
            if age < per_days:
                recent += 1
            if age < quiet_days:
                allowance[i] = 0
            if c >= 0 and age < channel_days[c]:
                on_channel[c] += 1
            if o >= 0 and age < same_offer_days:
                blocked_offers[i, o] = True
        if max_contacts >= 0:
            allowance[i] = max(0, min(allowance[i], max_contacts - recent))
        for c in range(n_channels):
            if channel_max[c] >= 0 and on_channel[c] >= channel_max[c]:
                blocked_channels[i, c] = True
        for j in range(refusal_offsets[i], refusal_offsets[i + 1]):
            if refusal_age[j] < refusal_days:
                o = refusal_offer[j]
                for other in range(n_offers):
                    if o < 0 or other == o or family[other] == family[o]:
                        blocked_offers[i, other] = True
        if allowance[i] == 0:
            for c in range(n_channels):
                blocked_channels[i, c] = True
