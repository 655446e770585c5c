"""What has been learned about each action: sums that merge, and the ridge solution they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bandit.checks.arrays import check_actions, check_finite, check_vector, shape_contexts
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.beta import beta
from bandit.kernels.linear import cholesky, gram, loewner
from bandit.kernels.linear.decide import Model
from bandit.kernels.threads import spread
from bandit.models.packed import build_model

CONDITION_LIMIT = 1e12
"""Beyond this the digits of a solution are noise: float64 carries 16, the solve loses 12."""
ROUNDING = 1e-9
"""Relative slack of sums that are compared."""
INTERCEPT = 10.0
"""Prior precision of a free intercept: what ten observations teach."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Ridge regressions of reward on context, one per action, as sums that merge and decay.

    ``gram`` float64[k, d, d] = Σ w x xᵀ (without the ridge), ``shift`` float64[k, d] = Σ w r x,
    ``count`` float64[k] = Σ w, ``reward_sum`` float64[k] = Σ w r, ``square_sum`` float64[k] =
    Σ w r², ``ridge`` the prior precision. Every operation returns a new posterior.

    ``constant`` float64[d], if given, are the coefficients u of the function that is 1 for every
    context (uᵀx = 1). The intercept is then free of the ridge: θ ~ N(m u, I/ridge + u uᵀ/10),
    with m the mean reward of all that was seen. Ten observations weigh as much as that prior.
    Rewards that are all larger by c give means that are larger by c, and nothing else changes.

    References
    ----------
    Li, Chu, Langford, Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation, WWW, section 3.1.
    """

    gram: Float64
    shift: Float64
    count: Float64
    reward_sum: Float64
    square_sum: Float64
    ridge: float
    constant: Float64 | None = None

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

    @classmethod
    def prior(
        cls, n_actions: int, n_features: int, ridge: float = 1.0, constant: Float64 | None = None
    ) -> Posterior:
        """Nothing seen yet: k = ``n_actions`` actions, d = ``n_features`` features."""
        if n_actions < 1 or n_features < 1:
            raise DataError(
                "a posterior needs at least one action and one feature, "
                f"got {n_actions} and {n_features}"
            )
        k, d = n_actions, n_features
        return cls(
            np.zeros((k, d, d)),
            np.zeros((k, d)),
            np.zeros(k),
            np.zeros(k),
            np.zeros(k),
            float(ridge),
            constant,
        )

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return int(self.shift.shape[0])

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return int(self.shift.shape[1])

    def update(
        self, contexts: Array, actions: Array, rewards: Array, weights: Array | None = None
    ) -> Posterior:
        """Learn from n rows: ``contexts`` float[n, d], ``actions`` int[n], ``rewards`` float[n].

        ``weights`` float[n] ≥ 0 count a row more or less than once (1 where absent). Sums run in
        the order of the rows, in float64. NaN, infinity, an action outside [0, k) or a negative
        weight is a `DataError` that names the row.
        """
        x = shape_contexts(contexts, self.n_features)
        n = x.shape[0]
        taken = check_actions(actions, n, self.n_actions)
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
        if not np.isfinite(total).all():
            check_finite(x)
        count, reward_sum, square_sum = (np.ascontiguousarray(column) for column in sums.T)
        return replace(
            self, gram=total, shift=shift, count=count, reward_sum=reward_sum, square_sum=square_sum
        )

    def merge(self, other: Posterior) -> Posterior:
        """Pool what two posteriors of the same prior have seen."""
        if (
            self.shift.shape != other.shift.shape
            or self.ridge != other.ridge
            or not np.array_equal(self._unit, other._unit)
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

    def decay(self, factor: float) -> Posterior:
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

    def add_actions(self, count: int, like: Sequence[int] | None = None) -> Posterior:
        """Append ``count`` actions that start from the prior.

        With ``like`` they start from the pooled sums of those actions instead, as if all that was
        seen of them had been seen of the new one.
        """
        if count < 0:
            raise DataError(f"count of new actions must not be negative, it is {count}")
        chosen = np.asarray([] if like is None else list(like), dtype=np.int64)
        outside = chosen[(chosen < 0) | (chosen >= self.n_actions)]
        if outside.size:
            raise DataError(f"like names action {outside[0]}, there are {self.n_actions}")

        def extended(sums: Float64) -> Float64:
            pooled = sums[chosen].sum(axis=0, keepdims=True)
            return np.concatenate([sums, np.repeat(pooled, count, axis=0)])

        return replace(
            self,
            gram=extended(self.gram),
            shift=extended(self.shift),
            count=extended(self.count),
            reward_sum=extended(self.reward_sum),
            square_sum=extended(self.square_sum),
        )

    @property
    def precision(self) -> Float64:
        """``A``, the prior precision + Σ w x xᵀ, of each action, float64[k, d, d]."""
        return self.gram + self._prior

    @cached_property
    def baseline(self) -> float:
        """Mean reward m that a free intercept starts from; 0 without one."""
        seen = float(self.count.sum())
        return 0.0 if self.constant is None or seen == 0.0 else float(self.reward_sum.sum()) / seen

    @property
    def mean(self) -> Float64:
        """``A⁻¹ b`` of each action, float64[k, d]; an ill-conditioned action is a `DataError`.

        With a free intercept ``m u + A⁻¹ (b − m G u)``.
        """
        view = self._solution[0].view()
        view.flags.writeable = False
        return view

    @property
    def inverse_factor(self) -> Float64:
        """``W`` float64[k, d, d], lower triangular, with ``A⁻¹ = WᵀW``: width² is ``|W x|²``."""
        return self._solution[1]

    @cached_property
    def covariance(self) -> Float64:
        """``A⁻¹`` float64[k, d, d]: times the noise variance, the covariance of θ."""
        out = np.zeros_like(self.gram)
        spread(cholesky.covariances_into, self.n_actions, 1, self.inverse_factor, out)
        return out

    @property
    def noise_variance(self) -> Float64:
        """Squared residuals over the degrees of freedom left; 1 for an action without data, [k]."""
        squares, freedom = self._residuals
        seen = self.count > 0.0
        return np.where(seen, squares / np.where(seen, freedom, 1.0), 1.0)

    @property
    def noise_scale(self) -> float:
        """Residual standard deviation of the reward, all actions pooled; 1 where nothing was seen.

        ``√(Σ|r − Xθ|² / Σ tr((I − H)²))`` with H = X A⁻¹ Xᵀ: what fitting takes out of the
        residuals is put back, and what the prior leaves in them weighs little.
        """
        squares, freedom = self._residuals
        if self.count.sum() == 0.0 or squares.sum() == 0.0:
            return 1.0
        return float(np.sqrt(squares.sum() / freedom.sum()))

    @cached_property
    def _residuals(self) -> tuple[Float64, Float64]:
        """``|r − Xθ|²`` and ``tr((I − H)²) = Σ w − d + tr((R A⁻¹)²)``, R the prior's A, [k]."""
        gram, shift, base = self.gram, self.shift, self.baseline
        if self.constant is not None:
            shift = shift - base * np.einsum("kij,j->ki", gram, self.constant)
        slope = self._solution[0] - base * self._unit
        total = self.square_sum - 2.0 * base * self.reward_sum + base**2 * self.count
        explained = np.einsum("ki,ki->k", slope, 2.0 * shift - np.einsum("kij,kj->ki", gram, slope))
        kept = np.einsum("ij,kjl->kil", self._prior, self.covariance)
        freedom = self.count - self.n_features + np.einsum("kij,kji->k", kept, kept)
        least = ROUNDING * self.n_features
        return np.maximum(total - explained, 0.0), np.maximum(freedom, least)

    @cached_property
    def _unit(self) -> Float64:
        """``constant``, zeros where the intercept is not free, float64[d]."""
        return np.zeros(self.n_features) if self.constant is None else self.constant

    @cached_property
    def _freed(self) -> Float64:
        """What a free intercept takes off the ridge: ``ridge I − (I/ridge + u uᵀ/10)⁻¹``."""
        unit = self._unit
        taken = self.ridge / (unit @ unit + INTERCEPT / self.ridge)
        return taken * np.outer(unit, unit)

    @property
    def _prior(self) -> Float64:
        return self.ridge * np.eye(self.n_features) - self._freed

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
    def rates(self) -> tuple[Float64, Float64]:
        """Table of the rates' quantiles and their slopes, float64[k, nodes], see `kernels.beta`."""
        first, second = self.rate_shapes
        quantiles = np.zeros((self.n_actions, beta.NODES))
        slopes = np.zeros_like(quantiles)
        spread(beta.table_into, self.n_actions, 1, first, second, quantiles, slopes)
        return quantiles, slopes

    @cached_property
    def _solution(self) -> tuple[Float64, Float64, Float64]:
        inverse = np.zeros_like(self.gram)
        mean = np.zeros_like(self.shift)
        condition: npt.NDArray[np.float64] = np.zeros(self.n_actions)
        shift = self.shift
        if self.constant is not None:
            shift = shift - self.baseline * np.einsum("kij,j->ki", self.gram, self.constant)
        spread(
            cholesky.posterior_factors_into, self.n_actions, 1,
            self._solved, shift, self.ridge, inverse, mean, condition,
        )  # fmt: skip
        bad = np.flatnonzero(~(condition <= CONDITION_LIMIT))
        if bad.size:
            raise DataError(
                f"precision of action {bad[0]} has condition number {condition[bad[0]]:.3g}, "
                f"beyond {CONDITION_LIMIT:g}: raise the ridge ({self.ridge}), or drop features "
                "that repeat others"
            )
        return mean + self.baseline * self._unit, inverse, condition

    @property
    def _solved(self) -> Float64:
        """``A − ridge I``: the gram, where the intercept is not free."""
        return self.gram if self.constant is None else self.gram - self._freed

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Means, factors and width bounds as the choose kernels read them; whether bounds hold."""
        mean, inverse, condition = self._solution
        pooled = np.zeros_like(self.gram[0])
        loewner.pool_into(self._solved, self.ridge, 1.0 / (self.count + self.ridge), pooled)
        return build_model(mean, inverse, pooled, condition)
