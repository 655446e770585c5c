"""What a generation knows of the prices of its limits: where they begin, how far a step goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.days import day_of
from bandit.core.types import Float64
from bandit.models.moved import lifts_of
from bandit.record.waves import Wave as Recorded
from bandit.workflows.serve import standing_prices
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.standing_prices import Standing
from bandit.workflows.serve.wave import Wave

CUSTOMERS = 1000
"""Of whom the spread of what a unit is worth is read."""
DAYS = 28
EVEN = 0.1
"""Of the plan, over all hours alike: what never came at an hour may come."""
_HOURS = 24


class Pacing(NamedTuple):
    """``standing`` prices are those of the newest wave; ``hours`` float64[24] is the day's plan.

    ``spread`` and ``highest`` float64[m]: of what a unit is worth to who asks, in reward units.
    """

    standing: Standing
    hours: Float64
    spread: Float64
    highest: Float64


def of(
    campaign: Campaign,
    wave: Wave,
    limits: Limits,
    some: Callable[[], Prepared],
    waves: Sequence[Recorded],
) -> Pacing | None:
    """What is known at the day's beginning, by ``some`` customers and earlier waves.

    None where prices stay: without a limit, or without epochs.
    """
    if not (campaign.live.epoch_seconds and np.isfinite(limits.most).any()):
        return None
    spread, highest = _worth(wave, limits, some())
    standing = standing_prices.by_limit(campaign, waves, limits.names, wave.plan.apart)
    return Pacing(standing, hours(campaign, waves, wave.run.at), spread, highest)


def hours(campaign: Campaign, waves: Sequence[Recorded], at: dt.datetime) -> Float64:
    """The plan of the day that begins at ``at``, by its hours: when contacts were asked for.

    On the same weekday of the last four weeks, else on any day of them; without any all hours are
    alike.
    """
    today, of = day_of(at, campaign.time_zone), np.zeros((2, _HOURS))
    for wave in waves:
        asked = wave.manifest.asked
        day = day_of(wave.at, campaign.time_zone)
        if wave.campaign == campaign.file and asked and 0 < (today - day).days <= DAYS:
            of[int(day.weekday() != today.weekday())] += asked
    counts = of[0] if of[0].any() else of[1]
    if not counts.any():
        return np.full(_HOURS, 1.0 / _HOURS)
    shares: Float64 = (1.0 - EVEN) * counts / counts.sum() + EVEN / _HOURS
    return shares


def _worth(wave: Wave, limits: Limits, some: Prepared) -> tuple[Float64, Float64]:
    """Spread and maximum over customers of what their best contact brings a unit of each limit.

    That is net of costs and over no contact, with noise as wide as the policy's draws.
    """
    x, n = some.contexts.astype(np.float64), len(some.keys)
    posterior, values = wave.posterior, np.atleast_2d(some.values).astype(np.float64)
    means = values * (x @ posterior.mean.T + lifts_of(posterior, some.contexts))
    worth = means - wave.plan.costs - means[:, :1]
    width = wave.plan.policy.base.score_spread(posterior, x.T @ x / max(n, 1))
    noise = np.random.Generator(np.random.Philox(0)).standard_normal(worth.shape)
    worth += noise * width * np.abs(values).mean(axis=0)
    worth[~some.mask] = -np.inf
    m = len(limits.names)
    spread, highest = np.zeros(m), np.zeros(m)
    for j in range(m):
        using = np.flatnonzero(limits.usage[:, j])
        if n and len(using):
            best = (worth[:, using] / limits.usage[using, j]).max(axis=1)
            best = np.maximum(best[np.isfinite(best)], 0.0)
            spread[j], highest[j] = (best.std(), 2.0 * best.max()) if len(best) else (0.0, 0.0)
    return spread, highest
