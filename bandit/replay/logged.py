"""Replay of a learning policy through a logged campaign.

In each wave the policy decides for everybody who was there; only where its decision is the logged
one is an outcome known, and only from these does it learn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.errors import ConfigError, DataError
from bandit.kernels.keyed_random import stream_key
from bandit.kernels.replay_match import matches_into
from bandit.replay.curves import Curve
from bandit.replay.feedback import Batch, Feedback
from bandit.replay.protocols import Learner, LoggedRows
from bandit.types import Array, Bool, Float64, Int32, UInt64

Form = Literal["rejection", "weighted"]
THINNING = 100
"""Purpose of the thinning draws: apart from all that policies draw for."""


def replay_log(
    log: LoggedRows,
    learner: Learner,
    *,
    waves: npt.ArrayLike | int = 1000,
    form: Form = "rejection",
    window: int = 0,
    delays: npt.ArrayLike | None = None,
    floor: float | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> tuple[Curve, Learner]:
    """Decide on a wave, learn from what matched, go on; returns the curve and the taught learner.

    Parameters
    ----------
    waves
        Rows in a wave, or the wave of each row, int[n], never falling.
    form
        "rejection" keeps a match with probability floor/p, so that what is kept is a sample as if
        the policy had acted (uniform log: every match). "weighted" keeps every match with
        weight 1/p and learns with weight 1/(p·k), k the mean number of eligible actions: more
        rows, more variance each. The draws of the policy's own action make both unbiased.
    window, delays
        Waves until a window closes, and until each reward came, int[n] (see `Feedback`).
    floor
        Of the thinning; the smallest propensity where absent. Above it small propensities are
        no longer fully corrected.
    shuffle
        Another order of the rows for each seed: replicates of a log whose rows are exchangeable.

    Raises
    ------
    DataError
        A log without propensities, or arrays of other lengths.
    ConfigError
        An unknown form, a wave of no rows, a negative window.
    """
    if log.propensities is None:
        raise DataError("this log has no propensities: no policy can be replayed through it")
    if form not in ("rejection", "weighted"):
        raise ConfigError(f"unknown form {form!r} of a replay; choose rejection or weighted")
    n = len(log.rewards)
    rows = _Rows(log, log.propensities, _delays(delays, n), n, seed if shuffle else None)
    least = float(log.propensities.min()) if floor is None else floor
    stream = np.uint64(stream_key(np.uint64(seed), np.uint64(0), np.uint64(0), np.uint64(THINNING)))
    reference = 1.0 / float(log.eligible.sum(axis=1).mean())
    starts = _starts(waves, n)
    feedback, table = Feedback(window), np.zeros((len(starts) - 1, 5))
    for wave, (start, stop) in enumerate(pairwise(starts.tolist())):
        learner = feedback.teach(learner, wave)
        here = rows.between(start, stop)
        choice = learner.choose(here.contexts, here.eligible, here.keys, wave_seed(seed, wave))
        kept = np.empty(len(here.keys), dtype=np.int64)
        thin = least if form == "rejection" else 0.0
        count = matches_into(
            choice.action, here.actions, here.propensities, thin, stream, here.keys, kept
        )
        batch = here.batch(kept[:count], form, reference)
        feedback.add(wave, batch)
        w = batch.weights
        table[wave] = len(here.keys), w.sum(), w @ w, w @ batch.rewards, np.nan
    return Curve(*np.ascontiguousarray(table.T)), learner


class _Rows:
    """Rows of a log, in its order or another."""

    def __init__(
        self,
        log: LoggedRows,
        propensities: Float64,
        delays: npt.NDArray[np.int64] | None,
        n: int,
        shuffle_seed: int | None,
    ) -> None:
        self._log, self._propensities, self._delays = log, propensities, delays
        shuffled = shuffle_seed is not None
        self._order = np.random.default_rng(shuffle_seed).permutation(n) if shuffled else None

    def between(self, start: int, stop: int) -> _Wave:
        """Rows of one wave: views where the order is that of the log."""
        rows: Array | slice = slice(start, stop)
        keys = np.arange(start, stop, dtype=np.uint64)
        if self._order is not None:
            rows = self._order[start:stop]
            keys = rows.astype(np.uint64)
        log = self._log
        return _Wave(
            log.contexts[rows],
            log.eligible[rows],
            log.actions[rows],
            log.rewards[rows],
            self._propensities[rows],
            None if self._delays is None else self._delays[rows],
            keys,
        )


class _Wave(NamedTuple):
    """One wave's rows."""

    contexts: Array
    eligible: Bool
    actions: Int32
    rewards: Float64
    propensities: Float64
    delays: npt.NDArray[np.int64] | None
    keys: UInt64

    def batch(self, kept: npt.NDArray[np.int64], form: Form, reference: float) -> Batch:
        """Rows that were kept, with the weight that each is learned and counted with."""
        weights = np.ones(len(kept)) if form == "rejection" else reference / self.propensities[kept]
        return Batch(
            self.contexts[kept],
            self.actions[kept],
            self.rewards[kept],
            weights,
            None if self.delays is None else self.delays[kept],
        )


def _starts(waves: npt.ArrayLike | int, n: int) -> npt.NDArray[np.int64]:
    """First row of each wave, and n."""
    if isinstance(waves, int):
        if waves < 1:
            raise ConfigError(f"a wave needs at least one row, got {waves}")
        return np.append(np.arange(0, n, waves), n)
    labels = np.asarray(waves)
    if labels.shape != (n,) or np.any(labels[1:] < labels[:-1]):
        raise DataError(
            f"waves must be one number a row that never falls, their shape is {labels.shape}"
        )
    return np.append(np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]]), n)


def _delays(values: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64] | None:
    if values is None:
        return None
    delays = np.asarray(values, dtype=np.int64)
    if delays.shape != (n,):
        raise DataError(f"delays must be one number a row: {delays.shape} for {n} rows")
    return delays


def wave_seed(seed: int, wave: int) -> int:
    """Seed of one wave's draws."""
    return int(np.random.SeedSequence([seed, wave]).generate_state(1, np.uint32)[0])
