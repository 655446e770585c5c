"""The logging policy of a wave with experiments: theirs for their members, the campaign's else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.core.types import Array, Choice, Float64, Int32, UInt64
from bandit.models.moments import Moments
from bandit.policies.arms import Arms
from bandit.policies.contest import Box, Contest, together
from bandit.policies.mixture import Mixture


@dataclass(frozen=True)
class Layered:
    """``base`` for whom no experiment has, ``experiments[e]`` for the members of number e.

    A customer's policy hangs on nobody else, so that each has their own rows alone. Weights
    (``prior``, `Choice.joint`) are float64[n, base, experiments in turn, holdout], groups those of
    the base, then the arms of the experiments in turn. Where populations have prices of their own,
    ``costs`` are float64[p, k] and ``population`` int16[n] is that of each customer.
    """

    base: Mixture
    experiments: tuple[Arms, ...] = ()

    def choose(
        self,
        posterior: Moments | None,
        contexts: Array,
        which: Array,
        keys: UInt64,
        *,
        units: UInt64 | None = None,
        prior: Float64 | None = None,
        population: Array | None = None,
        **asked: Any,
    ) -> Choice:
        """As `Mixture.choose`; ``which`` int16[n] is the experiment of each customer, -1 none.

        ``units`` uint64[n] are what was assigned there as a whole, the keys themselves without.
        """
        if not self.experiments:
            return self.base.choose(posterior, contexts, keys=keys, prior=prior, **asked)
        n = contexts.shape[0]
        choice = Choice(
            np.zeros(n, np.int32), np.ones(n), np.zeros(n, np.float32), np.zeros(n, np.int16),
            np.zeros((n, self._width)),
        )  # fmt: skip
        for part in self._parts(which, keys, units, prior, population, asked):
            made = part.policy.choose(
                posterior, contexts[part.rows], keys=keys[part.rows], prior=part.prior, **part.asked
            )
            rows = part.rows
            choice.action[rows], choice.propensity[rows] = made.action, made.propensity
            choice.score[rows], choice.group[rows] = made.score, part.group(made.group)
            choice.joint[np.ix_(rows, part.columns)] = made.joint
        return choice

    def drawn(
        self,
        posterior: Moments | None,
        contexts: Array,
        which: Array,
        keys: UInt64,
        *,
        units: UInt64 | None = None,
        population: Array | None = None,
        **asked: Any,
    ) -> Int32:
        """`choose`'s actions alone, int32[n], as `Mixture.drawn`."""
        if not self.experiments:
            return self.base.drawn(posterior, contexts, keys=keys, **asked)
        action = np.zeros(contexts.shape[0], np.int32)
        for part in self._parts(which, keys, units, None, population, asked):
            rows = part.rows
            action[rows] = part.policy.drawn(
                posterior, contexts[rows], keys=keys[rows], **part.asked
            )
        return action

    def tells(self, posterior: Moments | None) -> bool:
        """Whether `contested` can be asked."""
        return all(policy.tells(posterior) for policy in (self.base, *self.experiments))

    def contested(
        self,
        posterior: Moments | None,
        contexts: Array,
        which: Array,
        keys: UInt64,
        box: Box,
        *,
        units: UInt64 | None = None,
        **asked: Any,
    ) -> Contest:
        """As `Mixture.contested`, of customers who all have the same prices."""
        if not self.experiments:
            return self.base.contested(posterior, contexts, box, keys=keys, **asked)
        found = []
        for part in self._parts(which, keys, units, None, None, asked):
            rows = part.rows
            own = part.policy.contested(
                posterior, contexts[rows], box, keys=keys[rows], **part.asked
            )
            found.append(own.at(rows, contexts.shape[0]))
        return together(found)

    def expectation(
        self,
        posterior: Moments | None,
        contexts: Array,
        weights: Float64,
        which: Array,
        keys: UInt64,
        *,
        units: UInt64 | None = None,
        prior: Float64 | None = None,
        population: Array | None = None,
        **asked: Any,
    ) -> Float64:
        """As `Mixture.expectation`; ``weights`` float64[k], or float64[p, k] by population."""
        if not self.experiments:
            return self.base.expectation(posterior, contexts, weights, prior=prior, **asked)
        out = np.zeros(contexts.shape[0])
        for part in self._parts(which, keys, units, prior, population, asked):
            out[part.rows] = part.policy.expectation(
                posterior,
                contexts[part.rows],
                weights if weights.ndim == 1 else weights[part.population],
                prior=part.prior,
                **part.asked,
            )
        return out

    def contributions(
        self,
        posterior: Moments | None,
        contexts: Array,
        which: Array,
        keys: UInt64,
        *,
        units: UInt64 | None = None,
        prior: Float64 | None = None,
        population: Array | None = None,
        **asked: Any,
    ) -> list[Float64]:
        """As `Mixture.contributions`: exploration, the base's groups, the arms, the holdout."""
        found = [
            np.zeros((contexts.shape[0], posterior.n_actions if posterior is not None else 0))
            for _ in range(2 + self._groups)
        ]
        for part in self._parts(which, keys, units, prior, population, asked):
            parts = part.policy.contributions(
                posterior, contexts[part.rows], prior=part.prior, **part.asked
            )
            found[0][part.rows] += parts[0]
            found[-1][part.rows] += parts[-1]
            for component, chance in enumerate(parts[1:-1]):
                group = int(part.group(np.array([component], np.int16))[0])
                found[1 + group][part.rows] += chance
        return found

    @property
    def _width(self) -> int:
        return sum(len(p.components) for p in (self.base, *self.experiments)) + 1

    @property
    def _groups(self) -> int:
        return len(self.base.components) + sum(max(e.arm) + 1 for e in self.experiments)

    def _parts(
        self,
        which: Array,
        keys: UInt64,
        units: UInt64 | None,
        prior: Float64 | None,
        population: Array | None,
        asked: dict[str, Any],
    ) -> Iterator[_Part]:
        """The policies that have somebody, with their people, those of a population at a time."""
        column, group = 0, 0
        for number, policy in enumerate((self.base, *self.experiments)):
            mine = np.flatnonzero(which == number - 1)
            width = len(policy.components)
            columns = np.array([*range(column, column + width), self._width - 1])
            of = _arm_of(policy, group)
            column += width
            group += max(policy.arm) + 1 if isinstance(policy, Arms) else width
            for one, rows in _by_population(population, mine):
                weights, mine_ = None, policy
                if isinstance(policy, Arms):
                    mine_ = policy.assigned((keys if units is None else units)[rows])
                if prior is not None:
                    weights = prior[np.ix_(rows, columns)]
                elif isinstance(mine_, Arms):
                    weights = mine_.first_weights(keys[rows])
                yield _Part(mine_, one, rows, columns, weights, of, _of_rows(asked, rows, one))


@dataclass(frozen=True, eq=False)
class _Part:
    """``rows`` int64[m] that ``policy`` decides for; ``group`` of a component in the whole.

    They are of one ``population``, -1 where all have the same prices.
    """

    policy: Mixture
    population: int
    rows: Array
    columns: Array
    prior: Float64 | None
    group: Callable[[Array], Array]
    asked: dict[str, Any]


def _arm_of(policy: Mixture, first: int) -> Callable[[Array], Array]:
    """From a component's number to the group's in the whole; what is negative stays."""
    own = policy.arm if isinstance(policy, Arms) else range(len(policy.components))
    numbers = np.array([first + a for a in own], np.int16)
    return lambda component: np.where(component < 0, component, numbers[component])


def _by_population(population: Array | None, rows: Array) -> Iterator[tuple[int, Array]]:
    """Some ``rows``, those of each population that has any; -1 where there are none."""
    if population is None:
        if rows.size:
            yield -1, rows
        return
    for one in np.unique(population[rows]).tolist():
        yield one, rows[population[rows] == one]


def _of_rows(asked: dict[str, Any], rows: Array, population: int) -> dict[str, Any]:
    """The arguments that hold something a row, or a population, for some rows of one."""
    found = dict(asked)
    for name in ("eligible", "values", "costs"):
        if name in found and np.ndim(found[name]) == 2:
            by_population = name == "costs" and population >= 0
            found[name] = found[name][population if by_population else rows]
    return found
