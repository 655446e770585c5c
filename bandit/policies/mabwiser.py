"""Any MABWiser policy in a replay: its choice is taken as certain (a distribution of 0 and 1)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from bandit.checks.arrays import check_actions, check_contexts, check_vector
from bandit.core.errors import DataError, UsageError
from bandit.core.types import Array, Float64, Int32
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.policy import DeterministicPolicy, best_action


def library() -> Any:
    """The module `mabwiser.mab`; UsageError says what to install where it is missing."""
    try:
        return import_module("mabwiser.mab")
    except ImportError:
        raise UsageError(
            'MABWiser is not installed; pip install "mabwiser>=2.7.4,<3" to compare with it'
        ) from None


@dataclass(frozen=True, eq=False)
class MabwiserPolicy(DeterministicPolicy):
    """A fitted `mabwiser.mab.MAB` whose arms are 0, 1, ..., k − 1.

    The model learns through `learn`, not through a posterior. Each call works on a copy, so the
    model's own random numbers depend on what it has learned, not on how often it was asked.

    References
    ----------
    Strong, Kleynhans, Kadıoğlu (2021), MABWiser: parallelizable contextual multi-armed bandits,
    International Journal on Artificial Intelligence Tools 30(4).
    """

    model: Any

    @classmethod
    def of(
        cls, n_actions: int, learning: Any, neighborhood: Any = None, seed: int = 123456
    ) -> MabwiserPolicy:
        """Wrap a learning (and neighbourhood) policy of MABWiser for ``n_actions`` arms."""
        return cls(library().MAB(list(range(n_actions)), learning, neighborhood, seed=seed))

    def learn(self, contexts: Array, actions: Array, rewards: Array) -> MabwiserPolicy:
        """Return the policy after ``partial_fit`` on n rows."""
        x = check_contexts(contexts, np.shape(contexts)[-1])
        taken = check_actions(actions, x.shape[0], len(self.model.arms))
        model = deepcopy(self.model)
        learn = model.partial_fit if model._is_initial_fit else model.fit
        reward = check_vector("rewards", rewards, x.shape[0])
        if model.is_contextual:
            learn(taken, reward, x.astype(np.float64))
        else:
            learn(taken, reward)
        return MabwiserPolicy(model)

    def decide(self, request: ChoiceRequest) -> Int32:
        """Take the eligible action whose expectation is worth most."""
        return best_action(request, self.score_table(request))

    def score_of(self, request: ChoiceRequest, action: Int32) -> Float64:
        """MABWiser's expectation of one action a row."""
        return self.score_table(request)[np.arange(request.n), action]

    def score_table(self, request: ChoiceRequest) -> Float64:
        """MABWiser's expectations, float64[n, k]; NaN and infinity are refused."""
        arms = self.model.arms
        if arms != list(range(request.k)):
            raise DataError(f"a MABWiser model needs the arms 0 to {request.k - 1}, it has {arms}")
        model = deepcopy(self.model)
        if model.is_contextual:
            answer = model.predict_expectations(request.contexts.astype(np.float64))
        else:
            answer = [model.predict_expectations()] * request.n
        rows = [answer] if isinstance(answer, dict) else answer
        table = np.array([[row[a] for a in arms] for row in rows], dtype=np.float64)
        table = table.reshape(request.n, request.k)
        if not np.isfinite(table).all():
            raise DataError("MABWiser's expectations must be finite; was every arm fitted?")
        return table
