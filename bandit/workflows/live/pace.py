"""How prices of limits move in a day: a dual step an epoch, on what was used against the plan.

Balseiro, Lu, Mirrokni 2020, "Dual mirror descent for online allocation problems", algorithm 1, with
h(λ) = ½ Σ λ²/w for weights w as AdaGrad has them (Duchi, Hazan, Singer 2011); the plan is made anew
each time from what is left. See docs/adr/0210.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64
from bandit.workflows.live.frames import Paced, Priced

STEP = 2.0
"""Of a spread: one finds a price of several spreads too late, four let prices scatter."""
KEPT = 0.5
"""Of their part of the plan who heeds prices keeps this, however much the others use."""
_SECOND = 1e6
_HOUR = 3600 * _SECOND


class Use(NamedTuple):
    """What was used of the limits, float64[p, m] each.

    ``day``: in all today, ``since``: since the last step; ``deaf`` of that by who heeds no prices.
    """

    day: Float64
    since: Float64
    deaf: Float64


def due(paced: Paced, at: int) -> bool:
    """Whether an epoch is over at a time in microseconds since 1970, or the clock has gone back."""
    return abs(at - paced.priced.at) >= paced.seconds * _SECOND


def step(paced: Paced, at: int, use: Use) -> Priced:
    """The prices from ``at`` on.

    With C a limit, U what was used of it since the last step, D of that by who heeds no prices, a
    the share of the others, and P the plan for that time::

        P = (C − used before) · (W(at) − W(last)) / (1 − W(last))
        g = U − max(P, D + a P / 2)
        q ← q + g²/n,    λ ← min(max(λ + 2 s g / √(u C + q), least), highest)

    W is the part of the day's plan up to a time, n the number of epochs since the last step, u what
    a contact uses and s the spread of what a unit is worth to who asks. u C is the variance of a
    day's use by chance, so that s/√(u C + q) is the step that AdaGrad has after a day of chance.

    Where the clock has gone back nobody knows how long it was: prices stay, and time counts anew.
    """
    before, most = paced.priced, np.array(paced.most)
    if at < before.at:
        return Priced(before.epoch, at, before.prices, before.squares)
    capped = np.isfinite(most)
    most = np.where(capped, most, 0.0)
    left = np.maximum(most - (use.day - use.since), 0.0)
    plan = left * part(paced, before.at, at)
    answering = np.array(paced.answering)[:, None]
    error = np.where(capped, use.since - np.maximum(plan, use.deaf + KEPT * answering * plan), 0.0)
    epochs = max((at - before.at) / (paced.seconds * _SECOND), 1.0)
    squares = np.array(before.squares) + error * error / epochs
    scale = np.sqrt(np.array(paced.unit) * most + squares)
    width = np.divide(
        STEP * np.array(paced.spread), scale, out=np.zeros_like(scale), where=scale > 0
    )
    old, least, highest = np.array(before.prices), np.array(paced.least), np.array(paced.highest)
    moved = np.maximum(np.minimum(old + width * error, np.maximum(highest, old)), least)
    prices = np.where(capped, moved, old)
    epoch = before.epoch + int((prices != old).any())
    return Priced(epoch, at, prices.tolist(), squares.tolist())


def part(paced: Paced, since: int, at: int) -> float:
    """What part of the plan for the rest of the day, from ``since`` on, falls before ``at``."""
    total, done, here = (planned(paced, t) for t in (paced.ends, since, at))
    return 1.0 if done >= total else (here - done) / (total - done)


def planned(paced: Paced, at: int) -> float:
    """The plan from the day's beginning up to a time: its hours are those of the day's length.

    A day of 25 hours has its last one twice, one of 23 none of it.
    """
    hours = (min(max(at, paced.begins), paced.ends) - paced.begins) / _HOUR
    whole = int(hours)
    weights = [paced.hours[min(h, 23)] for h in range(whole + 1)]
    return float(sum(weights[:whole]) + (hours - whole) * weights[whole])
