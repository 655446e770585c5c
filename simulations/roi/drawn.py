"""The estimators of `bandit roi` alone, on people drawn here: thousands of worlds in minutes.

No campaign is written and nothing is read: the policies draw with their own probabilities, what
came goes into the sums that the program keeps, and what it tells of them is held against the truth.
A world has two waves of the same people, learned from in between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import bandit
from bandit.core.types import HOLDOUT as GROUP
from bandit.core.types import Array, Float64
from bandit.stats.crowds import crowd_of
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.against import Against, Side, contacts_told
from bandit.workflows.inspect.gain import Bought, Gain, Reached
from simulations.roi.counting import Told
from simulations.roi.environment import WAVES

OFFERS = ("small", "large")
COSTS = np.array([0.0, 0.05, 0.2])
HOLDOUT = 0.15


class Regime(NamedTuple):
    """``n`` people, of whom ``often`` buy unasked in a wave, the more the more they spend.

    A purchase is worth ``amount``; ``tail`` is the spread of its logarithm. A contact by the small
    offer causes one in ``caused``, worth ``effect`` a contact; the large one twice as much to those
    in need, else nothing.
    """

    name: str
    n: int
    often: float
    amount: float
    tail: float
    caused: float
    effect: float
    exploration: float = 0.1


REGIMES = (
    Regime("as the whole program's", 1_000, 0.22, 6.0, 0.7, 0.08, 0.4),
    Regime("rare, with a long tail", 2_000, 0.04, 8.0, 1.2, 0.02, 0.2),
    Regime("plenty", 6_000, 0.22, 6.0, 0.7, 0.08, 0.4, 0.2),
)
"""From what the program is asked as a whole to what hardly ever happens, and what always does."""


def world(regime: Regime, seed: int) -> dict[str, Told]:
    """What is told of one world: of the campaign, and of both offers."""
    rng, n = np.random.default_rng([11, seed]), regime.n
    need, spend = rng.normal(size=n), rng.gamma(2.0, 15.0, n)
    contexts = np.stack([np.ones(n), need, (spend - 30.0) / 21.0], axis=1).astype(np.float32)
    eligible = np.stack([np.ones(n), np.ones(n), spend > 20.0], axis=1).astype(np.bool_)
    keys, crowd = np.arange(n, dtype=np.uint64), crowd_of(np.arange(n, dtype=np.uint64))
    policy = bandit.Mixture(
        [(0.4, bandit.Rules([2, 1])), (0.6, bandit.LinTS(1.0))],
        holdout=HOLDOUT, exploration=regime.exploration, group_seed=seed, share_seed=seed,
    )  # fmt: skip
    free = policy.prior_weights(n)
    free[:, -1] = 0.0
    posterior = bandit.Posterior.prior(n_actions=3, n_features=3)
    gains, all_ = [Gain(), Gain()], Against()
    truth = np.zeros(2)
    for wave in range(WAVES):
        choice = policy.choose(
            posterior, contexts, eligible=eligible, costs=COSTS, keys=keys, seed=seed, wave=wave
        )
        chance = policy.probabilities(
            posterior, contexts, eligible=eligible, costs=COSTS, prior=free
        )
        action, held = choice.action, choice.group == GROUP
        adds = np.stack([np.zeros(n), np.full(n, regime.effect), 2.0 * regime.effect * (need > 0)])
        added = adds[action, np.arange(n)]
        came = _came(regime, rng, spend, added)
        over = came - contexts @ posterior.mean[0]
        for a, gain in enumerate(gains, start=1):
            truth[a - 1] += added[action == a].sum()
            gain.add(_reached(a, action, held, chance, crowd, Bought(came, over, None)))
        all_.add(_side(~held, crowd, came, action), _side(held, crowd, came, action))
        posterior = posterior.update(contexts, action, came)
    told = {r.of: r for r in contacts_told(dict(zip(OFFERS, gains, strict=True)), 1.0)}
    found = {"campaign": Told(all_.told("campaign", "holdout", 1.0), float(truth.sum()))}
    return found | {o: Told(told[o], float(t)) for o, t in zip(OFFERS, truth, strict=True)}


def _came(regime: Regime, rng: np.random.Generator, spend: Float64, added: Float64) -> Float64:
    """What each brings in a wave: bought unasked, and by a contact."""
    n, tail = len(spend), regime.tail
    often = regime.often * (0.4 + 0.6 * np.minimum(spend, 50.0) / 27.0)
    amount = regime.amount * np.exp(tail * rng.normal(size=n) - 0.5 * tail**2)
    return (rng.random(n) < often) * amount + (
        rng.random(n) < regime.caused
    ) * added / regime.caused


def _reached(
    a: int, action: Array, held: Array, chance: Float64, crowd: Array, bought: Bought
) -> Reached:
    """Those who got it, and those who were left in peace with their odds."""
    found, mine, quiet = Reached(), (action == a) & ~held, (action == 0) & ~held
    found.reached(crowd[mine], np.full(int(mine.sum()), COSTS[a]), bought.taken(mine))
    found.left(crowd[quiet], chance[quiet, a] / chance[quiet, 0], bought.taken(quiet))
    found.contacts = int(mine.sum())
    return found


def _side(mine: Array, crowd: Array, came: Float64, action: Array) -> Side:
    found, cost, one = Side(), COSTS[action[mine]], np.ones(int(mine.sum()))
    found.net.add(crowd[mine], came[mine] - cost, one)
    found.cost.add(crowd[mine], cost, one)
    found.rewards = Rewards.of(came[mine])
    found.contacts = int((action[mine] > 0).sum())
    return found
