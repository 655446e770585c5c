"""From targets to rows of the table: values, lifts, intervals that hold together, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bandit import ope
from bandit.config.simulation import Simulate
from bandit.core.types import Array, Float64
from bandit.ope import diagnostics, gate, lifts, sweep, tuning
from bandit.ope.diagnostics import Diagnostics
from bandit.ope.estimate import Estimate
from bandit.ope.gate import GateRules, Verdict
from bandit.ope.lifts import Pair
from bandit.ope.recipes import KINDS, Recipe
from bandit.ope.row_terms import Range
from bandit.results.figures import Interval
from bandit.results.judge import Judged
from bandit.stats.statistic import Statistic
from bandit.stats.units import Units, cluster_units
from bandit.workflows.judge.guesses import shares, shown, unsupported
from bandit.workflows.judge.logged import Logged
from bandit.workflows.judge.targets import Target

ASYMPTOTIC = frozenset({"bootstrap", "student_t"})
LOGGED = "the policy that made the log"
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))
_GRIDS = {
    "switch_dr": (1.0, 3.0, 10.0, 30.0, 100.0, 1000.0),
    "dros": (1.0, 10.0, 100.0, 1e3, 1e4, 1e6),
    "sg_ips": (0.0, 0.001, 0.01, 0.03, 0.1, 0.3),
    "sg_dr": (0.0, 0.001, 0.01, 0.03, 0.1, 0.3),
}


class View(NamedTuple):
    """Arrays of the rows on which one target is judged."""

    rewards: Float64
    weights: Float64
    q_logged: Float64
    q_target: Float64
    clusters: Array


class Judge:
    """Judges targets on one log; ``baseline`` is business as usual, if it is among them.

    ``silence`` is no contact: what contacts more is held against it too.
    """

    def __init__(
        self,
        logged: Logged,
        settings: Simulate,
        baseline: Target | None,
        silence: Target | None,
        seed: int,
    ) -> None:
        self._logged, self._settings, self._seed = logged, settings, seed
        self._current = baseline
        self._others = [t for t in (baseline, silence) if t is not None and t.weights.any()]
        self.interval = settings.interval or "bootstrap"

    def table(self, targets: Sequence[Target]) -> tuple[list[Judged], int]:
        """One row a target; and how many lifts hold at once at the confidence asked for."""
        overlap = {t.name: self._overlap(t) for t in targets}
        rules = GateRules(margin=-self._settings.margin, unit=self._logged.unit)
        refused = {name: gate.refuse(d, rules) for name, d in overlap.items()}
        asked = [t for t in targets if refused[t.name] is None and t is not self._current]
        silent = {name for name, d in overlap.items() if not d.mean_weight > 0.0}
        found = {t.name: {} if t.name in silent else self._lifts(t, len(asked)) for t in targets}
        bands = self._bands([t for t in asked if t.rows is None])
        rows = []
        for t in targets:
            held = {
                over: _banded(estimate, bands.get((t.name, over)))
                for over, estimate in found[t.name].items()
            }
            proven = self._proven(t, overlap[t.name], len(targets))
            verdict = self._verdict(t, held, overlap[t.name], proven, rules)
            rows.append(self._row(t, held, overlap[t.name], verdict))
        return rows, max(len(asked), 1)

    def lift(self, target: Target, rows: Array, confidence: float) -> Estimate:
        """Lift over business as usual, or over the log where there is none, among some rows."""
        view = self._view(target, rows)
        baseline = self._current
        over = baseline if baseline is not None and baseline is not target else None
        return lifts.lift(
            self._recipe(target, self._settings.estimators[0]),
            view.rewards,
            view.weights,
            baseline=None if over is None else over.weights[rows],
            q_logged=view.q_logged,
            q_target=view.q_target,
            q_baseline=None if over is None else over.model.q_target[rows],
            q_logged_baseline=None if over is None else over.model.q_logged[rows],
            clusters=view.clusters,
            confidence=confidence,
            interval="bootstrap" if self.interval in ASYMPTOTIC else self.interval,
            seed=self._seed,
            reward_range=self._settings.reward_range,
        )

    def _view(self, target: Target, rows: Array | None = None) -> View:
        log = self._logged.log
        if rows is None:
            rows = np.arange(log.n) if target.rows is None else np.flatnonzero(target.rows)
        return View(
            log.rewards[rows],
            target.weights[rows],
            target.model.q_logged[rows],
            target.model.q_target[rows],
            log.clusters[rows],
        )

    def _recipe(self, target: Target, name: str) -> Recipe:
        """The estimator, its parameter by SLOPE where it needs one."""
        if name in _GRIDS:
            v = self._view(target)
            return tuning.tune(
                name,
                _GRIDS[name],
                v.rewards,
                v.weights,
                q_logged=v.q_logged,
                q_target=v.q_target,
                clusters=v.clusters,
            )
        clip = self._settings.clip
        return Recipe(name, clip if name in {"ips", "snips", "dr", "sndr"} else None)

    def _value(self, target: Target, name: str) -> Estimate:
        recipe, v = self._recipe(target, name), self._view(target)
        # The first estimator decides; the others are for comparison, and cheaper so.
        compared = name != self._settings.estimators[0] and self.interval in ASYMPTOTIC
        options: dict[str, Any] = {
            "clusters": v.clusters,
            "confidence": self._settings.confidence,
            "interval": "student_t" if compared else self.interval,
            "seed": self._seed,
            "reward_range": self._settings.reward_range,
        }
        estimator: Callable[..., Estimate] = getattr(ope, name)
        if name == "dm":
            own = target.q if target.rows is None else target.q[target.rows]
            return estimator(own, **options)
        arrays = [v.rewards, v.weights]
        if KINDS[name].modelled:
            arrays += [v.q_logged, v.q_target]
        if name in _GRIDS:
            return estimator(*arrays, recipe.strength, **options)
        return estimator(*arrays, clip=recipe.strength, **options)

    def _lifts(self, target: Target, several: int) -> dict[str, Estimate]:
        """Over the logging policy and business as usual; Bonferroni where there are no bands."""
        banded = self.interval in ASYMPTOTIC and target.rows is None and several > 1
        recipe = self._recipe(target, self._settings.estimators[0])
        return self._over(
            target,
            recipe,
            "student_t" if banded else self.interval,
            1 if banded else several,
            self._settings.reward_range,
        )

    def _proven(self, target: Target, overlap: Diagnostics, several: int) -> dict[str, Estimate]:
        """Lifts by betting, where a declared range bounds the rewards or all of them are 0 or 1."""
        coins = bool(np.isin(self._logged.log.rewards, (0.0, 1.0)).all())
        stated = self._settings.reward_range or ((0.0, 1.0) if coins else None)
        if stated is None or gate.refuse(overlap) is None or not overlap.mean_weight > 0.0:
            return {}
        return self._over(target, Recipe("ips"), "betting", several, stated)

    def _over(
        self, target: Target, recipe: Recipe, interval: str, several: int, stated: Range | None
    ) -> dict[str, Estimate]:
        v = self._view(target)
        rows = slice(None) if target.rows is None else np.flatnonzero(target.rows)
        return {
            name: lifts.lift(
                recipe,
                v.rewards,
                v.weights,
                baseline=None if other is None else other.weights[rows],
                q_logged=v.q_logged,
                q_target=v.q_target,
                q_baseline=None if other is None else other.model.q_target[rows],
                q_logged_baseline=None if other is None else other.model.q_logged[rows],
                clusters=v.clusters,
                confidence=1.0 - (1.0 - self._settings.confidence) / max(several, 1),
                interval=interval,
                seed=self._seed,
                reward_range=stated,
            )
            for name, other in self._baselines(target).items()
        }

    def _baselines(self, target: Target) -> dict[str, Target | None]:
        """What a target is held against: the logging policy (None), business as usual, silence."""
        others = {t.name: t for t in self._others if t is not target}
        return {LOGGED: None, **others}

    def _bands(self, targets: Sequence[Target]) -> dict[tuple[str, str], Interval]:
        """Intervals of all lifts over one baseline that hold at once (max-t)."""
        if self.interval not in ASYMPTOTIC or len(targets) < 2:
            return {}
        found: dict[tuple[str, str], Interval] = {}
        over: dict[str, Target | None] = {LOGGED: None} | {t.name: t for t in self._others}
        for name, other in over.items():
            baseline = self._baseline(targets[0], other)
            statistics = {
                t.name: self._contrast(t, other, baseline) for t in targets if t is not other
            }
            if len(statistics) < 2:
                continue
            held = sweep.simultaneous(
                statistics, confidence=self._settings.confidence, seed=self._seed
            )
            found |= {(t, name): Interval(*band) for t, band in held.items()}
        return found

    def _contrast(self, target: Target, other: Target | None, baseline: Units | None) -> Statistic:
        pair = self._pair(target, other)
        labels = self._logged.log.clusters
        own = cluster_units(pair.baseline, labels) if baseline is None else baseline
        return lifts.contrast(pair, labels, own)

    def _baseline(self, target: Target, other: Target | None) -> Units | None:
        """Units of one baseline for all targets; a tuned estimator differs by target."""
        if self._settings.estimators[0] in _GRIDS:
            return None
        return cluster_units(self._pair(target, other).baseline, self._logged.log.clusters)

    def _pair(self, target: Target, other: Target | None) -> Pair:
        v = self._view(target)
        return lifts.paired_terms(
            self._recipe(target, self._settings.estimators[0]),
            v.rewards,
            v.weights,
            None if other is None else other.weights,
            v.q_logged,
            v.q_target,
            None if other is None else other.model.q_target,
            None if other is None else other.model.q_logged,
        )

    def _overlap(self, target: Target) -> Diagnostics:
        v = self._view(target)
        rows = slice(None) if target.rows is None else np.flatnonzero(target.rows)
        return diagnostics.weigh(
            v.weights,
            clusters=v.clusters,
            rewards=self._logged.rewards[rows],
            unsupported_share=unsupported(self._logged, target),
        )

    def _verdict(
        self,
        target: Target,
        found: Mapping[str, Estimate],
        overlap: Diagnostics,
        proven: Mapping[str, Estimate],
        rules: GateRules,
    ) -> Verdict:
        if target is self._current:
            return Verdict(
                "hold", "it is business as usual, what the others are held against", None
            )
        return gate.judge(found, overlap, rules, proven)

    def _row(
        self,
        target: Target,
        found: Mapping[str, Estimate],
        overlap: Diagnostics,
        verdict: Verdict,
    ) -> Judged:
        names = self._settings.estimators
        # The log never did what it would do: there is nothing to weigh.
        estimates: dict[str, Interval] = dict.fromkeys(names, UNKNOWN)
        if found:
            estimates = {name: shown(self._value(target, name)) for name in names}
        baseline = self._current
        return Judged(
            name=target.name,
            policy=target.candidate.policy,
            rows=overlap.n,
            value=estimates[names[0]],
            lift=shown(found[baseline.name])
            if baseline is not None and baseline.name in found
            else None,
            over_logged=shown(found[LOGGED]) if found else None,
            effective_sample_size=overlap.effective_sample_size,
            mean_weight=overlap.mean_weight,
            mean_weight_error=overlap.mean_weight_error,
            max_weight=overlap.max_weight,
            max_weight_share=overlap.max_weight_share,
            unsupported_share=overlap.unsupported_share,
            decision=verdict.decision,
            reason=verdict.reason,
            needed_n=verdict.needed_n,
            estimates=estimates,
            shares=shares(self._logged, target),
        )


def _banded(estimate: Estimate, band: Interval | None) -> Estimate:
    if band is None:
        return estimate
    return replace(estimate, lower=band.lower, upper=band.upper)
