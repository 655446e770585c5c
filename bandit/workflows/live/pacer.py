"""Moves the prices of one segment: what it begins with, and a step where an epoch is over."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from bandit.config.experiment import CURRENT, LEARNED, SNAPSHOT
from bandit.core.days import day_later, day_of
from bandit.core.types import EXPLORATION, Bool
from bandit.sources.wave_query import micros
from bandit.workflows.live import pace
from bandit.workflows.live.book import Book
from bandit.workflows.live.frames import Paced, Priced
from bandit.workflows.live.generation import Generation
from bandit.workflows.live.room import ALL, REST
from bandit.workflows.serve import limits
from bandit.workflows.serve.limits import Charges
from bandit.workflows.serve.standing_prices import Standing
from bandit.workflows.serve.wave import Wave

_UNHEEDING = ("rules", "uniform")


class Pacer:
    """``charges`` float64[p, k] are what a contact pays now; ``paced``: None where prices stay."""

    def __init__(self, generation: Generation, book: Book, now: int) -> None:
        """For a segment that begins ``now``, in microseconds since 1970."""
        self.paced, self._day = _begun(generation, book, now), generation.day
        self._entries = Charges.of(generation.limits)
        self.charges = generation.wave.plan.prices
        if self.paced is not None:
            self.charges = self._entries.at(np.array(self.paced.priced.prices))

    @property
    def epoch(self) -> int:
        """How often prices have moved today."""
        return 0 if self.paced is None else self.paced.priced.epoch

    def due(self, at: int, book: Book) -> Priced | None:
        """The step that is due at a time; None where none is."""
        if self.paced is None or not pace.due(self.paced, at):
            return None
        return pace.step(self.paced, at, book.paces.use(self._day, book.used.get(self._day, {})))

    def take(self, priced: Priced) -> bool:
        """Take in a step; whether prices moved."""
        moved = priced.epoch != self.epoch
        if self.paced is not None:
            self.paced = msgspec.structs.replace(self.paced, priced=priced)
        if moved:
            self.charges = self._entries.at(np.array(priced.prices))
        return moved


def _begun(generation: Generation, book: Book, now: int) -> Paced | None:
    """What a segment begins with, by the names of the limits."""
    if generation.pacing is None:
        return None
    pacing, wave, limited = generation.pacing, generation.wave, generation.limits
    campaign, at, apart = wave.run.campaign, wave.run.at, wave.plan.apart
    whose, policy, heeding = [REST, *apart] if apart else [ALL], campaign.policy, _heeding(wave)
    base = sum(share.share * heeding[share.label] for share in policy.shares)
    answering = [base, *(heeding[arm] for arm in apart)]
    prices = pacing.standing.prices
    start = Priced(0, now, prices.tolist(), np.zeros_like(prices).tolist())
    known = _known(generation, pacing.standing, book, now)
    if known is not None:
        start = _carried(start, known, limited.names, whose)
    return Paced(
        limits=list(limited.names),
        whose=whose,
        most=[part.most.tolist() for part in limits.split(limited, generation.populations)],
        unit=limited.usage.max(axis=0, initial=0.0).tolist(),
        least=np.minimum(prices, 0.0).tolist(),
        highest=pacing.highest.tolist(),
        spread=pacing.spread.tolist(),
        answering=[(1.0 - policy.exploration) * share for share in answering],
        deaf=[EXPLORATION, *(i for i, group in enumerate(wave.plan.groups) if not heeding[group])],
        hours=pacing.hours.tolist(),
        begins=micros(at),
        ends=micros(day_later(at, campaign.time_zone)),
        seconds=campaign.live.epoch_seconds,
        priced=_uncharged(start, np.isfinite(limited.most)),
    )


def _known(generation: Generation, standing: Standing, book: Book, now: int) -> Paced | None:
    """Where the day's prices are, or those of the day before that is no wave yet, on average."""
    known = book.paces.of(generation.day)
    if known is not None:
        return known
    before, zone = book.paces.before(generation.day), generation.wave.run.campaign.time_zone
    if before is None:
        return None
    if standing.at is not None and day_of(standing.at, zone).isoformat() > before:
        return None
    last, mean = book.paces.of(before), book.paces.mean(before)
    priced = Priced(0, now, mean.tolist(), np.zeros_like(mean).tolist())
    return None if last is None else msgspec.structs.replace(last, priced=priced)


def _carried(start: Priced, known: Paced, names: Sequence[str], whose: Sequence[str]) -> Priced:
    """The state of before for the limits and populations that were known then."""
    before = known.priced
    prices, squares = np.array(start.prices), np.array(start.squares)
    for p, j in np.ndindex(prices.shape):
        if whose[p] in known.whose and names[j] in known.limits:
            row, column = known.whose.index(whose[p]), known.limits.index(names[j])
            squares[p, j] = before.squares[row][column]
            prices[p, j] = before.prices[row][column]
    return Priced(before.epoch, before.at, prices.tolist(), squares.tolist())


def _uncharged(priced: Priced, capped: Bool) -> Priced:
    """Where only a minimum is left of a limit, nobody pays for what was scarce before."""
    prices = np.array(priced.prices)
    free = np.where(capped, prices, np.minimum(prices, 0.0))
    return msgspec.structs.replace(priced, prices=free.tolist())


def _heeding(wave: Wave) -> dict[str, float]:
    """By group, the share of its decisions that heed prices, exploration apart."""
    policy = wave.run.campaign.policy
    found = {share.label: float(share.policy not in _UNHEEDING) for share in policy.shares}
    base = sum(share.share * found[share.label] for share in policy.shares)
    heeding = {LEARNED: 1.0, SNAPSHOT: 1.0, CURRENT: base}
    for served in wave.run.experiments:
        for arm in served.experiment.arm:
            heeds = heeding.get(arm.policy, 0.0) if isinstance(arm.policy, str) else 0.0
            found[f"{served.name}:{arm.name}"] = heeds
    return found
