"""What a replay asks of a policy, of a log and of a world; it imports none of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from bandit.core.types import Array, Bool, Choice, Float64, Int32, UInt64


class Learner(Protocol):
    """Something that decides and learns; a new one comes back from `update`."""

    def choose(self, contexts: Array, eligible: Bool, keys: UInt64, seed: int) -> Choice:
        """Decide for n customers: ``contexts`` float32[n, d], ``eligible`` bool[n, k]."""

    def update(self, contexts: Array, actions: Int32, rewards: Float64, weights: Float64) -> Self:
        """Learn from rows whose outcome is known."""


class LoggedRows(Protocol):
    """A logged campaign in the order of time, as `bandit.ope.log.Log`."""

    @property
    def contexts(self) -> Array:
        """Features, float32[n, d]."""

    @property
    def eligible(self) -> Bool:
        """What might have been taken, bool[n, k]."""

    @property
    def actions(self) -> Int32:
        """What was taken, int32[n]."""

    @property
    def propensities(self) -> Float64 | None:
        """With which probability, float64[n]."""

    @property
    def rewards(self) -> Float64:
        """What it earned, float64[n]."""


class Customers(NamedTuple):
    """Who is decided about in one wave: float32[n, d], bool[n, k], uint64[n]."""

    contexts: Array
    eligible: Bool
    keys: UInt64


class World(Protocol):
    """A generated world whose truth is known."""

    def customers(self, wave: int) -> Customers:
        """Who is there in a wave."""

    def expected(self, wave: int, customers: Customers) -> Float64:
        """True mean reward of every action, float64[n, k]."""

    def outcomes(
        self, wave: int, customers: Customers, actions: Int32, seed: int
    ) -> tuple[Float64, npt.NDArray[np.int64]]:
        """Draw rewards float64[n] and the waves until each is known, int64[n]."""
