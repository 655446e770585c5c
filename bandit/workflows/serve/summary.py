"""What a wave came to, counted while it streams and shown at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bandit.allocation.certificate import relative_gap
from bandit.core.reasons import NOTHING, REASONS
from bandit.core.types import EXPLORATION, HOLDOUT, Array, Bool
from bandit.record.exports import Lists
from bandit.record.money import Ledger
from bandit.results.serve import Price, Split, WaveSummary
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.plan import Plan
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.pricing import Priced
from bandit.workflows.serve.wave import Taken, Wave


class WaveTally:
    """Counts batch by batch; neither their size nor their order matters, nor who counts them.

    ``taken`` int64[p, k] are contacts by population and action, ``people`` int64[p] its customers.
    """

    def __init__(self, plan: Plan) -> None:
        self._groups = plan.groups
        self.customers = 0
        self.decisions = 0
        self.contacted = 0
        self.given_up = 0
        self.taken: Array = np.zeros(plan.prices.shape, np.int64)
        self.people = np.zeros(plan.prices.shape[0], np.int64)
        self.groups: Counter[str] = Counter()
        self.at_peace: Counter[str] = Counter()
        self.ledger = Ledger(len(plan.space))

    @property
    def contacts(self) -> Array:
        """Contacts and filled ranks by action, int64[k]."""
        every: Array = self.taken.sum(axis=0)
        return every

    def add(self, slots: Sequence[Taken], batch: Prepared, decisions: pa.RecordBatch) -> None:
        """Count one batch of customers."""
        for taken in slots:
            if taken.planned is not None:
                self.given_up += int(((taken.planned != 0) & (taken.choice.action == 0)).sum())
            place = self.taken.shape[1] * batch.population[taken.rows].astype(np.int64)
            counted = np.bincount(place + taken.choice.action, minlength=self.taken.size)
            self.taken += counted.reshape(self.taken.shape)
        n = batch.population.shape[0]
        self.people += np.bincount(batch.population, minlength=self.people.shape[0])
        self.customers += n
        self.decisions += decisions.num_rows
        seen = np.zeros(n, np.bool_)
        for taken in slots:
            new = ~seen[taken.rows]
            if new.any():
                self._add_first(taken, new)
            seen[taken.rows] = True
        self.ledger.add(
            decisions.column("action").to_numpy(),
            _first(slots),
            decisions.column("expected_value").to_numpy(),
            decisions.column("expected_no_contact").to_numpy(),
            decisions.column("cost").to_numpy(),
            decisions.column("price_paid").to_numpy(),
        )

    def merge(self, other: WaveTally) -> None:
        """Add what was counted elsewhere."""
        for name in ("customers", "decisions", "contacted", "given_up", "taken", "people"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.groups, other.groups), (self.at_peace, other.at_peace)):
            for name, count in theirs.items():
                mine[name] += count
        self.ledger.merge(other.ledger)

    def _add_first(self, taken: Taken, new: Bool) -> None:
        """Count the first slot of the customers where ``new`` bool[m] holds."""
        group, action = taken.choice.group[new], taken.choice.action[new]
        names = [*self._groups, "exploration", "holdout"]
        index = np.where(group == EXPLORATION, len(names) - 2, group)
        index = np.where(group == HOLDOUT, len(names) - 1, index)
        for name, count in zip(names, np.bincount(index, minlength=len(names)), strict=True):
            self.groups[name] += int(count)
        if taken.placement.outbound:
            self.contacted += int((action != 0).sum())
            if taken.reason is not None:
                self._peace(taken.reason[new])

    def _peace(self, reason: Array) -> None:
        counted = np.bincount(reason[reason >= 0], minlength=len(REASONS))
        for name, count in zip(REASONS, counted.tolist(), strict=True):
            if name != NOTHING:  # of later slots and inbound lists only
                self.at_peace[name] += count

    def by(self, plan: Plan, part: int, which: Bool) -> dict[str, int]:
        """Contacts and filled ranks of actions ``which`` bool[k], by offer (0) or channel (1)."""
        counted: Counter[str] = Counter()
        for a, pair in enumerate(plan.space.pairs, start=1):
            if which[a] and plan.actions.offer[a] >= 0:
                counted[pair[part]] += int(self.contacts[a])
        return dict(counted)


def _first(slots: Sequence[Taken]) -> Bool:
    """The first row of each customer among decisions in the order of `Assembler.batch`."""
    rows = np.sort(np.concatenate([np.zeros(0, np.int64), *(taken.rows for taken in slots)]))
    return np.append(np.ones(min(rows.shape[0], 1), np.bool_), rows[1:] != rows[:-1])


def summarise(
    wave: Wave,
    tally: WaveTally,
    lists: Lists,
    *,
    rejected: int,
    parts: Sequence[Limits],
    priced: Sequence[Priced],
    notes: list[str],
) -> WaveSummary:
    """The summary of a wave that has been decided.

    ``parts`` are the limits of each population, ``priced`` their prices, none where none are asked.
    """
    out = wave.plan.actions.outbound
    shown = ~out & (np.arange(out.shape[0]) > 0)
    outbound, inbound = tally.ledger.money(out), tally.ledger.money(shown)
    return WaveSummary(
        wave=wave.run.wave,
        at=wave.run.at.isoformat(),
        snapshot=wave.start.version,
        customers=tally.customers,
        rejected=rejected,
        decisions=tally.decisions,
        contacted=tally.contacted,
        contacts=tally.by(wave.plan, 1, out),
        shown=tally.by(wave.plan, 1, ~out),
        offers=tally.by(wave.plan, 0, out),
        at_peace=dict(tally.at_peace),
        groups=dict(tally.groups),
        expected_value=tally.ledger.money(out | shown).expected_value,
        expected_no_contact=tally.ledger.without_contact,
        withheld=lists.withheld,
        unit=wave.run.campaign.reward.unit,
        dry_run=wave.run.dry_run,
        lists=lists.rows,
        limits=_limits(parts, priced, tally) if priced else [],
        split=_split(wave, parts, priced, tally),
        primal_value=sum(one.primal_value for one in priced) if priced else None,
        dual_value=sum(one.dual_value for one in priced) if priced else None,
        gap=_gap(priced),
        given_up=tally.given_up,
        outbound=outbound,
        inbound=inbound,
        costs=tally.ledger.costs([None, *(channel for _, channel in wave.plan.space.pairs)]),
        notes=notes,
    )


def _gap(priced: Sequence[Priced]) -> float | None:
    if len(priced) <= 1:
        return priced[0].gap if priced else None
    primal, dual = (sum(getattr(one, f"{w}_value") for one in priced) for w in ("primal", "dual"))
    return relative_gap(primal, dual)


def _limits(parts: Sequence[Limits], priced: Sequence[Priced], tally: WaveTally) -> list[Price]:
    """The whole limits, at the prices of everybody else."""
    whole = parts[0]._replace(
        most=np.sum([part.most for part in parts], axis=0),
        least=np.sum([part.least for part in parts], axis=0),
    )
    best = np.sum([one.best_used for one in priced], axis=0)
    return _of_one(whole, priced[0]._replace(best_used=best), tally.contacts)


def _split(
    wave: Wave, parts: Sequence[Limits], priced: Sequence[Priced], tally: WaveTally
) -> list[Split]:
    """The parts of populations; none where all customers share the limits."""
    if not priced or not wave.plan.apart:
        return []
    names = (None, *wave.plan.apart)
    return [
        Split(names[p], int(tally.people[p]), _of_one(parts[p], priced[p], tally.taken[p]))
        for p in range(len(parts))
    ]


def _of_one(limits: Limits, priced: Priced, contacts: Array) -> list[Price]:
    used = contacts @ limits.usage
    return [
        Price(
            name=name,
            most=float(limits.most[j]) if np.isfinite(limits.most[j]) else None,
            least=float(limits.least[j]),
            price=float(priced.prices[j]),
            used=float(used[j]),
            best_price=float(priced.best_prices[j]),
            best_used=float(priced.best_used[j]),
        )
        for j, name in enumerate(limits.names)
    ]
