"""Prices that moved while a segment was open, as the waves that it becomes keep them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bandit.config.section import OUTBOUND
from bandit.core.types import Array, Float64
from bandit.record.price_epochs import PriceEpochs
from bandit.record.streams import Segment
from bandit.results.serve import Price, Split, WaveSummary
from bandit.workflows.live.frames import Head, Paced
from bandit.workflows.live.paces import Paces
from bandit.workflows.live.rebuilt import Person
from bandit.workflows.serve import limits, publish
from bandit.workflows.serve.limits import Charges
from bandit.workflows.serve.summary import WaveTally
from bandit.workflows.serve.wave import Wave

_HOURS = 24
_HOUR = 3_600_000_000


def epochs(
    wave: Wave, head: Head, segment: Segment, paces: Paces, people: Iterable[Person]
) -> PriceEpochs | None:
    """What contacts of the people paid; None where prices stay."""
    if head.paced is None:
        return None
    found = sorted({epoch for person in people for epoch in person.epochs})
    charges = Charges.of(limits.of(wave.run.campaign, wave.catalogue, wave.plan))
    each = [paces.prices(segment, epoch) for epoch in found]
    table = [wave.plan.prices if prices is None else charges.at(prices) for prices in each]
    return PriceEpochs(np.array(found, np.int32), np.stack(table))


def content(
    wave: Wave,
    head: Head,
    paces: Paces,
    people: Iterable[Person],
    tally: WaveTally,
    summary: WaveSummary,
    past: Sequence[str],
) -> dict[str, Any]:
    """The manifest of a wave as it began, at the mean prices of its segment."""
    paced = head.paced
    if paced is None:
        return publish.content(wave, past, summary)
    mean = paces.mean(head.day)
    told = publish.content(wave, past, _with_limits(summary, wave, paced, mean, tally))
    limited = limits.of(wave.run.campaign, wave.catalogue, wave.plan)
    prices = Charges.of(limited).at(mean)
    arms = dict(zip(wave.plan.apart, prices[1:].tolist(), strict=True))
    told |= {"prices": prices[0].tolist(), "asked": _asked(paced, people)}
    return told | ({"arm_prices": arms} if arms else {})


def _asked(paced: Paced, people: Iterable[Person]) -> list[int]:
    """How often it was asked for contacts in each hour of the day."""
    counts = [0] * _HOURS
    for person in people:
        at = [when for slot, when in person.slots if (slot.placement, slot.slot) == (OUTBOUND, 1)]
        for when in at:
            counts[min(max((when - paced.begins) // _HOUR, 0), _HOURS - 1)] += 1
    return counts


def _with_limits(
    summary: WaveSummary, wave: Wave, paced: Paced, mean: Float64, tally: WaveTally
) -> WaveSummary:
    """With the limits, at their mean prices."""
    p, k = wave.plan.prices.shape
    contacts = tally.taken.reshape(-1, p, k).sum(axis=0)
    people = tally.people.reshape(-1, p).sum(axis=0)
    limited = limits.of(wave.run.campaign, wave.catalogue, wave.plan)
    most = np.array(paced.most)

    def told(most: Float64, prices: Float64, contacts: Array) -> list[Price]:
        used = contacts @ limited.usage
        return [
            Price(
                name=name,
                most=float(most[j]) if np.isfinite(most[j]) else None,
                least=float(limited.least[j]),
                price=float(prices[j]),
                used=float(used[j]),
            )
            for j, name in enumerate(limited.names)
        ]

    names = (None, *wave.plan.apart)
    split = [
        Split(name, int(people[p]), told(most[p], mean[p], contacts[p]))
        for p, name in enumerate(names)
    ]
    whole = told(limited.most, mean[0], contacts.sum(axis=0))
    return replace(summary, limits=whole, split=split if wave.plan.apart else [])
