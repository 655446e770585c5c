"""From a prepared batch of customers to a choice a slot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bandit.allocation import slots as slotting
from bandit.allocation.slots import Placement
from bandit.core.types import Array, Bool, Choice, Float64
from bandit.policies.contest import Box, Contest
from bandit.workflows.serve import reasons
from bandit.workflows.serve.choice_cache import Chosen
from bandit.workflows.serve.hard_caps import Thinning, thinned
from bandit.workflows.serve.plan import number_of
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave


class Slot(NamedTuple):
    """One slot of a placement that is to be filled for ``rows`` int64[m] of a batch.

    ``allowed`` bool[m, k]; ``prior`` as in `Mixture.choose`, None before the first slot.
    """

    placement: Placement
    number: int
    rows: Array
    allowed: Bool
    prior: Float64 | None


Choose = Callable[[Wave, Prepared, Slot], Choice]


class Decider:
    """Decides for batches, each by itself.

    With ``chosen`` choices are drawn once: `plan` keeps them there, `decide` takes them from there,
    thinned if a ``rule`` for lots is given.
    """

    def __init__(
        self, wave: Wave, rule: Thinning | None = None, chosen: Chosen | None = None
    ) -> None:
        self.wave, self._rule, self._chosen = wave, rule, chosen

    def plan(self, batch: Prepared, number: int) -> list[Taken]:
        """Fill the slots and keep the choices; ``number`` is the batch's own."""
        return list(fill(self.wave, batch, partial(self._kept, number)))

    def decide(self, batch: Prepared, number: int) -> list[Taken]:
        """Fill the slots, each with the reasons for no contact."""
        draw = choose if self._chosen is None else partial(self._known, self._chosen, number)
        return [
            reasons.given(self.wave, batch, taken)
            for taken in fill(self.wave, batch, draw, self._rule)
        ]

    def _kept(self, number: int, wave: Wave, batch: Prepared, slot: Slot) -> Choice:
        choice = choose(wave, batch, slot)
        if self._chosen is not None:
            self._chosen.add(_name(number, wave, slot), slot.rows, choice)
        return choice

    def _known(
        self, chosen: Chosen, number: int, wave: Wave, batch: Prepared, slot: Slot
    ) -> Choice:
        del batch
        return chosen.of(_name(number, wave, slot), slot.rows)


def _name(number: int, wave: Wave, slot: Slot) -> str:
    return f"{number:06d}-{wave.plan.placements.index(slot.placement)}-{slot.number}"


def choose(wave: Wave, batch: Prepared, slot: Slot) -> Choice:
    """Let the complete logging policy decide."""
    return wave.plan.policy.choose(
        wave.posterior, **_asked(wave, batch, slot, wave.run.seed), prior=slot.prior
    )


def drawn(wave: Wave, batch: Prepared, slot: Slot, seed: int) -> Choice:
    """As `choose` with another seed, the actions alone: of the rest nothing is found."""
    action = wave.plan.policy.drawn(wave.posterior, **_asked(wave, batch, slot, seed))
    n = action.shape[0]
    return Choice(
        action, np.empty(n), np.empty(n, np.float32), np.empty(n, np.int16), np.empty((n, 0))
    )


def contested(wave: Wave, batch: Prepared, seed: int, box: Box) -> Contest:
    """What `drawn` may take in the first outbound slot at prices of a ``box``, the wave's aside.

    They are everybody's in the batch; asked only where the policy tells.
    """
    place = next(place for place in wave.plan.placements if place.outbound)
    rows = np.arange(batch.contexts.shape[0])
    slot = Slot(place, 1, rows, slotting.open_for(place, batch.mask), None)
    asked = _asked(wave, batch, slot, seed)
    del asked["population"]
    asked["costs"] = wave.plan.costs
    return wave.plan.policy.contested(wave.posterior, box=box, **asked)


def _asked(wave: Wave, batch: Prepared, slot: Slot, seed: int) -> dict[str, Any]:
    rows, plan = slot.rows, wave.plan
    return {
        "contexts": batch.contexts[rows] if len(rows) < len(batch.contexts) else batch.contexts,
        "eligible": slot.allowed,
        "values": batch.values if batch.values.ndim == 1 else batch.values[rows],
        "costs": plan.charges,
        "population": batch.population[rows] if plan.apart else None,
        "which": batch.experiment[rows],
        "keys": batch.keys[rows],
        "units": batch.units[rows],
        "seed": seed,
        "wave": number_of(wave.run.wave),
        "draw": slot.placement.draw + slot.number - 1,
    }


def fill(
    wave: Wave,
    batch: Prepared,
    draw: Choose = choose,
    rule: Thinning | None = None,
    *,
    joint: Float64 | None = None,
    room: Callable[[], Bool] | None = None,
) -> Iterator[Taken]:
    """Fill every placement's slots in turn; each propensity is given the slots before.

    A customer's group is one for all slots, so what earlier slots tell about it is carried along
    in `Choice.joint`; ``joint`` is that of slots filled before this call. With a ``rule`` outbound
    contacts are thinned, and who loses one gets no further. ``room`` tells before each outbound
    slot which actions bool[k] no cap closes.
    """
    the_plan = wave.plan
    for place in the_plan.placements:
        who = np.arange(batch.contexts.shape[0])
        allowed = slotting.open_for(place, batch.mask)
        for number in range(1, place.slots + 1):
            if room is not None and place.outbound:
                allowed &= room()
            slot = Slot(place, number, who, allowed, None if joint is None else joint[who])
            choice = draw(wave, batch, slot)
            joint = choice.joint if joint is None else _updated(joint, who, choice.joint)
            taken = Taken(place, number, who, choice, allowed)
            if rule is not None and place.outbound:
                taken = thinned(wave, batch, taken, slot.prior, rule)
            yield taken
            on = taken.choice.action != 0
            if place.outbound:
                on &= batch.allowance[who] > number
            if number == place.slots or not on.any():
                break
            allowed = slotting.exclude(place, allowed[on], choice.action[on], *the_plan.exclusive)
            who = who[on]


def _updated(joint: Array, rows: Array, part: Array) -> Array:
    joint = joint.copy()
    joint[rows] = part
    return joint
