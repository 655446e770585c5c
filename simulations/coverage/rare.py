"""Sales that are rare and skewed: does the interval still hold, and who is refused?

`python -m simulations.coverage rare` writes the tables into the README. 1 % of the rows buy,
whatever is done, for a lognormal amount; three actions are logged with fixed chances, and the
target's effective sample size is 49 % of the rows. In the clustered world four rows are one
customer's, and half of the customers' sales come to all four rows at once. All statistics of a log
are resampled together, which gives each of them the interval that it would have alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.core.types import Array, Float64
from bandit.ope.diagnostics import weigh
from bandit.ope.estimate import Estimate, laid_off
from bandit.ope.gate import judge, refuse
from bandit.ope.lifts import contrast, paired_terms
from bandit.ope.row_terms import model_based, model_free, residuals
from bandit.ope.sweep import simultaneous
from bandit.stats import rare
from bandit.stats.statistic import Statistic, replicates, single
from bandit.stats.units import Terms, cluster_units

LOGGING = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.15, 0.25, 0.6])
CONVERSION = 0.01
LOG_MEAN = 3.0
VISITS = 4
CANDIDATES = 20
LIFT = "lift, snips"
RISK = 0.025


class World(NamedTuple):
    """``rows`` a log, ``spread`` of ln(amount)."""

    rows: int
    clustered: bool = False
    spread: float = 1.0

    @property
    def truth(self) -> float:
        """What any policy is worth."""
        return CONVERSION * float(np.exp(LOG_MEAN + self.spread**2 / 2))


class Sales(NamedTuple):
    """``rewards``, ``weights`` float64[n] and the actions; ``clusters`` int[n] or None."""

    rewards: Float64
    weights: Float64
    actions: np.ndarray
    clusters: np.ndarray | None


def sales(world: World, seed: int) -> Sales:
    """One log in which no action sells more than another."""
    n, rng = world.rows, np.random.default_rng([seed, world.rows, world.clustered])
    actions = rng.choice(len(LOGGING), p=LOGGING, size=n)
    who = np.arange(n) // VISITS
    bought: Array = rng.random(n) < CONVERSION
    if world.clustered:
        faithful = rng.random(n // VISITS) < CONVERSION / 2
        bought = faithful[who] | (rng.random(n) < CONVERSION / 2 / (1 - CONVERSION / 2))
    spent = np.exp(LOG_MEAN + world.spread * rng.standard_normal(n))
    weights = (TARGET / LOGGING)[actions]
    return Sales(bought * spent, weights, actions, who if world.clustered else None)


def statistics(log: Sales) -> dict[str, Statistic]:
    """Values by ips, snips and dr, and the lift over the log by snips, as `simulate` has them."""
    r, w, n = log.rewards, log.weights, len(log.rewards)
    q = ope.cross_fit(ope.Ridge(None), np.zeros((n, 0)), log.actions, r, 3, clusters=log.clusters)
    fold = ope.fold_of(n, 3, log.clusters)
    model = ope.calibrated(r, w, q[np.arange(n), log.actions], q @ TARGET, fold)
    pair = paired_terms(ope.Recipe("snips"), r, w)
    return {
        "ips": _value(model_free(r, w, ratio=False), log),
        "snips": _value(model_free(r, w, ratio=True), log),
        "dr": _value(model_based(r, w, *model, ratio=False), log),
        LIFT: contrast(pair, log.clusters, cluster_units(pair.baseline, log.clusters)),
    }


def _value(terms: Terms, log: Sales) -> Statistic:
    heard = rare.effective_rewards(terms.weight, terms.reward, log.clusters)
    doubt = rare.caution(terms.weight, residuals(terms), heard)
    return single(cluster_units(terms, log.clusters), doubt)


class Seen(NamedTuple):
    """One log: limits of each statistic, and what the gate says of the lift over the log."""

    limits: dict[str, tuple[float, float]]
    said: str


def looks(world: World, logs: int) -> Iterator[Seen]:
    for seed in range(logs):
        log = sales(world, seed)
        found = statistics(log)
        t = replicates(list(found.values()), seed)
        limits = {name: laid_off(s, t[:, j], RISK) for j, (name, s) in enumerate(found.items())}
        lift, n = found[LIFT], world.rows
        told = Estimate(
            lift.value, lift.standard_error, *limits[LIFT], np.nan, np.nan, np.nan, 0.0, n
        )
        overlap = weigh(log.weights, clusters=log.clusters, rewards=log.rewards)
        refused = refuse(overlap) is not None
        yield Seen(limits, "refused" if refused else judge({"the log": told}, overlap).decision)


class Held(NamedTuple):
    """Shares of logs whose interval holds the truth, lies below it (truth above) and above it."""

    holds: float
    truth_above: float
    truth_below: float


class Kept(NamedTuple):
    """By estimator, and shares of what the gate said."""

    held: dict[str, Held]
    said: dict[str, float]


def kept(world: World, logs: int) -> Kept:
    seen = list(looks(world, logs))
    held = {}
    for name in seen[0].limits:
        lower, upper = np.array([one.limits[name] for one in seen]).T
        truth = 0.0 if name == LIFT else world.truth
        above, below = float(np.mean(upper < truth)), float(np.mean(lower > truth))
        held[name] = Held(1.0 - above - below, above, below)
    return Kept(held, {what: n / logs for what, n in Counter(one.said for one in seen).items()})


def some_wrong(world: World, logs: int) -> float:
    """Share of logs in which any of 20 equal candidates is said to be better or worse."""
    wrong = 0
    for seed in range(logs):
        log = sales(world, seed)
        rng = np.random.default_rng([seed, 7])
        recipe, chances = ope.Recipe("snips"), rng.dirichlet(np.full(3, 2.0), size=CANDIDATES)
        candidates = [
            paired_terms(recipe, log.rewards, (chance / LOGGING)[log.actions]) for chance in chances
        ]
        baseline = cluster_units(candidates[0].baseline, log.clusters)
        heard = {
            str(j): contrast(pair, log.clusters, baseline)
            for j, pair in enumerate(candidates)
            if weigh(pair.candidate.weight, rewards=log.rewards, clusters=log.clusters)
            .effective_rewards >= 10.0
        }  # fmt: skip
        if heard:
            bands = simultaneous(heard, seed=seed).values()
            wrong += any(band.lower > 0.0 or band.upper < 0.0 for band in bands)
    return wrong / logs


WORLDS = (
    World(5_000),
    World(5_000, clustered=True),
    World(50_000),
    World(50_000, clustered=True),
)
SKEWED = (World(5_000, spread=1.4), World(50_000, spread=1.4))
FEW = (World(500), World(500, clustered=True))


def report(logs: int = 500) -> str:
    """Coverage, the gate on an equal policy, and twenty candidates at once."""
    found = {world: kept(world, logs) for world in (*WORLDS, *FEW)}
    many = max(logs * 2 // 5, 1)
    return _tables(found, logs) + _several(some_wrong(WORLDS[0], many), many)


def skewed(logs: int = 500) -> str:
    """As `report`, where ln(amount) spreads by 1.4."""
    return _tables({world: kept(world, logs) for world in SKEWED}, logs)


def _tables(found: dict[World, Kept], logs: int) -> str:
    lines = [
        f"{logs} logs each, 1 % conversion, lognormal spend; nominal 95 %, one standard error is"
        f" {100 * (0.05 * 0.95 / logs) ** 0.5:.1f} points. Allowed: 93 % at 5,000 rows, 94 % at"
        " 50,000, at most 4 % on either side.",
        "",
        "| rows | clustered | spread of ln(amount) | estimator | coverage | truth above |"
        " truth below |",
        "|---|---|---|---|---|---|---|",
    ]
    for world, here in found.items():
        for name, (holds, above, below) in here.held.items() if world not in FEW else ():
            lines.append(f"{_head(world)} {name} | {holds:.1%} | {above:.1%} | {below:.1%} |")
    lines += [
        "",
        "The gate on a policy that is worth exactly what the log is: at most 3.5 % may be held as"
        " worse; of 500 rows at least 95 % must be refused for want of purchases.",
        "",
        "| rows | clustered | spread of ln(amount) | held as worse | shipped | refused |",
        "|---|---|---|---|---|---|",
    ]
    for world, here in found.items():
        worse, shipped, refused = (here.said.get(w, 0.0) for w in ("hold", "ship", "refused"))
        lines.append(f"{_head(world)} {worse:.1%} | {shipped:.1%} | {refused:.1%} |")
    return "\n".join(lines) + "\n"


def _several(wrong: float, logs: int) -> str:
    return (
        f"\nOf {CANDIDATES} equal candidates some comparison was wrong in {wrong:.1%} of {logs} logs"
        f" of {WORLDS[0].rows:,} rows (at most 6 % allowed).\n"
    )


def _head(world: World) -> str:
    yes = "yes" if world.clustered else "no"
    return f"| {world.rows:,} | {yes} | {world.spread:g} |"
