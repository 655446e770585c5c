"""Learning curves: each learner starts from nothing and is replayed through the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from bandit.config.simulation import Candidate
from bandit.core.types import Progress
from bandit.models.posterior import Posterior
from bandit.policies.policy import Policy
from bandit.policies.registry import POLICIES, Options
from bandit.replay import Curve, Learning, bands, replay_log
from bandit.results.judge import LearningCurve
from bandit.workflows.judge.logged import Logged

MOST = 5
REPLICATES = 3
STEPS = 25
MOST_ROWS = 40_000
MOST_WORK = 4_000_000
"""Rows times actions replayed by one learner and replicate."""
REPLAYED = frozenset({"lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "uniform", "rules"})
LEAST_KEPT = 300.0
"""A replay keeps about n times the smallest propensity; a curve over fewer says nothing."""


def curves(
    logged: Logged, candidates: list[Candidate], ridge: float, seed: int, progress: Progress
) -> list[LearningCurve]:
    """Value a decision up to each point of the replay, over replicates in random order.

    None where the log is too far from uniform: what rejection leaves of it would be a handful.
    """
    log = logged.log
    learners = list(_learners(logged, candidates, ridge))[:MOST]
    if log.propensities is None or not learners:
        return []
    n = min(log.n, MOST_ROWS, MOST_WORK // log.n_actions)
    if n * float(log.propensities.min()) < LEAST_KEPT:
        return []
    wave = max(1, n // STEPS)
    progress.step("replaying learners", total=len(learners) * REPLICATES)
    how = (
        f"Each learner starts from nothing and is replayed through {n:,} decisions of the log,"
        f" {wave:,} at a time, learning from those where it decided as the log did"
        f" (rejection, {REPLICATES} random orders; the band holds all of them)."
    )
    found = []
    for name, learner in learners:
        runs = []
        for replicate in range(REPLICATES):
            chosen = np.random.default_rng([seed, replicate]).permutation(log.n)[:n]
            part = log.take(np.sort(chosen))
            curve, _ = replay_log(part, learner, waves=wave, shuffle=True, seed=seed + replicate)
            runs.append(curve)
            progress.advance(1)
        found.append(_curve(name, how, runs))
    return found


def _curve(name: str, how: str, runs: list[Curve]) -> LearningCurve:
    band = bands([run.running_value for run in runs], confidence=1.0 - 1e-9)
    seen = [round(x) for x in np.cumsum(runs[0].decisions).tolist()]
    return LearningCurve(
        name, how, seen, band.mean.tolist(), band.lower.tolist(), band.upper.tolist()
    )


def _learners(
    logged: Logged, candidates: list[Candidate], ridge: float
) -> Iterator[tuple[str, Learning]]:
    """Learners at their configured widths; rewards are net already, so no values and costs."""
    log = logged.log
    noise = float(np.std(log.rewards)) or 1.0
    for candidate in candidates:
        policy = _policy(logged, candidate, noise)
        if policy is not None:
            prior = Posterior.prior(
                log.n_actions, log.contexts.shape[1], ridge, logged.spec.constant
            )
            yield candidate.label, Learning(cast(Any, policy), prior)


def _policy(logged: Logged, candidate: Candidate, noise: float) -> Policy | None:
    alpha, epsilon = candidate.alpha, candidate.epsilon
    if isinstance(alpha, tuple) or isinstance(epsilon, tuple):
        return None
    if candidate.policy not in REPLAYED:
        return None
    return POLICIES[candidate.policy](Options(alpha, epsilon, noise, tuple(logged.catalogue.order)))
