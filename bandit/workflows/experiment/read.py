"""`bandit experiment read`: may it be read, what it showed so far, and what follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.experiment import CURRENT, LEARNED, Arm, Experiment
from bandit.core.days import acting_at
from bandit.core.types import SILENT, Float64, Progress
from bandit.core.wording import interval_text
from bandit.record import heard
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.experiment import ArmCount, EffectRead, ExperimentReading, LookRead
from bandit.sources import persons
from bandit.sources.merges import Merged
from bandit.workflows.experiment import claims, effects, trust
from bandit.workflows.experiment.delivered import Delivered, told
from bandit.workflows.experiment.enrolled import Enrolled, contacted, enrolled
from bandit.workflows.experiment.totals import BOUGHT, CONTACTS, Totals, events
from bandit.workflows.judge.job import REPORTS
from bandit.workflows.serve.taking_part import takes_part


@steady
def read(
    campaign_path: Path, *, name: str, at: dt.datetime | None = None, progress: Progress = SILENT
) -> ExperimentReading:
    """Compare the arms over the closed waves, by intention to treat.

    Compared are those who were assigned at the first wave, in the arm that they were drawn for,
    with everything that came of them in each closed wave of the experiment. Who came later is
    served and not counted: what made them members may hang on the arm.
    """
    campaign = campaign_file.load(campaign_path)
    asked = claims.started(campaign, name).claim.experiment
    now = acting_at(at, campaign.time_zone)
    waves = [w for w in record.waves(campaign.folder) if takes_part(w, name)]
    closed = [w for w in waves if w.end(campaign.window) <= now]
    waiting = [w.name for w in waves if w not in closed]
    if not closed:
        return _nothing(campaign, name, asked, waves)
    progress.step("reading the members")
    people = persons.of(campaign, now)
    found = enrolled(campaign, waves[0], name, asked, people)
    delivered = Delivered(campaign, name, asked)
    by_wave, silent = _values(campaign, closed, asked, found, people, delivered, progress)
    deliveries = delivered.checks()
    look, values = len(closed), by_wave[-1][1]
    path = effects.path(asked, found, by_wave)
    read_ = effects.effects(asked, found, values, look)
    sent = contacted(campaign, closed, name, asked)
    limited = any(w.manifest.summary.get("limits") for w in closed)
    pooled = asked.pooled if limited else []
    first = waves[0].manifest.summary.get("groups", {})
    assigned = [int(first.get(f"{name}:{arm.name}", 0)) for arm in asked.arm]
    counted = [int((found.arm == a).sum()) for a in range(len(asked.arm))]
    ratios = trust.ratios(asked, assigned, found, sent)
    balance = trust.balance(asked, found)
    blocked = [
        *(f"{r.stage}: p = {r.p_value:.2g}" for r in ratios if r.alarm),
        *([f"feature {balance.feature}: p = {balance.p_value:.2g}"]
          if balance is not None and balance.alarm else []),
    ]  # fmt: skip
    verdict, best, words = _verdict(asked, campaign.reward.unit, blocked, read_, path, look)
    return ExperimentReading(
        experiment=name,
        hypothesis=asked.hypothesis,
        unit=campaign.reward.unit,
        control=asked.arm[0].name,
        method=asked.looks.method,
        look=look,
        looks=asked.waves,
        waves=[w.name for w in closed],
        waiting=waiting,
        arms=[
            ArmCount(
                arm.name,
                policy_text(arm),
                arm.share,
                assigned[a],
                counted[a],
                None if found.homes is None else int(found.homes[a]),
                int(sent.decided[a]),
                int(sent.exported[a]),
            )
            for a, arm in enumerate(asked.arm)
        ],
        ratios=ratios,
        balance=balance,
        effects=[] if blocked else read_,
        path=[] if blocked else path,
        segments=[] if blocked else effects.by_segment(asked, found, values),
        verdict=verdict,
        best=best,
        words=words,
        folder=_folder(campaign, name),
        notes=[
            *map(heard.silent, silent),
            *told(deliveries),
            *([] if blocked else effects.few(read_)),
            *_notes(asked, found, waiting, pooled),
        ],
        deliveries=deliveries,
    )


def policy_text(arm: Arm) -> str:
    """An arm's policy in one line."""
    if arm.snapshot is not None:
        return f"{arm.policy} {arm.snapshot}"
    return arm.policy if isinstance(arm.policy, str) else ", ".join(arm.policy)


def _values(
    campaign: Campaign,
    closed: list[Wave],
    asked: Experiment,
    found: Enrolled,
    people: Merged,
    delivered: Delivered,
    progress: Progress,
) -> tuple[list[tuple[str, dict[str, Float64]]], list[str]]:
    """By each closed wave what the members had come to by then, value by value.

    And the waves of which no event came.
    """
    progress.step("joining decisions and outcomes", total=len(closed))
    values = [*dict.fromkeys([*asked.values, CONTACTS, BOUGHT])]
    totals, by_wave = Totals(found.keys, values, people), []
    with events(campaign, people) as connection:
        for wave in closed:
            totals.add(campaign, connection, wave)
            delivered.add(connection, wave)
            by_wave.append((wave.name, totals.all()))
            progress.advance(1)
    return by_wave, totals.silent


def _nothing(
    campaign: Campaign, name: str, asked: Experiment, waves: list[Wave]
) -> ExperimentReading:
    words = (
        f"No window has closed yet; that of wave {waves[0].name} does on"
        f" {waves[0].end(campaign.window).date()}."
        if waves
        else f"No wave has had its members yet; the first on or after {asked.start} will."
    )
    return ExperimentReading(
        experiment=name,
        hypothesis=asked.hypothesis,
        unit=campaign.reward.unit,
        control=asked.arm[0].name,
        method=asked.looks.method,
        look=0,
        looks=asked.waves,
        waves=[],
        waiting=[w.name for w in waves],
        arms=[],
        ratios=[],
        balance=None,
        effects=[],
        path=[],
        segments=[],
        verdict="nothing yet",
        best=None,
        words=words,
        folder=_folder(campaign, name),
    )


def _folder(campaign: Campaign, name: str) -> Path:
    return campaign.folder / REPORTS / "experiments" / name


def _verdict(
    asked: Experiment,
    unit: str,
    blocked: list[str],
    found: list[EffectRead],
    path: list[LookRead],
    look: int,
) -> tuple[str, str | None, str]:
    """What follows, for which arm, and why."""
    if blocked:
        return "blocked", None, (
            "The arms are not what was drawn, so that no difference of theirs is to be read"
            f" ({'; '.join(blocked)}): find where people were lost or exchanged first."
        )  # fmt: skip
    metric = asked.primary
    passed = effects.passed_at(path)
    sign = 1.0 if metric.harm == "lower" else -1.0
    better = {a: one for a, one in passed.items() if sign * one.interval.value > 0.0}
    if better:
        best = max(better, key=lambda a: sign * better[a].interval.value)
        now = next(one for one in reversed(path) if one.arm == best)
        shown = f"{metric.name} {interval_text(now.interval, signed=True)} {unit} a customer"
        guards = [e for e in found if e.arm == best and e.role == "guardrail"]
        if bad := [e.metric for e in guards if e.said != "held"]:
            return "guardrail", best, (
                f"{best} is better than {asked.arm[0].name} ({shown}), and it is not shown that it"
                f" does no harm: {', '.join(bad)}."
            )  # fmt: skip
        return "ship", best, (
            f"{best} is better than {asked.arm[0].name}: {shown}, shown since wave"
            f" {better[best].wave}."
        )  # fmt: skip
    if len(passed) == len(asked.arm) - 1:
        return "worse", None, f"No arm is better than {asked.arm[0].name}: all are shown worse."
    if look < asked.waves:
        return "go on", None, (
            f"Nothing is shown yet at look {look} of {asked.waves}; go on, the promise holds for"
            " all planned looks together."
        )  # fmt: skip
    return "not shown", None, (
        f"No difference is shown after all {asked.waves} waves; what the intervals leave open is"
        " what may still be there."
    )  # fmt: skip


def _notes(
    asked: Experiment, found: Enrolled, waiting: list[str], pooled: Sequence[str]
) -> list[str]:
    notes = []
    if found.homes is not None:
        notes.append(
            f"whole households by {asked.household!r} were assigned: intervals and sample ratios"
            " are theirs; who has moved since is compared with the household and the arm of then"
        )
    lost = {m.covariate for m in asked.metric if m.covariate not in {None, *found.covariates}}
    if lost:
        notes.append(
            f"not adjusted for {', '.join(sorted(map(str, lost)))}: the first wave was served"
            " without that feature"
        )
    adapting = [a.name for a in asked.arm if a.policy in {LEARNED, CURRENT}]
    if found.crossed:
        notes.append(
            f"{found.crossed:,} keys that turned out to be of the same people had been drawn for"
            " several arms: these people are left out, since they had several treatments"
        )
    if adapting:
        notes.append(
            f"{', '.join(adapting)} learned from wave to wave: the effect is that of the policy as"
            " it was served, not of what it has become"
        )
    if pooled:
        notes.append(
            f"{', '.join(pooled)} shared limits with everybody: an arm that took more of a scarce"
            " channel left less to the others, and would find less for itself if it ran for all"
        )
    if waiting:
        notes.append(f"not counted, their windows are open: {', '.join(waiting)}")
    return notes
