"""Prices of a wave's limits: found from expected values, corrected for what is served, frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import NamedTuple

import numpy as np

from bandit.allocation.blocks import AnyBlock
from bandit.allocation.prices import (
    Prices,
    answering,
    at_prices,
    correct,
    find_prices,
    follow,
    jittered,
)
from bandit.allocation.problem import InfeasibleError
from bandit.core.errors import ConfigError
from bandit.core.types import Array, Float64, Progress
from bandit.workflows.serve.corrections import Margin, Tries
from bandit.workflows.serve.decide import drawn as actions_drawn
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.drawn import Drawn
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.spool import Spool
from bandit.workflows.serve.wave import Wave
from bandit.workflows.serve.worth import Many, Worth, drawn

CORRECTIONS, EASED = 8, 8
MEASURED = (100_000, 500_000)
# Where draws are followed the first sample only tells where to look with the second.
FOLLOWED = (25_000, 500_000)


class Priced(NamedTuple):
    """``costs`` float64[k] a contact at ``prices`` float64[m] a unit, at which the wave is served.

    They are corrected for the policy that is really served. The rest is of the certified best
    allocation: ``best_prices`` float64[m] say what one more unit would be worth in it, where it
    takes ``best_used`` float64[m].
    """

    costs: Float64
    prices: Float64
    best_prices: Float64
    best_used: Float64
    primal_value: float
    dual_value: float
    gap: float


def each(
    wave: Wave, parts: Sequence[Limits], spool: Spool, progress: Progress, many: Many | None = None
) -> list[Priced]:
    """Prices of each population at its own part of the limits, as `find` has them."""
    if len(parts) == 1:
        return [find(wave, parts[0], spool, progress, many)]
    people = spool.customers_of(len(parts))
    return [
        find(wave, part, spool, progress, many, population) if people[population] else _free(part)
        for population, part in enumerate(parts)
    ]


def _free(limits: Limits) -> Priced:
    """Prices where nobody is: none."""
    k, m = limits.usage.shape
    return Priced(np.zeros(k), np.zeros(m), np.zeros(m), np.zeros(m), 0.0, 0.0, 0.0)


def find(
    wave: Wave,
    limits: Limits,
    spool: Spool,
    progress: Progress,
    many: Many | None = None,
    population: int | None = None,
) -> Priced:
    """Prices at which the complete logging policy is expected to keep every limit.

    First those of the best allocation by expected values (posterior means, no draws), with its
    certified gap. What the policy would serve at them is then measured with random numbers apart
    from the wave's, and the limits that the prices are found for are moved until it fits. Passes
    over everybody are for ``many`` workers, if there are any. With a ``population`` only its
    customers are asked, and the limits are theirs.
    ConfigError if a committed minimum cannot be had.
    """
    progress.step("finding prices")
    customers = Customers(wave, spool, many, population)
    try:
        found = find_prices(
            customers.blocks,
            customers.count,
            limits.usage,
            limits.most,
            minimums=limits.least,
            slots=wave.run.campaign.pressure.slots,
            exclusive=exclusive(wave),
        )
    except InfeasibleError as e:
        whose = ("everybody else", *wave.plan.apart)[population or 0]
        part = "" if population is None else f", the part of {whose}"
        raise ConfigError(
            f"{limits.names[e.resource]}{part}: the minimum {e.minimum:,.0f} cannot be had"
            f" {'at all' if e.certified else 'within the other limits'}; the nearest that can is"
            f" {e.nearest:,.0f}: lower it, or widen what limits it"
        ) from None
    corrected = _corrected(limits, customers, found)
    return Priced(
        corrected.costs,
        corrected.prices,
        found.prices,
        found.usage,
        found.primal_value,
        found.dual_value,
        found.gap,
    )


def _corrected(limits: Limits, customers: Customers, found: Prices) -> Prices:
    """Move the prices until what the policy is measured to use fits, on two samples in turn.

    A policy that tells what it takes at many prices is asked once a sample. For any other, values
    with noise as wide as its draws answer to prices nearly as it does.
    """
    shares = customers.shares
    if customers.tell():
        for share in shares:
            aim = Margin.of(limits, share).aim()
            found = follow(found, customers.drawn, share, aim, np.minimum(limits.least, aim))
        return found
    tries = Tries(limits)
    for share in shares:
        margin = Margin.of(limits, share)
        before, best, least = np.zeros(limits.most.shape[0]), found, np.inf
        tries.anew()
        for round_ in count():
            used = customers.served(found.costs, limits.usage, share)
            off = margin.off(used, found.prices)
            apart = float(np.abs(off).sum())
            if apart <= least:
                best, least = found, apart
            if not tries.heard(found.prices, off).any():
                break
            if round_ >= CORRECTIONS + (EASED if tries.bracketed else 0):
                found = best
                break
            if share == shares[0] and round_ == 0:
                noisy = jittered(customers.blocks, customers.spread(share))
                found = answering(found, noisy, share)
            toward, before = margin.toward(used, before)
            moved = correct(found, toward)
            found = at_prices(moved, tries.within(moved.prices))
    return found


class Customers:
    """The wave's customers as blocks of expected worth, a keyed share of them at a time.

    Of one ``population``, or all of them.
    """

    def __init__(
        self, wave: Wave, spool: Spool, many: Many | None = None, population: int | None = None
    ) -> None:
        self._wave, self._spool, self._many = wave, spool, many
        self._population = population
        self._worth = Worth(wave)
        self.count = spool.customers
        if population is not None:
            self.count = int(spool.customers_of(population + 1)[population])
        # What is asked for again and again is a part of these: read once from everybody.
        sizes = FOLLOWED if self.tell() else MEASURED
        self._least, self._part = (size / max(self.count, 1) for size in sizes)
        self.shares = sorted({min(1.0, share) for share in (self._least, self._part)})
        self._some = spool if self._part >= 1.0 and population is None else None
        self._few: Spool | None = None

    def blocks(self, share: float) -> Iterable[AnyBlock]:
        """Worth of each outbound contact above leaving the customer in peace."""
        here = (block for batch in self._sample(share) for block in self._worth.blocks(batch))
        everybody = share >= 1.0 or share > self._part
        if self._many is None or not everybody:
            return here
        return self._many.blocks(here, share, self._population)

    def spread(self, share: float) -> Array:
        """Typical standard deviation of what the policy draws each action's worth with."""
        wave, rows = self._wave, 0
        moment = np.zeros((wave.posterior.n_features,) * 2)
        value = np.zeros(wave.posterior.n_actions)
        for batch in self._sample(share):
            contexts = batch.contexts.astype(np.float64)
            moment += contexts.T @ contexts
            rows += contexts.shape[0]
            value += np.abs(np.atleast_2d(batch.values)).mean(axis=0) * contexts.shape[0]
        count = max(rows, 1)
        own = wave.plan.pinned.get(wave.plan.arm_of(self._population) or "")
        policy = wave.plan.policy.base if own is None else own
        found: Array = policy.score_spread(wave.posterior, moment / count)
        return found * value / count

    def tell(self) -> bool:
        """Whether `drawn` knows: one outbound slot, and a policy that tells what it may take."""
        plan = self._wave.plan
        outbound = [place.slots for place in plan.placements if place.outbound]
        return outbound == [1] and plan.policy.tells(self._wave.posterior)

    def drawn(self, share: float) -> Iterator[Drawn]:
        """The sample as the policy draws for it, always with the same draws."""
        return (Drawn(self._wave, batch, self._draws) for batch in self._sample(share))

    @property
    def _draws(self) -> int:
        return (self._wave.run.seed + 0x5EED) % 2**63

    def served(self, costs: Float64, usage: Float64, share: float) -> Float64:
        """What the policy uses at these action costs, float64[m], scaled to everybody.

        Always with the same draws, so that a difference is one of prices.
        """
        at_prices = self._wave.at_prices(costs)
        counts = np.zeros(usage.shape[0])
        for batch in self._sample(share):
            for taken in fill(at_prices, batch, partial(actions_drawn, seed=self._draws)):
                if not taken.placement.outbound:
                    break
                counts += np.bincount(taken.choice.action, minlength=counts.shape[0])
        used: Float64 = (counts / share) @ usage
        return used

    def _sample(self, share: float) -> Iterable[Prepared]:
        """A keyed share of the customers; the larger holds the smaller."""
        if share >= 1.0 and self._population is None:
            return self._spool
        if share >= 1.0 or share > self._part:
            return self._drawn(self._spool, share)
        if self._some is None:
            some = self._drawn(self._spool, self._part)
            self._some = self._spool.part(some, f"part-{self._population or 0}")
        if share == self._part:
            return self._some
        if share > self._least or self._least >= 1.0:
            return self._drawn(self._some, share)
        if self._few is None:
            few = self._drawn(self._some, self._least)
            self._few = self._some.part(few, f"few-{self._population or 0}")
        return self._few if share == self._least else self._drawn(self._few, share)

    def _drawn(self, customers: Iterable[Prepared], share: float) -> Iterator[Prepared]:
        for batch in customers:
            some = drawn(self._wave, batch, share, self._population)
            if some is not None:
                yield some


def exclusive(wave: Wave) -> Array | None:
    """Slots exclude families and channels; the search for prices knows one of them: channels."""
    return wave.plan.exclusive[2] if wave.run.campaign.pressure.slots > 1 else None
