"""What the policy may take while prices move, as the search for prices asks it."""

from __future__ import annotations

from typing import NamedTuple

from bandit.allocation.passes import Contenders, told
from bandit.allocation.problem import Problem
from bandit.core.types import Float64
from bandit.policies.contest import Box
from bandit.workflows.serve.decide import contested
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave


class Drawn(NamedTuple):
    """A batch for which the policy draws by ``seed``: a `Telling`."""

    wave: Wave
    batch: Prepared
    seed: int

    def contenders(self, problem: Problem, low: Float64, high: Float64) -> Contenders:
        """See `Telling`."""
        found = contested(self.wave, self.batch, self.seed, Box(low, high))
        return told(*found, problem, low, high)
