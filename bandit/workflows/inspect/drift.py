"""Does a channel still bring what was expected of it? What was learned is held against what came.

A decision's expectation is from before its outcome, so the newest waves' realised gross value over
their expected one is 1 while what was learned holds. The interval is for all channels, spans and
waves of a year at once; an alarm needs all of it outside `NEAR`, since largest means are a little
too large wherever somebody chooses by them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import hypot
from typing import NamedTuple

import numpy as np

from bandit.core.wording import counted
from bandit.record.waves import Wave
from bandit.results.figures import Interval
from bandit.results.inspect import Drift
from bandit.stats.quantiles import normal_quantile
from bandit.workflows.inspect.realised import Groups, Made

SPANS = (1, 2, 3)
"""Newest closed waves that are looked at together."""
A_YEAR = 26
"""Waves, so looks, that share `ERROR`."""
ERROR = 0.1
"""Of one false alarm and more in a year: one year in ten."""
NEAR = (0.8, 1.25)
FEWEST = 10.0
"""Purchases, as amounts count, that must have been expected, or nothing is said."""
STEADY, LESS, MORE = "as expected", "less than expected", "more than expected"
FEW = "too few to say"


class Gross(NamedTuple):
    """Of ``n`` contacts: Σ of what came, of its squares, and of what was expected, all gross.

    What people who belong together add to the variance of the sum is in the squares. ``doubt`` is
    how far ``expected`` may be off by what it was learned from, in all waves the same way.
    """

    n: int = 0
    came: float = 0.0
    squares: float = 0.0
    expected: float = 0.0
    doubt: float = 0.0

    @classmethod
    def of(cls, made: Made) -> Gross:
        """Contacts by one action, all at one cost."""
        each = made.cost / made.count if made.count else 0.0
        n, total, squares = made.sums
        came = total + made.cost
        square = squares + 2.0 * each * total + n * each**2
        return cls(made.count, came, square, made.gross, made.doubt)

    def plus(self, other: Gross) -> Gross:
        """Both together."""
        return Gross(
            self.n + other.n,
            self.came + other.came,
            self.squares + other.squares,
            self.expected + other.expected,
            self.doubt + other.doubt,
        )


def drifts(by_wave: Mapping[str, Groups]) -> list[Drift]:
    """Each channel's newest closed waves; the shortest span that alarms, else the longest.

    A wave whose outcomes nobody delivered tells no drift.
    """
    channels: dict[str, list[Gross]] = defaultdict(list)
    for groups in by_wave.values():
        said = groups.closed and not groups.silent
        for channel, gross in _by_channel(groups).items() if said else ():
            # A first wave expects nothing: there is nothing to hold it against.
            if gross.expected > 0.0:
                channels[channel].append(gross)
    return [told(name, waves, len(channels)) for name, waves in sorted(channels.items())]


def told(channel: str, waves: Sequence[Gross], channels: int) -> Drift:
    """Of one of so many channels, by its waves in the order of time."""
    looks = [_span(channel, waves, span, channels) for span in SPANS if span <= len(waves)]
    return next((d for d in looks if d.health in {LESS, MORE}), looks[-1])


def _span(channel: str, waves: Sequence[Gross], span: int, channels: int) -> Drift:
    newest, every = Gross(), Gross()
    for gross in waves[-span:]:
        newest = newest.plus(gross)
    for gross in waves:
        every = every.plus(gross)
    ratio = newest.came / newest.expected
    amount = every.squares / every.came if every.came > 0.0 else np.inf
    z = normal_quantile(1.0 - 0.5 * ERROR / (channels * len(SPANS) * A_YEAR))
    half = z * np.sqrt(_variance(newest, amount) + newest.doubt**2) / newest.expected
    low, high = ratio - half, ratio + half
    health = STEADY if newest.expected >= FEWEST * amount else FEW
    if health != FEW:
        health = LESS if high < NEAR[0] else MORE if low > NEAR[1] else STEADY
    return Drift(channel, span, newest.n, Interval(ratio, float(low), float(high)), health)


def _variance(newest: Gross, amount: float) -> float:
    """Of what came: as it spread, and no less than if `NEAR` enough had come in such amounts.

    Few purchases seen are few amounts seen: their own spread is too small then. ``amount`` is
    Σx²/Σx over all waves.
    """
    spread = newest.squares - newest.came**2 / max(newest.n, 1)
    least = NEAR[0] * newest.expected * amount if np.isfinite(amount) else 0.0
    return max(spread, least, 0.0)


def _by_channel(groups: Groups) -> dict[str, Gross]:
    """Of its actions, each of which was learned for itself: their doubts are no one doubt."""
    found: dict[str, Gross] = defaultdict(Gross)
    for name, made in groups.made.items():
        channel = name.rpartition("/")[2]
        before, one = found[channel], Gross.of(made)
        found[channel] = before.plus(one)._replace(doubt=hypot(before.doubt, one.doubt))
    for channel, lumped in groups.lumped.items():
        found[channel] = found[channel].plus(Gross(squares=lumped))
    return found


def remarks(
    found: Sequence[Drift], waves: Sequence[Wave], half_life: float | None
) -> Iterator[str]:
    """A sentence for each alarm, and what would forget the past."""
    for one in found:
        if one.health not in {LESS, MORE}:
            continue
        span = "wave" if one.waves == 1 else counted(one.waves, "wave")
        days = _days(waves) * max(one.waves, 1)
        remedy = f"reward.half_life_days = {days:g} would forget it in as many waves"
        if half_life is not None and half_life <= days:
            remedy = f"reward.half_life_days = {half_life:g} forgets it already"
        yield (
            f"channel {one.channel!r} brought {one.ratio.value:.2f}"
            f" ({one.ratio.lower:.2f} to {one.ratio.upper:.2f}) of what was expected in the newest"
            f" {span}: what was learned before may no longer hold, or outcomes are still to come;"
            f" {remedy}"
        )


def _days(waves: Sequence[Wave]) -> float:
    """Between the newest two waves; a fortnight where there is one."""
    if len(waves) < 2:
        return 14.0
    apart: dt.timedelta = waves[-1].at - waves[-2].at
    return max(round(apart / dt.timedelta(days=1)), 1)
