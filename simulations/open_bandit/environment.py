"""The logs of the Open Bandit Dataset, and the probabilities of its two policies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandit.core.types import Float64
from bandit.logs.open_bandit import read_open_bandit, read_open_bandit_prior
from bandit.ope import Log

CAMPAIGNS = ("all", "men", "women")
POSITIONS = 3
PUBLISHED_DRAWS, PUBLISHED_SEED = 100_000, 12345
BLOCK = 10_000


@dataclass(frozen=True)
class Experiment:
    """A log, and the probability of each action in each position under the policy judged."""

    log: Log
    target: Float64  # [k, positions]

    @property
    def weights(self) -> Float64:
        if self.log.propensities is None:
            raise TypeError("a log of Open Bandit has propensities")
        return np.asarray(self.target[self.log.actions, self.log.positions] / self.log.propensities)

    @property
    def target_rows(self) -> Float64:
        """[n, k], for outcome models and overlap."""
        return self.target[:, self.log.positions].T


def load(folder: Path, policy: str, campaign: str) -> Log:
    return Log.of(**read_open_bandit(folder, policy, campaign)._asdict())


def bernoulli_ts(folder: Path, campaign: str, draws: int = PUBLISHED_DRAWS) -> Float64:
    """How often each item comes into each position when the production priors are drawn."""
    alpha, beta = read_open_bandit_prior(folder / "bts_prior.parquet", campaign)
    state = np.random.RandomState(PUBLISHED_SEED)
    count = np.zeros((len(alpha), POSITIONS))
    for start in range(0, draws, BLOCK):
        sample = state.beta(alpha, beta, size=(min(BLOCK, draws - start), len(alpha)))
        best = np.argsort(-sample, axis=1)[:, :POSITIONS]
        for position in range(POSITIONS):
            count[:, position] += np.bincount(best[:, position], minlength=len(alpha))
    return count / draws


def random_to_bts(folder: Path, campaign: str) -> Experiment:
    return Experiment(load(folder, "random", campaign), bernoulli_ts(folder, campaign))


def bts_to_uniform(folder: Path, campaign: str) -> Experiment:
    log = load(folder, "bts", campaign)
    return Experiment(log, np.full((log.n_actions, POSITIONS), 1.0 / log.n_actions))
