"""The limits of contact pressure on one person: how much of each is used, and until when it closes.

The same contacts and refusals as a wave has, counted by the same comparison: age below the days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit.allocation.contact_policy import ContactPolicy
from bandit.core.days import Window, day_of
from bandit.core.types import Array
from bandit.results.customer import ALL, EVERY_OFFER, Limit
from bandit.sources.customers import CustomerRows
from bandit.workflows.serve.wave import Wave


class _Seen(NamedTuple):
    """Contacts and refusals of the first customer of a batch."""

    offer: Array
    channel: Array
    age: Array
    refused: Array
    refused_age: Array


def limits(wave: Wave, rows: CustomerRows) -> list[Limit]:
    """Every cap, and each cooldown that is set off, of the first customer of ``rows``.

    ``until`` is the first day on which a wave at the same time finds it open, were there no more.
    """
    policy, past, refused = wave.plan.contact_policy, rows.contacts, rows.refusals
    mine, said = slice(*past.offsets[:2]), slice(*refused.offsets[:2])
    seen = _Seen(
        past.offer[mine], past.channel[mine], past.age_days[mine],
        refused.offer[said], refused.age_days[said],
    )  # fmt: skip
    found = [*_caps(wave, policy, seen), *_cooldowns(wave, policy, seen)]
    return [*found, *_refusals(wave, policy, seen)]


def _caps(wave: Wave, policy: ContactPolicy, seen: _Seen) -> Iterator[Limit]:
    if policy.max_contacts >= 0:
        yield _limit(
            wave, "pressure.max_contacts", ALL, seen.age, policy.max_contacts, policy.per_days
        )
    for place, channel in enumerate(wave.catalogue.channels):
        if (most := int(policy.channel_max[place])) >= 0:
            days = float(policy.channel_days[place])
            ages = seen.age[seen.channel == place]
            yield _limit(wave, "channel.max_contacts", channel.name, ages, most, days)


def _cooldowns(wave: Wave, policy: ContactPolicy, seen: _Seen) -> Iterator[Limit]:
    if policy.quiet_days > 0.0:
        yield _limit(wave, "pressure.quiet_days", ALL, seen.age, 1, policy.quiet_days)
    of = policy.product[np.where(seen.offer >= 0, seen.offer, 0)]
    same = (policy.product[:, None] == of) & (seen.offer >= 0)
    same &= seen.age < policy.same_offer_days
    for names, closing in _together(wave, same):
        ages, days = seen.age[closing], policy.same_offer_days
        yield _limit(wave, "pressure.same_offer_days", names, ages, 1, days)
    if policy.deep_days > 0.0 and policy.deep.any():
        deep = np.append(policy.deep, False)
        ages = seen.age[deep[seen.offer]]
        yield _limit(wave, "pressure.deep", "deep discounts", ages, 1, policy.deep_days)


def _refusals(wave: Wave, policy: ContactPolicy, seen: _Seen) -> Iterator[Limit]:
    """A refusal closes its offer's family, and of each of these offers every depth."""
    rule, days = "pressure.refusal_days", policy.refusal_days
    every = seen.refused < 0
    if (seen.refused_age[every] < days).any():
        yield _limit(wave, rule, EVERY_OFFER, seen.refused_age[every], 1, days)
    family = policy.family[:, None] == policy.family[np.where(every, 0, seen.refused)]
    depths = policy.product[:, None] == policy.product
    closed = (depths.astype(np.int64) @ family.astype(np.int64) > 0) & ~every
    for names, closing in _together(wave, closed & (seen.refused_age < days)):
        yield _limit(wave, rule, names, seen.refused_age[closing], 1, days)


def _together(wave: Wave, closed: Array) -> Iterator[tuple[str, Array]]:
    """Names of the offers that the same contacts or refusals close, and which: bool[o, j]."""
    found: dict[bytes, list[str]] = {}
    for offer, row in zip(wave.catalogue.offers, closed, strict=True):
        if row.any():
            found.setdefault(row.tobytes(), []).append(offer.name)
    for row, names in found.items():
        yield ", ".join(names), np.frombuffer(row, np.bool_)


def _limit(wave: Wave, rule: str, of: str, ages: Array, most: int, days: float) -> Limit:
    counted = np.sort(ages[ages < days])
    until = None
    if len(counted) >= most:
        after = Window(_days_until(counted, most, days), wave.run.campaign.time_zone)
        until = day_of(after.after(wave.run.at), after.zone).isoformat()
    return Limit(rule=rule, of=of, used=len(counted), limit=most, days=days, until=until)


def _days_until(ages: Array, most: int, days: float) -> int:
    """Whole days until fewer than ``most`` of the ``ages``, from new to old, are below ``days``."""
    last = float(ages[most - 1])
    later = max(0, math.ceil(days - last))
    while np.float32(last + later) < days:
        later += 1
    return later
