"""The complete logging policy: holdout, rollout shares, exploration floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.errors import ConfigError, DataError
from bandit.core.types import NO_CONTACT, Array, Bool, Choice, Float64, Int32, Int64
from bandit.kernels import keyed_random, mixing
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.policies.choice_request import ChoiceRequest, checked, refuse_empty, stream_of
from bandit.policies.contest import Box, Contest, settled, together
from bandit.policies.policy import GRAIN, Policy
from bandit.policies.uniform import count_eligible, uniform_mean, uniform_table

_Streams = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
_GROUP, _ACTION, _COUNT = np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
_SCORE = np.dtype(np.float32)
_NOBODY: Int64 = np.zeros(0, np.int64)
_NOTHING: Int32 = np.zeros((0, 0), np.int32)


class Lists(NamedTuple):
    """Components ``whose`` int64[m] that go by lists of priorities, ``orders`` int64[m, k].

    ``others`` are those that do not, but for the last: position and policy.
    """

    whose: Int64
    orders: Int64
    others: list[tuple[int, Policy]]


@dataclass(frozen=True)
class Mixture(Policy):
    """``π = h·[no contact] + (1−h)·Σ_p share_p·((1−ε)·π_p + ε·uniform over eligible)``.

    ``components`` [(share, policy), ...] with shares that sum to one, ``holdout`` h,
    ``exploration`` ε. A customer belongs to one group (holdout or component) whatever the wave or
    slot: the holdout is drawn from ``group_seed`` (the call's seed where None) and the customer's
    key, the component from ``share_seed`` (``group_seed`` where None). Over several waves only a
    ``share_seed`` of each wave's own keeps propensities exact among those not held out: see
    docs/adr/0057. The holdout takes action 0 whatever is eligible.
    """

    components: Sequence[tuple[float, Policy]]
    holdout: float = 0.0
    exploration: float = 0.0
    group_seed: int | None = None
    share_seed: int | None = None
    _edges: Float64 = field(init=False, repr=False, compare=False)
    """Where one component's share ends and the next one's begins, float64[p - 1]."""
    _weights: Float64 = field(init=False, repr=False, compare=False)
    """`prior_weights` of one customer."""
    _last: tuple[int, Policy] = field(init=False, repr=False, compare=False)
    """The component that settles what the others leave: see `_settled`."""
    _largest: Policy = field(init=False, repr=False, compare=False)
    """The component with the largest share, the first of several."""
    _otherwise: list[tuple[int, Policy]] = field(init=False, repr=False, compare=False)
    """Components that do not score as the largest does."""
    _lists: dict[int, Lists] = field(init=False, repr=False, compare=False)
    """Who goes by a list, by k."""

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        parts = tuple((float(share), policy) for share, policy in self.components)
        shares = [share for share, _ in parts]
        if not parts or min(shares) < 0.0 or abs(sum(shares) - 1.0) > 1e-9:
            raise ConfigError(f"shares of a mixture must be at least 0 and sum to 1: {shares}")
        for name, value in (("holdout", self.holdout), ("exploration", self.exploration)):
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} must lie in [0, 1], it is {value}")
        object.__setattr__(self, "components", parts)
        object.__setattr__(self, "_edges", np.cumsum(shares)[:-1])
        weights = [*((1.0 - self.holdout) * share for share in shares), self.holdout]
        object.__setattr__(self, "_weights", np.array([weights]))
        order = [(policy.integrates, share) for share, policy in parts]
        last = order.index(max(order))
        object.__setattr__(self, "_last", (last, parts[last][1]))
        largest = parts[shares.index(max(shares))][1]
        object.__setattr__(self, "_largest", largest)
        by = type(largest).score_of
        same = by is Policy.score_of
        otherwise = [
            (p, policy) for p, (_, policy) in enumerate(parts)
            if policy is not largest and not (same and type(policy).score_of is by)
        ]  # fmt: skip
        object.__setattr__(self, "_otherwise", otherwise)
        object.__setattr__(self, "_lists", {})

    def prior_weights(self, n: int) -> Float64:
        """Weights of the groups before the first slot: ``(1−h)·share_p``, h; float64[n, p + 1]."""
        return self._weights if n == 1 else self._weights.repeat(n, axis=0)

    def groups(self, request: ChoiceRequest) -> Array:
        """Position of each customer's component, HOLDOUT for the holdout, int16[n]."""
        group = np.empty(request.n, _GROUP)
        lasting, drawn, _, _ = self._streams(request)
        spread(
            mixing.groups_into, request.n, GRAIN,
            lasting, drawn, request.keys, self.holdout, self._edges, group,
        )  # fmt: skip
        return group

    def choose(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        keys: npt.ArrayLike | None = None,
        seed: int = 0,
        wave: int = 0,
        draw: int = 0,
        prior: Float64 | None = None,
    ) -> Choice:
        """Decide for n customers; for a further slot pass the last choice's ``joint`` as ``prior``.

        ``prior`` float64[n, p + 1] weighs component p (holdout last) jointly with the actions
        taken so far; the propensity is ``Σ joint / Σ prior``, conditional on the slots before.
        """
        request = checked(
            posterior, contexts, eligible=eligible, values=values, costs=costs, keys=keys,
            seed=seed, wave=wave, draw=draw, validate=not self._last[1].validates,
            complete=False,
        )  # fmt: skip
        before = self._prior(prior, request.n)
        lists = self._listing(request.k)
        action, group, count, listed = self._begun(request, lists)
        action, chances, found = self._settled(request, lists, action, group)
        joint, propensity = self._joined(
            request, action, chances, count, before, lists.whose, listed
        )
        score = self._scores_of(request, action, group, found)
        return tuple.__new__(Choice, (action, propensity, score, group, joint))

    def probabilities(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        prior: Float64 | None = None,
    ) -> Float64:
        """Probability of every action, float64[n, k]; ``prior`` as in `choose`."""
        request = checked(posterior, contexts, eligible=eligible, values=values, costs=costs)
        return self._distribution(request, self._prior(prior, request.n))

    def contributions(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        prior: Float64 | None = None,
    ) -> list[Float64]:
        """What `probabilities` sums: the part of exploration, of each component, of the holdout.

        Each float64[n, k]; arguments as there.
        """
        request = checked(posterior, contexts, eligible=eligible, values=values, costs=costs)
        return list(self._parts(request, self._prior(prior, request.n)))

    def expectation(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        weights: Float64,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        prior: Float64 | None = None,
    ) -> Float64:
        """``Σ_a π(a)·weights[a]``, float64[n]; ``prior`` as in `choose`."""
        request = checked(posterior, contexts, eligible=eligible, values=values, costs=costs)
        return self._mean(request, weights, self._prior(prior, request.n))

    def drawn(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        keys: npt.ArrayLike | None = None,
        seed: int = 0,
        wave: int = 0,
        draw: int = 0,
    ) -> Int32:
        """`choose`'s actions alone, int32[n], at a fraction of its cost: nothing is integrated."""
        return self.decide(
            checked(
                posterior, contexts, eligible=eligible, values=values, costs=costs, keys=keys,
                seed=seed, wave=wave, draw=draw,
            )
        )  # fmt: skip

    def contested(
        self,
        posterior: Moments | None,
        contexts: npt.ArrayLike,
        box: Box,
        *,
        eligible: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
        costs: npt.ArrayLike | None = None,
        keys: npt.ArrayLike | None = None,
        seed: int = 0,
        wave: int = 0,
        draw: int = 0,
    ) -> Contest:
        """What `drawn` may take at prices of a ``box`` beside the costs, if the policy `tells`."""
        request = checked(
            posterior, contexts, eligible=eligible, values=values, costs=costs, keys=keys,
            seed=seed, wave=wave, draw=draw,
        )  # fmt: skip
        return self.contest(request, np.ones(request.n, np.bool_), box)

    def decide(self, request: ChoiceRequest) -> Int32:
        """Draw group, coin and action."""
        lists = self._listing(request.k)
        action, group, _, _ = self._begun(request, lists)
        for p, policy in (*lists.others, self._last):
            _take(group, p, policy.decide(request), action)
        return action

    def tells(self, posterior: Moments | None) -> bool:
        """If every component does."""
        return all(policy.tells(posterior) for _, policy in self.components)

    def contest(self, request: ChoiceRequest, wanted: Bool, box: Box) -> Contest:
        """Each component's own; what groups, coin and lists decide is firm."""
        lists = self._listing(request.k)
        action, group, _, _ = self._begun(request, lists)
        parts = [settled(action, wanted & (action >= 0))]
        for p, policy in (*lists.others, self._last):
            mine = wanted & (group == p)
            if mine.any():
                parts.append(policy.contest(request, mine, box))
        return together(parts)

    def propensity(self, request: ChoiceRequest, action: Int32, decided: Int32) -> Float64:
        """Probability of ``action`` in a first slot."""
        del decided
        each = [policy.choose_or_score(request, action)[1] for _, policy in self.components]
        count, _ = count_eligible(request, action)
        prior = self.prior_weights(request.n)
        return self._joined(request, action, np.stack(each), count, prior, _NOBODY, _NOTHING)[1]

    def distribution(self, request: ChoiceRequest) -> Float64:
        """Probability of every action in a first slot."""
        return self._distribution(request, self.prior_weights(request.n))

    def mean_of(self, request: ChoiceRequest, weights: Float64) -> Float64:
        """Expected weight of the action taken in a first slot."""
        return self._mean(request, weights, self.prior_weights(request.n))

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """Scores of the component with the largest share."""
        return self._largest.score_of(request, action)

    def score_table(self, request: ChoiceRequest) -> Float64:
        """Scores of the component with the largest share."""
        return self._largest.score_table(request)

    def score_spread(self, posterior: Moments | None, moment: Float64) -> Float64:
        """Root mean square over the components, by their shares."""
        parts = [share * p.score_spread(posterior, moment) ** 2 for share, p in self.components]
        return np.sqrt(sum(parts, np.zeros(1)))

    def _prior(self, prior: Float64 | None, n: int) -> Float64:
        if prior is None:
            return self.prior_weights(n)
        shape = (n, len(self.components) + 1)
        weights = np.asarray(prior, dtype=np.float64)
        if weights.shape != shape:
            raise DataError(f"prior must have shape {shape}, it has {weights.shape}")
        bad = ~(np.isfinite(weights).all(axis=1) & (weights >= 0.0).all(axis=1))
        bad |= ~(weights.sum(axis=1) > 0.0)
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"prior must be weights with a positive sum, row {row} has {weights[row]}"
            )
        return weights

    def _settled(
        self, request: ChoiceRequest, lists: Lists, known: Int32, group: Array
    ) -> tuple[Int32, Float64, Float64 | None]:
        """Action of each row, its probability by each component that goes by no list, [p, n].

        Then the last component's score of the action if known. A component that integrates comes
        last, whatever its share: it draws only for its own customers, and integrates for
        everybody's action in the same pass.
        """
        decided: list[tuple[int, Policy, Int32]] = []
        for p, policy in lists.others:
            theirs = policy.decide(request)
            _take(group, p, theirs, known)
            decided.append((p, policy, theirs))
        chances = np.empty((len(self.components), request.n))
        p, policy = self._last
        action, chances[p], score = policy.choose_or_score(request, known)
        for p, policy, theirs in decided:
            chances[p] = policy.propensity(request, action, theirs)
        return action, chances, score

    def _begun(self, request: ChoiceRequest, lists: Lists) -> tuple[Int32, Array, Int64, Int32]:
        """Action of each row (-1 where a component is yet to decide), group, eligible actions.

        With them what each component takes that goes by a list, int32[m, n].
        """
        n = request.n
        group, action, count = np.empty(n, _GROUP), np.empty(n, _ACTION), np.empty(n, _COUNT)
        listed = np.empty((len(lists.whose), n), _ACTION)
        spread(
            mixing.begin_into, n, GRAIN, *self._streams(request), request.keys, self.holdout,
            self._edges, self.exploration, request.eligible, request.packing, lists.orders,
            lists.whose, group, action, count, listed,
        )  # fmt: skip
        refuse_empty(count)
        return action, group, count, listed

    def _listing(self, k: int) -> Lists:
        """Found once: a row alone is decided in less time."""
        known = self._lists.get(k)
        if known is None:
            each = [policy for _, policy in self.components]
            before = [(p, policy) for p, policy in enumerate(each) if p != self._last[0]]
            found = {p: policy.order(k) for p, policy in before}
            orders = {p: order for p, order in found.items() if order is not None}
            known = self._lists[k] = Lists(
                np.array([*orders], np.int64),
                np.array([*orders.values()], np.int64).reshape(-1, k),
                [(p, policy) for p, policy in before if p not in orders],
            )
        return known

    def _streams(self, request: ChoiceRequest) -> _Streams:
        """Streams of the holdout, of shares, of the coin and of who explores."""
        seed = request.seed if self.group_seed is None else self.group_seed
        again = seed if self.share_seed is None else self.share_seed
        return _streams_of(seed, again, request.seed, request.wave, request.draw)

    def _joined(
        self, request: ChoiceRequest, action: Int32, chances: Float64, count: Int64,
        prior: Float64, whose: Int64, listed: Int32,
    ) -> tuple[Float64, Float64]:  # fmt: skip
        """Joint probability of each group and ``action`` float64[n, p + 1]; the propensity [n]."""
        joint, propensity = np.empty(prior.shape), np.empty(request.n)
        spread(
            mixing.join_into, request.n, GRAIN, request.eligible, request.packing,
            self.exploration, count, action, whose, listed, chances, prior, joint, propensity,
        )  # fmt: skip
        return joint, propensity

    def _distribution(self, request: ChoiceRequest, prior: Float64) -> Float64:
        out = np.zeros((request.n, request.k))
        for part in self._parts(request, prior):
            out += part
        return out

    def _parts(self, request: ChoiceRequest, prior: Float64) -> Iterator[Float64]:
        """Exploration, the components, the holdout: float64[n, k] each."""
        weights = prior / prior.sum(axis=1, keepdims=True)
        yield self.exploration * uniform_table(request) * (1.0 - weights[:, -1:])
        for p, (_, policy) in enumerate(self.components):
            yield (1.0 - self.exploration) * weights[:, p : p + 1] * policy.distribution(request)
        held = np.zeros((request.n, request.k))
        held[:, NO_CONTACT] = weights[:, -1]
        yield held

    def _mean(self, request: ChoiceRequest, weights: Float64, prior: Float64) -> Float64:
        each = [policy.mean_of(request, weights) for _, policy in self.components]
        floor = self.exploration * uniform_mean(request, weights)
        held = np.full(request.n, weights[NO_CONTACT])
        columns = [*((1.0 - self.exploration) * part + floor for part in each), held]
        found: Float64 = (prior * np.stack(columns, axis=1)).sum(axis=1) / prior.sum(axis=1)
        return found

    def _scores_of(
        self, request: ChoiceRequest, action: Int32, group: Array, found: Float64 | None
    ) -> Array:
        """Score of the taken action by the policy that decided; by the largest one elsewhere.

        ``found`` float64[n] is the last component's, if known.
        """
        score = found if self._largest is self._last[1] else None
        if score is None:
            score = self._largest.score_of(request, action)
        for p, policy in self._otherwise:
            mine = group == p
            if mine.any():
                score = np.where(mine, policy.score_of(request, action), score)
        return score.astype(_SCORE)


@lru_cache(1024)
def _streams_of(lasting: int, drawn: int, seed: int, wave: int, draw: int) -> _Streams:
    # Together: each is found in the time of a small kernel.
    return (
        stream_of(lasting, 0, 0, keyed_random.HOLDOUT),
        stream_of(drawn, 0, 0, keyed_random.SHARE),
        stream_of(seed, wave, draw, keyed_random.EXPLORE),
        stream_of(seed, wave, draw, keyed_random.EXPLORE_PICK),
    )


def _take(group: Array, component: int, theirs: Int32, action: Int32) -> None:
    """A component's own rows do what it decided."""
    if len(action) != 1:
        spread(mixing.take_into, len(action), GRAIN, group, component, theirs, action)
    elif group[0] == component:  # to call a kernel takes longer
        action[0] = theirs[0]
