"""Rewards of several waves in one unit: those of before [reward.events] beside later ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.config.worths import in_money
from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Float64
from bandit.record.waves import Wave


class Told(NamedTuple):
    """``value`` of a unit of ``reward``, float64[n] each."""

    value: Float64
    reward: Float64


def of(
    wave: Wave,
    actions: ActionSpace,
    action: Array,
    value: Float64,
    reward: Float64,
    *,
    money: bool,
) -> Told:
    """Decisions of a wave for ``action`` int[n] of ``actions``, as they are judged.

    With ``money`` a unit of reward is money, as it is with [reward.events], wherever the value is
    the same for everybody.
    """
    if not money or wave.worths is not None:
        return Told(value, reward)
    offers = wave.manifest.offers or ()
    fixed = wave.actions.align(in_money(offers, wave.actions), actions)[action]
    return Told(np.where(fixed, 1.0, value), np.where(fixed, value * reward, reward))
