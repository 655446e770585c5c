"""Which actions may be taken for which customer, and which rule took out the others."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np

from bandit.core.reasons import STAGES
from bandit.core.types import Array, Bool
from bandit.kernels.allocation.eligibility import mask_into
from bandit.kernels.threads import spread

GRAIN = 1024
"""Customers that a thread takes at a time."""


class Actions(NamedTuple):
    """The actions of a campaign as arrays, all of length k; action 0 is no contact.

    ``offer`` and ``channel`` int32: positions in the catalogue, -1 for no contact and for what is
    not in the catalogue any more; ``outbound`` bool; ``running`` bool: the offer may be used on
    this day and channel.
    """

    offer: Array
    channel: Array
    outbound: Bool
    running: Bool


class Blocked(NamedTuple):
    """What contact pressure forbids: bool[n, channels] and bool[n, offers]; outbound only."""

    channels: Bool
    offers: Bool


class Eligible(NamedTuple):
    """``mask`` bool[n, k]; ``left`` int32[n, 5]: outbound actions at first and after each stage."""

    mask: Bool
    left: Array


def running(starts: list[dt.date | None], ends: list[dt.date | None], day: dt.date) -> Bool:
    """Whether each offer's dates, both inclusive, hold `day`."""
    return np.array([
        (s is None or s <= day) and (e is None or day <= e)
        for s, e in zip(starts, ends, strict=True)
    ], dtype=np.bool_)  # fmt: skip


def eligible(actions: Actions, rules: Bool, consent: Bool, blocked: Blocked) -> Eligible:
    """Combine the rules for n customers.

    ``rules`` bool[n, offers]: the offer's expression holds; ``consent`` bool[n, channels].
    No contact is always allowed.
    """
    n, k = rules.shape[0], actions.offer.shape[0]
    mask = np.empty((n, k), dtype=np.bool_)
    left = np.empty((n, len(STAGES) + 1), dtype=np.int32)
    spread(
        mask_into, n, GRAIN,
        *actions, rules, consent, blocked.channels, blocked.offers, mask, left,
    )  # fmt: skip
    return Eligible(mask, left)
