"""Why a live pick was made, as `bandit explain` tells it, from the frame that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bandit.core.reasons import REASONS
from bandit.core.types import HOLDOUT, Array, Float64, UInt64
from bandit.results.inspect import Slot
from bandit.workflows.inspect import contenders
from bandit.workflows.inspect.contenders import Draw, Seen
from bandit.workflows.live import rebuilt
from bandit.workflows.live.answers import group_name
from bandit.workflows.live.book import Book, Stood
from bandit.workflows.live.frames import Answer
from bandit.workflows.live.heads import at_prices, wave_of
from bandit.workflows.live.situation import Person, Present, Situation
from bandit.workflows.serve import experiments
from bandit.workflows.serve.wave import Taken, Wave

_MOST_WAVES = 8


class Of(NamedTuple):
    """The wave that a frame's decisions are of, and the values float[offers], if all share them."""

    wave: Wave
    fixed: Sequence[float] | None


class Explainer:
    """Of one campaign; waves of older segments are made again where they are asked for."""

    def __init__(self, folder: Path, book: Book) -> None:
        self._folder, self._book = folder, book
        self._made: dict[str, Of] = {}

    def slots(
        self,
        answer: Answer,
        tried: Stood | None,
        situation: Situation,
        now: Callable[[Stood], Of | None],
    ) -> list[Slot]:
        """Why each pick of an answer was made; what the book does not know was ``tried``.

        ``now`` tells the wave of a frame that stands in the open segment.
        """
        found, chain = [], self._book.of(answer.customer)
        person = situation.person(answer.customer)
        for placed in answer.placements:
            known = self._book.decision(placed.picks[0].decision_id)
            stood = tried if known is None else known[0]
            if stood is None or stood.decided.fallback:
                continue
            of, ranks = self._of(stood, now), {pick.rank for pick in placed.picks}
            for row, seen in _each(of, stood, _before(stood, chain), situation, person):
                if row["placement"] == placed.name and row["slot"] in ranks:
                    found.append(contenders.slot(of.wave, row, seen))
        return found

    def chances(
        self, decision_id: str, situation: Situation, now: Callable[[Stood], Of | None]
    ) -> dict[str | None, float]:
        """The probability of each offer, None for no offer, when a decision of ours was drawn."""
        found = self._book.decision(decision_id)
        if found is None or found[0].decided.fallback:
            return {}
        stood, pick = found
        of, chances = self._of(stood, now), dict[str | None, float]()
        customer = stood.decided.customer
        before = _before(stood, self._book.of(customer))
        place = next(one.name for one in stood.own if pick in one.picks)
        for row, seen in _each(of, stood, before, situation, situation.person(customer)):
            if (row["placement"], row["slot"]) == (place, pick.rank):
                offers = [None, *(offer for offer, _ in of.wave.plan.space.pairs)]
                for offer, chance in zip(offers, np.sum(seen.parts, axis=0).tolist(), strict=True):
                    chances[offer] = chances.get(offer, 0.0) + chance
        return chances

    def _of(self, stood: Stood, now: Callable[[Stood], Of | None]) -> Of:
        """The wave of a frame at the prices that it was decided at."""
        of = now(stood) or self._again(stood)
        prices = self._book.paces.prices(stood.segment, stood.decided.epoch)
        return of._replace(wave=at_prices(self._book.head(stood.segment), of.wave, prices))

    def _again(self, stood: Stood) -> Of:
        name = stood.wave
        if name not in self._made:
            if len(self._made) == _MOST_WAVES:
                del self._made[next(iter(self._made))]
            head = self._book.head(stood.segment)
            self._made[name] = Of(wave_of(self._folder, head, name), head.values)
        return self._made[name]


def _before(stood: Stood, chain: Sequence[Stood]) -> Float64 | None:
    """What the slots of the same occasion before a frame tell about the customer's group."""
    if stood in chain:
        chain = chain[chain.index(stood) + 1 :]
    same = [one for one in chain if one.wave == stood.wave]
    return np.array([same[0].decided.joint]) if same else None


def _each(
    of: Of, stood: Stood, prior: Float64 | None, situation: Situation, person: Person
) -> Iterator[tuple[dict[str, Any], Seen]]:
    """Each decision of a frame as a row of the record, with what it was taken from."""
    wave, decided = of.wave, stood.decided
    mine = [rebuilt.Person(decided, [(slot, decided.at) for slot in decided.slots], [], [])]
    batch = rebuilt.prepared(wave, of.fixed, mine)
    values = batch.values if batch.values.ndim == 1 else batch.values[0]
    key = np.array([person.bits], np.uint64)
    which = _experiment(wave, decided.slots[0].group, situation, person)
    unit = _unit(wave, which, key, decided.units)
    population = int(experiments.populations(wave.run.experiments, which, unit)[0])
    for taken in rebuilt.taken(wave, batch, mine):
        draw = Draw(batch.contexts, taken.allowed, values, which, population, key, unit, prior)
        seen, choice = contenders.derived(wave, taken.placement.name, taken.slot, draw)
        yield _row(wave, taken), seen
        prior = choice.joint


def _unit(wave: Wave, which: Array, key: UInt64, units: Sequence[int]) -> UInt64:
    """What the customer's experiment assigned, uint64[1]: they, or the household of then."""
    homes = experiments.of_homes(wave.run.experiments)
    name = wave.run.experiments[which[0]].name if which[0] >= 0 else ""
    if name not in homes or len(units) != len(homes):
        return key
    return np.array([units[homes.index(name)]], np.uint64)


def _experiment(wave: Wave, group: int, situation: Situation, person: Person) -> Array:
    """The experiment that the customer was in, int16[1]: by their group, where that tells."""
    name = "" if group < 0 else wave.plan.groups[group]
    names = [served.name for served in wave.run.experiments]
    if ":" in name and (of := name.partition(":")[0]) in names:
        return np.array([names.index(of)], np.int16)
    if group == HOLDOUT and names and person.position is not None:
        return situation.ready([Present(person.key, person.position, ())]).experiment[:1]
    return np.full(1, -1, np.int16)


def _row(wave: Wave, taken: Taken) -> dict[str, Any]:
    action = int(taken.choice.action[0])
    offer, channel = (None, None) if action == 0 else wave.plan.space.pairs[action - 1]
    reason = -1 if taken.reason is None else int(taken.reason[0])
    return {
        "placement": taken.placement.name,
        "slot": taken.slot,
        "action": action,
        "offer": offer,
        "channel": channel,
        "group": group_name(wave.plan.groups, int(taken.choice.group[0])),
        "propensity": float(taken.choice.propensity[0]),
        "reason": None if reason < 0 else REASONS[reason],
    }
