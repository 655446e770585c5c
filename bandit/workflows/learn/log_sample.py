"""A keyed part of a log that is taken in, kept to ask whether it was randomised as it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from bandit.core.types import Array, Bool, Float64
from bandit.ope.balance import CONFOUNDED, MOST_ROWS, balance, explained
from bandit.ope.log import Log


class LogSample:
    """Contexts, actions and propensities of about `MOST_ROWS` rows, whole customers together."""

    def __init__(self, seed: int, rows: int) -> None:
        self._seed = seed
        self._edge = min(MOST_ROWS / max(rows, 1), 1.0)
        self._parts: list[tuple[Array, Array, Float64, Array]] = []

    def add(self, ids: pa.Array, contexts: Array, action: Array, propensity: Float64) -> None:
        """See a batch of the log."""
        keys = pl.Series("", pl.from_arrow(ids)).hash(seed=self._seed).to_numpy()
        rows = np.flatnonzero(keys.astype(np.float64) <= self._edge * 2.0**64)
        self._parts.append((contexts[rows], action[rows], propensity[rows], keys[rows]))

    def doubts(self, offered: Bool, actions: Sequence[str], features: Sequence[str]) -> list[str]:
        """Why no causal claim may rest on the log, if so; ``offered`` bool[k] are its actions."""
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        if not columns or len(columns[0]) < 2:
            return []
        contexts, action, propensity, keys = columns
        log = Log.of(
            actions=action,
            rewards=np.zeros(len(action)),
            contexts=contexts,
            propensities=propensity,
            eligible=np.broadcast_to(offered, (len(action), len(offered))),
            clusters=keys,
        )
        found = balance(log, self._seed)
        if found.p >= CONFOUNDED:
            return []
        return [
            f"{explained(found, actions, features)}; what is learned from it may be what customers"
            " would do anyway"
        ]
