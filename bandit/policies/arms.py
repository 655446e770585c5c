"""What the arms of an experiment decide by, and the logging policy of its members.

An arm's people are drawn by a hash of their key that stays as long as the experiment. At its first
wave nothing that a decision looks at hangs on the arm yet, so that a member's probability is
``π = h·[no contact] + (1−h)·Σ_arm share·π_arm``. At later waves contact pressure, and what people
did, may tell the arm: there π is ``h·[no contact] + (1−h)·π_arm``, given the arm that they are in.
See docs/adr/0085.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from bandit.core.types import NO_CONTACT, Array, Bool, Float64, Int32, Int64, UInt64
from bandit.kernels import keyed_random, mixing
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest, refuse_empty
from bandit.policies.contest import Box, Contest, settled, together
from bandit.policies.mixture import Lists, Mixture
from bandit.policies.policy import GRAIN, DeterministicPolicy, Policy
from bandit.policies.uniform import uniform_at, uniform_mean, uniform_pick_at, uniform_table


@dataclass(frozen=True)
class Peace(DeterministicPolicy):
    """No contact for everybody, whatever is eligible: a holdout of an experiment's own."""

    heeds: ClassVar[bool] = False

    def decide(self, request: ChoiceRequest) -> Int32:
        """Leave everybody in peace."""
        return np.full(request.n, NO_CONTACT, np.int32)


@dataclass(frozen=True)
class Floor(Policy):
    """``(1−ε)·π + ε·uniform over eligible``: a policy with the campaign's exploration floor."""

    policy: Policy
    exploration: float

    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw the coin, then what it says."""
        action, rows = self.policy.decide(request).copy(), self._explored(request)
        action[rows] = uniform_pick_at(request, keyed_random.EXPLORE_PICK, rows)
        return action

    def tells(self, posterior: Moments | None) -> bool:
        """If the policy does."""
        return self.policy.tells(posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """The policy's own, but for who explores."""
        explores, action = np.zeros(request.n, np.bool_), np.zeros(request.n, np.int32)
        rows = self._explored(request)
        action[rows] = uniform_pick_at(request, keyed_random.EXPLORE_PICK, rows)
        explores[rows] = True
        own = self.policy.contest(request, wanted & ~explores, box)
        return together([own, settled(action, wanted & explores)])

    def choose_or_score(
        self, request: ChoiceRequest, given: Int32
    ) -> tuple[Int32, Float64, Float64 | None]:
        """As `Policy.choose_or_score`; the inner policy draws and integrates in one pass."""
        rows = self._explored(request)
        rows = rows[given[rows] < 0]
        known = given.copy()
        known[rows] = uniform_pick_at(request, keyed_random.EXPLORE_PICK, rows)
        action, chance, score = self.policy.choose_or_score(request, known)
        return action, self._mixed(chance, uniform_at(request, action)), score

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability of ``action``, by the coin and without it."""
        del decided
        return self._mixed(
            self.policy.choose_or_score(request, action)[1], uniform_at(request, action)
        )

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action."""
        return self._mixed(self.policy.distribution(request), uniform_table(request))

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Expected weight of the action taken."""
        return self._mixed(self.policy.mean_of(request, weights), uniform_mean(request, weights))

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Scores of the policy."""
        return self.policy.score_of(request, action)

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Scores of the policy."""
        return self.policy.score_table(request)

    def _explored(self, request: ChoiceRequest) -> Array:
        coin = np.empty(request.n)
        keyed_random.uniforms_into(request.stream(keyed_random.EXPLORE), request.keys, coin)
        return np.flatnonzero(coin < self.exploration)

    def _mixed(self, own: Float64, floor: Float64) -> Float64:
        return (1.0 - self.exploration) * own + self.exploration * floor


@dataclass(frozen=True, eq=False)
class Pinned(Policy):
    """A policy that decides by a ``posterior`` of its own, whatever the call's has learned.

    Of several in one wave each has a ``number`` of its own, from 1 on.
    """

    policy: Policy
    posterior: Moments
    number: int = 1

    def decision(self, request: ChoiceRequest) -> tuple[Int32, Float64, Float64]:
        """As `Policy.decision`."""
        return self.policy.decision(self._asked(request))

    def decide(self, request: ChoiceRequest) -> Int32:
        """Let the policy draw."""
        return self.policy.decide(self._asked(request))

    def tells(self, posterior: Moments | None) -> bool:
        """If the policy does, by the own posterior."""
        del posterior
        return self.policy.tells(self.posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """The policy's own."""
        return self.policy.contest(self._asked(request), wanted, box)

    def choose_or_score(
        self, request: ChoiceRequest, given: Int32
    ) -> tuple[Int32, Float64, Float64 | None]:
        """As `Policy.choose_or_score`."""
        return self.policy.choose_or_score(self._asked(request), given)

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability of ``action``."""
        return self.policy.propensity(self._asked(request), action, decided)

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action."""
        return self.policy.distribution(self._asked(request))

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Expected weight of the action taken."""
        return self.policy.mean_of(self._asked(request), weights)

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Scores by the own posterior."""
        return self.policy.score_of(self._asked(request), action)

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Scores by the own posterior."""
        return self.policy.score_table(self._asked(request))

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """Spread by the own posterior."""
        del posterior
        return self.policy.score_spread(self.posterior, moment)

    def _asked(self, request: ChoiceRequest) -> ChoiceRequest:
        return request.by(self.posterior, self.number)


@dataclass(frozen=True)
class Only(Policy):
    """A policy that may take ``actions`` and no others; who may get none of them is left alone."""

    policy: Policy
    actions: tuple[int, ...]

    def decide(self, request: ChoiceRequest) -> Int32:
        """Let the policy draw among the actions."""
        return self.policy.decide(self._narrowed(request))

    def tells(self, posterior: Moments | None) -> bool:
        """If the policy does."""
        return self.policy.tells(posterior)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """The policy's own, among the actions."""
        return self.policy.contest(self._narrowed(request), wanted, box)

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Zero for what is not among the actions."""
        narrow = self._narrowed(request)
        among: Array = narrow.eligible[np.arange(request.n), action] > 0
        safe = np.where(among, action, decided).astype(np.int32)
        return np.where(among, self.policy.propensity(narrow, safe, decided), 0.0)

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action."""
        return self.policy.distribution(self._narrowed(request))

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Scores of the policy."""
        return self.policy.score_of(request, action)

    def _narrowed(self, request: ChoiceRequest) -> ChoiceRequest:
        among = np.zeros(request.k, dtype=np.bool_)
        among[[*self.actions, NO_CONTACT]] = True
        mask = request.mask() & among
        mask[:, NO_CONTACT] |= ~mask.any(axis=1)
        return request._replace(eligible=mask.view(np.uint8), packing=worth.DENSE)


@dataclass(frozen=True, kw_only=True)
class Arms(Mixture):
    """The logging policy of an experiment's members.

    ``components`` are those of the arms in turn, shares of all members; ``arm`` says of which arm
    each is, ``arm_of`` the arm of each key uint64[n]. ``known``: propensities are given the arm.
    The holdout is the campaign's, above all experiments.
    """

    arm: tuple[int, ...]
    arm_of: Callable[[UInt64], Array]
    known: bool = False

    def groups(self, request: ChoiceRequest) -> Array:
        """Position of each customer's component: the arm by its hash, one of its shares by draw."""
        held = super().groups(request)
        arm = self.arm_of(request.keys)
        seed = request.seed if self.share_seed is None else self.share_seed
        drawn = request._replace(seed=seed, wave=0, draw=0)
        where = np.empty(request.n)
        keyed_random.uniforms_into(drawn.stream(keyed_random.SHARE), request.keys, where)
        shares = np.array([share for share, _ in self.components])
        own = np.array(self.arm)
        component = np.zeros(request.n, np.int16)
        for a in range(own.max() + 1):
            mine = np.flatnonzero(own == a)
            edges = np.cumsum(shares[mine]) / shares[mine].sum()
            rows = arm == a
            component[rows] = mine[np.searchsorted(edges[:-1], where[rows], side="right")]
        return np.where(held < 0, held, component).astype(np.int16)

    def _begun(self, request: ChoiceRequest, lists: Lists) -> tuple[Int32, Array, Int64, Int32]:
        n, group = request.n, self.groups(request)
        action, count = np.empty(n, np.int32), np.empty(n, np.int64)
        listed = np.empty((len(lists.whose), n), np.int32)
        _, _, coin, pick = self._streams(request)
        spread(
            mixing.explore_into, n, GRAIN, request.eligible, request.packing, coin, pick,
            request.keys, self.exploration, lists.orders, lists.whose, group, action, count, listed,
        )  # fmt: skip
        refuse_empty(count)
        return action, group, count, listed

    def assigned(self, units: UInt64) -> Self:
        """The same for customers of whom each is of a unit: their arm is that of the unit."""
        arm = self.arm_of(units)
        return replace(self, arm_of=lambda _: arm)

    def first_weights(self, keys: UInt64) -> Float64:
        """Weights of the groups before the first slot, float64[n, p + 1], as in `prior_weights`."""
        weights = self.prior_weights(keys.shape[0])
        if not self.known:
            return weights
        shares, own = np.array([share for share, _ in self.components]), np.array(self.arm)
        within = (1.0 - self.holdout) * shares / np.bincount(own, weights=shares)[own]
        mine = own == self.arm_of(keys)[:, None]
        return np.concatenate([np.where(mine, within, 0.0), weights[:, -1:]], axis=1)
