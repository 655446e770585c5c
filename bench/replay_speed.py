"""Replay of LinUCB against `mabwiser.simulator.Simulator` on the same log.

The peer is called as its documentation does: metrics and all, one bandit, the log in order, the
second half played. Online it predicts a batch and then learns all of it; offline (batch_size 0) it
predicts the second half at once. Ours plays the whole log by rejection, in waves of the same size.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.replay import replay_lin_ucb

BAR = 500.0
ROUNDS = 3
SHAPES = ((10, 20), (20, 32))
MODES = (
    ("event by event", 1, 2_000), ("batches of 100", 100, 10_000),
    ("batches of 1,000", 1_000, 20_000), ("batches of 10,000", 10_000, 20_000),
    ("offline", 0, 20_000),
)  # fmt: skip
"""Name, the Simulator's batch_size, and its rows. More event by event would take minutes; batches
of 10,000 make MABWiser 2.7.4 fail above 11,000 played rows (its chunk never advances)."""


class Speed(NamedTuple):
    """Events of the log a second of processor time; ``rows`` the peer was given."""

    mode: str
    k: int
    d: int
    rows: int
    ours: float
    mabwiser: float

    @property
    def ratio(self) -> float:
        """How many times faster."""
        return self.ours / self.mabwiser


def uniform_log(n: int, k: int, d: int) -> ope.Log:
    """Actions drawn evenly, rewards by a logistic model."""
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(n, d)), rng.normal(size=(k, d)) / np.sqrt(d)
    actions = rng.integers(0, k, n)
    chance = 1 / (1 + np.exp(-np.einsum("nd,nd->n", x, theta[actions])))
    return ope.Log.of(
        actions=actions,
        rewards=(rng.random(n) < chance).astype(float),
        contexts=x,
        propensities=np.full(n, 1 / k),
        n_actions=k,
    )


def speeds(rows: int) -> list[Speed]:
    """Every mode at every shape; in turns, the best of each."""
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="A single label was found")
    found = []
    for k, d in SHAPES:
        log = uniform_log(rows, k, d)
        found += [_speed(log, mode, size, min(most, rows)) for mode, size, most in MODES]
    return found


def _speed(log: ope.Log, mode: str, size: int, peer_rows: int) -> Speed:
    """The peer plays half of its rows and is credited with all of them."""
    part, wave = log.take(np.arange(peer_rows)), size or log.n // 2
    replay_lin_ucb(part, waves=wave)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        replay_lin_ucb(log, waves=wave)
        ours.append(log.n / (time.process_time() - start))
        theirs.append(peer_rows / _mabwiser(part, size))
    return Speed(mode, log.n_actions, log.contexts.shape[1], peer_rows, max(ours), max(theirs))


def _mabwiser(log: ope.Log, size: int) -> float:
    from mabwiser.mab import MAB, LearningPolicy
    from mabwiser.simulator import Simulator

    bandit = MAB(list(range(log.n_actions)), LearningPolicy.LinUCB(alpha=1.0))
    simulator = Simulator(
        [("LinUCB", bandit)],
        log.actions,
        log.rewards,
        contexts=log.contexts.astype(float),
        test_size=0.5,
        is_ordered=True,
        batch_size=min(size, log.n // 2),
    )
    start = time.process_time()
    simulator.run()
    return time.process_time() - start


def markdown(found: list[Speed]) -> str:
    """One row a mode and shape."""
    lines = [
        "| Simulator | k | d | rows | ours, events/s | MABWiser, events/s | times | bar met |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in found:
        met = "yes" if s.ratio >= BAR else "no"
        lines.append(
            f"| {s.mode} | {s.k} | {s.d} | {s.rows:,} | {s.ours:,.0f} | {s.mabwiser:,.0f} |"
            f" {s.ratio:,.0f} | {met} |"
        )
    return "\n".join(lines) + "\n"
