"""A MABWiser policy as a candidate, fitted on the other folds; its choice is taken as certain."""

from __future__ import annotations

from typing import Any

from bandit.config.simulation import Candidate
from bandit.core.types import Bool
from bandit.policies.mabwiser import MabwiserPolicy, library
from bandit.workflows.judge.logged import Logged


def fitted(logged: Logged, candidate: Candidate, rows: Bool, seed: int) -> MabwiserPolicy:
    """Fit on ``rows`` of the log, with the rewards as they came."""
    policy = MabwiserPolicy.of(logged.catalogue.k, _learning(candidate), seed=seed)
    return policy.learn(logged.log.contexts[rows], logged.log.actions[rows], logged.rewards[rows])


def _learning(candidate: Candidate) -> Any:
    policies = library().LearningPolicy
    alpha, epsilon = candidate.alpha, candidate.epsilon
    match candidate.learning:
        case "lin_ucb":
            return policies.LinUCB(alpha=alpha)
        case "lin_greedy":
            return policies.LinGreedy(epsilon=epsilon)
        case "epsilon_greedy":
            return policies.EpsilonGreedy(epsilon=epsilon)
        case "ucb1":
            return policies.UCB1(alpha=alpha)
        case "softmax":
            return policies.Softmax()
