"""Sums of what has been seen of each action: they merge, decay and line up with other actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, SupportsIndex

import numpy as np
import numpy.typing as npt

from bandit.checks.arrays import (
    check_actions,
    check_finite,
    check_vector,
    shape_contexts,
    sum_is_finite,
)
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.beta import beta, beta_below
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear import gram
from bandit.kernels.threads import spread
from bandit.models import shown

ROUNDING = 1e-9
"""Relative slack of sums that are compared."""


@dataclass(frozen=True, eq=False)
class Sums:
    """What k actions over d features have shown; every operation returns a new one.

    ``gram`` float64[k, d, d] = Σ w x xᵀ (without the ridge), ``shift`` float64[k, d] = Σ w r x,
    ``count`` float64[k] = Σ w, ``reward_sum`` float64[k] = Σ w r, ``square_sum`` float64[k] =
    Σ w r², ``ridge`` the prior precision. ``constant`` float64[d], if given, are the coefficients
    u of the function that is 1 for every context: uᵀx = 1. ``actions`` names the k actions, if
    anybody does: names are then taken where numbers are. ``level`` is the reward m that a free
    intercept starts from, the mean of all where None.
    """

    gram: Float64
    shift: Float64
    count: Float64
    reward_sum: Float64
    square_sum: Float64
    ridge: float
    constant: Float64 | None = None
    actions: ActionSpace | None = None
    level: float | None = None

    def __post_init__(self) -> None:
        """Refuse arrays whose shapes disagree."""
        if self.shift.ndim != 2:
            raise DataError(f"posterior's shift must have shape (k, d), it has {self.shift.shape}")
        k, d = self.shift.shape
        expected = {"gram": (k, d, d), "count": (k,), "reward_sum": (k,), "square_sum": (k,)}
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise DataError(f"posterior's {name} must have shape {shape}, it has {found}")
        if not (np.isfinite(self.ridge) and self.ridge > 0.0):
            raise DataError(f"ridge must be a positive number, it is {self.ridge}")
        if self.constant is not None and (
            self.constant.shape != (d,) or not np.isfinite(self.constant).all()
        ):
            raise DataError(f"constant must be {d} finite numbers, it is {self.constant}")
        if self.actions is not None and len(self.actions) != k:
            raise DataError(f"posterior has {k} actions, {len(self.actions)} are named")

    @classmethod
    def prior(
        cls,
        n_actions: int | ActionSpace,
        n_features: int,
        ridge: float = 1.0,
        constant: Float64 | None = None,
    ) -> Self:
        """Nothing seen yet: k = ``n_actions`` actions (or their names), d = ``n_features``."""
        space = n_actions if isinstance(n_actions, ActionSpace) else None
        k, d = n_actions if not isinstance(n_actions, ActionSpace) else len(n_actions), n_features
        if k < 1 or d < 1:
            raise DataError(
                f"a posterior needs at least one action and one feature, got {k} and {d}"
            )
        return cls(
            np.zeros((k, d, d)),
            np.zeros((k, d)),
            np.zeros(k),
            np.zeros(k),
            np.zeros(k),
            float(ridge),
            constant,
            space,
        )

    @cached_property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return int(self.shift.shape[0])

    @cached_property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return int(self.shift.shape[1])

    def update(
        self,
        contexts: npt.ArrayLike,
        actions: npt.ArrayLike,
        rewards: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from n rows: ``contexts`` float[n, d], ``actions`` int[n], ``rewards`` float[n].

        Actions may be names [n] where the posterior knows them (`prior` with an ActionSpace).
        ``weights`` float[n] ≥ 0 count a row more or less than once (1 where absent). Sums run in
        the order of the rows, in float64. NaN, infinity, an action outside [0, k) or a negative
        weight is a `DataError` that names the row.
        """
        x = shape_contexts(contexts, self.n_features)
        n = x.shape[0]
        taken = check_actions(actions, n, self.n_actions, self.actions)
        reward = check_vector("rewards", rewards, n)
        once: Float64 = np.zeros(0)
        weight = once if weights is None else check_vector("weights", weights, n, least=0.0)
        start, order = np.zeros(self.n_actions + 1, np.int64), np.empty(n, np.int32)
        gram.group_into(taken, start, order)
        sums = np.stack([self.count, self.reward_sum, self.square_sum], axis=1)
        total, shift = self.gram.copy(), self.shift.copy()
        spread(
            gram.accumulate_into, self.n_actions, 1,
            x, reward, weight, start, order, total, shift, sums,
        )  # fmt: skip
        # What is no number shows in the sums of squares: rows are searched only then.
        if not sum_is_finite(total):
            check_finite(x)
        count, reward_sum, square_sum = (np.ascontiguousarray(column) for column in sums.T)
        return replace(
            self, gram=total, shift=shift, count=count, reward_sum=reward_sum, square_sum=square_sum
        )

    def merge(self, other: Self) -> Self:
        """Pool what two posteriors of the same prior have seen."""
        if (
            self.shift.shape != other.shift.shape
            or self.ridge != other.ridge
            or not np.array_equal(self.unit, other.unit)
            or self.actions != other.actions
        ):
            raise DataError(
                "posteriors merge only with the same actions, features and ridge: "
                f"{self.shift.shape} ridge {self.ridge} and {other.shift.shape} ridge {other.ridge}"
            )
        return replace(
            self,
            gram=self.gram + other.gram,
            shift=self.shift + other.shift,
            count=self.count + other.count,
            reward_sum=self.reward_sum + other.reward_sum,
            square_sum=self.square_sum + other.square_sum,
        )

    def decay(self, factor: float) -> Self:
        """Forget towards the prior: every sum is multiplied by ``factor`` in [0, 1]."""
        if not 0.0 <= factor <= 1.0:
            raise DataError(f"a decay factor must lie in [0, 1], it is {factor}")
        return replace(
            self,
            gram=self.gram * factor,
            shift=self.shift * factor,
            count=self.count * factor,
            reward_sum=self.reward_sum * factor,
            square_sum=self.square_sum * factor,
        )

    def add_actions(
        self, count: int | Sequence[str], like: Sequence[int | str] | None = None
    ) -> Self:
        """Append ``count`` actions, or those named, that start from the prior.

        With ``like`` they start from the pooled sums of those actions instead, as if all that was
        seen of them had been seen of the new one. A posterior that knows names wants them.
        """
        space, new = self._grown(count)
        if new < 0:
            raise DataError(f"count of new actions must not be negative, it is {new}")
        chosen = np.array([self.position(action) for action in like or ()], dtype=np.int64)
        outside = chosen[(chosen < 0) | (chosen >= self.n_actions)]
        if outside.size:
            raise DataError(f"like names action {outside[0]}, there are {self.n_actions}")

        def extended(sums: Float64) -> Float64:
            pooled = sums[chosen].sum(axis=0, keepdims=True)
            return np.concatenate([sums, np.repeat(pooled, new, axis=0)])

        return replace(
            self,
            gram=extended(self.gram),
            shift=extended(self.shift),
            count=extended(self.count),
            reward_sum=extended(self.reward_sum),
            square_sum=extended(self.square_sum),
            actions=space,
        )

    def _grown(self, count: int | Sequence[str]) -> tuple[ActionSpace | None, int]:
        """Names with the new ones, and how many these are."""
        if isinstance(count, SupportsIndex):
            new = int(count)
            if new > 0 and self.actions is not None:
                raise DataError(f"actions have names here: name the {new} new ones")
            return self.actions, new
        if self.actions is None:
            raise DataError("new actions have names, and those there are have none: give a count")
        return ActionSpace([*self.actions.names, *count]), len(count)

    def position(self, action: int | str) -> int:
        """Number of an action; a name must be known."""
        if not isinstance(action, str):
            return int(action)
        if self.actions is None:
            raise DataError(f"like names {action!r}, and this posterior knows no names")
        return self.actions.index(action)

    def align(self, places: Array) -> Self:
        """Action i of the result is action ``places[i]``, -1 a new one; names are the caller's."""
        to = np.asarray(places, dtype=np.int64)
        there = to >= 0

        def placed(sums: Float64) -> Float64:
            out = np.zeros((to.size, *sums.shape[1:]))
            out[there] = sums[to[there]]
            return out

        return replace(
            self,
            gram=placed(self.gram),
            shift=placed(self.shift),
            count=placed(self.count),
            reward_sum=placed(self.reward_sum),
            square_sum=placed(self.square_sum),
            actions=None,
        )

    def __repr__(self) -> str:
        """How much was seen, in a line; the sums themselves are attributes."""
        return shown.line(type(self).__name__, (self.n_actions, self.n_features), self.count)

    def _repr_html_(self) -> str:
        names = self.actions.names if self.actions else tuple(map(str, range(self.n_actions)))
        return shown.table(repr(self), names, self.count, self.reward_sum)

    @cached_property
    def baseline(self) -> float:
        """Mean reward m that a free intercept starts from; 0 without one."""
        if self.level is not None:
            return self.level
        seen = float(self.count.sum())
        return 0.0 if self.constant is None or seen == 0.0 else float(self.reward_sum.sum()) / seen

    @cached_property
    def unit(self) -> Float64:
        """``constant``, zeros where the intercept is not free, float64[d]."""
        return np.zeros(self.n_features) if self.constant is None else self.constant

    @cached_property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """``1 + Σ r`` and ``1 + n − Σ r`` float64[k]: the Beta posterior of rewards in [0, 1]."""
        total, squares, count = self.reward_sum, self.square_sum, self.count
        slack = ROUNDING * (1.0 + count)
        # Σ w r² ≤ Σ w r ≤ Σ w holds for rewards in [0, 1]; one reward outside breaks it or hides
        # among others, where the sums are those of some rewards inside.
        bad = (squares > total + slack) | (total > count + slack) | (total < -slack)
        if bad.any():
            a = int(np.argmax(bad))
            raise DataError(
                f"BetaTS needs rewards in [0, 1], action {a} has rewards outside (sum "
                f"{total[a]:g}, sum of squares {squares[a]:g}, count {count[a]:g})"
            )
        won = np.clip(total, 0.0, count)
        return 1.0 + won, 1.0 + count - won

    @cached_property
    def rates(self) -> Tables:
        """Tables of the rates' quantiles and distributions."""
        return rate_tables(*self.rate_shapes)


def rate_tables(first: Float64, second: Float64) -> Tables:
    """Tables of Betas with parameters float64[k]."""
    k = first.size
    quantiles, slopes = np.zeros((k, beta.NODES)), np.zeros((k, beta.NODES))
    below = np.zeros((k, 2 * beta_below.GRID))
    spread(beta.table_into, k, 1, first, second, quantiles, slopes)
    spread(beta_below.table_into, k, 1, quantiles, slopes, below)
    return Tables(quantiles, slopes, below)
