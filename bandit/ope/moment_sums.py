"""Sums that merge: a log of any size is seen in one pass, in blocks.

Every independent thing is a sum, so that blocks, files and machines add up. Rows are summed twice:

- into G random groups of clusters (a keyed hash of the cluster, so that a cluster's rows meet
  wherever they stand). Groups are exchangeable whatever depends inside a cluster: one state of
  G × T × (2 + 2E) numbers gives clustered standard errors, bootstrap and paired differences of any
  two targets or estimators, with G - 1 degrees of freedom. At G = 1024 the standard error is
  itself known to 1/√(2G) = 2.2 %. A Poisson bootstrap over the rows would cost n × B draws more
  and could answer no question about a pair that was not asked beforehand.
- into ticks of consecutive rows, for the betting sequences, for peeking and for drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Float64
from bandit.kernels.stats.bootstrap import hashed_groups_into
from bandit.kernels.stats.moments import accumulate_into
from bandit.kernels.threads import spread
from bandit.ope.recipes import Recipe
from bandit.ope.row_terms import Range

LOGGED = "logged"
"""The name under which the logging policy itself is a baseline."""


class Sums(NamedTuple):
    """``rows`` and ``rewards`` float64[u], ``parts`` float64[u, T, 2 + 2E] of u units."""

    rows: Float64
    rewards: Float64
    parts: Float64


@dataclass(frozen=True, eq=False)
class MomentSums:
    """What T targets and E estimators have seen; `add` and `merge` return new ones.

    ``weights`` float64[T, 2 + E] holds Σ w², max w and the rows whose weight each estimator
    shrank; ``extremes`` float64[T, E, 2] the least and largest possible term above the least
    reward.
    """

    targets: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    reward_range: Range
    tick_rows: int
    seed: int
    groups: Sums
    ticks: Sums
    weights: Float64
    extremes: Float64

    @classmethod
    def start(
        cls,
        targets: Sequence[str],
        recipes: Sequence[Recipe],
        *,
        reward_range: Range = (0.0, 1.0),
        groups: int = 1024,
        tick_rows: int = 1024,
        seed: int = 0,
    ) -> Self:
        """Nothing seen yet, for named ``targets`` and the estimators ``recipes``."""
        names, kinds = tuple(targets), tuple(recipes)
        if not names or not kinds or len(set(names)) < len(names) or LOGGED in names:
            raise ConfigError(
                f"targets must have names of their own other than {LOGGED!r}, and there must be an "
                f"estimator; given were {list(names)} and {[k.label for k in kinds]}"
            )
        if groups < 2 or tick_rows < 1 or not reward_range[0] < reward_range[1]:
            raise ConfigError(
                "moments need at least 2 groups, ticks of at least one row and a reward range that "
                f"rises; given were {groups}, {tick_rows} and {reward_range}"
            )
        shape = (len(names), 2 + 2 * len(kinds))
        return cls(
            names,
            kinds,
            (float(reward_range[0]), float(reward_range[1])),
            tick_rows,
            seed,
            Sums(np.zeros(groups), np.zeros(groups), np.zeros((groups, *shape))),
            Sums(np.zeros(0), np.zeros(0), np.zeros((0, *shape))),
            np.zeros((len(names), 2 + len(kinds))),
            np.full((len(names), len(kinds), 2), (np.inf, -np.inf)),
        )

    @property
    def n(self) -> int:
        """Rows seen."""
        return round(float(self.groups.rows.sum()))

    def add(
        self,
        rewards: npt.ArrayLike,
        weights: npt.ArrayLike,
        *,
        q_logged: npt.ArrayLike | None = None,
        q_target: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
    ) -> Self:
        """See a block of n rows: ``rewards`` float[n], ``weights`` and ``q_target`` float[n, T].

        ``clusters`` int[n] are keys, the same in every block (rows alone where absent);
        ``q_logged`` float[n] is the outcome model of the logged action.

        Raises
        ------
        DataError
            NaN, negative weights, rewards outside ``reward_range``, shapes that differ, or an
            estimator that wants an outcome model where there is none.
        """
        r = self._rewards(rewards)
        n = len(r)
        w = self._matrix("weights", weights, n)
        if (w < 0.0).any():
            row, column = np.argwhere(w < 0.0)[0]
            raise DataError(
                f"weights must not be negative, row {row} of target {self.targets[column]!r} has "
                f"{w[row, column]}"
            )
        q, qt = self._model(q_logged, q_target, n)
        group, tick = self._group(clusters, n), np.arange(n, dtype=np.int64) // self.tick_rows
        ticks, shape = int(tick[-1]) + 1, self.groups.parts.shape[1:]
        into_groups, into_ticks = self.groups.parts.copy(), np.zeros((ticks, *shape))
        weight_sums, extremes = self.weights.copy(), self.extremes.copy()
        spread(
            accumulate_into,
            w.shape[1],
            1,
            r,
            w,
            q,
            qt,
            group,
            tick,
            np.array([recipe.kind.rule for recipe in self.recipes], dtype=np.int64),
            np.array([recipe.strength for recipe in self.recipes]),
            np.array([recipe.kind.modelled for recipe in self.recipes]),
            np.array(self.reward_range),
            into_groups,
            into_ticks,
            weight_sums,
            extremes,
        )
        g = len(self.groups.rows)
        new = Sums(_count(tick, ticks), _count(tick, ticks, r), into_ticks)
        return replace(
            self,
            groups=Sums(
                self.groups.rows + _count(group, g),
                self.groups.rewards + _count(group, g, r),
                into_groups,
            ),
            ticks=_append(self.ticks, new),
            weights=weight_sums,
            extremes=extremes,
        )

    def merge(self, other: Self) -> Self:
        """Pool with the moments of later rows; what was asked of both must be the same."""
        if self._question() != other._question():
            raise ConfigError("moments merge only with the same targets, estimators and options")
        summed = self.weights + other.weights
        summed[:, 1] = np.maximum(self.weights[:, 1], other.weights[:, 1])
        least = np.minimum(self.extremes, other.extremes)[..., 0]
        most = np.maximum(self.extremes, other.extremes)[..., 1]
        return replace(
            self,
            groups=Sums(*(a + b for a, b in zip(self.groups, other.groups, strict=True))),
            ticks=_append(self.ticks, other.ticks),
            weights=summed,
            extremes=np.stack([least, most], axis=-1),
        )

    def _question(self) -> tuple[object, ...]:
        options = (self.reward_range, self.tick_rows, self.seed, len(self.groups.rows))
        return (self.targets, self.recipes, *options)

    def _rewards(self, values: npt.ArrayLike) -> Float64:
        r, (low, high) = checks.vector("rewards", values), self.reward_range
        bad = np.flatnonzero((r < low) | (r > high))
        if bad.size:
            raise DataError(
                f"rewards must lie in reward_range [{low}, {high}], row {bad[0]} has {r[bad[0]]}"
            )
        return r

    def _matrix(self, name: str, values: npt.ArrayLike, n: int) -> Float64:
        matrix = np.ascontiguousarray(values, dtype=np.float64)
        if matrix.shape != (n, len(self.targets)):
            raise DataError(
                f"{name} must have shape {(n, len(self.targets))}, they have {matrix.shape}"
            )
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0]
            raise DataError(
                f"{name} must be finite, row {row} of target {self.targets[column]!r} has "
                f"{matrix[row, column]}"
            )
        return matrix

    def _model(
        self, q_logged: npt.ArrayLike | None, q_target: npt.ArrayLike | None, n: int
    ) -> tuple[Float64, Float64]:
        if q_logged is not None and q_target is not None:
            return checks.vector("q_logged", q_logged, n), self._matrix("q_target", q_target, n)
        wanting = [recipe.label for recipe in self.recipes if recipe.kind.modelled]
        if wanting:
            raise DataError(
                f"{', '.join(wanting)} need an outcome model: give q_logged and q_target"
            )
        return np.zeros(1), np.zeros((0, len(self.targets)))

    def _group(self, clusters: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64]:
        labels = checks.clusters(clusters, n)
        if labels is None:
            labels = np.arange(self.n, self.n + n)
        elif labels.dtype.kind not in "iu":
            raise DataError(
                f"clusters of a streamed log must be whole numbers, they are {labels.dtype}; "
                "number the customers first"
            )
        out = np.empty(n, dtype=np.int64)
        keys = np.ascontiguousarray(labels).astype(np.uint64)
        hashed_groups_into(keys, len(self.groups.rows), np.uint64(self.seed), out)
        return out


def _count(place: npt.NDArray[np.int64], units: int, weights: Float64 | None = None) -> Float64:
    return np.asarray(np.bincount(place, weights=weights, minlength=units), dtype=np.float64)


def _append(earlier: Sums, later: Sums) -> Sums:
    return Sums(*(np.concatenate(pair) for pair in zip(earlier, later, strict=True)))
