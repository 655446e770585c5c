"""Counts of events, relative to how often each action has them.

``θ_a = f_a φ_a``: f_a is how often an event follows action a, as a multiple of the mean, and the
hybrid model is of φ. So what actions share is that some customers answer half as often again, and
not that they answer a hundredth more often after an offer that sells three times in a hundred and
after one that sells twenty times; and rows of rare events, whose noise is small, weigh more. It is
the hybrid model of contexts ``x √f_a`` and rewards ``r / √f_a``, whose noise is alike for counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.models.owned import OwnedPosterior
from bandit.models.packed import model_of, root_factors
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.sums import ROUNDING

PRIOR = 5.0
"""Events that weigh as much as what is known without them: of a column, and of an action."""
SWEEPS = 30
LEAST, MOST = 1.0 / 32.0, 32.0
"""Bounds of an action's factor."""


class Factors(NamedTuple):
    """Of k actions float64[k]; of their q features float64[q], 1 of those that are no yes or no.

    A new action has ``level`` times the factors of its features. ``heard`` float64[k] are the
    events that tell each action's factor.
    """

    actions: Float64
    columns: Float64
    level: float
    heard: Float64

    def of(self, features: Float64) -> Float64:
        """Factors of actions that nobody has seen, by their features float64[m, q]: float64[m]."""
        found: Float64 = np.where(features == 1.0, self.columns, 1.0).prod(axis=1)
        return self.level * found


@dataclass(frozen=True, eq=False)
class RelativePosterior:
    """A hybrid posterior of what is relative to ``factors``, told as it happens."""

    sums: Posterior
    inner: PooledPosterior | OwnedPosterior
    factors: Factors

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return self.sums.n_actions

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.sums.n_features

    @property
    def link(self) -> Literal["identity"]:
        """The outcome is the score itself."""
        return "identity"

    @property
    def noise_scale(self) -> float:
        """Of an action whose factor is 1, which is the mean over the rows."""
        return self.inner.noise_scale

    @property
    def scale(self) -> Float64:
        """Noise of each action, float64[k]: as the root of its factor."""
        return np.sqrt(self.factors.actions) * self.noise_scale

    @property
    def evidence(self) -> float:
        """Log marginal likelihood of the counts: that of r/√f has their density times √f a row."""
        return self.inner.evidence - 0.5 * float(self.sums.count @ np.log(self.factors.actions))

    @cached_property
    def mean(self) -> Float64:
        """``f_a`` times the mean of φ_a, float64[k, d]."""
        return self.factors.actions[:, None] * self.inner.mean

    @cached_property
    def split_mean(self) -> tuple[Float64, Float64]:
        """As in `PooledPosterior`: shared and own part."""
        shared, own = self.inner.split_mean
        factor = self.factors.actions[:, None]
        return factor * shared, factor * own

    @cached_property
    def covariance(self) -> Float64:
        """``f_a²`` times that of φ_a, float64[k, d, d], in units of `noise_scale` squared."""
        return self.factors.actions[:, None, None] ** 2 * self.inner.covariance

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """As in `Posterior`."""
        return self.sums.rate_shapes

    @property
    def rates(self) -> Tables:
        """As in `Posterior`."""
        return self.sums.rates

    @property
    def sparse(self) -> bool:
        """Whether some coefficients are of some actions alone."""
        return isinstance(self.inner, OwnedPosterior)

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Means, factors and width bounds as the choose kernels read them; whether bounds hold."""
        factors = root_factors(self.covariance)
        return model_of(self.mean, self.covariance, factors, sparse=self.sparse)


def counted(sums: Posterior) -> bool:
    """Whether rewards were 0 or 1, as their sums and sums of squares tell."""
    total = sums.reward_sum
    slack = ROUNDING * (1.0 + sums.count)
    return bool(total.any() and (np.abs(sums.square_sum - total) <= slack).all())


def factors(sums: Posterior, features: Float64, together: Array | None = None) -> Factors:
    """How often events follow each action, by its features float64[k, q] and by itself.

    Each column of yes and no multiplies what is expected of its actions, the others in place, so
    that as many events are expected as came, `PRIOR` events added to both; again and again. Then
    each action does. Σ f over the rows is their number. Actions of one number in ``together``
    int64[k] have one factor, to which columns that tell them apart add nothing.
    """
    count, came = sums.count, sums.reward_sum
    k, q = features.shape
    n = float(count.sum())
    if n == 0.0 or came.sum() <= 0.0:
        return Factors(np.ones(k), np.ones(q), 1.0, np.zeros(k))
    one = np.arange(k) if together is None else together
    columns, known = np.ones(q), np.ones(k)
    expected = count * (float(came.sum()) / n)
    yes = features == 1.0
    _, place, back = np.unique(one, return_index=True, return_inverse=True)
    groups = [
        (c, np.flatnonzero(yes[:, c]))
        for c in range(q)
        if (yes[:, c] | (features[:, c] == 0.0)).all()
        and not yes[:, c].all()
        and (yes[:, c] == yes[place[back], c]).all()
    ]
    for _ in range(SWEEPS):
        for c, members in groups:
            without = float((expected * known)[members].sum()) / columns[c]
            found = (float(came[members].sum()) + PRIOR) / (without + PRIOR)
            known[members] *= found / columns[c]
            columns[c] = found
    seen, won = (
        np.asarray(np.bincount(one, part)[one], np.float64) for part in (expected * known, came)
    )
    own = np.clip(known * (won + PRIOR) / (seen + PRIOR), LEAST, MOST)
    level = n / float((own * count).sum())
    return Factors(own * level, columns, level, won)


def unsure(heard: Float64) -> Float64:
    """Variance of a factor that ``heard`` events tell, as a share of its square.

    `PRIOR` and ``heard`` events tell it, so it is off by 1/√ of both. The model takes it for
    certain where it draws; what is told of a mean does not (docs/adr/0451, 0459).
    """
    return 1.0 / (heard + PRIOR)


def relative(sums: Posterior, found: Factors) -> Posterior:
    """The sums of contexts ``x √f`` and rewards ``r / √f``; of ``Σ f`` rows, as many as there are.

    The mean reward, from which a free intercept starts, stays what it was.
    """
    factor = found.actions
    return replace(
        sums,
        gram=sums.gram * factor[:, None, None],
        count=sums.count * factor,
        square_sum=sums.square_sum / factor,
    )
