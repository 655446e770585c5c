"""What came of several waves in one unit, and how many events of each kind of [reward.events]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.worths import in_money
from bandit.core.actions import ActionSpace
from bandit.core.types import Array, Float64
from bandit.record import attribution
from bandit.record.decisions import Decisions
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


def counted(
    campaign: Campaign,
    connection: duckdb.DuckDBPyConnection,
    decisions: Decisions,
    later: Sequence[Wave],
    at: Array,
) -> Float64 | None:
    """Events of each kind after the decisions at places ``at``, float64[n, K], as learned."""
    reward = campaign.reward
    if not reward.events:
        return None
    found = attribution.count(
        connection, decisions, later, campaign.window, [*reward.kinds], reward.amounts
    )
    return found.taught.T[at]


def joined(parts: Sequence[Float64 | None]) -> Float64 | None:
    """Those of all waves; None without kinds."""
    told = [part for part in parts if part is not None]
    return np.concatenate(told) if told else None
