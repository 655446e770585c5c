"""What the randomised groups of own waves say of the policies that they ran: no model.

A rollout share and the holdout are drawn by chance, so that the difference of their means is what
one adds over the other. It is the policy as it was served, with its alpha, prices and caps; rows of
one customer are one cluster, as a customer may be in one group today and in another tomorrow.
Groups are held against each other wave by wave: shares may have been edited between waves, and a
group that was large in a good season is no better for it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bandit import ope
from bandit.config.simulation import Simulate
from bandit.core.types import Array, Bool, Float64
from bandit.ope import gate, lifts
from bandit.ope.diagnostics import weigh
from bandit.ope.estimate import Estimate
from bandit.results.figures import Interval
from bandit.results.judge import GroupLift, Judged
from bandit.workflows.judge.logged import Logged, Waves

HOLDOUT, EXPLORATION = "holdout", "exploration"


def by_groups(
    whole: Logged, rows: list[Judged], usual: str | None, settings: Simulate, seed: int
) -> tuple[list[Judged], list[GroupLift]]:
    """The rows with the groups' verdict where a candidate ran as one; and the differences.

    An interval that was asked for by name keeps its own verdict: "betting" is valid at every look,
    and the intervals here are for one.
    """
    waves = whole.waves
    if waves is None:
        return rows, []
    there = {str(name) for name in set(waves.group.tolist())} - {EXPLORATION}
    asked = {row.name for row in rows} & (there - {HOLDOUT, usual})
    against = [name for name in (usual, HOLDOUT) if name is not None and name in there]
    judged: list[Judged] = []
    differences: list[GroupLift] = []
    for row in rows:
        found = {}
        for name in against if row.name in asked else []:
            estimate = _difference(whole, waves, row.name, name, len(asked), settings, seed)
            if estimate is not None:
                found[name] = estimate
        differences += [
            GroupLift(row.name, name, lift.n, Interval(lift.value, lift.lower, lift.upper))
            for name, lift in found.items()
        ]
        decides = bool(found) and settings.interval is None
        judged.append(_with_verdict(whole, waves, row, found, settings) if decides else row)
    return judged, differences


def wave_weights(wave: Array, one: Bool, other: Bool) -> tuple[Float64, Float64]:
    """Weights that give two groups the same waves: float64[n] each, 0 outside the group.

    A row of wave w in a group of n_wg rows weighs n_w / n_wg, where n_w are the rows of both; waves
    that lack one of them weigh nothing. In one wave the weighted means are the plain ones.
    """
    k = int(wave.max()) + 1
    counts = [np.bincount(wave[mine], minlength=k).astype(np.float64) for mine in (one, other)]
    both = np.where((counts[0] > 0.0) & (counts[1] > 0.0), counts[0] + counts[1], 0.0)
    first, second = (both / np.maximum(count, 1.0) for count in counts)
    return np.where(one, first[wave], 0.0), np.where(other, second[wave], 0.0)


def _difference(
    whole: Logged, waves: Waves, one: str, other: str, several: int, settings: Simulate, seed: int
) -> Estimate | None:
    """Mean net reward of one group's rows less the other's; None where no wave has both."""
    group = waves.group
    mine, theirs = wave_weights(waves.wave, group == one, group == other)
    rows = np.flatnonzero((mine > 0.0) | (theirs > 0.0))
    if rows.size == 0:
        return None
    return lifts.lift(
        ope.Recipe("snips"),
        whole.log.rewards[rows],
        mine[rows],
        baseline=theirs[rows],
        clusters=whole.log.clusters[rows],
        confidence=1.0 - (1.0 - settings.confidence) / max(several, 1),
        seed=seed,
    )


def _with_verdict(
    whole: Logged, waves: Waves, row: Judged, found: dict[str, Estimate], settings: Simulate
) -> Judged:
    rows = np.flatnonzero(waves.group == row.name)
    overlap = weigh(
        np.ones(len(rows)), clusters=whole.log.clusters[rows], rewards=whole.rewards[rows]
    )
    rules = gate.GateRules(margin=-settings.margin, unit=whole.unit)
    verdict = gate.judge(found, overlap, rules)
    return replace(
        row,
        decision=verdict.decision,
        reason=f"{verdict.reason} (its own group, as it was served)",
        needed_n=verdict.needed_n,
    )
