"""A second policy decides beside the served one, from the same sets; its picks are only noted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandit.core.types import Array, Float32, Float64, Int32
from bandit.models.moved import TakenMean
from bandit.policies.choice_request import checked
from bandit.policies.policy import Policy
from bandit.workflows.live.rebuilt import Person
from bandit.workflows.live.together import Filled
from bandit.workflows.serve.plan import alone, number_of
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Taken, Wave

Beside = list[tuple[int, float]]
"""Of each slot what the shadow picked, and the probability that it gives to what was done."""


class Tally:
    """What shadows have come to; ``lift`` sums expected worth."""

    def __init__(self) -> None:
        self.decisions = 0
        self.agreed = self.lift = 0.0

    def add(
        self, wave: Wave, mean: TakenMean, ready: Prepared, rows: Array,
        done: Int32, picked: Int32, chance: Float64,
    ) -> None:  # fmt: skip
        """Take in ``picked`` int32[m] beside what was ``done`` for customers ``rows`` int64[m].

        ``chance`` float64[m] is the probability that the shadow gives to what was done.
        """
        worth = _worth(wave, mean, ready, rows, picked) - _worth(wave, mean, ready, rows, done)
        self.decisions += len(rows)
        self.agreed += float(chance.sum())
        self.lift += float(worth.sum())

    def add_sealed(
        self, wave: Wave, mean: TakenMean, ready: Prepared, people: Sequence[Person]
    ) -> None:
        """Take in what stands beside the decisions of people, who are ``ready`` in their order."""
        found = [
            (row, slot.action, *mine)
            for row, person in enumerate(people)
            for (slot, _), mine in zip(person.slots, person.beside, strict=True)
            if mine is not None
        ]
        if found:
            rows, done, picked, chance = zip(*found, strict=True)
            self.add(
                wave, mean, ready, np.array(rows), np.array(done, np.int32),
                np.array(picked, np.int32), np.array(chance),
            )  # fmt: skip


class Shadow:
    """Of one generation's wave; ``mean`` is its posterior's."""

    def __init__(self, wave: Wave, mean: TakenMean, tally: Tally) -> None:
        asked = wave.run.campaign.shadow
        self._mean, self._tally = mean, tally
        self._policy: Policy | None = None
        if asked is not None:
            actions, noise = wave.plan.actions, wave.posterior.noise_scale
            self._policy = alone(asked, actions, wave.catalogue.offers, noise)

    def beside(self, wave: Wave, filled: Filled, ready: Prepared) -> list[Beside]:
        """What it would have picked for the customers that stand; nothing without a shadow."""
        found: list[Beside] = [[] for _ in filled.used]
        if self._policy is None:
            return found
        for taken in filled.taken:
            standing = taken.rows < len(filled.used)
            if not standing.any():
                continue
            rows, done = taken.rows[standing], taken.choice.action[standing]
            picked, chance = _picked(self._policy, wave, ready, taken, standing)
            self._tally.add(wave, self._mean, ready, rows, done, picked, chance)
            for row, action, p in zip(rows, picked.tolist(), chance.tolist(), strict=True):
                found[row].append((action, p))
        return found


def _worth(wave: Wave, mean: TakenMean, ready: Prepared, rows: Array, action: Int32) -> Float32:
    """Expected worth float32[m] of actions, before prices."""
    reward = mean.of(ready.contexts[rows], action, len(rows))
    value = ready.values[rows, action] if ready.values.ndim == 2 else ready.values[action]
    return np.asarray(value * reward - wave.plan.costs[action], np.float32)


def _picked(
    policy: Policy, wave: Wave, ready: Prepared, taken: Taken, standing: Array
) -> tuple[Int32, Float64]:
    """The policy's own picks int32[m], and the probability float64[m] of what was done."""
    rows, plan = taken.rows[standing], wave.plan
    request = checked(
        wave.posterior,
        ready.contexts[rows],
        eligible=taken.allowed[standing],
        values=ready.values if ready.values.ndim == 1 else ready.values[rows],
        costs=plan.costs + plan.prices[ready.population[rows]],
        keys=ready.keys[rows],
        seed=wave.run.seed,
        wave=number_of(wave.run.wave),
        draw=taken.placement.draw + taken.slot - 1,
    )
    decided = policy.decide(request)
    return decided, policy.propensity(request, taken.choice.action[standing], decided)
