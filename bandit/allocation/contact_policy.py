"""Contact pressure: how often, how soon again, and what was refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.allocation.eligibility import GRAIN, Blocked
from bandit.core.types import Array
from bandit.kernels.allocation.eligibility import pressure_into
from bandit.kernels.threads import spread

UNSET = -1.0


class ContactPolicy(NamedTuple):
    """The limits in force; UNSET where there is none. Days are compared with `age < limit`.

    ``channel_max`` int64[c], ``channel_days`` float64[c]; ``family`` int32[o]: offers of one number
    exclude one another (an offer without family has a number of its own). ``product`` int32[o]:
    depths of one offer have one number, and what keeps one away keeps all; of offers ``deep``
    bool[o] none comes within ``deep_days`` of another.
    """

    slots: int
    max_contacts: int
    per_days: float
    channel_max: Array
    channel_days: Array
    quiet_days: float
    same_offer_days: float
    refusal_days: float
    family: Array
    product: Array
    deep: Array
    deep_days: float

    @property
    def horizon_days(self) -> float:
        """Older contacts and refusals matter to no limit."""
        limits = [self.per_days, self.quiet_days, self.same_offer_days, self.refusal_days]
        limits.append(self.deep_days)
        return max([*limits, *(float(d) for d in self.channel_days), 0.0])


class Contacts(NamedTuple):
    """Past contacts, ragged.

    ``offsets`` int64[n + 1]; ``offer``, ``channel`` int16, ``age_days`` float32, one a contact.
    """

    offsets: Array
    offer: Array
    channel: Array
    age_days: Array


class Refusals(NamedTuple):
    """Ragged past refusals: ``offsets`` int64[n + 1]; ``offer`` int16, -1 for all; ``age_days``."""

    offsets: Array
    offer: Array
    age_days: Array


class Pressure(NamedTuple):
    """``allowance`` int32[n]: outbound contacts still allowed in this wave; what is blocked."""

    allowance: Array
    blocked: Blocked


def apply(policy: ContactPolicy, contacts: Contacts, refusals: Refusals) -> Pressure:
    """What the policy still allows each of n customers."""
    n = contacts.offsets.shape[0] - 1
    allowance = np.full(n, policy.slots, dtype=np.int32)
    channels = np.empty((n, policy.channel_max.shape[0]), dtype=np.bool_)
    offers = np.empty((n, policy.family.shape[0]), dtype=np.bool_)
    spread(
        pressure_into, n, GRAIN,
        contacts.offsets, contacts.offer, contacts.channel, contacts.age_days,
        refusals.offsets, refusals.offer, refusals.age_days,
        policy.max_contacts, policy.per_days, policy.channel_max, policy.channel_days,
        policy.quiet_days, policy.same_offer_days, policy.refusal_days, policy.family,
        allowance, channels, offers,
    )  # fmt: skip
    if policy.deep_days > 0.0 and policy.deep.any():
        offers[np.ix_(_had_deep(policy, contacts), policy.deep)] = True
    for number in np.flatnonzero(np.bincount(policy.product) > 1):
        depths = policy.product == number
        offers[:, depths] = offers[:, depths].any(axis=1, keepdims=True)
    return Pressure(allowance, Blocked(channels, offers))


def _had_deep(policy: ContactPolicy, contacts: Contacts) -> Array:
    """Customers with a deep discount within the days, bool[n]."""
    deep = np.append(policy.deep, False)  # of an offer that is none of ours nothing is known
    hit = deep[contacts.offer] & (contacts.age_days < policy.deep_days)
    seen = np.concatenate([[0], np.cumsum(hit)])
    found: Array = seen[contacts.offsets[1:]] > seen[contacts.offsets[:-1]]
    return found
