"""Calls of the winning probability from arrays."""

from __future__ import annotations

import numpy as np

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, win_probability

_winning_probability = entered(win_probability.winning_probability)


def normal_wins(centres, scales, own: int) -> float:
    """P(normal ``own`` is the largest)."""
    scratch = alike_rivals.empty_scratch(len(centres))
    scratch.centres[: len(centres)] = np.asarray(centres)
    scratch.scales[: len(centres)] = np.asarray(scales)
    return float(_winning_probability(len(centres), own, scratch, False))
