"""A campaign is looked at after every wave: how sure a verdict must be at this look."""

from __future__ import annotations

import numpy as np

from bandit import experiments
from bandit.config.simulation import Simulate
from bandit.stats.bounds import SEQUENCES
from bandit.stats.quantiles import normal_tail
from bandit.workflows.judge.logged import Logged


def at_this_look(logged: Logged, settings: Simulate) -> tuple[float, int]:
    """Two-sided confidence of this look's intervals, and how many looks there have been.

    The record keeps the looks: each closed wave of the campaign is one, so that the same record
    gives the same verdict however often it is asked. A side spends 1 - confidence over all looks
    that will ever be, along `experiments.open_ended`. A log that stands still, a verdict that is
    asked once (``looks = "once"``) and intervals that hold at any time keep the confidence as it
    was asked for.
    """
    looked = () if logged.waves is None else logged.waves.looked
    once = settings.looks == "once" or settings.interval in SEQUENCES
    if not looked or once:
        return settings.confidence, 1
    limits = experiments.open_ended(looked, alpha=2.0 * (1.0 - settings.confidence))
    limit = float(limits[np.isfinite(limits)][-1])
    return 1.0 - normal_tail(limit), len(looked)
