"""Candidates over all that customers were given in a wave: every slot, by weights alone.

The propensities of a customer's slots multiply, each given those before (docs/adr/0001), and so do
a candidate's probabilities on the sets that its slots were taken from. What they bring together is
the reward. No outcome model speaks of whole waves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bandit import ope
from bandit.config.section import Link
from bandit.config.simulation import Candidate, Simulate
from bandit.core.types import Array, Float64
from bandit.models.moments import Moments
from bandit.ope import diagnostics, gate, lifts
from bandit.ope.log import Log
from bandit.ope.recipes import Recipe
from bandit.results.judge import Judged, WholeWave
from bandit.workflows.judge.bench import Bench
from bandit.workflows.judge.guesses import shown
from bandit.workflows.judge.logged import Logged
from bandit.workflows.judge.slates import Slates
from bandit.workflows.judge.targets import Target, parts_of, probabilities

_NOT_OF_SLOTS = frozenset({"constant", "no_contact", "table", "mabwiser"})
"""What they would do with a second slot is not said by what they are."""


@dataclass(frozen=True, eq=False)
class _Further(Bench):
    """The further slots as a log; each customer is judged on the fold of their first one."""

    first: Bench
    of: Array

    @cached_property
    def fold(self) -> Array:
        return self.first.fold[self.of]

    def posteriors(self, ridge: float | None, link: Link | None = None) -> list[Moments]:
        return self.first.posteriors(ridge, link)


def whole_waves(
    bench: Bench, targets: Sequence[Target], baseline: str | None, settings: Simulate
) -> list[WholeWave]:
    """What each candidate would have earned with all slots; none where nobody had a second one."""
    waves = bench.logged.waves
    if waves is None or not len(waves.slates.of):
        return []
    judged = [t for t in targets if t.candidate.policy not in _NOT_OF_SLOTS and t.rows is None]
    known = np.isfinite(waves.slates.propensity) & ~waves.apart
    rows, further = np.flatnonzero(known), _further(bench, waves.slates)
    weights = {t.name: _weights(bench, further, t, waves.slates)[rows] for t in judged}
    log = bench.logged.take(rows)
    several = max(sum(name != baseline for name in weights), 1)
    return [
        _judged(log, waves.whole[rows], t.name, weights, baseline, settings, several, bench.seed)
        for t in judged
    ]


def held_by_whole(
    rows: list[Judged], whole: Sequence[WholeWave], settings: Simulate
) -> list[Judged]:
    """The rows, with those held that would ship though with all slots they are worse."""
    lifts_of = {w.name: w.lift for w in whole if w.lift is not None}
    least = -settings.margin

    def held(row: Judged) -> Judged:
        lift = lifts_of.get(row.name)
        if row.decision != "ship" or lift is None or not lift.upper < least:
            return row
        return replace(
            row, decision="hold", reason="over all slots of a wave it is worse", needed_n=None
        )

    return [held(row) for row in rows]


def _further(bench: Bench, slates: Slates) -> _Further:
    logged = bench.logged
    m = len(slates.of)
    log = Log.of(
        actions=slates.action,
        rewards=np.zeros(m),
        contexts=logged.log.contexts[slates.of],
        eligible=slates.eligible,
        n_actions=logged.catalogue.k,
    )
    slots = replace(logged, log=log, rewards=np.zeros(m), customers=None, waves=None)
    return _Further(slots, bench.campaign, bench.folds, bench.seed, bench, slates.of)


def _weights(bench: Bench, further: _Further, target: Target, slates: Slates) -> Float64:
    """π_e/π_b of all that a customer got; float64[n]."""
    log = bench.logged.log
    quiet = log.actions == 0
    np.logical_and.at(quiet, slates.of, slates.action == 0)
    holdout, parts = parts_of(bench.campaign, target.candidate)
    chance = holdout * quiet
    alone = len(parts) == 1 and holdout == 0.0
    for share, part in parts:
        if alone and log.propensities is not None:
            given = target.weights * log.propensities
        else:
            given = _taken(bench, part)
        np.multiply.at(given, slates.of, _taken(further, part))
        chance = chance + (1.0 - holdout) * share * given
    return np.asarray(chance / slates.propensity)


def _taken(bench: Bench, candidate: Candidate) -> Float64:
    """A candidate's probability of what was done, float64[n]."""
    actions = bench.logged.log.actions
    found = np.zeros(len(actions))
    for rows, table in probabilities(bench, candidate):
        found[rows] = table[np.arange(len(rows)), actions[rows]]
    return found


def _judged(
    logged: Logged, rewards: Float64, name: str, weights: Mapping[str, Float64],
    baseline: str | None, settings: Simulate, several: int, seed: int,
) -> WholeWave:  # fmt: skip
    clusters = logged.log.clusters
    overlap = diagnostics.weigh(weights[name], clusters=clusters, rewards=logged.rewards)
    refused = gate.refuse(overlap)
    value = lift = None
    if refused is None:
        value = shown(
            ope.snips(
                rewards,
                weights[name],
                clip=math.inf if settings.clip is None else settings.clip,
                clusters=clusters,
                confidence=settings.confidence,
                seed=seed,
            )
        )
        if baseline is not None and baseline in weights and name != baseline:
            over = lifts.lift(
                Recipe("snips", settings.clip),
                rewards,
                weights[name],
                baseline=weights[baseline],
                clusters=clusters,
                confidence=1.0 - (1.0 - settings.confidence) / several,
                seed=seed,
            )
            lift = shown(over)
    return WholeWave(
        name=name,
        rows=logged.n,
        value=value,
        lift=lift,
        effective_sample_size=overlap.effective_sample_size,
        mean_weight=overlap.mean_weight,
        mean_weight_error=overlap.mean_weight_error,
        refused=None if refused is None else refused.reason,
    )
