"""Layers: experiments of one layer share nobody, those of different layers are independent.

An experiment claims buckets of its layer for as long as it runs; afterwards they rest, so that what
it did to people has faded before the next one. Nobody is left out for being in an
experiment elsewhere: first come, first served would leave every later one a population of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from bandit.core.errors import ConfigError
from bandit.core.types import Bool
from bandit.experiments.assignment import BUCKETS, buckets

Ranges = tuple[tuple[int, int], ...]
"""Buckets from the first up to before the second number, rising."""


@dataclass(frozen=True)
class Claim:
    """Buckets that an experiment holds from ``start``; they rest after it stopped at ``end``."""

    experiment: str
    ranges: Ranges
    start: date
    cooldown_days: int = 0
    end: date | None = None

    @property
    def free_from(self) -> date | None:
        """First day on which another may have the buckets; None while it runs."""
        return None if self.end is None else self.end + timedelta(days=self.cooldown_days)

    @property
    def held(self) -> npt.NDArray[np.int64]:
        """The numbers of its buckets, rising."""
        return np.concatenate([np.arange(first, last) for first, last in self.ranges])


@dataclass(frozen=True)
class Layer:
    """A layer and who claimed what of its 10,000 buckets; `claim` and `stop` return a new one."""

    name: str
    seed: int = 0
    claims: tuple[Claim, ...] = ()

    def free(self, on: date) -> npt.NDArray[np.int64]:
        """Buckets that may be claimed on a day: never used ones first, then by length of rest."""
        since = np.full(BUCKETS, date.min.toordinal())
        for claim in self.claims:
            until = claim.free_from or date.max
            since[claim.held] = np.maximum(since[claim.held], until.toordinal())
        order = np.argsort(since, kind="stable")
        return order[since[order] <= on.toordinal()]

    def claim(self, experiment: str, share: float, start: date, cooldown_days: int = 0) -> Layer:
        """Give ``share`` of the layer to an experiment that starts on a day.

        Raises
        ------
        ConfigError
            A name that had its buckets already, a share outside (0, 1], or less free than that.
        """
        if any(c.experiment == experiment for c in self.claims):
            raise ConfigError(
                f"experiment {experiment!r} has claimed buckets of layer {self.name!r} already; "
                "an experiment that goes again needs a name of its own"
            )
        wanted = round(share * BUCKETS)
        if not 1 <= wanted <= BUCKETS or cooldown_days < 0:
            raise ConfigError(
                f"share must lie in [{1 / BUCKETS}, 1] and cooldown_days be at least 0, they are "
                f"{share} and {cooldown_days}"
            )
        free = self.free(start)
        if len(free) < wanted:
            raise ConfigError(
                f"layer {self.name!r} has {len(free) / BUCKETS:.2%} free on {start}, "
                f"{experiment!r} wants {share:.2%}; {self._remedy(start)}"
            )
        taken = Claim(experiment, _runs(np.sort(free[:wanted])), start, cooldown_days)
        return replace(self, claims=(*self.claims, taken))

    def stop(self, experiment: str, end: date) -> Layer:
        """Let the buckets of an experiment rest from a day on."""
        index = [c.experiment for c in self.claims].index(self._claim(experiment).experiment)
        stopped = replace(self.claims[index], end=end)
        return replace(self, claims=(*self.claims[:index], stopped, *self.claims[index + 1 :]))

    def members(self, keys: npt.ArrayLike, experiment: str) -> Bool:
        """Whether each unit is in the buckets of an experiment, bool[n]; ``keys`` as `buckets`."""
        mine = np.zeros(BUCKETS, bool)
        mine[self._claim(experiment).held] = True
        return np.asarray(mine[buckets(keys, self.name, seed=self.seed)])

    def _claim(self, experiment: str) -> Claim:
        for claim in self.claims:
            if claim.experiment == experiment:
                return claim
        known = ", ".join(c.experiment for c in self.claims) or "none"
        raise ConfigError(
            f"layer {self.name!r} knows no experiment {experiment!r}; those with buckets: {known}"
        )

    def _remedy(self, start: date) -> str:
        ends = [c.free_from for c in self.claims if c.free_from and c.free_from > start]
        if ends:
            return f"take less, another layer, or start on {min(ends)} when some have rested"
        return "take less, or another layer"


def _runs(numbers: Iterable[int]) -> Ranges:
    """Rising numbers as ranges."""
    found: list[tuple[int, int]] = []
    for number in map(int, numbers):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return tuple(found)
