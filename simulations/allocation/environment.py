"""A telecom-like allocation: offers on channels, taste by customer, tight caps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CHANNELS = 5


class Wave(NamedTuple):
    values: np.ndarray
    usage: np.ndarray
    limits: np.ndarray


def wave(customers: int, actions: int = 80, seed: int = 0) -> Wave:
    """Capacity per channel and budget per offer; nearly all of them bind.

    v = base(offer)·exp(taste(customer, offer) + taste(customer, channel)) − cost(channel) + noise
    """
    r = np.random.default_rng(seed)
    offers = actions // CHANNELS
    base = r.gamma(2.0, 1.0, offers)
    values = np.empty((customers, actions), np.float32)
    for start in range(0, customers, 100_000):
        part = values[start : start + 100_000]
        taste = 0.42 * r.standard_normal((len(part), offers, 1), dtype=np.float32)
        reach = 0.2 * r.standard_normal((len(part), 1, CHANNELS), dtype=np.float32)
        noise = 0.1 * r.standard_normal((len(part), offers, CHANNELS), dtype=np.float32)
        cost = 0.5 + 0.1 * np.arange(CHANNELS, dtype=np.float32)
        worth = base.astype(np.float32)[:, None] * np.exp(taste + reach) - cost + noise
        part[:] = worth.reshape(len(part), actions)
    action = np.arange(actions)
    usage = np.zeros((actions, CHANNELS + offers))
    usage[action, action % CHANNELS] = 1
    usage[action, CHANNELS + action // CHANNELS] = 1
    channel = np.array([0.25, 0.15, 0.1, 0.05, 0.02])
    share = np.concatenate([channel, r.uniform(0.01, 0.06, offers)])
    return Wave(values, usage, np.floor(customers * share))
