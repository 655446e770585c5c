"""Logistic regressions of success on context, one per action or with parts in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from bandit.checks.arrays import check_actions, check_contexts, check_vector
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.kernels.beta.beta_below import Tables
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.link import LOGIT
from bandit.models import shown
from bandit.models.expansion import Mode, Rows, expand, scores
from bandit.models.hybrid import Strengths, split
from bandit.models.pooled import PooledPosterior, check_features, check_levels, common
from bandit.models.posterior import Posterior
from bandit.models.strengths import strongest
from bandit.models.sums import rate_tables

TURNS = 200
"""Newton steps at most."""
STRIDE = 2.0
"""A score moves by no more a step: p(1 − p) changes by a factor of e² at most, so it goes down."""
SETTLED = 1e-8
"""Largest change of a score in the last step, whose square is what is left."""
ROUNDS = 3
"""How often strengths are found anew at the mode that the last ones gave."""
LOG_2_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True, eq=False)
class LogisticPosterior:
    """``P(success) = σ(xᵀθ_a)``: the mode of θ under a normal prior, and the curvature there.

    ``covariance`` is the inverse of the full Laplace precision ``R + Σ w p(1−p) x xᵀ``. The rows
    are kept, so that parts, in any order, give what the whole gives; ``past`` are rows that were
    expanded to second order at an earlier mode (files hold those): ``gram`` = Σ w p(1−p) x xᵀ,
    ``shift`` = Σ w (p(1−p) η + y − p) x. ``tried`` and ``won`` float64[k] count all rows and their
    successes. ``features`` and ``strengths`` pool as in `PooledPosterior`.

    References
    ----------
    Chapelle, Li (2011), An empirical evaluation of Thompson sampling, NIPS, algorithm 3, there with
    the diagonal of the precision alone.
    """

    past: Posterior
    tried: Float64
    won: Float64
    rows: tuple[Rows, ...] = ()
    features: Float64 | None = None
    strengths: Strengths | None = None

    @classmethod
    def prior(
        cls,
        n_actions: int | ActionSpace,
        n_features: int,
        ridge: float = 1.0,
        constant: Float64 | None = None,
    ) -> LogisticPosterior:
        """Nothing seen yet; ``constant`` frees the intercept of the ridge, as in `Posterior`."""
        past = Posterior.prior(n_actions, n_features, ridge, constant)
        return cls(past, np.zeros(past.n_actions), np.zeros(past.n_actions))

    @property
    def actions(self) -> ActionSpace | None:
        """Names of the k actions, if anybody named them."""
        return self.past.actions

    def __repr__(self) -> str:
        """How much was seen, in a line."""
        return shown.line(type(self).__name__, (self.n_actions, self.n_features), self.tried)

    @property
    def n_actions(self) -> int:
        """How many actions there are: k."""
        return self.past.n_actions

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.past.n_features

    def update(
        self, contexts: Array, actions: Array, rewards: Array, weights: Array | None = None
    ) -> LogisticPosterior:
        """Learn from n rows; ``rewards`` are successes in [0, 1], the rest as in `Posterior`."""
        x = check_contexts(contexts, self.n_features)
        n, k = x.shape[0], self.n_actions
        taken = check_actions(actions, n, k, self.actions)
        success = check_vector("rewards", rewards, n)
        outside = np.flatnonzero((success < 0.0) | (success > 1.0))
        if outside.size:
            raise DataError(
                f"rewards of a logistic posterior are successes in [0, 1], row {outside[0]} has "
                f"{success[outside[0]]}; give what a success is worth as `values`"
            )
        weight = np.ones(n) if weights is None else check_vector("weights", weights, n, least=0.0)
        return replace(
            self,
            tried=self.tried + np.bincount(taken, weight, k),
            won=self.won + np.bincount(taken, weight * success, k),
            rows=(*self.rows, Rows(x, taken.copy(), success, weight)),
        )

    def merge(self, other: LogisticPosterior) -> LogisticPosterior:
        """Pool what two posteriors of the same prior have seen."""
        if not np.array_equal(_pooling(self), _pooling(other)):
            raise DataError("pooled posteriors merge only with the same features and strengths")
        return replace(
            self,
            past=self.past.merge(other.past),
            tried=self.tried + other.tried,
            won=self.won + other.won,
            rows=(*self.rows, *other.rows),
        )

    def decay(self, factor: float) -> LogisticPosterior:
        """Forget towards the prior: every row's weight is multiplied by ``factor`` in [0, 1]."""
        return replace(
            self,
            past=self.past.decay(factor),
            tried=self.tried * factor,
            won=self.won * factor,
            rows=tuple(part._replace(weights=part.weights * factor) for part in self.rows),
        )

    def align(self, places: Array) -> LogisticPosterior:
        """Action i of the result is action ``places[i]`` of this one; -1 is one that is new."""
        to = np.asarray(places, dtype=np.int64)
        there = np.flatnonzero(to >= 0)
        number = np.full(self.n_actions, -1)
        number[to[there]] = there

        def placed(sums: Float64) -> Float64:
            return np.where(to >= 0, sums[to], 0.0)

        def kept(part: Rows) -> Rows:
            moved = number[part.actions]
            inside = moved >= 0
            return Rows(
                part.contexts[inside], moved[inside], part.successes[inside], part.weights[inside]
            )

        features = self.features
        if features is not None:
            features = np.where((to >= 0)[:, None], features[to], common(features))
        return replace(
            self,
            past=self.past.align(to),
            tried=placed(self.tried),
            won=placed(self.won),
            rows=tuple(kept(part) for part in self.rows),
            features=features,
        )

    def add_actions(
        self,
        count: int | Sequence[str],
        like: Sequence[int | str] | None = None,
        features: Array | None = None,
    ) -> LogisticPosterior:
        """Append ``count`` actions; arguments as in `Posterior` and `PooledPosterior`."""
        chosen = np.array([self.past.position(action) for action in like or ()], dtype=np.int64)
        past = self.past.add_actions(count, like)
        new = past.n_actions - self.n_actions
        table = self.features
        if table is not None:
            rows = np.tile(common(table), (new, 1))
            if features is not None:
                rows = check_features(np.asarray(features, np.float64), new)
            table = np.concatenate([table, rows])

        def extended(sums: Float64) -> Float64:
            return np.concatenate([sums, np.full(new, sums[chosen].sum())])

        def copied(part: Rows) -> Iterator[Rows]:
            yield part
            theirs = np.flatnonzero(np.isin(part.actions, chosen))
            for action in range(self.n_actions, past.n_actions if theirs.size else 0):
                same = (column[theirs] for column in part)
                yield Rows(*same)._replace(actions=np.full(theirs.size, action))

        return replace(
            self,
            past=past,
            tried=extended(self.tried),
            won=extended(self.won),
            rows=tuple(one for part in self.rows for one in copied(part)),
            features=table,
        )

    def pooled(
        self,
        features: Array,
        *,
        shared: float | Array | None = None,
        own: float | None = None,
        levels: Array | None = None,
    ) -> LogisticPosterior:
        """The hybrid model over the same rows; arguments as in `Posterior.pooled`.

        Strengths are those of the largest evidence of the expansion at the mode, found anew at the
        mode that they give, three times.
        """
        table = check_features(np.ascontiguousarray(features, np.float64), self.n_actions)
        q = table.shape[1]
        groups = check_levels(levels, q)

        def fixed(found: Strengths) -> Strengths:
            given = found.shared if shared is None else np.broadcast_to(shared, (q,))
            free = found.intercept if self.past.constant is not None else 0.0
            one = found.own if own is None else float(own)
            return Strengths(np.array(given, np.float64), one, free, noise=1.0)

        parts = split(table)
        strengths = strongest(self.past.decay(0.0), parts, groups, fixed)
        found = replace(self, features=table, strengths=strengths)
        for _ in range(ROUNDS if self.tried.any() else 0):
            inner = found._expansion(found.mean).model
            sums = inner.sums if isinstance(inner, PooledPosterior) else inner
            strengths = strongest(sums, parts, groups, fixed)
            found = replace(found, strengths=strengths)
        return found

    @property
    def link(self) -> Literal["logit"]:
        """The chance of a success is σ of the score."""
        return "logit"

    @property
    def mean(self) -> Float64:
        """The mode of each action's coefficients, float64[k, d]."""
        return self._mode.model.mean

    @property
    def covariance(self) -> Float64:
        """Inverse of the Laplace precision at the mode, float64[k, d, d]."""
        return self._mode.model.covariance

    @property
    def inverse_factor(self) -> Float64:
        """``W`` float64[k, d, d], lower triangular, with covariance ``WᵀW``."""
        return self._mode.model.inverse_factor

    @property
    def scale(self) -> Float64:
        """1 for every action: a success has no noise of its own to estimate."""
        return np.ones(self.n_actions)

    @property
    def noise_scale(self) -> float:
        """1: alpha counts in the posterior's own spread."""
        return 1.0

    @property
    def evidence(self) -> float:
        """Laplace's log marginal likelihood of a pooled posterior's rows.

        ``log p(y|θ̂) − ½ θ̂ᵀRθ̂ − ½ (log|A| − log|R|)``, at the mode with precision A there.
        """
        if not isinstance(self._mode.model, PooledPosterior):
            raise DataError("only pooled posteriors have an evidence; call .pooled(features)")
        normal = self._mode.model.evidence + 0.5 * self._mode.model.sums.count.sum() * LOG_2_PI
        return float(self._mode.likelihood + 0.5 * self._mode.residual + normal)

    @property
    def rate_shapes(self) -> tuple[Float64, Float64]:
        """``1 + Σ y`` and ``1 + n − Σ y`` float64[k], contexts apart."""
        return 1.0 + self.won, 1.0 + self.tried - self.won

    @cached_property
    def rates(self) -> Tables:
        """As in `Posterior`."""
        return rate_tables(*self.rate_shapes)

    @cached_property
    def model(self) -> tuple[Model, bool]:
        """Moments of the scores as the choose kernels read them; the link is theirs to apply."""
        packed, bounded = self._mode.model.model
        return packed._replace(link=LOGIT), bounded

    def expanded(self) -> LogisticPosterior:
        """The same moments from sums alone: all rows expanded to second order at the mode."""
        model = self._mode.model
        sums = Posterior.of(model.sums) if isinstance(model, PooledPosterior) else model
        return replace(self, past=replace(sums, level=None), rows=())

    @property
    def _level(self) -> float:
        """Log odds of all rows, half a success and half a failure added; where intercepts start."""
        if self.past.constant is None:
            return 0.0
        won, tried = float(self.won.sum()), float(self.tried.sum())
        return math.log((won + 0.5) / (tried - won + 0.5))

    @cached_property
    def _mode(self) -> Mode:
        theta = np.tile(self._level * self.past.unit, (self.n_actions, 1))
        for _ in range(TURNS):
            found = self._expansion(theta)
            step = found.model.mean - theta
            largest = max((float(np.abs(scores(part, step)).max(initial=0.0))
                           for part in self.rows), default=0.0)  # fmt: skip
            if largest <= SETTLED:
                return found
            theta = theta + min(1.0, STRIDE / largest) * step
        raise DataError(
            f"the logistic regression has not settled after {TURNS} steps (the last one moved a"
            f" score by {largest:.3g}); raise the ridge ({self.past.ridge})"
        )

    def _expansion(self, theta: Float64) -> Mode:
        return expand(replace(self.past, level=self._level), self.rows, theta, self._shaped)

    def _shaped(self, sums: Posterior) -> Posterior | PooledPosterior:
        if self.features is None or self.strengths is None:
            return sums
        return PooledPosterior(sums, self.features, self.strengths)


def _pooling(posterior: LogisticPosterior) -> Float64:
    """Everything that pools, in a row."""
    if posterior.features is None or posterior.strengths is None:
        return np.zeros(0)
    shared, own, intercept, _ = posterior.strengths
    return np.concatenate([posterior.features.ravel(), shared, [own, intercept]])
