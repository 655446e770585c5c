"""A campaign that is looked at after every wave: how often does a policy without a lift ever ship?

`python -m simulations.coverage looks` writes the table into the README. Waves of a few hundred
decisions with the rewards of coins; the target decides otherwise than the log, and no action is
better than another. After each wave the gate is asked about all waves so far, with the confidence
that `simulate` takes at that look. Student's t, the narrowest of the intervals, is the hardest case.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from bandit import experiments, ope
from bandit.core.types import Float64
from bandit.ope.diagnostics import weigh
from bandit.ope.gate import judge
from bandit.stats.quantiles import normal_tail
from simulations.coverage.environment import without_lift

WAVES = 20
ROWS = 300


@cache
def confidences(waves: int, rows: int) -> Float64:
    """Of each look, as `bandit.workflows.judge.looks` has them at 95 %."""
    limits = experiments.open_ended([float(wave * rows) for wave in range(1, waves + 1)], alpha=0.1)
    return np.array([1.0 - normal_tail(limit) for limit in limits])


def ever_shipped(campaigns: int, *, spending: bool, waves: int = WAVES, rows: int = ROWS) -> float:
    """Share of campaigns in which some look ships the policy; 95 % at each look if not ``spending``."""
    each = confidences(waves, rows) if spending else np.full(waves, 0.95)
    shipped = 0
    for seed in range(campaigns):
        rewards, weights = without_lift(waves * rows, seed)
        for look, confidence in enumerate(each, start=1):
            r, w = rewards[: look * rows], weights[: look * rows]
            lift = ope.lift(
                ope.Recipe("snips"), r, w, interval="student_t", confidence=float(confidence)
            )
            if judge({"the log": lift}, weigh(w)).decision == "ship":
                shipped += 1
                break
    return shipped / campaigns


def report(campaigns: int = 1000) -> str:
    plan, naive = (ever_shipped(campaigns, spending=spending) for spending in (True, False))
    return (
        f"{campaigns:,} campaigns of {WAVES} waves of {ROWS} decisions, no lift, looked at after each"
        " wave; at most 5 % may ever ship:\n\n"
        "| confidence of the looks | ever shipped |\n|---|---|\n"
        f"| spent over the waves (default) | {plan:.1%} |\n"
        f"| 95 % at each look, as a warning | {naive:.1%} |\n"
    )
