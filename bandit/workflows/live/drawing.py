"""From requests to decisions: who is alike is drawn for together; nothing is written down here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.config.deciding import Shadow as Shadowed
from bandit.core.types import Bool, Float64
from bandit.models.moved import TakenMean
from bandit.policies.layered import Layered
from bandit.record.streams import Segment
from bandit.sources.wave_query import micros
from bandit.workflows.live import noting
from bandit.workflows.live.answers import Teller, cut
from bandit.workflows.live.book import wave_name
from bandit.workflows.live.frames import FALLBACK, Answer, Placed
from bandit.workflows.live.heads import renamed
from bandit.workflows.live.requests import Made, Request, occasion_of
from bandit.workflows.live.room import Rooms
from bandit.workflows.live.shadow import Beside, Shadow, Tally
from bandit.workflows.live.situation import Situation
from bandit.workflows.live.together import fill_in_turn
from bandit.workflows.serve.expected import Expected
from bandit.workflows.serve.plan import alone
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave


class Drawn(NamedTuple):
    """What a request came to, its answer, and what another policy would have picked."""

    made: Made
    answer: Answer
    shadow: Beside


class Drawing:
    """Of one segment; contacts take their place in ``rooms`` as they are drawn."""

    def __init__(
        self,
        situation: Situation,
        segment: Segment,
        rooms: Rooms,
        tally: Tally,
        now: Callable[[], dt.datetime],
        epoch: int,
    ) -> None:
        self._situation, self._segment, self._rooms, self._now = situation, segment, rooms, now
        self._wave, self._prices, self._epoch = situation.wave, situation.wave.plan.prices, epoch
        self._mean = Expected(self._wave)
        self._tellers: dict[str, Teller] = {}
        self._narrow: dict[tuple[str, tuple[tuple[str, int], ...]], Wave] = {}
        self._shadow = Shadow(self._wave, TakenMean(self._wave.posterior), tally)

    def teller(self, name: str) -> Teller:
        """Of the wave ``name`` of this segment."""
        made = self._tellers.get(name)
        if made is None:
            made = self._tellers[name] = Teller(renamed(self._wave, name), self._mean)
            if self._prices is not self._wave.plan.prices:
                made.at_prices(self._prices)
        return made

    def at_prices(self, epoch: int, prices: Float64) -> None:
        """From now on draw at ``prices`` float64[p, k] a contact."""
        self._epoch, self._prices = epoch, prices
        self._narrow.clear()
        for teller in self._tellers.values():
            teller.at_prices(prices)

    def tried(self, request: Request) -> Drawn:
        """What would be drawn now: no room is taken."""
        occasion, joint = occasion_of(request, self._segment)
        teller = self.teller(wave_name(self._segment, occasion, None))
        ready = self._situation.ready([request.person])
        room = self._rooms.of(int(ready.population[0]))
        mark = room.mark()
        first = None if joint is None else joint[None, :]
        filled = fill_in_turn(self._narrowed(teller, request.new), ready, first, room)
        room.back_to(mark)
        placed, now = teller.placed(filled.taken, ready, request.new)[0], self._now()
        made = next(noting.made(filled, ready, occasion, micros(now), self._epoch))
        answer = _answer(request, placed, written(now), teller.wave, self._epoch)
        return Drawn(made, answer, [])

    def anew(
        self, requests: Sequence[Request], inside: Bool | None = None, *, late: bool = False
    ) -> Iterator[tuple[int, Drawn]]:
        """Decide for customers, each of them once; with the place of each request.

        ``inside`` as in `Situation.ready`; where it is too ``late`` for more, by the rules alone.
        """
        ready = self._situation.ready([request.person for request in requests], inside=inside)
        alike: dict[tuple[object, ...], list[int]] = {}
        before = [occasion_of(request, self._segment, late=late) for request in requests]
        for i, (request, (occasion, joint)) in enumerate(zip(requests, before, strict=True)):
            population = int(ready.population[i])
            key = occasion, joint is None, tuple(request.new.items()), population
            alike.setdefault(key, []).append(i)
        for group in alike.values():
            occasion, first = before[group[0]]
            joint = None if first is None else np.array([before[i][1] for i in group])
            mine = ready if len(group) == len(requests) else ready.only(_among(group, requests))
            drawn = self._alike([requests[i] for i in group], mine, occasion, joint, late)
            yield from zip(group, drawn, strict=True)

    def _alike(
        self,
        requests: Sequence[Request],
        ready: Prepared,
        occasion: int,
        joint: Float64 | None,
        late: bool,
    ) -> Iterator[Drawn]:
        """Decide for customers of one population, of whom the same is wanted."""
        teller = self.teller(wave_name(self._segment, occasion, requests[0].cause))
        new, begun = requests[0].new, 0
        wave = self._narrowed(teller, new)
        if late:
            wave = by_rules(wave)
        room = self._rooms.of(int(ready.population[0]))
        while begun < len(requests):
            filled = fill_in_turn(wave, ready, joint, room)
            placed = teller.placed(filled.taken, ready, new)
            now = self._now()
            moment = written(now)
            beside = [] if late else self._shadow.beside(teller.wave, filled, ready)
            each = noting.made(filled, ready, occasion, micros(now), self._epoch)
            for i, made in enumerate(each):
                told = _fallback(placed[i]) if late else placed[i]
                answer = _answer(requests[begun + i], told, moment, teller.wave, self._epoch)
                if late:
                    yield Drawn(made._replace(fallback=True), answer, [])
                else:
                    yield Drawn(made, answer, beside[i])
            done = len(filled.used)
            begun += done
            if begun < len(requests):
                ready = ready.rows(done, len(ready.keys))
                joint = None if joint is None else joint[done:]

    def _narrowed(self, teller: Teller, counts: Mapping[str, int]) -> Wave:
        """The wave with these placements alone, and so many slots of each."""
        wave, asked = teller.wave, tuple(counts.items())
        found = self._narrow.get((wave.run.wave, asked))
        if found is None:
            plan = wave.plan
            some = [p._replace(slots=counts[p.name]) for p in plan.placements if p.name in counts]
            found = wave._replace(plan=plan._replace(placements=some))
            self._narrow[wave.run.wave, asked] = found
        return found


def by_rules(wave: Wave) -> Wave:
    """The wave whose rules decide for everybody but the holdout."""
    plan, noise = wave.plan, wave.posterior.noise_scale
    rules = alone(Shadowed(policy="rules"), plan.actions, wave.catalogue.offers, noise)
    base = replace(plan.policy.base, components=((1.0, rules),), exploration=0.0)
    return wave._replace(plan=plan._replace(policy=Layered(base)))


def _fallback(placed: Mapping[str, Placed]) -> dict[str, Placed]:
    """Picks as what they are."""
    return {
        name: msgspec.structs.replace(
            one,
            picks=[
                msgspec.structs.replace(pick, propensity=None, group=FALLBACK) for pick in one.picks
            ],
        )
        for name, one in placed.items()
    }


def _answer(
    request: Request, placed: Mapping[str, Placed], at: str, wave: Wave, epoch: int
) -> Answer:
    return Answer(
        request_id=request.asked.request_id,
        customer=request.person.customer,
        snapshot=_snapshot(wave, placed),
        decided_at=at,
        placements=[
            placed[n] if n in placed else cut(request.standing[n][0], count)
            for n, count in request.wanted.items()
        ],
        active=request.asked.activate,
        price_epoch=epoch,
    )


def _snapshot(wave: Wave, placed: Mapping[str, Placed]) -> str:
    """What decided: the snapshot of the customer's arm, if it has one of its own."""
    if wave.pinned:
        for one in placed.values():
            for pick in one.picks:
                return wave.snapshot_of(pick.group)
    return wave.start.version


def written(moment: dt.datetime) -> str:
    """A moment as answers tell it."""
    return moment.isoformat(timespec="microseconds")


def _among(positions: Sequence[int], all_of: Sequence[object]) -> Bool:
    """Positions as bool[n]."""
    found = np.zeros(len(all_of), np.bool_)
    found[positions] = True
    return found
