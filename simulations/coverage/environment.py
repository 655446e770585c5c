"""Logs whose policy's value is known: fixed, learning or drifting logging, or no lift at all.

A customer is one of four segments; three actions; a reward of 0 or 1 with a known chance. The
target is the same stochastic policy everywhere. Propensities are written down as they were.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64

SEGMENTS = np.array([0.4, 0.3, 0.2, 0.1])
CHANCE = np.array([[0.20, 0.30, 0.25], [0.35, 0.20, 0.30], [0.15, 0.25, 0.40], [0.50, 0.30, 0.10]])
TARGET = np.array([[0.1, 0.8, 0.1], [0.7, 0.1, 0.2], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
MODEL = np.array([[0.25, 0.25, 0.25], [0.3, 0.25, 0.3], [0.2, 0.25, 0.35], [0.4, 0.3, 0.2]])
"""An outcome model from elsewhere, half right."""
SWING = 0.08
"""How far every chance rises and falls again while the log runs, in the drifting world."""
BATCHES = 20
EXPLORE = 0.3

KINDS = ("fixed", "adaptive", "drifting")


class Simulated(NamedTuple):
    """``rewards``, ``weights``, ``q_logged``, ``q_target`` float64[n], the target's true value."""

    rewards: Float64
    weights: Float64
    q_logged: Float64
    q_target: Float64
    truth: float


def simulate(kind: str, n: int, seed: int) -> Simulated:
    rng = np.random.default_rng([KINDS.index(kind), seed])
    segment = rng.choice(len(SEGMENTS), p=SEGMENTS, size=n)
    coin, bought = rng.random(n), rng.random(n)
    chance = CHANCE[segment]
    if kind == "drifting":
        chance = chance + SWING * np.sin(2 * np.pi * np.arange(n) / n)[:, None]
    if kind == "adaptive":
        logging, actions, rewards = _learning(segment, coin, bought, chance)
    else:
        logging = _fixed(segment) if kind == "fixed" else _drifting(n)
        actions = _draw(logging, coin)
        rewards = _at(chance, actions) > bought
    target = TARGET[segment]
    return Simulated(
        rewards.astype(float),
        _at(target, actions) / _at(logging, actions),
        _at(MODEL[segment], actions),
        np.sum(target * MODEL[segment], axis=1),
        truth(),
    )


def truth() -> float:
    """Value of the target; the swing of a whole period adds nothing on average."""
    return float(SEGMENTS @ np.sum(TARGET * CHANCE, axis=1))


def without_lift(n: int, seed: int) -> tuple[Float64, Float64]:
    """Rewards and weights where no action is better than another: every lift is zero."""
    rng = np.random.default_rng([99, seed])
    segment = rng.choice(len(SEGMENTS), p=SEGMENTS, size=n)
    logging = _fixed(segment)
    actions = _draw(logging, rng.random(n))
    rewards = rng.random(n) < CHANCE[segment, 0]
    return rewards.astype(float), _at(TARGET[segment], actions) / _at(logging, actions)


def _fixed(segment: Array) -> Float64:
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.4, 0.4, 0.2]])
    return np.asarray(shares[segment])


def _drifting(n: int) -> Float64:
    """From mostly the first action to mostly the last."""
    share = np.linspace(0.0, 1.0, n)[:, None]
    return np.asarray((1 - share) * np.array([0.7, 0.2, 0.1]) + share * np.array([0.1, 0.2, 0.7]))


def _learning(
    segment: Array, coin: Float64, bought: Float64, chance: Float64
) -> tuple[Float64, Array, Array]:
    """Epsilon-greedy by segment, learning after each twentieth of the log from all before."""
    n = len(segment)
    logging, actions, rewards = np.empty((n, 3)), np.empty(n, int), np.empty(n, bool)
    seen, wins = np.ones((4, 3)), np.full((4, 3), 0.5)
    for rows in np.array_split(np.arange(n), BATCHES):
        greedy = np.eye(3)[np.argmax(wins / seen, axis=1)]
        logging[rows] = (EXPLORE / 3 + (1 - EXPLORE) * greedy)[segment[rows]]
        actions[rows] = _draw(logging[rows], coin[rows])
        rewards[rows] = _at(chance[rows], actions[rows]) > bought[rows]
        np.add.at(seen, (segment[rows], actions[rows]), 1.0)
        np.add.at(wins, (segment[rows], actions[rows]), rewards[rows])
    return logging, actions, rewards


def _draw(chances: Float64, coin: Float64) -> Array:
    return np.asarray((coin[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2))


def _at(table: Float64, actions: np.ndarray) -> Float64:
    return np.asarray(table[np.arange(len(actions)), actions])
