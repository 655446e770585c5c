"""How often the interval holds the truth, and how often the gate ships nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.ope.diagnostics import weigh
from bandit.ope.gate import judge
from simulations.coverage.environment import simulate, without_lift

ESTIMATORS = {
    "ips": lambda log, method: ope.ips(log.rewards, log.weights, interval=method),
    "snips": lambda log, method: ope.snips(log.rewards, log.weights, interval=method),
    "dr": lambda log, method: ope.dr(*log[:4], interval=method),
}
METHODS = ("student_t", "bootstrap", "bernstein", "hoeffding", "betting", "adaptive")


class Coverage(NamedTuple):
    """Share of logs whose interval holds the truth, and the mean width."""

    kind: str
    estimator: str
    method: str
    share: float
    width: float
    logs: int


def coverage(
    kind: str, logs: int, n: int, methods: Sequence[str] = METHODS, seed: int = 0
) -> list[Coverage]:
    hit = {(e, m): 0 for e in ESTIMATORS for m in methods}
    width = dict.fromkeys(hit, 0.0)
    for i in range(logs):
        log = simulate(kind, n, seed + i)
        for name, method in hit:
            found = ESTIMATORS[name](log, method)
            hit[name, method] += found.lower <= log.truth <= found.upper
            width[name, method] += found.upper - found.lower
    return [Coverage(kind, *key, hit[key] / logs, width[key] / logs, logs) for key in hit]


def shipped_without_lift(logs: int, n: int, interval: str = "bootstrap") -> float:
    """Share of logs without any lift that the gate ships, looked at once."""
    count = 0
    for i in range(logs):
        rewards, weights = without_lift(n, i)
        lift = ope.lift(ope.Recipe("snips"), rewards, weights, interval=interval)
        count += judge({"the logging policy": lift}, weigh(weights)).decision == "ship"
    return count / logs


def shipped_under_peeking(logs: int, n: int, looks: int) -> tuple[float, float]:
    """The same when looked at ``looks`` times as the log grows: by betting, and by Student's t."""
    at = np.linspace(n // looks, n, looks).astype(int)
    limit = np.log(2 / 0.05)
    betting = peeking = 0
    for i in range(logs):
        rewards, weights = without_lift(n, i)
        evidence = ope.lift_evidence(ope.Recipe("ips"), rewards, weights)
        betting += bool((evidence[at - 1] >= limit).any())
        terms = (weights - 1.0) * rewards
        mean = terms.cumsum()[at - 1] / at
        spread = np.sqrt((terms**2).cumsum()[at - 1] / at - mean**2)
        look = at >= 100
        peeking += bool((mean > 1.96 * spread / np.sqrt(at))[look].any())
    return betting / logs, peeking / logs
