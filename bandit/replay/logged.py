"""Replay of a learning policy through a logged campaign.

In each wave the policy decides for everybody who was there; only where its decision is the logged
one is an outcome known, and only from these does it learn.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bandit.core.errors import ConfigError
from bandit.core.types import Bool
from bandit.kernels.linear.replay_lin_ucb import matches_into
from bandit.replay.curves import Curve
from bandit.replay.feedback import Batch, Feedback, wave_seed
from bandit.replay.protocols import Learner, LoggedRows
from bandit.replay.rows import Form, prepare


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

    Options and errors as in `bandit.replay.rows.prepare`.
    """
    rows = prepare(
        log,
        waves=waves,
        form=form,
        window=window,
        delays=delays,
        floor=floor,
        shuffle=shuffle,
        seed=seed,
    )
    feedback, matched = Feedback(window), np.zeros(len(rows.actions), dtype=np.bool_)
    for wave, (start, stop) in enumerate(pairwise(rows.starts.tolist())):
        here = slice(start, stop)
        learner = feedback.teach(learner, wave)
        choice = learner.choose(
            rows.contexts[here], rows.eligible[here], rows.keys[here], wave_seed(seed, wave)
        )
        matched[here] = (choice.action == rows.actions[here]) & rows.survives[here]
        kept = start + np.flatnonzero(matched[here])
        columns = (rows.contexts, rows.actions, rows.rewards, rows.weights)
        feedback.add(wave, Batch(*(column[kept] for column in columns)))
    return rows.curve(matched), learner


def replay_lin_ucb(
    log: LoggedRows,
    *,
    alpha: float = 1.0,
    ridge: float = 1.0,
    waves: npt.ArrayLike | int = 1000,
    form: Form = "rejection",
    window: int = 0,
    delays: npt.ArrayLike | None = None,
    floor: float | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> Curve:
    """Replay LinUCB in one compiled call: the curve of `replay_log`, many times faster.

    For sweeps over ``alpha`` and ``ridge`` and for bands over replicates. Other options and errors
    as in `bandit.replay.rows.prepare`.
    """
    if not (alpha >= 0.0 and np.isfinite(alpha) and ridge > 0.0 and np.isfinite(ridge)):
        raise ConfigError(f"alpha must be at least 0 and ridge above it, got {alpha} and {ridge}")
    rows = prepare(
        log,
        waves=waves,
        form=form,
        window=window,
        delays=delays,
        floor=floor,
        shuffle=shuffle,
        seed=seed,
    )
    matched = np.zeros(len(rows.actions), dtype=np.bool_)
    matches_into(
        np.ascontiguousarray(rows.contexts),
        _restricted(rows.eligible),
        rows.actions,
        rows.survives,
        rows.rewards,
        rows.weights,
        rows.starts,
        window,
        rows.eligible.shape[1],
        float(alpha),
        float(ridge),
        matched,
    )
    return rows.curve(matched)


def _restricted(eligible: Bool) -> Bool:
    """Eligible actions as stored, or no rows at all where everything is allowed to everybody."""
    if eligible.strides[0] == 0 and eligible.all():
        return np.zeros((0, eligible.shape[1]), dtype=np.bool_)
    return np.ascontiguousarray(eligible)
