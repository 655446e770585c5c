"""Policies with their state, in the form that a replay takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

from bandit.core.types import Array, Bool, Choice, Float64, Int32, UInt64


class _Policy(Protocol):
    @property
    def choose(self) -> Callable[..., Choice]: ...


class _Posterior(Protocol):
    def update(
        self, contexts: Array, actions: Array, rewards: Array, weights: Array | None = None
    ) -> Self: ...


class _SelfLearner(_Policy, Protocol):
    def learn(self, contexts: Array, actions: Array, rewards: Array) -> Self: ...


@dataclass(frozen=True)
class Learning:
    """A pure policy and its posterior; ``values`` and ``costs`` as in ``policy.choose``."""

    policy: _Policy
    posterior: _Posterior
    values: Array | None = None
    costs: Array | None = None

    def choose(self, contexts: Array, eligible: Bool, keys: UInt64, seed: int) -> Choice:
        """Decide with what is known."""
        return self.policy.choose(
            self.posterior,
            contexts,
            eligible=eligible,
            values=self.values,
            costs=self.costs,
            keys=keys,
            seed=seed,
        )

    def update(
        self, contexts: Array, actions: Int32, rewards: Float64, weights: Float64
    ) -> Learning:
        """Add the rows to the posterior."""
        return replace(self, posterior=self.posterior.update(contexts, actions, rewards, weights))


@dataclass(frozen=True)
class SelfLearning:
    """A policy that keeps what it learned itself, such as MABWiser's; weights are not for it."""

    policy: _SelfLearner

    def choose(self, contexts: Array, eligible: Bool, keys: UInt64, seed: int) -> Choice:
        """Decide with what is known."""
        return self.policy.choose(None, contexts, eligible=eligible, keys=keys, seed=seed)

    def update(
        self, contexts: Array, actions: Int32, rewards: Float64, weights: Float64
    ) -> SelfLearning:
        """Let the policy learn the rows, each once."""
        del weights
        return SelfLearning(self.policy.learn(contexts, actions, rewards))
