"""A logged campaign made ready to be replayed: order, waves, thinning and weights."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Bool, Float64, Int32, UInt64
from bandit.kernels.keyed_random import stream_key, uniforms_into
from bandit.replay.curves import Curve
from bandit.replay.protocols import LoggedRows

Form = Literal["rejection", "weighted"]
THINNING = 100
"""Purpose of the thinning draws: apart from all that policies draw for."""


class ReplayRows(NamedTuple):
    """Rows in the order of the replay; wave t is the rows ``starts[t]`` to ``starts[t + 1]``.

    ``survives`` bool[n]: a match of this row is kept; ``weights`` float64[n]: what it then counts;
    ``rewards`` float64[n] are those that came within the window.
    """

    contexts: Array
    eligible: Bool
    actions: Int32
    rewards: Float64
    weights: Float64
    survives: Bool
    keys: UInt64
    starts: npt.NDArray[np.int64]

    def curve(self, matched: Bool) -> Curve:
        """Curve of a replay that kept the rows ``matched`` bool[n]."""
        w = np.where(matched, self.weights, 0.0)
        first = self.starts[:-1]

        def by_wave(values: Float64) -> Float64:
            return np.asarray(np.add.reduceat(values, first), dtype=np.float64)

        return Curve(
            np.diff(self.starts).astype(np.float64),
            by_wave(w),
            by_wave(w * w),
            by_wave(w * self.rewards),
            np.full(len(first), np.nan),
        )


def prepare(
    log: LoggedRows,
    *,
    waves: npt.ArrayLike | int = 1000,
    form: Form = "rejection",
    window: int = 0,
    delays: npt.ArrayLike | None = None,
    floor: float | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> ReplayRows:
    """Make a log ready.

    Parameters
    ----------
    waves
        Rows in a wave, or the wave of each row, int[n], never falling.
    form
        "rejection" keeps a match with probability floor/p, so that what is kept is a sample as if
        the policy had acted (Li, Chu, Langford, Wang 2011, algorithm 2, for a uniform log: every
        match; Mandel, Liu, Brunskill, Popović 2016 where propensities differ). "weighted" keeps
        every match with weight 1/(p·k), k the mean number of eligible actions, both to count and to
        learn: more rows, more variance each. The draws of the policy's own action make both
        unbiased.
    window, delays
        Waves until a window closes, and until each reward came, int[n]; a later one counts zero.
    floor
        Of the thinning; the smallest propensity where absent. Propensities below it are no
        longer fully corrected.
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
    if window < 0:
        raise ConfigError(f"window must be a number of waves of at least 0, it is {window}")
    n = len(log.rewards)
    starts, keys = _starts(waves, n), np.arange(n, dtype=np.uint64)
    rewards = _in_time(log.rewards, delays, window)
    if form == "weighted":
        weights, survives = _mean_choice(log.eligible) / log.propensities, np.ones(n, np.bool_)
    else:
        weights, survives = np.ones(n), _thinned(log.propensities, floor, keys, seed)
    columns = (log.contexts, log.eligible, log.actions, rewards, weights, survives, keys)
    rows_of_log = ReplayRows(*columns, starts=starts)
    if not shuffle:
        return rows_of_log
    order = np.random.default_rng(seed).permutation(n)
    rows = {
        name: getattr(rows_of_log, name)[order] for name in ReplayRows._fields if name != "starts"
    }
    return rows_of_log._replace(**rows)


def _mean_choice(eligible: Bool) -> float:
    """One over the mean number of eligible actions."""
    return 1.0 / float(eligible.sum(axis=1).mean())


def _thinned(propensities: Float64, floor: float | None, keys: UInt64, seed: int) -> Bool:
    """Keep with probability min(1, floor/p), drawn by the row's key."""
    least = float(propensities.min()) if floor is None else floor
    if not 0.0 < least <= 1.0:
        raise ConfigError(f"floor must lie in (0, 1], it is {least}")
    word = 0xFFFFFFFFFFFFFFFF
    stream = stream_key(np.uint64(seed & word), np.uint64(0), np.uint64(0), np.uint64(THINNING))
    draws = np.empty(len(keys))
    uniforms_into(np.uint64(stream), keys, draws)
    return np.asarray(draws * propensities < least)


def _in_time(rewards: Float64, delays: npt.ArrayLike | None, window: int) -> Float64:
    if delays is None:
        return rewards
    late = np.asarray(delays)
    if late.shape != rewards.shape:
        raise DataError(f"delays must be one number a row: {late.shape} for {len(rewards)} rows")
    return np.where(late <= window, rewards, 0.0)


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
