"""For whom a candidate pays, how its weights lie, and what the log earned over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bandit.config.simulation import Simulate
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import nearest
from bandit.core.types import Array
from bandit.features.spec import Column
from bandit.ope.row_terms import model_free
from bandit.results.figures import Interval
from bandit.results.judge import Period, SegmentLift
from bandit.stats.means import around
from bandit.stats.statistic import single
from bandit.stats.units import cluster_units
from bandit.workflows.judge.groups import groups_of, short_columns
from bandit.workflows.judge.logged import Logged
from bandit.workflows.judge.targets import Target
from bandit.workflows.judge.verdicts import Judge

LEAST_ROWS = 200
QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
PERIODS = 10
ALL = "all"


def segments(logged: Logged, settings: Simulate, judge: Judge, target: Target) -> list[SegmentLift]:
    """Lift of ``target`` within each group; the intervals of all groups hold at once."""
    groups = [
        (column, name, rows)
        for column in _columns(logged, settings)
        for name, member in groups_of(logged.spec, logged.log.contexts, column)
        if len(rows := np.flatnonzero(member)) >= LEAST_ROWS
    ]
    confidence = 1.0 - (1.0 - settings.confidence) / max(len(groups), 1)
    found = []
    for column, name, rows in groups:
        chosen = rows if target.rows is None else rows[target.rows[rows]]
        try:
            lift = judge.lift(target, chosen, confidence)
        except DataError:
            continue
        interval = Interval(lift.value, lift.lower, lift.upper)
        found.append(SegmentLift(column.name, name, len(chosen), interval))
    return found


def periods(logged: Logged) -> list[Period]:
    """Mean net reward by wave and group, or by tenths of the log in the order of time.

    Customers are the units of the intervals: somebody with five rows in a tenth is one.
    """
    found = []
    for label, group, rows in _stretches(logged):
        if len(rows) < 2:
            continue
        terms = model_free(logged.log.rewards[rows], np.ones(len(rows)), ratio=False)
        mean = single(cluster_units(terms, logged.log.clusters[rows]))
        interval = Interval(mean.value, *around(mean.value, mean.standard_error))
        found.append(Period(label, group, len(rows), interval))
    return found


def _stretches(logged: Logged) -> Iterator[tuple[str, str, Array]]:
    waves, n = logged.waves, logged.n
    if waves is None:
        for i, rows in enumerate(np.array_split(np.arange(n), min(PERIODS, n))):
            yield str(i + 1), ALL, rows
        return
    groups = sorted(set(waves.group.tolist()))
    for w, name in enumerate(waves.names):
        for group in groups:
            yield name, group, np.flatnonzero((waves.wave == w) & (waves.group == group))


def weight_quantiles(targets: Sequence[Target]) -> dict[str, list[float]]:
    """Quantiles of each candidate's weights: 50, 90, 99, 99.9 and 100 %."""
    return {
        t.name: [
            float(q)
            for q in np.quantile(t.weights if t.rows is None else t.weights[t.rows], QUANTILES)
        ]
        for t in targets
    }


def _columns(logged: Logged, settings: Simulate) -> list[Column]:
    known = {c.name: c for c in logged.spec.columns if c.kind != "vector"}
    if settings.segments is None:
        return short_columns(logged.spec)
    for name in settings.segments:
        if name not in known:
            raise ConfigError(
                f"simulate.segments names {name!r}, which is no feature column"
                f"{nearest(name, list(known))}"
            )
    return [known[name] for name in settings.segments]
