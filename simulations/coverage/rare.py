"""Sales that are rare and skewed: does the interval still hold, and who is refused?

`python -m simulations.coverage.rare` prints the table. 1 % of the rows buy, whatever is done, for a
lognormal amount; three actions are logged with fixed chances, and the target's effective sample
size is 49 % of the rows. In the clustered world four rows are one customer's, and half of the
customers' sales come to all four rows at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.core.types import Float64
from bandit.ope.diagnostics import weigh
from bandit.ope.gate import judge
from bandit.ope.lifts import contrast, paired_terms
from bandit.ope.sweep import simultaneous
from bandit.stats.units import cluster_units

LOGGING = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.15, 0.25, 0.6])
CONVERSION = 0.01
LOG_MEAN, LOG_SPREAD = 3.0, 1.0
TRUTH = CONVERSION * float(np.exp(LOG_MEAN + LOG_SPREAD**2 / 2))
VISITS = 4
CANDIDATES = 20


class Sales(NamedTuple):
    """``rewards``, ``weights`` float64[n] and the actions; ``clusters`` int[n] or None."""

    rewards: Float64
    weights: Float64
    actions: np.ndarray
    clusters: np.ndarray | None


def sales(n: int, seed: int, *, clustered: bool = False) -> Sales:
    """One log of n rows in which no action sells more than another."""
    rng = np.random.default_rng([seed, n, clustered])
    actions = rng.choice(len(LOGGING), p=LOGGING, size=n)
    who = np.arange(n) // VISITS
    bought = rng.random(n) < CONVERSION
    if clustered:
        faithful = rng.random(n // VISITS) < CONVERSION / 2
        bought = faithful[who] | (rng.random(n) < CONVERSION / 2 / (1 - CONVERSION / 2))
    spent = np.exp(LOG_MEAN + LOG_SPREAD * rng.standard_normal(n))
    return Sales(bought * spent, (TARGET / LOGGING)[actions], actions, who if clustered else None)


class Held(NamedTuple):
    """Shares of logs whose interval holds the truth, lies below it (truth above) and above it."""

    holds: float
    truth_above: float
    truth_below: float


def held(lower: list[float], upper: list[float], truth: float) -> Held:
    above = float(np.mean(np.array(upper) < truth))
    below = float(np.mean(np.array(lower) > truth))
    return Held(1.0 - above - below, above, below)


def values(n: int, logs: int, *, clustered: bool, interval: str = "bootstrap") -> dict[str, Held]:
    """Coverage of the value by each estimator, and of the lift over the log by snips."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for seed in range(logs):
        log = sales(n, seed, clustered=clustered)
        q = ope.cross_fit(
            ope.Ridge(), np.zeros((n, 0)), log.actions, log.rewards, 3, clusters=log.clusters
        )
        model = (q[np.arange(n), log.actions], q @ TARGET)
        options = {"clusters": log.clusters, "interval": interval, "seed": seed}
        each = {
            "ips": ope.ips(log.rewards, log.weights, **options),
            "snips": ope.snips(log.rewards, log.weights, **options),
            "dr": ope.dr(log.rewards, log.weights, *model, **options),
            "lift, snips": ope.lift(ope.Recipe("snips"), log.rewards, log.weights, **options),
        }
        for name, estimate in each.items():
            lower, upper = found.setdefault(name, ([], []))
            lower.append(estimate.lower)
            upper.append(estimate.upper)
    return {
        name: held(*limits, 0.0 if name.startswith("lift") else TRUTH)
        for name, limits in found.items()
    }


class Verdicts(NamedTuple):
    """Shares of logs: "hold" for a policy that is equal, shipped, and refused outright."""

    worse: float
    shipped: float
    refused: float


def verdicts(n: int, logs: int, *, clustered: bool) -> Verdicts:
    """What the gate says of a policy that is worth exactly what the log is."""
    said, refused = [], 0
    for seed in range(logs):
        log = sales(n, seed, clustered=clustered)
        lift = ope.lift(
            ope.Recipe("snips"), log.rewards, log.weights, clusters=log.clusters, seed=seed
        )
        overlap = weigh(log.weights, clusters=log.clusters, rewards=log.rewards)
        verdict = judge({"the log": lift}, overlap)
        said.append(verdict.decision)
        refused += "purchases speak for it" in verdict.reason
    return Verdicts(said.count("hold") / logs, said.count("ship") / logs, refused / logs)


def some_wrong(n: int, logs: int) -> float:
    """Share of logs in which any of 20 equal candidates is said to be better or worse."""
    wrong = 0
    for seed in range(logs):
        log = sales(n, seed)
        rng = np.random.default_rng([seed, 7])
        recipe, chances = ope.Recipe("snips"), rng.dirichlet(np.full(3, 2.0), size=CANDIDATES)
        candidates = [
            paired_terms(recipe, log.rewards, (chance / LOGGING)[log.actions]) for chance in chances
        ]
        baseline = cluster_units(candidates[0].baseline, None)
        heard = {
            str(j): contrast(pair, None, baseline)
            for j, pair in enumerate(candidates)
            if weigh(pair.candidate.weight, rewards=log.rewards).effective_rewards >= 10.0
        }
        if heard:
            bands = simultaneous(heard, seed=seed).values()
            wrong += any(band.lower > 0.0 or band.upper < 0.0 for band in bands)
    return wrong / logs


def report(logs: int = 500) -> str:
    lines = [
        f"{logs} logs each, 1 % conversion, lognormal spend; nominal 95 %, one standard error is"
        f" {100 * (0.05 * 0.95 / logs) ** 0.5:.1f} points. Allowed: 93 % at 5,000 rows, 94 % at"
        " 50,000, at most 4 % on either side.",
        "",
        "| rows | clustered | estimator | coverage | truth above | truth below |",
        "|---|---|---|---|---|---|",
    ]
    for n in (5_000, 50_000):
        for clustered in (False, True):
            for name, (holds, above, below) in values(n, logs, clustered=clustered).items():
                yes = "yes" if clustered else "no"
                lines.append(
                    f"| {n:,} | {yes} | {name} | {holds:.1%} | {above:.1%} | {below:.1%} |"
                )
    lines += [
        "",
        "The gate on a policy that is worth exactly what the log is: at most 3.5 % may be held as"
        " worse; of 500 rows at least 95 % must be refused for want of purchases.",
        "",
        "| rows | clustered | held as worse | shipped | refused |",
        "|---|---|---|---|---|",
    ]
    for n in (500, 5_000, 50_000):
        for clustered in (False, True):
            said = verdicts(n, logs, clustered=clustered)
            lines.append(
                f"| {n:,} | {'yes' if clustered else 'no'} | {said.worse:.1%} | {said.shipped:.1%}"
                f" | {said.refused:.1%} |"
            )
    many = max(logs * 2 // 5, 1)
    lines += [
        "",
        f"Of {CANDIDATES} equal candidates some comparison was wrong in"
        f" {some_wrong(5_000, many):.1%} of {many} logs of 5,000 rows (at most 6 % allowed).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(report())
