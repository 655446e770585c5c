"""What a wave came to, counted while it streams and shown at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bandit.allocation.eligibility import STAGES
from bandit.core.types import EXPLORATION, HOLDOUT, Array
from bandit.record.exports import Lists
from bandit.results.serve import Price, WaveSummary
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.plan import Plan
from bandit.workflows.serve.pricing import Priced
from bandit.workflows.serve.wave import Taken, Wave

HELD_OUT = "held out"
EXPLORED = "exploration drew no contact"
NOT_WORTH = "no offer is worth a contact"


class WaveTally:
    """Counts batch by batch; neither their size nor their order matters."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.customers = 0
        self.decisions = 0
        self.contacted = 0
        self.contacts = np.zeros(len(plan.space), np.int64)
        self.groups: Counter[str] = Counter()
        self.at_peace: Counter[str] = Counter()
        self._value_micro = 0
        self._no_contact_micro = 0

    def add(self, slots: Sequence[Taken], left: Array, decisions: pa.RecordBatch) -> None:
        """Count one batch of customers."""
        for taken in slots:
            self.contacts += np.bincount(taken.choice.action, minlength=self.contacts.shape[0])
        self.customers += left.shape[0]
        self.decisions += decisions.num_rows
        if slots:
            self._add_first(slots[0], left)
        values = decisions.column("expected_value").to_numpy().astype(np.float64)
        contact = decisions.column("action").to_numpy() != 0
        # Whole millionths add up to the same sum in any order, so in any batch size.
        micro = np.rint(values * 1e6).astype(np.int64)
        self._value_micro += int(micro[contact].sum())
        self._no_contact_micro += int(micro[~contact].sum())

    @property
    def expected_value(self) -> float:
        """Of all contacts and shown offers together."""
        return self._value_micro / 1e6

    @property
    def expected_no_contact(self) -> float:
        """Of all decisions to leave a customer in peace."""
        return self._no_contact_micro / 1e6

    def _add_first(self, taken: Taken, left: Array) -> None:
        group, action = taken.choice.group, taken.choice.action
        names = [*self._plan.groups, "exploration", "holdout"]
        index = np.where(group == EXPLORATION, len(names) - 2, group)
        index = np.where(group == HOLDOUT, len(names) - 1, index)
        for name, count in zip(names, np.bincount(index, minlength=len(names)), strict=True):
            self.groups[name] += int(count)
        if taken.placement.outbound:
            self.contacted += int((action != 0).sum())
            self._peace(group, action, left)

    def _peace(self, group: Array, action: Array, left: Array) -> None:
        quiet = action == 0
        stage = (left[:, 1:] == 0).argmax(axis=1)
        none_left = quiet & (left[:, -1] == 0) & (group != HOLDOUT)
        for s, name in enumerate(STAGES):
            self.at_peace[name] += int((none_left & (stage == s)).sum())
        free = quiet & (left[:, -1] > 0)
        self.at_peace[HELD_OUT] += int((quiet & (group == HOLDOUT)).sum())
        self.at_peace[EXPLORED] += int((free & (group == EXPLORATION)).sum())
        self.at_peace[NOT_WORTH] += int((free & (group >= 0)).sum())

    @property
    def outbound(self) -> int:
        """Outbound contacts, slots counted each."""
        return int(self.contacts[self._plan.actions.outbound].sum())

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


def summarise(
    wave: Wave,
    tally: WaveTally,
    lists: Lists,
    *,
    rejected: int,
    limits: Limits,
    priced: Priced | None,
    given_up: int,
    notes: list[str],
) -> WaveSummary:
    """The summary of a wave that has been decided."""
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
        expected_value=tally.expected_value,
        expected_no_contact=tally.expected_no_contact,
        withheld=lists.withheld,
        unit=wave.run.campaign.reward.unit,
        dry_run=wave.run.dry_run,
        lists=lists.rows,
        limits=[] if priced is None else _limits(limits, priced, tally),
        primal_value=None if priced is None else priced.primal_value,
        dual_value=None if priced is None else priced.dual_value,
        gap=None if priced is None else priced.gap,
        given_up=given_up,
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
        )
        for j, name in enumerate(limits.names)
    ]
