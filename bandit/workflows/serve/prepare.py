"""A batch of customers made ready: contexts, who may get what, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.allocation import contact_policy, eligibility
from bandit.allocation.contact_policy import Contacts, Pressure, Refusals
from bandit.config.worths import in_money
from bandit.core.reasons import STAGES
from bandit.core.types import Array, Bool, Float32, UInt64
from bandit.features.encode import Fault, encode
from bandit.sources import customers
from bandit.sources.customers import CustomerRows, Reject
from bandit.workflows.serve import experiments
from bandit.workflows.serve.wave import Wave


class Prepared(NamedTuple):
    """n customers: ``ids`` Arrow; ``keys`` uint64[n]; ``contexts`` float32[n, d].

    ``mask`` bool[n, k]: the actions allowed; ``left`` int32[n, 5] as in `Eligible`; ``allowance``
    int32[n]: outbound contacts still allowed; ``values`` float32[k], or float32[n, k] where they
    hang on the customer. ``experiment`` int16[n] is the one that a customer is in, -1 for none;
    ``units`` uint64[n] what was assigned there as a whole, the customer or a household;
    ``population`` int16[n] whose limits and prices are theirs, 0 everybody else's.
    """

    ids: pa.Array
    keys: UInt64
    contexts: Float32
    mask: Bool
    left: Array
    allowance: Array
    values: Array
    experiment: Array
    units: UInt64
    population: Array

    def rows(self, first: int, last: int) -> Prepared:
        """Customers first to last, viewed."""
        return Prepared(
            ids=self.ids.slice(first, last - first),
            keys=self.keys[first:last],
            contexts=self.contexts[first:last],
            mask=self.mask[first:last],
            left=self.left[first:last],
            allowance=self.allowance[first:last],
            values=self.values if self.values.ndim == 1 else self.values[first:last],
            experiment=self.experiment[first:last],
            units=self.units[first:last],
            population=self.population[first:last],
        )

    def parts(self, cells: int) -> Iterator[Prepared]:
        """All customers in pieces of at most so many of them times actions, one at least."""
        n, k = self.mask.shape
        step = max(1, cells // k)
        return (self.rows(first, first + step) for first in range(0, n, step))

    def only(self, keep: Bool) -> Prepared:
        """The customers where `keep` bool[n] holds."""
        return Prepared(
            ids=self.ids.filter(pa.array(keep)),
            keys=self.keys[keep],
            contexts=self.contexts[keep],
            mask=self.mask[keep],
            left=self.left[keep],
            allowance=self.allowance[keep],
            values=self.values if self.values.ndim == 1 else self.values[keep],
            experiment=self.experiment[keep],
            units=self.units[keep],
            population=self.population[keep],
        )


def joined(batches: Sequence[Prepared]) -> Prepared:
    """One batch of all."""
    first = batches[0]
    if len(batches) == 1:
        return first
    return Prepared(
        ids=pa.concat_arrays([b.ids for b in batches]),
        keys=np.concatenate([b.keys for b in batches]),
        contexts=np.concatenate([b.contexts for b in batches]),
        mask=np.concatenate([b.mask for b in batches]),
        left=np.concatenate([b.left for b in batches]),
        allowance=np.concatenate([b.allowance for b in batches]),
        values=first.values
        if first.values.ndim == 1
        else np.concatenate([b.values for b in batches]),
        experiment=np.concatenate([b.experiment for b in batches]),
        units=np.concatenate([b.units for b in batches]),
        population=np.concatenate([b.population for b in batches]),
    )


def prepare(wave: Wave, rows: CustomerRows) -> tuple[Prepared, list[Reject]]:
    """Encode the features, ask the rules, look up the values; rows that cannot be are refused."""
    rows, contexts, rejects = encoded(wave, rows)
    return ready(wave, rows, contexts), rejects


def encoded(wave: Wave, rows: CustomerRows) -> tuple[CustomerRows, Float32, list[Reject]]:
    """The rows that can be encoded, their contexts float32[n, d], and the others as rejects."""
    found = encode(wave.start.spec, rows.columns, wave.run.at)
    rejects = _rejects(rows, found.faults)
    if not rejects:
        return rows, found.contexts, []
    return *_without(rows, found.contexts, found.faults), rejects


def ready(wave: Wave, rows: CustomerRows, contexts: Float32) -> Prepared:
    """Ask the rules and look up the values of customers with contexts float32[n, d]."""
    pressed, running = pressure(wave, rows), wave.run.experiments
    found_in = experiments.members(running, rows.keys, rows.units, rows.within)
    found = eligibility.eligible(wave.plan.actions, rows.rules, rows.consent, pressed.blocked)
    return Prepared(
        ids=rows.ids,
        keys=rows.keys,
        contexts=contexts,
        mask=found.mask,
        left=found.left,
        allowance=pressed.allowance,
        values=values(wave, rows),
        experiment=found_in.experiment,
        units=found_in.units,
        population=experiments.populations(running, *found_in),
    )


def pressure(wave: Wave, rows: CustomerRows) -> Pressure:
    """What past contacts and refusals forbid."""
    past, refused = rows.contacts, rows.refusals
    return contact_policy.apply(
        wave.plan.contact_policy,
        Contacts(past.offsets, past.offer, past.channel, past.age_days),
        Refusals(refused.offsets, refused.offer, refused.age_days),
    )


def values(wave: Wave, rows: CustomerRows) -> Array:
    """Value of each action's outcome: float32[k], or float32[n, k] if it hangs on the row."""
    return of_actions(wave, rows.values)


def of_actions(wave: Wave, by_offer: Array) -> Array:
    """Values float32[..., k] of the actions by their offers' float32[..., offers].

    With [reward.events] what was learned is money where the value is the same for everybody.
    """
    offer, reward = wave.plan.actions.offer, wave.run.campaign.reward
    found: Array = by_offer[..., np.maximum(offer, 0)]
    found[..., 0] = reward.no_contact_value
    if reward.events:
        found[..., in_money(wave.catalogue.offers, wave.plan.space)] = 1.0
    found[..., np.flatnonzero(offer[1:] < 0) + 1] = 0.0
    return found


def stages(wave: Wave, rows: CustomerRows) -> list[str | None]:
    """The rule that takes out each of the actions 1, 2, … for the first customer of ``rows``."""
    actions, blocked = wave.plan.actions, pressure(wave, rows).blocked
    found = []
    for a in range(1, actions.offer.shape[0]):
        o, c = actions.offer[a], actions.channel[a]
        pressed = actions.outbound[a] and (blocked.channels[0, c] or blocked.offers[0, o])
        passed = (actions.running[a], rows.rules[0, o], rows.consent[0, c], not pressed)
        failed = [stage for stage, ok in zip(STAGES, passed, strict=True) if not ok]
        found.append(failed[0] if failed else None)
    return found


def funnel(wave: Wave, rows: CustomerRows) -> dict[str, list[str]]:
    """Which rule takes out which pairs, for the first customer of ``rows``."""
    out: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for name, stage in zip(wave.plan.space.names[1:], stages(wave, rows), strict=True):
        if stage is not None:
            out[stage].append(name)
    return out


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
