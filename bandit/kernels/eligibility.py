"""Eligibility: the rules of offer, consent and contact pressure as one mask."""

from __future__ import annotations

import numba
import numpy as np

from bandit.kernels._compile import parallel
from bandit.types import Array


@parallel
def mask_into(
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
    """Fill ``mask`` bool[n, k] and ``left`` int32[n, 5].

    An action is allowed when its offer is running, the offer's rule holds, the customer consents to
    the channel and, for an outbound channel, pressure blocks neither channel nor offer. ``left``
    counts the outbound actions that are alive at first and after each of the four rules.
    ``prange`` runs over customers.
    """
    n, k = mask.shape
    for i in numba.prange(n):
        alive = np.zeros(5, dtype=np.int32)
        mask[i, 0] = True
        for a in range(1, k):
            o, c, out = offer[a], channel[a], outbound[a]
            known = running[a] and o >= 0 and c >= 0
            rule = known and rules[i, o]
            agreed = rule and consent[i, c]
            free = agreed and not (out and (blocked_channels[i, c] or blocked_offers[i, o]))
            mask[i, a] = free
            if out:
                alive[0] += 1
                alive[1] += known
                alive[2] += rule
                alive[3] += agreed
                alive[4] += free
        left[i] = alive


@parallel
def pressure_into(
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
    """What the contacts and refusals of n customers forbid.

    ``offsets`` int64[n + 1] cut the ragged contacts (offer int16, -1 unknown; channel int16;
    age_days float32, how long ago) and refusals. Fills ``allowance`` int32[n], the contacts still
    allowed (at most what it holds on entry), ``blocked_channels`` bool[n, channels] and
    ``blocked_offers`` bool[n, offers]. A refusal blocks its offer's whole family; one that names no
    offer blocks every offer. Limits that are not set come as -1. ``prange`` runs over customers.
    """
    n, n_channels = blocked_channels.shape
    n_offers = blocked_offers.shape[1]
    for i in numba.prange(n):
        recent = 0
        on_channel = np.zeros(n_channels, dtype=np.int64)
        blocked_channels[i] = False
        blocked_offers[i] = False
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
            blocked_channels[i] = True
