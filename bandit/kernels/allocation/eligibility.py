"""Eligibility: the rules of offer, consent and contact pressure as one mask."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array
from bandit.kernels._compile import serial

_ROWS, _BYTE, _COUNTED = 8, np.uint64(255), 255
"""Customers of a word, one of its bytes, and how many a byte can count."""
_ONES = np.uint64(0x0101010101010101)


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

    Eight customers are decided for together, each in a byte of a word: two bits an offer and a
    channel, gathered once an action.
    """
    k = offer.shape[0]
    n_offers, n_channels = rules.shape[1], consent.shape[1]
    there = (offer >= 0) & (channel >= 0)
    # One place more than there are offers and channels: that of the unknown, which nothing opens.
    o = np.where(there, offer, n_offers).astype(np.uint32)
    c = np.where(there, channel, n_channels).astype(np.uint32)
    known, out = _ONES * (running & there), _ONES * outbound
    known[0] = out[0] = 0
    of_offer, of_channel = np.zeros(n_offers + 1, np.uint64), np.zeros(n_channels + 1, np.uint64)
    _mask_into(
        first, last, rules, consent, blocked_channels, blocked_offers, mask, left, o, c, known, out,
        of_offer, of_channel, np.zeros(k, np.uint64),
    )  # fmt: skip


@serial
def _words_into(allowed: Array, blocked: Array, top: int, rows: int, words: Array) -> None:
    """Byte r of a word: bit 0 whether row top + r is allowed it, bit 1 whether it is blocked."""
    for j in range(allowed.shape[1]):
        word = np.uint64(0)
        for r in range(rows):
            bits = np.uint64(allowed[top + r, j]) | np.uint64(blocked[top + r, j]) << np.uint64(1)
            word |= bits << np.uint64(8 * r)
        words[j] = word


@serial
def _mask_into(
    first: int, last: int, rules: Array, consent: Array, blocked_channels: Array,
    blocked_offers: Array, mask: Array, left: Array, o: Array, c: Array, known: Array, out: Array,
    of_offer: Array, of_channel: Array, opened: Array,
) -> None:  # fmt: skip
    k = o.shape[0]
    all_out, known_out = np.int32(0), np.int32(0)
    for a in range(1, k):
        all_out += np.int32(out[a] != 0)
        known_out += np.int32(known[a] & out[a] != 0)
    for top in range(first, last, _ROWS):
        rows = min(_ROWS, last - top)
        _words_into(rules, blocked_offers, top, rows, of_offer)
        _words_into(consent, blocked_channels, top, rows, of_channel)
        for r in range(rows):
            mask[top + r, 0] = True
            left[top + r, 0], left[top + r, 1] = all_out, known_out
            left[top + r, 2] = left[top + r, 3] = left[top + r, 4] = 0
        for begin in range(1, k, _COUNTED):
            end = min(begin + _COUNTED, k)
            ruled = agreed = free = np.uint64(0)
            for a in range(begin, end):
                by_offer, by_channel, contact = of_offer[o[a]], of_channel[c[a]], out[a]
                rule = by_offer & known[a]
                consents = rule & by_channel
                opens = consents & ~((by_offer | by_channel) >> np.uint64(1) & contact)
                ruled += rule & contact
                agreed += consents & contact
                free += opens & contact
                opened[a] = opens
            for r in range(rows):
                by = np.uint64(8 * r)
                left[top + r, 2] += np.int32(ruled >> by & _BYTE)
                left[top + r, 3] += np.int32(agreed >> by & _BYTE)
                left[top + r, 4] += np.int32(free >> by & _BYTE)
        for r in range(rows):
            by = np.uint64(8 * r)
            for a in range(1, k):
                mask[top + r, a] = opened[a] >> by & np.uint64(1) != 0


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
