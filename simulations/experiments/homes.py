"""Households of one to seven: effects of the promised size, and propensities against redraws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import bandit
from bandit import experiments
from bandit.core.types import HOLDOUT, Float64, UInt64
from bandit.experiments import Plan
from bandit.policies.arms import Arms, Floor, Peace
from bandit.policies.layered import Layered
from bandit.stats.intraclass import intraclass
from simulations.experiments.environment import Population, Trial
from simulations.experiments.sweep import PLANNED, Power

MOST = 7
"""People of the largest households; each size is as likely."""
COMMON = 0.5
"""Standard deviation of what a household has in common, in that of what a customer spends."""
SHARES, HELD, EPSILON = (0.3, 0.7), 0.1, 0.2


def trial(population: Population, n: int, seed: int) -> Trial:
    """Of n customers in households; the covariate correlates by 0.8 with what is the customer's."""
    rng = np.random.default_rng([5, seed])
    clusters = np.repeat(np.arange(n), rng.integers(1, MOST + 1, n))[:n]
    sd = population.spend.std()
    own = rng.choice(population.spend, n)
    covariate = own + 0.75 * sd * rng.normal(size=n)
    common = rng.exponential(COMMON * sd, clusters[-1] + 1)
    return Trial(own + common[clusters], covariate, clusters)


class Case(NamedTuple):
    """What is asked of each of many experiments; ``covariate``: they take it out."""

    name: str
    control_share: float = 0.5
    looks: bool = False
    covariate: bool = False

    def plan(self, past: Trial) -> Plan:
        """By what a past shows, measured as by `design`."""
        values = past.values - _explained(past) if self.covariate else past.values
        crowd = intraclass(values, past.clusters)
        return Plan(
            mean=float(past.values.mean()),
            sd=float(past.values.std(ddof=1)),
            control_share=self.control_share,
            rho=float(np.corrcoef(past.covariate, past.values)[0, 1]) if self.covariate else 0.0,
            icc=crowd.icc,
            cluster_size=crowd.size,
            looks=experiments.inflation(PLANNED) if self.looks else 1.0,
        )


CASES = (
    Case(f"households of 1 to {MOST}"),
    Case("the same, 20 % control, five planned looks", 0.2, looks=True),
    Case("the same, with a covariate", covariate=True),
)


def planted(population: Population, runs: int, n: int) -> list[Power]:
    """Each experiment is planned by a past of its own and of its own size.

    The spread of what 20,000 customers spend is known to 5 %, so that one past for all experiments
    would make them all find too much, or all too little: what is promised holds over pasts.
    """
    return [_power(case, population, runs, n) for case in CASES]


def _explained(past: Trial) -> Float64:
    x = past.covariate - past.covariate.mean()
    return np.asarray(x * float(x @ past.values) / float(x @ x))


def _power(case: Case, population: Population, runs: int, n: int) -> Power:
    effects, found = np.empty(runs), 0
    times = PLANNED if case.looks else (1.0,)
    limits = experiments.boundaries(times)
    shares = (case.control_share, 1.0 - case.control_share)
    for run in range(runs):
        effects[run] = case.plan(trial(population, n, 10**6 + run)).detectable(n)
        drawn = trial(population, n, run)
        treated = experiments.arms(drawn.clusters, f"homes {run}", shares) == 1
        values = drawn.treated_by(treated, effects[run])
        for time, limit in zip(times, limits, strict=True):
            seen = drawn.clusters <= time * drawn.clusters[-1]
            look = experiments.compare(
                values[seen],
                treated[seen],
                covariate=drawn.covariate[seen] if case.covariate else None,
                clusters=drawn.clusters[seen],
                adjustment="lin",
            )
            if look.passes(limit):
                found += 1
                break
    return Power(case.name, n, float(effects.mean()), found / runs)


class Redrawn(NamedTuple):
    """``worst`` distance of a frequency from its propensity, in standard errors of household means.

    ``pairs`` were held against each other. ``weight``: mean weight of a policy that takes every
    action, with its standard error.
    """

    name: str
    customers: int
    pairs: int
    worst: float
    weight: float
    error: float


def redrawn(homes: int) -> list[Redrawn]:
    """The logging policy of members assigned by households: over the arms, and given them."""
    rng = np.random.default_rng(3)
    posterior = bandit.Posterior.prior(n_actions=5, n_features=3)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    posterior = posterior.update(x, rng.integers(0, 5, 400), rng.normal(size=400))
    units = np.repeat(np.arange(homes), rng.integers(1, MOST + 1, homes)).astype(np.uint64)
    return [_of_members(posterior, x[:1], units, known=known) for known in (False, True)]


def _of_members(
    posterior: bandit.Posterior, context: np.ndarray, units: UInt64, *, known: bool
) -> Redrawn:
    n = len(units)
    base = bandit.Mixture(
        [(0.4, bandit.Rules([2, 4])), (0.6, bandit.LinTS(1.0))],
        holdout=HELD, exploration=EPSILON, group_seed=1, share_seed=7,
    )  # fmt: skip
    floor = [(SHARES[1] * share, Floor(policy, EPSILON)) for share, policy in base.components]
    own = Floor(bandit.Rules([3, 1]), EPSILON) if known else Peace()
    arms = Arms(
        [(SHARES[0], own), *floor],
        holdout=HELD, group_seed=1, share_seed=7, arm=(0, 1, 1), arm_of=_arm_of, known=known,
    )  # fmt: skip
    keys = np.arange(n, dtype=np.uint64) + 10**9
    choice = Layered(base, (arms,)).choose(
        posterior, np.repeat(context, n, axis=0), np.zeros(n, np.int16), keys, units=units, seed=5,
        wave=2, eligible=np.ones((n, 5), np.bool_),
    )  # fmt: skip
    worst, pairs = 0.0, 0
    arm = _arm_of(units)
    for rows in [arm == a for a in range(2)] if known else [np.ones(n, np.bool_)]:
        for action in range(5):
            taken = rows & (choice.action == action)
            stated = float(choice.propensity[taken][0])
            worst = max(worst, _distance(taken[rows] - stated, units[rows]))
            pairs += 1
    target = np.array([0.0, 0.1, 0.2, 0.3, 0.4])  # never what the holdout has
    free = choice.group != HOLDOUT
    given = (choice.propensity - HELD * (choice.action == 0)) / (1.0 - HELD)
    weights = (target[choice.action] / given)[free]
    name = "given the arm" if known else "over the arms"
    return Redrawn(name, n, pairs, worst, float(weights.mean()), _error(weights, units[free]))


def _arm_of(units: UInt64) -> np.ndarray:
    return experiments.arms(units, "homes", SHARES, seed=5)


def _error(values: Float64, units: UInt64) -> float:
    """Standard error of a mean whose observations are whole households."""
    _, place = np.unique(units, return_inverse=True)
    totals = np.bincount(place, weights=values - values.mean())
    return float(np.sqrt((totals**2).sum()) / len(values))


def _distance(values: Float64, units: UInt64) -> float:
    return abs(float(values.mean())) / _error(values, units)
