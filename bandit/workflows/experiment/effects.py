"""What the arms' people came to, against the control's, at the confidence that a look allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from bandit import experiments
from bandit.config.experiment import (
    CONFIDENCE_SEQUENCE,
    GROUP_SEQUENTIAL,
    Experiment,
    Metric,
)
from bandit.core.types import Float64
from bandit.core.wording import counted
from bandit.experiments.few import LEAST, of_few, unknown
from bandit.experiments.looks import obrien_fleming
from bandit.results.experiment import EffectRead, LookRead, SegmentRead
from bandit.results.figures import Interval
from bandit.stats.quantiles import normal_quantile
from bandit.workflows.experiment.enrolled import Enrolled
from bandit.workflows.experiment.totals import BOUGHT, CONTACTS

Values = Mapping[str, Float64]
"""Totals by what is added up, float64[u] each."""


def limit_at(asked: Experiment, look: int) -> float:
    """Standard errors that the primary effect must pass at a look, infinite where none may be.

    A look is a closed wave, whether somebody read then or not: reading again costs nothing.
    """
    alpha = asked.alpha_each
    if asked.looks.method == GROUP_SEQUENTIAL:
        return _boundary(look, asked.waves, alpha)
    if asked.looks.method == CONFIDENCE_SEQUENCE:
        return experiments.sequence(look / asked.waves, alpha=alpha)
    return normal_quantile(1.0 - 0.5 * alpha) if look >= asked.waves else float("inf")


@cache
def _boundary(look: int, waves: int, alpha: float) -> float:
    return float(experiments.boundaries([(j + 1) / waves for j in range(look)], alpha=alpha)[-1])


def spent_at(asked: Experiment, look: int) -> float:
    """Alpha spent by a look, of all arms together."""
    if asked.looks.method == GROUP_SEQUENTIAL:
        each = 2.0 * obrien_fleming(look / asked.waves, 0.5 * asked.alpha_each)
        return each * (len(asked.arm) - 1)
    if asked.looks.method == CONFIDENCE_SEQUENCE:
        return asked.looks.alpha
    return asked.looks.alpha if look >= asked.waves else 0.0


def compared(
    found: Enrolled, values: Values, metric: Metric, arm: int, confidence: float
) -> experiments.Comparison | None:
    """An arm against the control; None with fewer than two people, or nothing to divide by."""
    rows = (found.arm == 0) | (found.arm == arm)
    treated = found.arm[rows] == arm
    if treated.sum() < 2 or (~treated).sum() < 2:
        return None
    sizes = None if metric.per is None else values[metric.per][rows]
    if sizes is not None and not (sizes[treated].sum() > 0.0 and sizes[~treated].sum() > 0.0):
        return None
    covariate = found.covariates.get(metric.covariate or "")
    units = None if found.units is None else found.units[rows]
    one = experiments.compare(
        values[metric.value][rows],
        treated,
        sizes=sizes,
        covariate=None if covariate is None else covariate[rows],
        clusters=units,
        confidence=confidence,
        adjustment="lin",
        rare=True,
    )
    if metric.role == "guardrail":
        alone = sizes is None and units is None
        return of_few(one, values[metric.value][rows], treated, alone=alone, confidence=confidence)
    return one if some_bought(found, values, metric, arm) >= LEAST else unknown(one)


def effects(asked: Experiment, found: Enrolled, values: Values, look: int) -> list[EffectRead]:
    """Every metric and arm at a look; secondary metrics with their p-values raised (Holm)."""
    read = [
        (metric, arm, compared(found, values, metric, arm, 1.0 - asked.looks.alpha))
        for metric in asked.metric
        for arm in range(1, len(asked.arm))
    ]
    there = [(metric, arm, one) for metric, arm, one in read if one is not None]
    second = [one.p_value for metric, _, one in there if metric.role == "secondary"]
    raised = iter(experiments.holm(second) if second else ())
    return [
        replace(
            _read(asked, metric, arm, one, look, raised),
            contacted=_contacted(asked, found, values, metric, arm),
            customers=some_bought(found, values, metric, arm),
        )
        for metric, arm, one in there
    ]


def some_bought(found: Enrolled, values: Values, metric: Metric, arm: int) -> int:
    """Customers of an arm and the control who speak for a metric: whose value is not 0.

    Of net, those to whom something happened: what contacts cost is known beforehand.
    """
    value = BOUGHT if metric.value == "net" and BOUGHT in values else metric.value
    return int((((found.arm == 0) | (found.arm == arm)) & (values[value] != 0.0)).sum())


def few(read: Sequence[EffectRead]) -> list[str]:
    """Sentences on metrics of which hardly anything is known."""
    return [
        f"{one.metric}, {one.arm}: something came of"
        f" {counted(one.customers, 'customer', 'customers')}, fewer than {LEAST}: nothing is said"
        " of it"
        for one in read
        if one.role in {"primary", "secondary"} and one.customers < LEAST
    ] + [
        f"guardrail {one.metric}, {one.arm}:"
        f" {counted(one.customers, 'customer has', 'customers have')} any, fewer than {LEAST}: "
        + (
            "no interval can be had, and nothing is shown of it"
            if np.isinf(one.interval.upper)
            else "its limits are those of counts, a customer having it once at most"
        )
        for one in read
        if one.role == "guardrail" and one.customers < LEAST
    ]


def _contacted(
    asked: Experiment, found: Enrolled, values: Values, metric: Metric, arm: int
) -> Interval | None:
    """The primary effect on those whom the arm contacted and the control did not."""
    if metric.role != "primary" or metric.per is not None:
        return None
    if some_bought(found, values, metric, arm) < LEAST:
        return None
    rows = (found.arm == 0) | (found.arm == arm)
    one = experiments.contacted_effect(
        values[metric.value][rows],
        found.arm[rows] == arm,
        values[CONTACTS][rows] > 0.0,
        clusters=None if found.units is None else found.units[rows],
        confidence=1.0 - asked.looks.alpha,
        rare=True,
    )
    return Interval(one.value, one.lower, one.upper)


def _read(
    asked: Experiment,
    metric: Metric,
    arm: int,
    one: experiments.Comparison,
    look: int,
    raised: Iterator[float],
) -> EffectRead:
    primary = metric.role == "primary"
    limit = limit_at(asked, look) if primary else normal_quantile(1.0 - 0.5 * asked.looks.alpha)
    adjusted = float(next(raised)) if metric.role == "secondary" else None
    lower, upper = one.within(limit) if primary else (one.lower, one.upper)
    return EffectRead(
        metric=metric.name,
        role=metric.role,
        arm=asked.arm[arm].name,
        control_mean=one.mean_control,
        arm_mean=one.mean_treated,
        interval=Interval(one.effect, lower, upper),
        relative=Interval(one.relative, one.relative_lower, one.relative_upper),
        limit=limit,
        p_value=one.p_value,
        adjusted_p=adjusted,
        said=_said(asked, metric, one, limit, adjusted),
    )


def _said(
    asked: Experiment,
    metric: Metric,
    one: experiments.Comparison,
    limit: float,
    adjusted: float | None,
) -> str:
    if metric.role == "diagnostic":
        return ""
    if metric.margin is not None:
        return one.guardrail(metric.margin, harm=metric.harm)
    passed = one.passes(limit) if adjusted is None else adjusted < asked.looks.alpha
    if not passed:
        return "not shown"
    good = one.effect > 0.0 if metric.harm == "lower" else one.effect < 0.0
    return "better" if good else "worse"


def by_segment(asked: Experiment, found: Enrolled, values: Values) -> list[SegmentRead]:
    """The primary effect by segment: false discoveries held to alpha, estimates shrunk by arm."""
    out: list[SegmentRead] = []
    for arm in range(1, len(asked.arm)):
        read = []
        for (column, group), mine in found.segments.items():
            part = found._replace(arm=np.where(mine, found.arm, -1))
            one = compared(part, values, asked.primary, arm, 1.0 - asked.looks.alpha)
            if one is not None and 0.0 < one.standard_error < np.inf:
                read.append((column, group, one))
        if not read:
            continue
        far = normal_quantile(1.0 - 0.5 * asked.looks.alpha)
        shrunk = experiments.shrunken(
            [one.effect for *_, one in read], [one.standard_error for *_, one in read]
        )
        out += [
            SegmentRead(
                column=column,
                segment=group,
                arm=asked.arm[arm].name,
                customers=one.n_treated + one.n_control,
                interval=Interval(one.effect, one.lower, one.upper),
                shrunken=Interval(effect, effect - far * error, effect + far * error),
                p_value=one.p_value,
                adjusted_p=1.0,
            )
            for (column, group, one), effect, error in zip(
                read, shrunk.effects.tolist(), shrunk.errors.tolist(), strict=True
            )
        ]
    if not out:
        return []
    raised = experiments.benjamini_hochberg([one.p_value for one in out])
    return [replace(one, adjusted_p=float(p)) for one, p in zip(out, raised, strict=True)]


def path(
    asked: Experiment, found: Enrolled, by_wave: Sequence[tuple[str, Values]]
) -> list[LookRead]:
    """The primary effect after each closed wave; ``by_wave`` has the totals by then."""
    out = []
    for look, (wave, values) in enumerate(by_wave, start=1):
        limit = limit_at(asked, look)
        for arm in range(1, len(asked.arm)):
            one = compared(found, values, asked.primary, arm, 1.0 - asked.looks.alpha)
            if one is not None:
                out.append(
                    LookRead(
                        wave=wave,
                        arm=asked.arm[arm].name,
                        fraction=look / asked.waves,
                        interval=Interval(one.effect, *one.within(limit)),
                        limit=limit,
                        alpha_spent=spent_at(asked, look),
                    )
                )
    return out


def passed_at(looks: Sequence[LookRead]) -> dict[str, LookRead]:
    """By arm the first look at which the primary effect passed its limit."""
    out: dict[str, LookRead] = {}
    for one in looks:
        clear = one.interval.lower > 0.0 or one.interval.upper < 0.0
        if clear and np.isfinite(one.limit):
            out.setdefault(one.arm, one)
    return out
