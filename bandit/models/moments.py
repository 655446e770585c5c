"""What models promise: sums that learn, and the moments that policies read of them.

A policy sees `Moments` and nothing else, so a new model needs no policy to change, and a policy
that reads them works with every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, Self

from bandit.core.types import Array, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model


class Moments(Protocol):
    """Scores of k actions over d features: action a's is ``N(xᵀ mean_a, α²·xᵀ covariance_a x)``."""

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""

    @property
    def mean(self) -> Float64:
        """float64[k, d]."""

    @property
    def covariance(self) -> Float64:
        """float64[k, d, d], in units of the noise variance."""

    @property
    def link(self) -> Literal["identity", "logit"]:
        """What makes the expected outcome of a score."""

    @property
    def scale(self) -> Float64:
        """Standard deviation of the outcome about its mean, float64[k]; 1 for a logit."""

    @property
    def noise_scale(self) -> float:
        """`scale` over all actions: the unit of a campaign's alpha."""

    @property
    def model(self) -> tuple[Model, bool]:
        """Both moments as the fused choose kernels read them, and whether their bounds hold."""

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """``1 + Σ r`` and ``1 + n − Σ r`` of rewards in [0, 1], contexts apart, float64[k]."""

    @property
    def rates(self) -> Tables:
        """Tables of the quantiles and distributions of the rates."""


class Learner(Moments, Protocol):
    """Sums that can be updated, merged, forgotten and lined up with other actions."""

    def update(
        self, contexts: Array, actions: Array, rewards: Array, weights: Array | None = None
    ) -> Self:
        """Learn from n rows."""

    def merge(self, other: Self) -> Self:
        """Pool what two of the same prior have seen."""

    def decay(self, factor: float) -> Self:
        """Forget towards the prior."""

    def align(self, places: Array) -> Self:
        """Action i of the result is action ``places[i]`` of this one; -1 is one that is new."""

    def add_actions(
        self, count: int | Sequence[str], like: Sequence[int | str] | None = None
    ) -> Self:
        """Append actions that start from the prior."""
