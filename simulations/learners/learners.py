"""Who decides: what each pair learned alone, and what pairs learn from each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bandit import LinTS, Posterior
from bandit.config.worths import Worths
from bandit.core.types import Array, Bool, Float64, Int32
from bandit.models.kinds import updated
from bandit.models.moments import Moments
from bandit.models.moved import lifts_of
from bandit.models.odds import Seen
from bandit.workflows.judge import kinds
from simulations.learners.environment import DAYS_BETWEEN_WAVES, Crowd, Setting

ALPHA, RIDGE = 0.2, 100.0
"""As `bandit init` writes them."""
EVENTS = ("organic", "refusal", "sale")


@dataclass(frozen=True, eq=False)
class Learner:
    """Thompson sampling at `ALPHA` of the noise, as a campaign of these settings serves.

    ``share``: pairs learn from each other; ``apart``: each kind of event has a model of its own;
    ``link``: whose counts go through the logit link, by the ``rows`` that were seen.
    """

    setting: Setting
    share: bool
    apart: bool
    sums: Posterior
    link: bool = False
    rows: tuple[Seen, ...] = ()

    @classmethod
    def new(cls, setting: Setting, *, share: bool, apart: bool, link: bool = False) -> Learner:
        k = len(setting.space) * (len(EVENTS) if apart else 1)
        spec = setting.spec
        prior = Posterior.prior(k, spec.n_features, RIDGE, spec.constant)
        return cls(setting, share, apart, prior, link)

    @cached_property
    def worths(self) -> Worths | None:
        """What events are worth where each kind has a model of its own."""
        return self.kinds if self.apart else None

    @cached_property
    def kinds(self) -> Worths:
        """An organic purchase says its own amount, a sale brings the margin, a refusal costs."""
        k = len(self.setting.space)
        cost = np.full(k, -self.setting.world.refusal_cost_eur)
        weights = np.stack([np.ones(k), cost, self.setting.margins])
        return Worths(EVENTS, np.array([True, False, False]), weights, np.ones(k, np.bool_))

    @cached_property
    def moments(self) -> Moments:
        known = self.setting.known if self.share and self.sums.count.any() else None
        read = (lambda: iter(self.rows)) if self.link else None
        return kinds.moments(self.sums, self.worths, known, read)

    def choose(self, crowd: Crowd, seed: int) -> Int32:
        setting, found = self.setting, self.moments
        expected = crowd.contexts.astype(np.float64) @ found.mean.T - setting.world.costs
        expected += lifts_of(found, crowd.contexts)
        costs = setting.world.costs + setting.prices(expected, crowd.eligible)
        choice = LinTS(ALPHA * found.noise_scale).choose(
            found, crowd.contexts, eligible=crowd.eligible, costs=costs,
            keys=crowd.ids.astype(np.uint64), seed=seed,
        )  # fmt: skip
        return choice.action

    def taught(self, crowd: Crowd, actions: Array, happened: tuple[Float64, Bool, Bool]) -> Learner:
        """The learner after a wave whose window has closed."""
        own, sold, refused = happened
        told = np.stack([own, refused.astype(np.float64), sold.astype(np.float64)])
        if not self.apart:
            margin, world = self.setting.margins[actions], self.setting.world
            told = own + margin * told[2] - world.refusal_cost_eur * told[1]
        keep, half_life = 1.0, self.setting.half_life_days
        if half_life is not None:
            keep = 0.5 ** (DAYS_BETWEEN_WAVES / half_life)
        taken = actions.astype(np.int32)
        sums = updated(self.sums.decay(keep), crowd.contexts, taken, told)
        if not self.link:
            return replace(self, sums=sums)
        older = (seen._replace(weights=keep * seen.weights) for seen in self.rows)
        newest = Seen(crowd.contexts, taken, np.atleast_2d(told), np.ones(len(taken)))
        return replace(self, sums=sums, rows=(*older, newest))
