"""The limits of campaign.toml as resources: what one contact uses, how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.deciding import GroupCap
from bandit.core.types import Array, Float64
from bandit.sources.catalogue import Catalogue
from bandit.workflows.serve.plan import Plan


class Limits(NamedTuple):
    """m resources over k actions, outbound contacts only.

    ``names``: the key in campaign.toml; ``usage`` float64[k, m] of one contact; ``most``
    float64[m], infinite where there is none; ``least`` float64[m], 0 where there is none.
    """

    names: tuple[str, ...]
    usage: Float64
    most: Float64
    least: Float64


class Charges(NamedTuple):
    """What actions use of limits, entry by entry: limit ``which`` of m, ``amount`` of it.

    In the order of the actions, then of the limits, so that sums have the same bits anywhere.
    """

    action: Array
    which: Array
    amount: Float64
    k: int

    @classmethod
    def of(cls, limits: Limits) -> Charges:
        """The entries of ``limits.usage`` that are not zero."""
        action, which = np.nonzero(limits.usage)
        return cls(action, which, limits.usage[action, which], len(limits.usage))

    def at(self, prices: Float64) -> Float64:
        """A contact's charge float64[p, k] at ``prices`` float64[p, m] a unit."""
        return np.stack([
            np.bincount(self.action, self.amount * row[self.which], self.k) for row in prices
        ])  # fmt: skip


def of(campaign: Campaign, catalogue: Catalogue, plan: Plan) -> Limits:
    """Every capacity, budget, committed volume and group cap that is set."""
    out = plan.actions.outbound
    found: list[tuple[str, Array, float | None, float | None]] = []
    for c, channel in enumerate(catalogue.channels):
        which = out & (plan.actions.channel == c)
        found.append((f"channels.{channel.name}.capacity", which, channel.capacity, None))
    for o, offer in enumerate(catalogue.offers):
        which = out & (plan.actions.offer == o)
        name = f"offers.{offer.name}"
        found.append((f"{name}.contacts", which, offer.max_contacts, offer.min_contacts))
        found.append((f"{name}.budget", which * plan.costs, offer.budget, None))
    found += [
        (f"group_cap.{cap.name}", _group(cap, catalogue, plan), cap.capacity, None)
        for cap in campaign.group_cap
    ]
    found.append(("limits.max_contacts", out, campaign.limits.max_contacts, None))
    chosen = [f for f in found if f[2] is not None or f[3]]
    k = out.shape[0]
    return Limits(
        names=tuple(name for name, *_ in chosen),
        usage=_columns([which for _, which, *_ in chosen], k),
        most=np.array([np.inf if most is None else most for *_, most, _ in chosen]),
        least=np.array([least or 0.0 for *_, least in chosen]),
    )


def sets_any(campaign: Campaign, catalogue: Catalogue) -> bool:
    """Whether any limit is set, one that a wave of today may have nothing for included."""
    channels = [channel.capacity for channel in catalogue.channels]
    offers = [(o.max_contacts, o.min_contacts or None, o.budget) for o in catalogue.offers]
    every = [campaign.limits.max_contacts, *channels, *(one for offer in offers for one in offer)]
    return bool(campaign.group_cap) or any(one is not None for one in every)


def split(limits: Limits, customers: Array) -> list[Limits]:
    """The part of each population, in proportion to its ``customers`` int64[p].

    Where contacts are counted the parts are whole numbers, by largest remainder, that add up to the
    limit and never pass it. Of a minimum each has its share, at most what it may have.
    """
    if len(customers) == 1:
        return [limits]
    counts = [int(count) for count in customers]
    total = max(sum(counts), 1)
    counted = np.array([np.isin(column, (0.0, 1.0)).all() for column in limits.usage.T])
    share = np.array(counts) / total
    most = np.full((len(counts), len(limits.most)), np.inf)
    for j in np.flatnonzero(np.isfinite(limits.most)):
        whole = limits.most[j]
        most[:, j] = _whole_parts(int(whole), counts) if counted[j] else share * whole
    least = np.minimum(np.outer(share, limits.least), most)
    return [limits._replace(most=most[p], least=least[p]) for p in range(len(counts))]


def _whole_parts(most: int, counts: Sequence[int]) -> list[int]:
    """Shares of ``most`` in proportion to ``counts``, by largest remainder; of ties the first."""
    total = max(sum(counts), 1)
    parts = [most * count // total for count in counts]
    order = sorted(range(len(counts)), key=lambda p: (-(most * counts[p] % total), p))
    for p in order[: most - sum(parts) if any(counts) else 0]:
        parts[p] += 1
    return parts


def _columns(columns: Sequence[Array], k: int) -> Float64:
    if not columns:
        return np.zeros((k, 0))
    return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.float64)


def _group(cap: GroupCap, catalogue: Catalogue, plan: Plan) -> Array:
    offers = [o.name for o in catalogue.offers]
    channels = [c.name for c in catalogue.channels]
    which = plan.actions.outbound.copy()
    if cap.offers is not None:
        which &= np.isin(plan.actions.offer, [offers.index(name) for name in cap.offers])
    if cap.channels is not None:
        which &= np.isin(plan.actions.channel, [channels.index(name) for name in cap.channels])
    return which
