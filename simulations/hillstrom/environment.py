"""Hillstrom's e-mail test as a log, and the policies that need no learning."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bandit.core.types import Array, Float64
from bandit.logs.open_bandit import read_hillstrom
from bandit.ope import Log

NO_MAIL, MENS, WOMENS = range(3)
ARMS = ("no mail", "men's mail", "women's mail")
_BOUGHT_MENS, _BOUGHT_WOMENS = 2, 3  # among the reader's contexts


def load(file: Path, outcome: str = "spend") -> Log:
    """64,000 customers; propensities are the arms' shares, contexts standardised, intercept last.

    Each arm got a third by design; dividing by the share it really got makes IPS of a constant
    policy the arm's mean, as stratifying would.
    """
    columns = read_hillstrom(file, outcome)._asdict()
    x = columns["contexts"].astype(np.float64)
    x = np.column_stack([(x - x.mean(axis=0)) / x.std(axis=0), np.ones(len(x))])
    shares = np.bincount(columns["actions"]) / len(x)
    return Log.of(
        **{**columns, "contexts": x, "propensities": shares[columns["actions"]]},
    )


def constant(log: Log, arm: int) -> Float64:
    """Everybody gets `arm`: probabilities float64[n, 3]."""
    return np.asarray(np.eye(3)[np.full(log.n, arm)])


def rule(log: Log) -> Float64:
    """Women's mail to those who have bought women's assortment only, men's to all others."""
    only_womens = (log.contexts[:, _BOUGHT_WOMENS] > 0) & (log.contexts[:, _BOUGHT_MENS] < 0)
    return np.eye(3)[np.where(only_womens, WOMENS, MENS)]


def uniform(log: Log) -> Array:
    """A third each."""
    return np.full((log.n, 3), 1.0 / 3.0)
