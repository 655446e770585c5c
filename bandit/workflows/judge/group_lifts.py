"""What the randomised groups of own waves say of the policies that they ran: no model.

A rollout share and the holdout are drawn by chance, so that the difference of their means is what
one adds over the other. It is the policy as it was served, with its alpha, prices and caps; rows of
one customer are one cluster, as a customer may be in one group today and in another tomorrow.
Groups are held against each other wave by wave: shares may have been edited between waves, and a
group that was large in a good season is no better for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bandit import ope
from bandit.config.deciding import PolicyShare
from bandit.config.simulation import Candidate, Simulate
from bandit.core.types import Array, Bool, Float64
from bandit.ope import gate, lifts
from bandit.ope.diagnostics import weigh
from bandit.ope.estimate import Estimate
from bandit.ope.recipes import Recipe
from bandit.results.figures import Interval
from bandit.results.judge import GroupLift, Judged
from bandit.workflows.judge.logged import Logged, Waves
from bandit.workflows.judge.targets import Target

HOLDOUT, EXPLORATION = "holdout", "exploration"
SILENCE = "no contact"


def by_groups(
    whole: Logged,
    rows: list[Judged],
    candidates: Mapping[str, Candidate],
    baseline: str | None,
    settings: Simulate,
    seed: int,
) -> tuple[list[Judged], list[GroupLift]]:
    """The rows with the groups' verdict where a candidate ran as one; and the differences.

    A candidate ran in the waves whose share of its name had its policy and its widths: one that is
    only named like a group is judged by weights, as any other that never ran.

    An interval that was asked for by name keeps its own verdict: "betting" is valid at every look,
    and the intervals here are for one.
    """
    waves = whole.waves
    if waves is None:
        return rows, []
    there = {str(name) for name in set(waves.group.tolist())} - {EXPLORATION}
    ran = {name: _ran(waves, candidates[name]) for name in there & set(candidates)}
    asked = {name for name, on in ran.items() if on.any() and name != baseline}
    against = [name for name in (baseline, HOLDOUT) if name is not None and name in there]
    judged: list[Judged] = []
    differences: list[GroupLift] = []
    for row in rows:
        found = {}
        for name in against if row.name in asked else []:
            both = whole.take(np.flatnonzero(ran[row.name][waves.wave] & _same(ran, name, waves)))
            estimate = _difference(both, row.name, name, len(asked), settings, seed)
            if estimate is not None:
                found[name] = estimate
        differences += [
            GroupLift(row.name, name, lift.n, Interval(lift.value, lift.lower, lift.upper))
            for name, lift in found.items()
        ]
        if not found or settings.interval is not None:
            judged.append(row)
            continue
        own = whole.take(np.flatnonzero(ran[row.name][waves.wave] & (waves.group == row.name)))
        judged.append(_with_verdict(own, row, found, settings))
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


def _ran(waves: Waves, candidate: Candidate) -> Bool:
    """In which waves a share of the candidate's name was the candidate, bool[waves].

    Waves of old records, which do not tell, are believed by the name.
    """
    own = candidate
    if candidate.policy == "mixture" and candidate.shares is not None:
        if len(candidate.shares) != 1:
            return np.zeros(len(waves.names), dtype=np.bool_)
        own = Candidate(policy=candidate.shares[0].policy, name=candidate.label)
        own = own.model_copy(update=candidate.shares[0].model_dump(include={"alpha", "epsilon"}))
    changed = own.order is not None or own.ridge is not None
    same = [
        shares is None
        or any(s.label == candidate.label and _alike(s, own) and not changed for s in shares)
        for shares in waves.shares or (None,) * len(waves.names)
    ]
    return np.array(same, dtype=np.bool_)


def _alike(share: PolicyShare, candidate: Candidate) -> bool:
    """Whether both decide alike: the same policy, with the one width that it knows."""
    if share.policy != candidate.policy:
        return False
    if share.policy in {"lin_ts", "lin_ucb"}:
        return share.alpha == candidate.alpha
    return share.policy != "epsilon_greedy" or share.epsilon == candidate.epsilon


def _same(ran: Mapping[str, Bool], other: str, waves: Waves) -> Bool:
    """Rows of waves in which the other group was what its name says; the holdout always is."""
    return ran[other][waves.wave] if other in ran else np.ones(len(waves.wave), dtype=np.bool_)


def _difference(
    both: Logged, one: str, other: str, several: int, settings: Simulate, seed: int
) -> Estimate | None:
    """Mean net reward of one group's customers less the other's, over all their slots and lists.

    None where no wave has both.
    """
    waves = both.waves
    if waves is None or both.n == 0:
        return None
    mine, theirs = wave_weights(waves.wave, waves.group == one, waves.group == other)
    rows = np.flatnonzero((mine > 0.0) | (theirs > 0.0))
    if rows.size == 0:
        return None
    return lifts.lift(
        ope.Recipe("snips"),
        waves.whole[rows],
        mine[rows],
        baseline=theirs[rows],
        clusters=both.log.clusters[rows],
        confidence=1.0 - (1.0 - settings.confidence) / max(several, 1),
        seed=seed,
    )


def _with_verdict(
    own: Logged, row: Judged, found: dict[str, Estimate], settings: Simulate
) -> Judged:
    overlap = weigh(np.ones(own.n), clusters=own.log.clusters, rewards=own.rewards)
    rules = gate.GateRules(margin=-settings.margin, unit=own.unit)
    verdict = gate.judge(found, overlap, rules)
    return replace(
        row,
        decision=verdict.decision,
        reason=f"{verdict.reason} (its own group, as it was served)",
        needed_n=verdict.needed_n,
    )


def against_holdout(
    whole: Logged,
    rows: list[Judged],
    targets: Mapping[str, Target],
    settings: Simulate,
    seed: int,
) -> list[Judged]:
    """The rows, with those held that would ship though they do not beat what the holdout earned."""
    rules = gate.GateRules(margin=-settings.margin, unit=whole.unit)

    def held(row: Judged) -> Judged:
        target = targets[row.name]
        lift = _over_holdout(whole, target, settings, len(rows), seed)
        if lift is None:
            return row
        verdict = gate.judge({SILENCE: lift}, weigh(target.weights[whole.weighted]), rules)
        if verdict.decision == "ship":
            return row
        reason = f"{verdict.reason} (against the holdout)"
        return replace(row, decision=verdict.decision, reason=reason, needed_n=verdict.needed_n)

    return [held(row) if row.decision == "ship" else row for row in rows]


def _over_holdout(
    whole: Logged, target: Target, settings: Simulate, several: int, seed: int
) -> Estimate | None:
    """Value of a candidate by weights, less what the holdout earned; None where no wave has both.

    Two independent samples, wave by wave: the candidate's is on the rows that are not held out, the
    holdout's mean needs no weights.
    """
    waves = whole.waves
    if waves is None:
        return None
    on = np.ones(whole.n, dtype=np.bool_) if target.rows is None else target.rows
    held = waves.apart & (waves.group == HOLDOUT)
    mine, theirs = wave_weights(waves.wave, on & ~waves.apart, on & held)
    rows = np.flatnonzero((mine > 0.0) | (theirs > 0.0))
    if rows.size == 0:
        return None
    return lifts.lift(
        Recipe("snips", settings.clip),
        whole.log.rewards[rows],
        (mine * target.weights)[rows],
        baseline=theirs[rows],
        clusters=whole.log.clusters[rows],
        confidence=1.0 - (1.0 - settings.confidence) / max(several, 1),
        interval="bootstrap" if settings.interval is None else settings.interval,
        seed=seed,
        reward_range=settings.reward_range,
    )
