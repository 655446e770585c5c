"""Decisions as they were taken, made again from the frames that they were written down in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.config.section import OUTBOUND
from bandit.core.reasons import NO_ROOM, REASONS
from bandit.core.types import Array, Choice
from bandit.record.price_epochs import PriceEpochs
from bandit.workflows.live.frames import Decided, Slot
from bandit.workflows.serve import reasons
from bandit.workflows.serve.prepare import Prepared, of_actions
from bandit.workflows.serve.wave import Taken, Wave


class Person(NamedTuple):
    """What was decided for a customer on one occasion: the first frame, and every slot's time.

    ``beside`` each slot is what a shadow did there, as in `Decided`, None where it was not asked;
    ``epochs``: whose prices were paid there, where prices move.
    """

    first: Decided
    slots: list[tuple[Slot, int]]
    beside: list[tuple[int, float] | None]
    epochs: list[int]

    @property
    def epoch(self) -> int:
        """Whose prices they paid: lists have none, and contacts are decided for at once."""
        places = [slot.placement for slot, _ in self.slots]
        return self.epochs[places.index(OUTBOUND) if OUTBOUND in places else 0]


def prepared(
    wave: Wave,
    fixed: Sequence[float] | None,
    people: Sequence[Person],
    moved: PriceEpochs | None = None,
) -> Prepared:
    """What was known of customers; ``fixed`` float[k] values, None where each has their own.

    Where prices ``moved`` their populations are those of its table.
    """
    ids = pa.array([person.first.customer for person in people], wave.customer_type)
    n, k = len(people), len(wave.plan.space)
    values = np.array(fixed or [], np.float32)
    if fixed is None:
        values = np.stack([np.frombuffer(p.first.values, np.float32) for p in people])
    else:
        values = of_actions(wave, values)
    return Prepared(
        ids=ids,
        keys=np.zeros(n, np.uint64),  # the draws are made
        contexts=np.stack([np.frombuffer(p.first.context, np.float32) for p in people]),
        mask=np.zeros((n, k), np.bool_),  # each slot has its own set
        left=np.array([p.first.left for p in people], np.int32),
        allowance=np.zeros(n, np.int32),
        values=values,
        experiment=np.full(n, -1, np.int16),
        units=np.zeros(n, np.uint64),
        population=_populations(wave, people, moved),
    )


def _populations(wave: Wave, people: Sequence[Person], moved: PriceEpochs | None) -> Array:
    found = np.array([_population(wave, person) for person in people])
    if moved is not None:
        found += moved.place(np.array([person.epoch for person in people]))
    return found.astype(np.int32)


def _population(wave: Wave, person: Person) -> int:
    """Whose prices they paid, by the group that they were decided in."""
    group = person.slots[0][0].group
    name = wave.plan.groups[group] if group >= 0 else ""
    return 1 + wave.plan.apart.index(name) if name in wave.plan.apart else 0


def taken(wave: Wave, batch: Prepared, people: Sequence[Person]) -> Iterator[Taken]:
    """Slot by slot in the plan's order, each for those who were decided for there."""
    by_scope: dict[tuple[str, int], list[tuple[int, Slot]]] = defaultdict(list)
    for row, person in enumerate(people):
        for slot, _ in person.slots:
            by_scope[slot.placement, slot.slot].append((row, slot))
    for place in wave.plan.placements:
        for number in range(1, place.slots + 1):
            there = by_scope.get((place.name, number))
            if there:
                yield _one(wave, batch, place.name, number, there)


def _one(
    wave: Wave, batch: Prepared, place: str, number: int, there: Sequence[tuple[int, Slot]]
) -> Taken:
    slots = [slot for _, slot in there]
    packed = np.stack([np.frombuffer(slot.eligible, np.uint8) for slot in slots])
    made = Taken(
        placement=next(p for p in wave.plan.placements if p.name == place),
        slot=number,
        rows=np.array([row for row, _ in there]),
        choice=Choice(
            action=np.array([s.action for s in slots], np.int32),
            propensity=np.array([s.propensity for s in slots]),
            score=np.array([s.score for s in slots], np.float32),
            group=np.array([s.group for s in slots], np.int16),
            joint=np.zeros((len(slots), 0)),
        ),
        allowed=wave.plan.space.unpack(packed),
    )
    told = reasons.given(wave, batch, made)
    reason = np.array(told.reason)
    reason[[s.capped for s in slots]] = REASONS.index(NO_ROOM)
    return told._replace(reason=reason)
