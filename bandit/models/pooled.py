"""The hybrid posterior: actions share what their features have in common, each keeps its own part.

What was seen are the sums of any posterior; only what is made of them differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, SupportsIndex

import numpy as np
import numpy.typing as npt

from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.models import shown
from bandit.models.hybrid import Solved, Split, Strengths, covariances, solve, split
from bandit.models.packed import model_of, root_factors
from bandit.models.strengths import UNSEEN, strongest
from bandit.models.sums import Sums


@dataclass(frozen=True, eq=False)
class PooledPosterior:
    """``θ_a = Z_a β + δ_a``: ridge regressions whose coefficients have a part in common.

    ``sums`` what was seen; ``features`` float64[k, q], row a the features z_a of action a;
    ``strengths`` the precisions of both parts. `mean` and `covariance` are the moments of θ_a, the
    covariance in units of the noise variance. Updates keep the strengths; `Posterior.pooled` finds
    them anew.

    References
    ----------
    Li, Chu, Langford, Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation, WWW, section 3.2. Schwartz, Bradlow, Fader (2017), Customer acquisition via
    display advertising using multi-armed bandit experiments, Marketing Science.
    """

    sums: Sums
    features: Float64
    strengths: Strengths

    def __post_init__(self) -> None:
        """Refuse features and strengths that do not fit."""
        check_features(self.features, self.n_actions)
        q = self.features.shape[1]
        shared, own, intercept = self.strengths[:3]
        good = shared.shape == (q,) and bool(np.isfinite(shared).all() and (shared > 0.0).all())
        if not (good and np.isfinite(own) and own > 0.0):
            raise DataError(
                f"shared and own are positive precisions, {q} and one; they are {shared} and {own}"
            )
        if not (np.isfinite(intercept) and intercept >= 0.0):
            raise DataError(f"intercept must be a number of at least 0, it is {intercept}")

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return self.sums.n_actions

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.sums.n_features

    @property
    def actions(self) -> ActionSpace | None:
        """Names of the k actions, if anybody named them."""
        return self.sums.actions

    def __repr__(self) -> str:
        """How much was seen, in a line."""
        shape = self.n_actions, self.n_features
        return shown.line(type(self).__name__, shape, self.sums.count)

    def update(
        self,
        contexts: npt.ArrayLike,
        actions: npt.ArrayLike,
        rewards: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> PooledPosterior:
        """Learn from n rows; arguments as in `Posterior.update`."""
        return replace(self, sums=self.sums.update(contexts, actions, rewards, weights))

    def merge(self, other: PooledPosterior) -> PooledPosterior:
        """Pool what two posteriors of the same prior and features have seen."""
        mine, theirs = self.strengths, other.strengths
        same = np.array_equal(self.features, other.features) and mine[1:] == theirs[1:]
        if not (same and np.array_equal(mine.shared, theirs.shared)):
            raise DataError("pooled posteriors merge only with the same features and strengths")
        return replace(self, sums=self.sums.merge(other.sums))

    def decay(self, factor: float) -> PooledPosterior:
        """Forget towards the prior: every sum is multiplied by ``factor`` in [0, 1]."""
        return replace(self, sums=self.sums.decay(factor))

    def add_actions(
        self,
        count: int | Sequence[str],
        like: Sequence[int | str] | None = None,
        features: Array | None = None,
    ) -> PooledPosterior:
        """Append ``count`` actions, or those named, which start from ``Z β``.

        Their ``features`` are float[count, q]; without they get what all have in common.
        ``like`` as in `Posterior`.
        """
        new = int(count) if isinstance(count, SupportsIndex) else len(count)
        rows = np.tile(common(self.features), (new, 1))
        if features is not None:
            rows = check_features(np.asarray(features, np.float64), new)
        whole = np.concatenate([self.features, rows])
        return replace(self, sums=self.sums.add_actions(count, like), features=whole)

    def align(self, places: Array) -> PooledPosterior:
        """Action i of the result is action ``places[i]`` of this one; -1 is one that is new."""
        known = np.concatenate([self.features, common(self.features)[None, :]])
        return replace(self, sums=self.sums.align(places), features=known[np.asarray(places)])

    @property
    def link(self) -> Literal["identity"]:
        """The outcome is the score itself."""
        return "identity"

    @property
    def shared(self) -> Float64:
        """Precision of the shared part, float64[q]."""
        return self.strengths.shared

    @property
    def own(self) -> float:
        """Precision of an action's own part."""
        return self.strengths.own

    @property
    def evidence(self) -> float:
        """Log marginal likelihood of the rewards, the noise at its maximum."""
        return self._solved.evidence

    @property
    def mean(self) -> Float64:
        """``λ D Z β̂ + D b`` of each action, float64[k, d]."""
        view = self._solved.mean.view()
        view.flags.writeable = False
        return view

    @cached_property
    def covariance(self) -> Float64:
        """``λ² D Z A₀⁻¹ Zᵀ D + D`` of each action, float64[k, d, d]; five times a mean's work."""
        return covariances(self.sums, split(self.features), self.strengths)

    @cached_property
    def line(self) -> Float64:
        """``(Σ_a X_aᵀX_a + λ I)⁻¹``: covariance of a line that all actions share, float64[d, d].

        In units of the noise variance, with λ of where nothing was seen, whatever the strengths.
        """
        whole = self.sums.gram.sum(axis=0) + UNSEEN * np.eye(self.n_features)
        found: Float64 = np.linalg.inv(whole)
        return found

    @property
    def noise_scale(self) -> float:
        """Standard deviation of the reward about the model, where it is most likely."""
        return float(np.sqrt(self._solved.noise_variance))

    @property
    def scale(self) -> Float64:
        """`noise_scale` of each action, float64[k]: they share it."""
        return np.full(self.n_actions, self.noise_scale)

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """As in `Posterior`: rates know no contexts, so there is nothing to pool."""
        return self.sums.rate_shapes

    @property
    def rates(self) -> Tables:
        """As in `Posterior`."""
        return self.sums.rates

    @property
    def inverse_factor(self) -> Float64:
        """``W`` float64[k, d, d], lower triangular, with covariance ``WᵀW``."""
        return self._factors[0]

    @cached_property
    def split_mean(self) -> tuple[Float64, Float64]:
        """Shared and own part of `mean`, float64[k, d] each: ``m u + Z β̂`` and the rest."""
        shared = self._solved.shared_mean
        return shared, self._solved.mean - shared

    @cached_property
    def _solved(self) -> Solved:
        return solve(self.sums, split(self.features), self.strengths)

    @cached_property
    def _factors(self) -> tuple[Float64, Float64]:
        return root_factors(self.covariance)

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Means, factors and width bounds as the choose kernels read them; whether bounds hold."""
        return model_of(self._solved.mean, self.covariance, self._factors)


def check_features(features: Float64, k: int) -> Float64:
    """Refuse features of actions that are not finite float64[k, q]."""
    if features.ndim != 2 or features.shape[0] != k or not np.isfinite(features).all():
        raise DataError(f"features must be finite numbers [{k}, q], they are {features.shape}")
    return features


def check_levels(levels: Array | None, q: int) -> Array:
    """Numbers of the levels of q columns, int64[q]; all of one level where absent."""
    groups = np.zeros(q, np.int64) if levels is None else np.asarray(levels, np.int64)
    if groups.shape != (q,) or (groups < 0).any():
        raise DataError(f"levels must be {q} numbers of at least 0, they are {groups}")
    return groups


def common(features: Float64) -> Float64:
    """What all actions have in common, float64[q]; zero elsewhere."""
    return np.where((features == features[0]).all(axis=0), features[0], 0.0)


def pool(
    sums: Sums,
    features: Array,
    *,
    shared: float | Array | None = None,
    own: float | None = None,
    levels: Array | None = None,
    noise: float | None = None,
    begin: Strengths | None = None,
) -> PooledPosterior:
    """`Posterior.pooled`; at a ``noise`` variance that is known, the likeliest where None.

    ``begin`` as in `strongest`.
    """
    table = check_features(np.ascontiguousarray(features, np.float64), sums.n_actions)
    q = table.shape[1]
    groups = check_levels(levels, q)

    def fixed(found: Strengths) -> Strengths:
        given = found.shared if shared is None else np.broadcast_to(shared, (q,)).astype(np.float64)
        free = found.intercept if sums.constant is not None else 0.0
        return Strengths(np.array(given), found.own if own is None else float(own), free, noise)

    parts: Split = split(table)
    return PooledPosterior(sums, table, strongest(sums, parts, groups, fixed, begin))
