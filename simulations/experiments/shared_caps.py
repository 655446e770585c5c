"""Two arms that compete for one capacity, and the same with the capacity split between them.

The advisor's calls are capped at 30 % of the customers. The control's policy would call 30 %, the
treatment's 60 %. What is asked is which policy to run for everybody, under the cap. Where both arms draw
from one pool, a common price hands the treatment more than its share: it is measured with calls that it will
not have. With each cap split in proportion to the arms, and prices of their own, each arm is a
small copy of what it would be for all: Liu, Mao, Kang (2021), Trustworthy and powerful online
marketplace experimentation with budget-split design.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit import experiments
from bandit.core.types import Bool, Float64

CAP = 0.3
TREATED = 0.5


class Crowd(NamedTuple):
    """What n customers are worth, float64[n]: ``base`` anyway, ``gain`` more when called.

    ``old`` and ``new`` are what the two policies expect a call to bring.
    """

    base: Float64
    gain: Float64
    old: Float64
    new: Float64


def crowd(n: int, seed: int) -> Crowd:
    rng = np.random.default_rng([5, seed])
    gain = rng.normal(0.3, 1.0, n)
    # wants = where more than nothing is expected: 30 % and 60 %
    old = gain + rng.normal(0.0, 2.0, n)
    new = gain + rng.normal(0.0, 0.7, n)
    old -= np.quantile(old, 0.7)
    new -= np.quantile(new, 0.4)
    return Crowd(rng.normal(5.0, 2.0, n), gain, old, new)


def called(expected: Float64, calls: int) -> Bool:
    """Who is called where at most ``calls`` are made: those of whom most is expected, if it is > 0.

    With one capacity that is what `bandit.allocation.solve` finds, in no time.
    """
    found = np.zeros(len(expected), bool)
    found[np.argsort(-expected, kind="stable")[:calls]] = True
    return found & (expected > 0.0)


def truth(n: int = 1_000_000) -> float:
    """New policy for all less old policy for all, a customer, each under the whole cap."""
    all_of = crowd(n, 10**6)
    calls = round(CAP * n)
    new, old = called(all_of.new, calls), called(all_of.old, calls)
    return float((all_of.gain * new).mean() - (all_of.gain * old).mean())


class Shared(NamedTuple):
    """Share of runs whose interval holds the truth, and the mean effect found."""

    name: str
    covered: float
    effect: float
    calls_treated: float
    calls_control: float


def shared_caps(runs: int, n: int, target: float) -> list[Shared]:
    return [_runs(name, runs, n, target) for name in ("one pool", "split in proportion")]


def _runs(name: str, runs: int, n: int, target: float) -> Shared:
    covered, effects, calls = 0, np.empty(runs), np.empty((runs, 2))
    for run in range(runs):
        people = crowd(n, run)
        treated = experiments.arms(np.arange(n), f"calls {run}", (1 - TREATED, TREATED)) == 1
        contacted = _pooled(people, treated) if name == "one pool" else _split(people, treated)
        found = experiments.compare(people.base + people.gain * contacted, treated)
        covered += found.lower <= target <= found.upper
        effects[run] = found.effect
        calls[run] = contacted[treated].mean(), contacted[~treated].mean()
    return Shared(name, covered / runs, float(effects.mean()), *calls.mean(axis=0))


def _pooled(people: Crowd, treated: Bool) -> Bool:
    expected = np.where(treated, people.new, people.old)
    return called(expected, round(CAP * len(treated)))


def _split(people: Crowd, treated: Bool) -> Bool:
    contacted = np.zeros(len(treated), bool)
    for arm, expected in ((treated, people.new), (~treated, people.old)):
        contacted[arm] = called(expected[arm], round(CAP * arm.sum()))
    return contacted
