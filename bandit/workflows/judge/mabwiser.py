"""A MABWiser policy as a candidate, fitted on the other folds; its choice is taken as certain."""

from __future__ import annotations

from typing import Any

from bandit.config.simulation import Candidate
from bandit.core.types import Bool
from bandit.policies.mabwiser import MabwiserPolicy
from bandit.workflows.judge.logged import Logged


def fitted(logged: Logged, candidate: Candidate, rows: Bool, seed: int) -> MabwiserPolicy:
    """Fit on ``rows`` of the log, with the rewards as they came."""
    policy = MabwiserPolicy.of(logged.catalogue.k, _learning(candidate), seed=seed)
    return policy.learn(logged.log.contexts[rows], logged.log.actions[rows], logged.rewards[rows])


def _learning(candidate: Candidate) -> Any:
    from mabwiser.mab import LearningPolicy  # noqa: PLC0415 - slow to import, needed here only

    alpha, epsilon = candidate.alpha, candidate.epsilon
    match candidate.learning:
        case "lin_ucb":
            return LearningPolicy.LinUCB(alpha=alpha)
        case "lin_greedy":
            return LearningPolicy.LinGreedy(epsilon=epsilon)
        case "epsilon_greedy":
            return LearningPolicy.EpsilonGreedy(epsilon=epsilon)
        case "ucb1":
            return LearningPolicy.UCB1(alpha=alpha)
        case "softmax":
            return LearningPolicy.Softmax()
