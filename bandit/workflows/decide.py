"""From a prepared batch of customers to a decision a slot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.allocation import slots as slotting
from bandit.types import Array
from bandit.workflows.assemble import Assembler
from bandit.workflows.plan import number_of
from bandit.workflows.prepare import Prepared
from bandit.workflows.thin import Thinning, thinned
from bandit.workflows.wave import Taken, Wave


class Decided(NamedTuple):
    """A batch's decisions for the record, and the slots that they came from."""

    decisions: pa.RecordBatch
    slots: list[Taken]


class Decider:
    """Decides for one batch after the other; only the row ids go on from one to the next."""

    def __init__(self, wave: Wave) -> None:
        self._wave = wave
        self._assembler = Assembler(wave)

    @property
    def schema(self) -> pa.Schema:
        """Of the decisions."""
        return self._assembler.schema

    def decide(self, batch: Prepared, rule: Thinning | None = None) -> Decided:
        """Fill the slots and assemble."""
        slots = list(fill(self._wave, batch, rule=rule))
        decisions = self._assembler.batch(slots, batch.ids, batch.contexts, batch.values)
        return Decided(decisions, slots)


def fill(
    wave: Wave, batch: Prepared, *, seed: int | None = None, rule: Thinning | None = None
) -> Iterator[Taken]:
    """Fill every placement's slots in turn; each propensity is given the slots before.

    A customer's group is one for all slots, so what earlier slots tell about it is carried along
    in `Choice.joint`. ``seed`` is the run's unless given; with a ``rule`` outbound contacts are
    thinned, and who loses one gets no further.
    """
    the_plan, run = wave.plan, wave.run
    number, joint = number_of(run.wave), None
    n = batch.contexts.shape[0]
    for place in the_plan.placements:
        who = np.arange(n)
        allowed = slotting.open_for(place, batch.mask)
        for slot in range(1, place.slots + 1):
            choice = the_plan.policy.choose(
                wave.posterior,
                batch.contexts[who] if who.shape[0] < n else batch.contexts,
                eligible=allowed,
                values=batch.values if batch.values.ndim == 1 else batch.values[who],
                costs=the_plan.costs + the_plan.prices,
                keys=batch.keys[who],
                seed=run.seed if seed is None else seed,
                wave=number,
                draw=place.draw + slot - 1,
                prior=(prior := None if joint is None else joint[who]),
            )
            joint = choice.joint if joint is None else _updated(joint, who, choice.joint)
            taken = Taken(place, slot, who, choice, allowed)
            if rule is not None and place.outbound:
                taken = thinned(wave, batch, taken, prior, rule)
            yield taken
            on = taken.choice.action != 0
            if place.outbound:
                on &= batch.allowance[who] > slot
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
