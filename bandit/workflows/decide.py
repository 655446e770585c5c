"""One batch of customers: from what is known of them to a decision a slot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.allocation import contact_policy, eligibility
from bandit.allocation import slots as slotting
from bandit.allocation.contact_policy import Contacts, Pressure, Refusals
from bandit.allocation.eligibility import STAGES, Eligible
from bandit.features.encode import Fault, encode
from bandit.store import customers
from bandit.store.customers import CustomerRows, Reject
from bandit.types import Array, Bool, Float32
from bandit.workflows.assemble import Assembler
from bandit.workflows.plan import Pair, number_of
from bandit.workflows.wave import Taken, Wave


class Decided(NamedTuple):
    """A batch of customers: its decisions for the record, and what they came from."""

    decisions: pa.RecordBatch
    slots: list[Taken]
    eligible: Eligible
    rejects: list[Reject]


class Decider:
    """Decides for one batch after the other; only the row ids go on from one to the next."""

    def __init__(self, wave: Wave) -> None:
        self._wave = wave
        self._assembler = Assembler(wave)
        self.number = number_of(wave.run.wave)

    @property
    def schema(self) -> pa.Schema:
        """Of the decisions."""
        return self._assembler.schema

    def decide(self, rows: CustomerRows) -> Decided:
        """Encode, ask the rules, fill the slots, assemble."""
        encoded = encode(self._wave.start.spec, rows.columns, self._wave.run.at)
        contexts, rejects = encoded.contexts, _rejects(rows, encoded.faults)
        if rejects:
            rows, contexts = _without(rows, contexts, encoded.faults)
        eligible, allowance = self._eligible(rows)
        values = self.values(rows)
        slots = list(self._fill(rows, contexts, eligible.mask, allowance, values))
        decisions = self._assembler.batch(slots, rows.ids, contexts, values)
        return Decided(decisions, slots, eligible, rejects)

    def _eligible(self, rows: CustomerRows) -> tuple[Eligible, Array]:
        """The mask, and how many outbound contacts each customer may still get."""
        pressure = self._pressure(rows)
        actions = self._wave.plan.actions
        found = eligibility.eligible(actions, rows.rules, rows.consent, pressure.blocked)
        return found, pressure.allowance

    def _pressure(self, rows: CustomerRows) -> Pressure:
        return contact_policy.apply(
            self._wave.plan.contact_policy,
            Contacts(
                rows.contacts.offsets,
                rows.contacts.offer,
                rows.contacts.channel,
                rows.contacts.age_days,
            ),
            Refusals(rows.refusals.offsets, rows.refusals.offer, rows.refusals.age_days),
        )

    @property
    def pairs(self) -> Sequence[Pair]:
        """(offer, channel) of actions 1, 2, …."""
        return self._wave.plan.pairs

    def stages(self, rows: CustomerRows) -> tuple[list[str | None], Bool]:
        """The rule that takes out each pair for the first customer of ``rows``, and their mask."""
        actions, blocked = self._wave.plan.actions, self._pressure(rows).blocked
        found, offer, channel = [], actions.offer[1:], actions.channel[1:]
        for a, (o, c) in enumerate(zip(offer, channel, strict=True), start=1):
            pressed = actions.outbound[a] and (blocked.channels[0, c] or blocked.offers[0, o])
            passed = (actions.running[a], rows.rules[0, o], rows.consent[0, c], not pressed)
            failed = [stage for stage, ok in zip(STAGES, passed, strict=True) if not ok]
            found.append(failed[0] if failed else None)
        return found, self._eligible(rows)[0].mask[0]

    def values(self, rows: CustomerRows) -> Array:
        """Value of each action's outcome: float32[k], or float32[n, k] if it hangs on the row."""
        offer = self._wave.plan.actions.offer
        values: Array = rows.values[..., np.maximum(offer, 0)]
        values[..., offer < 0] = 0.0
        values[..., 0] = self._wave.run.campaign.reward.no_contact_value
        return values

    def _fill(
        self, rows: CustomerRows, contexts: Float32, mask: Bool, allowance: Array, values: Array
    ) -> Iterator[Taken]:
        """Fill every placement's slots in turn; each propensity is given the slots before.

        A customer's group is one for all slots, so what earlier slots tell about it is carried
        along in `Choice.joint`.
        """
        the_plan, joint = self._wave.plan, None
        for place in the_plan.placements:
            who = np.arange(contexts.shape[0])
            allowed = slotting.open_for(place, mask)
            for slot in range(1, place.slots + 1):
                choice = the_plan.policy.choose(
                    self._wave.posterior,
                    contexts[who] if who.shape[0] < contexts.shape[0] else contexts,
                    eligible=allowed,
                    values=values if values.ndim == 1 else values[who],
                    costs=the_plan.costs + the_plan.prices,
                    keys=rows.keys[who],
                    seed=self._wave.run.seed,
                    wave=self.number,
                    draw=place.draw + slot - 1,
                    prior=None if joint is None else joint[who],
                )
                joint = choice.joint if joint is None else _updated(joint, who, choice.joint)
                yield Taken(place, slot, who, choice, allowed)
                on = choice.action != 0
                if place.outbound:
                    on &= allowance[who] > slot
                if slot == place.slots or not on.any():
                    break
                allowed = slotting.exclude(
                    allowed[on], choice.action[on], *the_plan.exclusive, outbound=place.outbound
                )
                who = who[on]


def _updated(joint: Array, rows: Array, part: Array) -> Array:
    joint = joint.copy()
    joint[rows] = part
    return joint


def _rejects(rows: CustomerRows, faults: list[Fault]) -> list[Reject]:
    """The first fault of each row, as a reject."""
    first = {fault.row: fault for fault in reversed(faults)}
    return [
        {
            "table": "customers",
            "key": str(rows.ids[row]),
            "column": fault.column,
            "value": fault.value,
            "reason": fault.reason,
        }
        for row, fault in sorted(first.items())
    ]


def _without(
    rows: CustomerRows, contexts: Float32, faults: list[Fault]
) -> tuple[CustomerRows, Float32]:
    """The batch without the rows that could not be encoded."""
    keep = np.ones(len(rows.ids), dtype=np.bool_)
    keep[[fault.row for fault in faults]] = False
    return customers.kept(rows, keep), contexts[keep]
