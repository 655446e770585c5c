"""What a wave came to, counted while it streams and shown at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bandit.core.reasons import NOTHING, REASONS
from bandit.core.types import EXPLORATION, HOLDOUT, Array, Bool
from bandit.record.exports import Lists
from bandit.record.money import Ledger
from bandit.results.serve import Price, WaveSummary
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.plan import Plan
from bandit.workflows.serve.pricing import Priced
from bandit.workflows.serve.wave import Taken, Wave


class WaveTally:
    """Counts batch by batch; neither their size nor their order matters."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.customers = 0
        self.decisions = 0
        self.contacted = 0
        self.given_up = 0
        self.contacts = np.zeros(len(plan.space), np.int64)
        self.groups: Counter[str] = Counter()
        self.at_peace: Counter[str] = Counter()
        self.ledger = Ledger(len(plan.space))

    def add(self, slots: Sequence[Taken], left: Array, decisions: pa.RecordBatch) -> None:
        """Count one batch of customers."""
        for taken in slots:
            if taken.planned is not None:
                self.given_up += int(((taken.planned != 0) & (taken.choice.action == 0)).sum())
            self.contacts += np.bincount(taken.choice.action, minlength=self.contacts.shape[0])
        self.customers += left.shape[0]
        self.decisions += decisions.num_rows
        seen = np.zeros(left.shape[0], np.bool_)
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

    def _add_first(self, taken: Taken, new: Bool) -> None:
        """Count the first slot of the customers where ``new`` bool[m] holds."""
        group, action = taken.choice.group[new], taken.choice.action[new]
        names = [*self._plan.groups, "exploration", "holdout"]
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

    def by_channel(self, *, outbound: bool) -> dict[str, int]:
        """Contacts, or filled inbound ranks, of each channel."""
        return self._by(1, self._plan.actions.outbound == outbound)

    def by_offer(self) -> dict[str, int]:
        """Outbound contacts of each offer."""
        return self._by(0, self._plan.actions.outbound)

    def _by(self, part: int, which: Array) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for a, pair in enumerate(self._plan.space.pairs, start=1):
            if which[a] and self._plan.actions.offer[a] >= 0:
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
    limits: Limits,
    priced: Priced | None,
    notes: list[str],
) -> WaveSummary:
    """The summary of a wave that has been decided."""
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
        contacts=tally.by_channel(outbound=True),
        shown=tally.by_channel(outbound=False),
        offers=tally.by_offer(),
        at_peace=dict(tally.at_peace),
        groups=dict(tally.groups),
        expected_value=tally.ledger.money(out | shown).expected_value,
        expected_no_contact=tally.ledger.without_contact,
        withheld=lists.withheld,
        unit=wave.run.campaign.reward.unit,
        dry_run=wave.run.dry_run,
        lists=lists.rows,
        limits=[] if priced is None else _limits(limits, priced, tally),
        primal_value=None if priced is None else priced.primal_value,
        dual_value=None if priced is None else priced.dual_value,
        gap=None if priced is None else priced.gap,
        given_up=tally.given_up,
        outbound=outbound,
        inbound=inbound,
        costs=tally.ledger.costs([None, *(channel for _, channel in wave.plan.space.pairs)]),
        notes=notes,
    )


def _limits(limits: Limits, priced: Priced, tally: WaveTally) -> list[Price]:
    used = tally.contacts @ limits.usage
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
