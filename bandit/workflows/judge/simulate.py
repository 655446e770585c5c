"""`bandit simulate`: what candidate policies would have earned on a logged campaign."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np

from bandit import ope
from bandit.config.deciding import PolicyShare, Shadow
from bandit.config.simulation import DEFAULT_CANDIDATES, Candidate, Part, Simulate
from bandit.core.days import acting_at
from bandit.core.errors import ConfigError
from bandit.core.types import SILENT, Progress
from bandit.ope import diagnostics, gate
from bandit.record.steady import steady
from bandit.results.figures import Interval
from bandit.results.judge import Gate, GroupLift, Judged, SimulateResult, WholeWave
from bandit.workflows.judge import confounding
from bandit.workflows.judge import curves as simulate_curves
from bandit.workflows.judge import job as simulate_job
from bandit.workflows.judge import logged_table as simulate_table
from bandit.workflows.judge import own_waves as simulate_record
from bandit.workflows.judge import segments as simulate_segments
from bandit.workflows.judge.bench import Bench
from bandit.workflows.judge.group_lifts import against_holdout, by_groups
from bandit.workflows.judge.guesses import guesses
from bandit.workflows.judge.job import Job
from bandit.workflows.judge.logged import Logged
from bandit.workflows.judge.looks import at_this_look
from bandit.workflows.judge.targets import Target, target
from bandit.workflows.judge.verdicts import Judge
from bandit.workflows.judge.whole_wave import held_by_whole, whole_waves

CALIBRATION_P = 1e-4
RAREST_DRAWS = 100.0
"""Calibration is asked only where the smallest propensity was met so often: a check by Σ 1/p cannot
tell a wrong propensity from a small one whose draws have not come yet."""
DRIFT_P = 1e-4


@steady
def simulate(
    campaign_path: Path,
    *,
    log: bool = False,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> SimulateResult:
    """Judge the candidates of [simulate] on the campaign's waves, on [log], or on a public log.

    ``log`` takes [log] even where there are waves; ``at`` is the time by which a wave's window must
    have closed, today's midnight by default.
    """
    job = simulate_job.load(campaign_path)
    progress.step("reading the log")
    logged = read(job, log=log, at=acting_at(at, job.campaign.time_zone), progress=progress)
    settings = job.settings
    candidates = _candidates(job, logged)
    bench = Bench(logged, job.campaign, settings.folds, job.campaign.seed)
    progress.step("judging candidates", total=len(candidates))
    targets = []
    for candidate in candidates:
        targets.append(target(bench, candidate))
        progress.advance(1)
    progress.step("drawing intervals that hold at once")
    result = _judged(job, bench, targets)
    learned = simulate_curves.curves(
        logged.take(logged.weighted), candidates, job.campaign.reward.ridge, bench.seed, progress
    )
    return replace(result, curves=learned)


def read(job: Job, *, log: bool, at: dt.datetime, progress: Progress) -> Logged:
    """The strict log of a job."""
    if job.alone or log:
        return simulate_table.read(job)
    waves, notes = simulate_record.usable(job.campaign, at)
    if waves:
        return simulate_record.read(job.campaign, waves, notes, progress)
    if job.campaign.log is not None:
        return simulate_table.read(job)
    raise ConfigError(
        f"{job.campaign.folder} has no wave whose window has closed by {at:%Y-%m-%d}, and no [log]:"
        " serve one and wait reward.window_days, or name a logged campaign in [log]"
        + "".join(f"\n({note})" for note in notes)
    )


def _candidates(job: Job, logged: Logged) -> list[Candidate]:
    """As configured; of the default ones, those that mean something on this log."""
    settings = job.settings
    wanted = [one for c in settings.candidates for one in c.expanded()]
    if settings.candidates == DEFAULT_CANDIDATES:
        if not job.alone:
            own = own_shares(job)
            mine = {c.label for c in own}
            # A learner at alpha 1 stands in for a campaign's own policy only where it has none.
            wanted = own + [c for c in wanted if c.label not in {*mine, "lin_ts", "lin_ucb"}]
        wanted = [
            c for c in wanted
            if (c.policy != "rules" or not job.alone)
            and (c.policy != "no_contact" or _leaves_in_peace(logged))
        ]  # fmt: skip
    shadow = job.campaign.shadow
    if shadow is not None and not job.alone and shadow.label not in {c.label for c in wanted}:
        wanted = [*wanted, _alone(shadow)]
    if not wanted:
        raise ConfigError("[simulate] names no candidate; add [[simulate.candidate]]")
    labels = [c.label for c in wanted]
    for key in ("gate", "business_as_usual"):
        named = getattr(settings, key)
        if key in settings.model_fields_set and named not in labels:
            raise ConfigError(
                f"simulate.{key} = {named!r} is no candidate; there are {', '.join(labels)}"
            )
    return wanted


def own_shares(job: Job) -> list[Candidate]:
    """The campaign's own shares, with their alpha and at the newest prices: what learns first."""
    shares = sorted(job.campaign.policy.shares, key=lambda s: (s.policy == "rules", -s.share))
    return [_alone(s) for s in shares]


def _alone(s: PolicyShare | Shadow) -> Candidate:
    """One policy as it would decide for everybody, at the newest prices."""
    if s.policy == "rules":
        return Candidate(policy="rules", name=s.label)
    part = Part(policy=s.policy, share=1.0, alpha=s.alpha, epsilon=s.epsilon)
    return Candidate(policy="mixture", name=s.label, shares=(part,), prices=True)


def _leaves_in_peace(logged: Logged) -> bool:
    return logged.catalogue.has_no_contact and bool(logged.log.eligible[:, 0].all())


def _judged(job: Job, bench: Bench, targets: list[Target]) -> SimulateResult:
    kept, whole = bench.logged.weighted, {t.name: t for t in targets}
    confidence, looks = at_this_look(bench.logged, job.settings)
    settings = job.settings.model_copy(update={"confidence": confidence})
    logged, targets = bench.logged.take(kept), [t.take(kept) for t in targets]
    log = logged.log
    baseline = next((t for t in targets if t.name == settings.business_as_usual), None)
    silence, unheard = _silence(bench, targets)
    judge = Judge(logged, settings, baseline, silence, bench.seed)
    doubt = confounding.why_not(logged, job.campaign)
    causal = doubt is None
    if doubt is None:
        rows, at_once = judge.table(targets)
    else:
        rows, at_once = guesses(logged, targets, doubt, bench.seed), 1
    served: list[GroupLift] = []
    every: list[WholeWave] = []
    if causal:
        name = None if baseline is None else baseline.name
        candidates = {t.name: t.candidate for t in targets}
        rows = against_holdout(bench.logged, rows, whole, settings, bench.seed)
        every = whole_waves(bench, list(whole.values()), name, settings)
        rows = held_by_whole(rows, every, settings)
        rows, served = by_groups(bench.logged, rows, candidates, name, settings, bench.seed)
    asked = _asked(settings, rows)
    mine = next(t for t in targets if t.name == asked.name)
    own = ope.ips(
        log.rewards, np.ones(log.n), clusters=log.clusters, confidence=settings.confidence,
        seed=bench.seed,
    )  # fmt: skip
    return SimulateResult(
        title=logged.title,
        unit=logged.unit,
        rows=log.n,
        customers=len(np.unique(log.clusters if logged.customers is None else logged.customers)),
        actions=log.n_actions,
        causal=causal,
        logged=Interval(own.value, own.lower, own.upper),
        business_as_usual=None if baseline is None else baseline.name,
        estimator=settings.estimators[0] if causal else "dm",
        interval=judge.interval,
        confidence=settings.confidence,
        at_once=at_once,
        gate=Gate(asked.name, asked.decision, asked.reason, asked.needed_n),
        candidates=rows,
        groups=served,
        whole=every,
        segments=simulate_segments.segments(logged, settings, judge, mine) if causal else [],
        periods=simulate_segments.periods(bench.logged),
        has_waves=logged.waves is not None,
        weights=simulate_segments.weight_quantiles(targets) if causal else {},
        folder=job.reports,
        looks=looks,
        promised=job.settings.confidence,
        shadows=[] if logged.waves is None else list(logged.waves.shadows),
        notes=[
            *logged.notes,
            *_uncapped(logged, targets),
            *unheard,
            *_doubts(logged, mine, settings),
        ],
    )


def _silence(bench: Bench, targets: list[Target]) -> tuple[Target | None, list[str]]:
    """No contact by weights, where nobody was held out to show it; and why it cannot be told."""
    logged = bench.logged
    if logged.holds_out or not logged.log.causal:
        return None, []
    found = next((t for t in targets if t.candidate.policy == "no_contact"), None)
    if found is None and _leaves_in_peace(logged):
        found = target(bench, Candidate(policy="no_contact")).take(logged.weighted)
    if found is None:
        return None, []
    clusters = logged.log.clusters[logged.weighted]
    refused = gate.refuse(diagnostics.weigh(found.weights, clusters=clusters))
    if refused is None:
        return found, []
    return None, [f"whether contacts pay at all is not told by this log: {refused.reason}"]


def _uncapped(logged: Logged, targets: list[Target]) -> list[str]:
    """Which candidates are judged as if the newest wave had had no limits."""
    if not logged.catalogue.prices.any():
        return []
    loose = [t.name for t in targets if not t.candidate.prices]
    return (
        [
            f"judged without the limits of the newest wave, whose prices they do not know:"
            f" {', '.join(loose)}"
        ]
        if loose
        else []
    )


def _asked(settings: Simulate, rows: list[Judged]) -> Judged:
    """The candidate that the gate is asked about: the one named, else the first."""
    return next((r for r in rows if r.name == settings.gate), rows[0])


def _doubts(logged: Logged, mine: Target, settings: Simulate) -> list[str]:
    """What the log itself says against believing it."""
    log = logged.log
    if not log.causal or log.n < 100:
        return []
    notes = []
    truth = diagnostics.calibrate(log)
    rarest = 0.0 if log.propensities is None else float(log.propensities.min()) * log.n
    if truth.p < CALIBRATION_P and rarest >= RAREST_DRAWS:
        off = np.abs((truth.ratio - 1.0) / np.where(truth.error > 0.0, truth.error, np.inf))
        worst = int(np.nanargmax(off))
        notes.append(
            f"logged propensities look untrue: {logged.catalogue.names[worst]!r} was taken"
            f" {truth.ratio[worst]:.3f} times as often as they say (p {truth.p:.1g})"
        )
    moved = diagnostics.drift(mine.weights, log.rewards)
    if moved.reward_p < DRIFT_P:
        notes.append(
            f"the mean reward moved over time (p {moved.reward_p:.1g}): the past may not speak"
            " for tomorrow"
        )
    if logged.waves is not None and len(set(logged.waves.snapshots)) > 1 and not settings.interval:
        notes.append(
            'the log was made by a policy that was learning: interval = "adaptive" in [simulate]'
            " stays valid then, and is wider"
        )
    return notes
