"""`bandit experiment design`: how many it takes, whether they are there, and what it costs."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np

from bandit import experiments
from bandit.config import campaign_file
from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.config.experiment import CONFIDENCE_SEQUENCE, GROUP_SEQUENTIAL, Experiment, Metric
from bandit.core.days import acting_at
from bandit.core.errors import DataError
from bandit.core.types import SILENT, Bool, Float64, Progress
from bandit.core.wording import number, rounded_up
from bandit.record import heard
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.results.experiment import ArmPlan, ExperimentDesign, MetricPlan
from bandit.results.figures import Interval
from bandit.sources import customers, database, households, persons
from bandit.sources.catalogue import load_catalogue
from bandit.stats.intraclass import Crowd, intraclass
from bandit.workflows.experiment.history import History, Population, like, measured
from bandit.workflows.experiment.read import policy_text
from bandit.workflows.experiment.start import asking, hold_possible
from bandit.workflows.experiment.totals import BOUGHT, CONTACTS

_SEQUENCE_COST = 1.55**2
"""By what a sequence multiplies the customers: its limits are 1.55 times as wide."""


@steady
def design(
    campaign_path: Path, *, name: str, at: dt.datetime | None = None, progress: Progress = SILENT
) -> ExperimentDesign:
    """Size, power and cost of an experiment, measured on the campaign's own closed waves.

    Spread, correlation of the covariate and losses on the way to a list are the past's; nothing is
    a default. DataError where no wave has closed.
    """
    campaign = campaign_file.load(campaign_path)
    asked = config.load(campaign.folder, name)
    now = acting_at(at, campaign.time_zone)
    progress.step("checking the experiment")
    remarks = hold_possible(campaign, asked, name, now)
    closed = [
        w
        for w in record.waves(campaign.folder)
        if w.campaign == campaign.file and w.manifest.kind == "wave"
        and w.end(campaign.window) <= now
    ]  # fmt: skip
    if not closed:
        raise DataError(
            f"{campaign.folder}: no wave has a closed window, so that neither spread nor losses can"
            " be measured; design the experiment when the first one has"
        )
    wanted = _population(campaign, asked, name, now, progress)
    population = wanted.keys
    people = persons.of(campaign, now)
    past = measured(campaign, closed, asked, wanted, people, progress)
    if past.people < 2:
        raise DataError(
            f"wave {closed[-1].name} has {past.people} of the {len(population):,} customers whom"
            " the experiment is about; its spread cannot be measured on them"
        )
    members = round(len(population) * asked.share * (1.0 - campaign.policy.holdout))
    cost = looks_cost(asked)
    plans = [_plan(campaign, asked, past, members, arm, cost) for arm in range(1, len(asked.arm))]
    enough = all(plan.needed <= plan.available for plan in plans)
    control = round(members * asked.arm[0].share)
    return ExperimentDesign(
        experiment=name,
        hypothesis=asked.hypothesis,
        unit=campaign.reward.unit,
        population=len(population),
        members=members,
        waves=asked.waves,
        measured=past.waves,
        looks=asked.looks.method,
        looks_cost=cost,
        arms=[
            ArmPlan(arm.name, policy_text(arm), arm.share, round(members * arm.share))
            for arm in asked.arm
        ],
        plans=plans,
        reached=past.reached,
        control_cost=_missed(campaign, asked, past, control),
        control_cost_if=control * abs(asked.primary.minimum_effect or 0.0),
        can_succeed=enough,
        verdict=_verdict(asked, plans, len(population), campaign.policy.holdout),
        notes=[
            *remarks,
            *map(heard.silent, past.silent),
            *_notes(asked, past),
            *_of_homes(plans),
            *wanted.notes,
        ],
    )


def _population(
    campaign: Campaign, asked: Experiment, name: str, at: dt.datetime, progress: Progress
) -> Population:
    """The customers of today whom the experiment is about."""
    wants = asking(campaign, asked, name)
    progress.step("asking who is of the population")
    with database.connect(wants, at=at) as data:
        catalogue = load_catalogue(wants, data)
        found = [
            (rows.keys[rows.within[:, 0]], rows.units[rows.within[:, 0]])
            for rows in customers.stream(data, wants, catalogue, at=at)
        ]  # fmt: skip
        notes = tuple(households.notes(data, wants))
    keys = np.concatenate([np.zeros(0, np.uint64), *(own for own, _ in found)])
    if asked.household is None:
        return Population(keys, keys)
    units = np.concatenate([np.zeros(0, np.uint64), *(u[:, 0] for _, u in found)])
    return Population(keys, units, notes)


def looks_cost(asked: Experiment) -> float:
    """By what its looks multiply the customers that an experiment needs."""
    if asked.looks.method == CONFIDENCE_SEQUENCE:
        return _SEQUENCE_COST
    if asked.looks.method == GROUP_SEQUENTIAL and asked.waves > 1:
        fractions = [(j + 1) / asked.waves for j in range(asked.waves)]
        return experiments.inflation(fractions, alpha=asked.alpha_each, power=asked.looks.power)
    return 1.0


def _plan(
    campaign: Campaign, asked: Experiment, past: History, members: int, arm: int, cost: float
) -> MetricPlan:
    """An arm against the control; of few past waves a total's spread is taken to grow as they."""
    metric, control, other = asked.primary, asked.arm[0], asked.arm[arm]
    mine = like(past, campaign, control)
    whole = _linear(past, metric)
    some = past.free() if mine is None or whole[mine].std() == 0.0 else mine
    longer = asked.waves / len(past.waves)
    if metric.value == "responded" or metric.per is not None:
        longer = 1.0
    values = whole[some] * longer
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    rho = _rho(past, whole, some, metric.covariate)
    crowd = _crowd(campaign, asked, past, whole, metric.covariate)
    both = control.share + other.share
    available = round(members * both)
    effect = abs(metric.minimum_effect or 0.0)
    if sd == 0.0:
        raise DataError(
            f"metric {metric.name!r} ({metric.value}) was the same for everybody in waves"
            f" {', '.join(past.waves)}; were their outcomes delivered?"
        )
    if metric.value != CONTACTS and set(past.silent) >= set(past.waves):
        raise DataError(
            f"metric {metric.name!r} ({metric.value}): no event lies in the windows of waves"
            f" {', '.join(past.waves)}, so that only costs spread; were their outcomes delivered?"
            " `bandit learn --outcomes FILE` takes them in"
        )
    tails = _tails(past, metric, values, some, longer)
    plan = experiments.Plan(
        mean=mean,
        sd=sd,
        power=asked.looks.power,
        alpha=asked.alpha_each,
        control_share=control.share / both,
        rho=rho,
        icc=crowd.icc,
        cluster_size=crowd.size,
        looks=cost,
        tails=tails,
    )
    few = max(available, 1)
    return MetricPlan(
        arm=other.name,
        metric=metric.name,
        mean=mean,
        sd=sd,
        rho=rho,
        kurtosis=tails.kurtosis,
        amount=tails.amount,
        icc=None if asked.household is None else crowd.icc,
        household_size=None if asked.household is None else crowd.size,
        effect=effect,
        needed=math.ceil(plan.size(effect)),
        available=available,
        detectable=plan.detectable(few),
        chance=plan.chance(effect, few),
    )


def _linear(past: History, metric: Metric) -> Float64:
    """What is averaged; of a ratio m = Σy/Σs, to first order, m + (y - m s) over the mean of s."""
    values = past.totals[metric.value]
    if metric.per is None:
        return values
    sizes = past.totals[metric.per]
    if sizes.sum() == 0.0:
        raise DataError(f"metric {metric.name!r}: {metric.per} was 0 for everybody in the past")
    ratio = values.sum() / sizes.sum()
    found: Float64 = ratio + (values - ratio * sizes) / sizes.mean()
    return found


def _rho(past: History, whole: Float64, some: Bool, covariate: str | None) -> float:
    """Correlation of the covariate with the metric; 0 where there is none to adjust for."""
    column = past.covariates.get(covariate or "")
    if column is None:
        return 0.0
    x, y = column[some], whole[some]
    if x.std() == 0.0 or y.std() == 0.0:
        return 0.0
    return float(np.clip(np.corrcoef(x, y)[0, 1], -0.999, 0.999))


def _tails(
    past: History, metric: Metric, values: Float64, some: Bool, longer: float
) -> experiments.Tails:
    """Of the metric after what the covariate explains; of a ratio no rise is one of purchases."""
    bought = values
    if metric.value == "net":
        bought = longer * past.totals[BOUGHT][some]
    if metric.per is not None:
        bought = np.zeros_like(values)
    left = values - _explained(past, values, some, metric.covariate)
    return experiments.Tails.of(left, bought)


def _explained(past: History, values: Float64, some: Bool, covariate: str | None) -> Float64:
    """What of the values of some people the covariate explains, beside their mean."""
    column = past.covariates.get(covariate or "")
    if column is None or column[some].std() == 0.0:
        return np.zeros(len(values))
    x = column[some] - column[some].mean()
    found: Float64 = x * float(x @ values) / float(x @ x)
    return found


def _crowd(
    campaign: Campaign, asked: Experiment, past: History, whole: Float64, covariate: str | None
) -> Crowd:
    """What people of a household have in common, after what the covariate explains.

    Measured on all who were not held out, since of one group there is seldom a whole household; the
    size is that of the members, of whom the holdout takes each one by one.
    """
    if asked.household is None:
        return Crowd(0.0, 1.0)
    free = past.free()
    values = whole[free] - _explained(past, whole[free], free, covariate)
    alone = intraclass(values, past.units[free])
    size = intraclass(whole, past.units).size
    return Crowd(alone.icc, 1.0 + (size - 1.0) * (1.0 - campaign.policy.holdout))


def _missed(campaign: Campaign, asked: Experiment, past: History, control: int) -> Interval | None:
    """What the control's people would have come to more in the best other arm, by past groups."""
    mine = like(past, campaign, asked.arm[0])
    values = past.totals[asked.primary.value]
    longer = control * asked.waves / len(past.waves)
    best: Interval | None = None
    for arm in asked.arm[1:]:
        theirs = like(past, campaign, arm)
        if mine is None or theirs is None or (mine & theirs).any():
            continue
        rows = mine | theirs
        one = experiments.compare(values[rows], theirs[rows])
        found = Interval(one.effect * longer, one.lower * longer, one.upper * longer)
        best = found if best is None or found.value > best.value else best
    return best


def _verdict(asked: Experiment, plans: list[MetricPlan], population: int, holdout: float) -> str:
    short = [plan for plan in plans if plan.needed > plan.available]
    if not short:
        worst = min(plans, key=lambda plan: plan.chance)
        return (
            f"It can succeed: {rounded_up(worst.needed)} customers are needed in both arms of the"
            f" hardest comparison, {worst.available:,} are there; an effect of"
            f" {number(worst.effect)} is found with probability {worst.chance:.0%}."
        )
    worst = max(short, key=lambda plan: plan.needed / max(plan.available, 1))
    share = worst.needed / max(population * (1.0 - holdout), 1.0)
    share /= asked.arm[0].share + next(a.share for a in asked.arm if a.name == worst.arm)
    more = (
        f"a share of {share:.0%} of the layer would be enough"
        if share <= 1.0
        else "the whole layer would not be enough: run more waves, or look for a larger effect"
    )
    return (
        f"It cannot succeed: to find {number(worst.effect)} between {asked.arm[0].name} and"
        f" {worst.arm} takes {rounded_up(worst.needed)} customers, {worst.available:,} are there,"
        f" who show no less than {number(worst.detectable)}; it would be found with probability"
        f" {worst.chance:.0%}; {more}."
    )


def _notes(asked: Experiment, past: History) -> list[str]:
    notes = []
    if len(past.waves) < asked.waves and asked.primary.value != "responded":
        notes.append(
            f"measured on {len(past.waves)} of {asked.waves} waves: what a customer comes to is"
            " taken to spread in proportion to their number, which is the most that it can"
        )
    lost = {m.covariate for m in asked.metric if m.covariate not in {None, *past.covariates}}
    if lost:
        notes.append(f"not adjusted for {', '.join(sorted(map(str, lost)))}: no past wave has it")
    if past.people < 1000:
        notes.append(f"measured on {past.people:,} people: the spread is known roughly")
    return notes


def _of_homes(plans: list[MetricPlan]) -> list[str]:
    """By what households multiply the number of customers that it takes."""
    found = [(p.icc, p.household_size) for p in plans if p.household_size is not None]
    if not found:
        return []
    icc, size = max((icc or 0.0, size) for icc, size in found)
    return [
        f"a customer's household has {size:.1f} people in the mean, whose values correlate by"
        f" {icc:.2f} in the past: it takes {1.0 + (size - 1.0) * icc:.2f} times as many customers"
        " as if each were assigned alone"
    ]
