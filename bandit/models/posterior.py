"""What has been learned about each action: the ridge solution of its sums."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.linear import cholesky, loewner
from bandit.kernels.linear.decide import Model
from bandit.kernels.threads import grain, spread
from bandit.models.packed import CONDITION_LIMIT, build_model
from bandit.models.pooled import PooledPosterior, pool
from bandit.models.sums import ROUNDING, Sums

INTERCEPT = 10.0
"""Prior precision of a free intercept: what ten observations teach."""


@dataclass(frozen=True, eq=False, repr=False)
class Posterior(Sums):
    """Ridge regressions of reward on context, one per action, as sums that merge and decay.

    With ``constant`` the intercept is free of the ridge: θ ~ N(m u, I/ridge + u uᵀ/10), with m
    the mean reward of all that was seen. Ten observations weigh as much as that prior. Rewards
    that are all larger by c give means that are larger by c, and nothing else changes.

    References
    ----------
    Li, Chu, Langford, Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation, WWW, section 3.1.
    """

    @classmethod
    def of(cls, sums: Sums) -> Posterior:
        """The ridge solution of these sums."""
        return cls(**{field.name: getattr(sums, field.name) for field in fields(sums)})

    def pooled(
        self,
        features: Array,
        *,
        shared: float | Array | None = None,
        own: float | None = None,
        levels: Array | None = None,
    ) -> PooledPosterior:
        """The hybrid model over the same sums: actions share what their features have in common.

        Parameters
        ----------
        features
            float[k, q]: row a are the features z_a of action a.
        shared, own
            Precisions of the shared part (one, or one a column) and of an action's own part, in
            units of an observation's. Found by the evidence where absent; `ridge` plays no part.
        levels
            int[q]: columns with the same number have the same precision; all of them where absent.
        """
        return pool(self, features, shared=shared, own=own, levels=levels)

    @property
    def link(self) -> Literal["identity"]:
        """The outcome is the score itself."""
        return "identity"

    @property
    def precision(self) -> Float64:
        """``A``, the prior precision + Σ w x xᵀ, of each action, float64[k, d, d]."""
        return self.gram + self._prior

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
        each = grain(self.n_features**3)
        spread(cholesky.covariances_into, self.n_actions, each, self.inverse_factor, out)
        return out

    @property
    def noise_variance(self) -> Float64:
        """Squared residuals over the degrees of freedom left; 1 for an action without data, [k]."""
        squares, freedom = self._residuals
        seen = self.count > 0.0
        return np.where(seen, squares / np.where(seen, freedom, 1.0), 1.0)

    @property
    def scale(self) -> Float64:
        """Residual standard deviation of each action, float64[k]."""
        return np.sqrt(self.noise_variance)

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
        slope = self._solution[0] - base * self.unit
        total = self.square_sum - 2.0 * base * self.reward_sum + base**2 * self.count
        explained = np.einsum("ki,ki->k", slope, 2.0 * shift - np.einsum("kij,kj->ki", gram, slope))
        kept = np.einsum("ij,kjl->kil", self._prior, self.covariance)
        freedom = self.count - self.n_features + np.einsum("kij,kji->k", kept, kept)
        least = ROUNDING * self.n_features
        return np.maximum(total - explained, 0.0), np.maximum(freedom, least)

    @cached_property
    def _freed(self) -> Float64:
        """What a free intercept takes off the ridge: ``ridge I − (I/ridge + u uᵀ/10)⁻¹``."""
        unit = self.unit
        taken = self.ridge / (unit @ unit + INTERCEPT / self.ridge)
        return taken * np.outer(unit, unit)

    @property
    def _prior(self) -> Float64:
        return self.ridge * np.eye(self.n_features) - self._freed

    @cached_property
    def _solution(self) -> tuple[Float64, Float64, Float64]:
        inverse = np.zeros_like(self.gram)
        mean = np.zeros_like(self.shift)
        condition: npt.NDArray[np.float64] = np.zeros(self.n_actions)
        shift = self.shift
        if self.constant is not None:
            shift = shift - self.baseline * np.einsum("kij,j->ki", self.gram, self.constant)
        spread(
            cholesky.posterior_factors_into, self.n_actions, grain(self.n_features**3),
            self._solved, shift, self.ridge, inverse, mean, condition,
        )  # fmt: skip
        bad = np.flatnonzero(~(condition <= CONDITION_LIMIT))
        if bad.size:
            raise DataError(
                f"precision of action {bad[0]} has condition number {condition[bad[0]]:.3g}, "
                f"beyond {CONDITION_LIMIT:g}: raise the ridge ({self.ridge}), or drop features "
                "that repeat others"
            )
        return mean + self.baseline * self.unit, inverse, condition

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
