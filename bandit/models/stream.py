"""Learning from outcomes as they arrive, one row at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bandit.checks.arrays import check_actions, check_contexts, check_vector
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.linear import cholesky, rank_one
from bandit.models.posterior import Posterior


class Stream:
    """A posterior that is updated in place, with the actions' Cholesky factors kept.

    A row costs d² steps instead of the d³ of a new factor; the factor cannot lose positive
    definiteness. `posterior` hands out what has been learned so far.
    """

    def __init__(self, posterior: Posterior) -> None:
        self._start = posterior
        self._gram, self._shift = posterior.gram.copy(), posterior.shift.copy()
        columns = [posterior.count, posterior.reward_sum, posterior.square_sum]
        self._sums = np.stack(columns, axis=1)
        self._lower = np.zeros_like(self._gram)
        for action, precision in enumerate(posterior.precision):
            if cholesky.factor_into(precision, self._lower[action]) >= 0:
                raise DataError(f"precision of action {action} is not positive definite")

    def learn(
        self, contexts: Array, actions: Array, rewards: Array, weights: Array | None = None
    ) -> None:
        """Learn n ≥ 1 rows in their order; arguments as in `Posterior.update`."""
        k, d = self._shift.shape
        x = check_contexts(contexts, d)
        taken = check_actions(actions, x.shape[0], k)
        reward = check_vector("rewards", rewards, x.shape[0])
        weight = np.ones(x.shape[0])
        if weights is not None:
            weight = check_vector("weights", weights, x.shape[0], least=0.0)
        rank_one.learn_into(
            x, taken, reward, weight, self._lower, self._gram, self._shift, self._sums
        )

    def mean(self, action: int) -> Float64:
        """``A⁻¹ b`` of one action, float64[d], from the kept factor.

        With a free intercept m u + A⁻¹ (b - m G u), m the mean reward of all actions so far.
        """
        out, shift = np.zeros(self._shift.shape[1]), self._shift[action]
        seen, total = self._sums[:, :2].sum(axis=0)
        level = self._start.level
        if level is None:
            level = 0.0 if self._start.constant is None or seen == 0.0 else total / seen
        start = level * self._start.unit
        if start.any():
            lower = np.tril(self._gram[action])
            shift = shift - (lower + np.tril(lower, -1).T) @ start
        rank_one.solve_into(self._lower[action], shift, out)
        return out + start

    def posterior(self) -> Posterior:
        """What has been learned so far, as an immutable posterior."""
        lower = np.tril(self._gram)
        whole = lower + np.tril(lower, -1).transpose(0, 2, 1)
        count, reward_sum, square_sum = (np.ascontiguousarray(c) for c in self._sums.T)
        return replace(
            self._start,
            gram=whole,
            shift=self._shift.copy(),
            count=count,
            reward_sum=reward_sum,
            square_sum=square_sum,
        )
