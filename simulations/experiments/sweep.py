"""A/A experiments looked at once, at five planned looks and at fifty; effects of the promised size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from bandit import experiments
from bandit.core.types import Float64
from bandit.experiments import Arms, Plan
from simulations.experiments.environment import HOUSEHOLD, Population, Trial, rates

BLOCKS = 50
PLANNED = (0.2, 0.4, 0.6, 0.8, 1.0)


class FalseAlarms(NamedTuple):
    """p-values of a single look, and the share of experiments that alarmed each way."""

    name: str
    p_values: Float64
    fixed: float
    planned: float
    pocock: float
    sequence: float
    peeking: float

    @property
    def uniform(self) -> float:
        """Kolmogorov and Smirnov's p-value that the p-values are uniform."""
        return float(stats.kstest(self.p_values, "uniform").pvalue)


def false_alarms(
    population: Population, name: str, runs: int, *, adjusted: bool, control_share: float = 0.5
) -> FalseAlarms:
    """``runs`` A/A experiments on permuted rows, assigned as the product assigns."""
    fractions = np.arange(1, BLOCKS + 1) / BLOCKS
    looks = np.array([round(t * BLOCKS) - 1 for t in PLANNED])
    limits = {s: experiments.boundaries(PLANNED, spending=s) for s in ("obrien_fleming", "pocock")}
    always = np.array([experiments.sequence(t) for t in fractions])
    hits, p_values = np.zeros(5), np.empty(runs)
    for run in range(runs):
        z, p_values[run] = _path(population, run, adjusted, control_share)
        hits += (
            p_values[run] < 0.05,
            (z[looks] > limits["obrien_fleming"]).any(),
            (z[looks] > limits["pocock"]).any(),
            (z > always).any(),
            (z > 1.96).any(),
        )
    return FalseAlarms(name, p_values, *(hits / runs))


def _path(
    population: Population, run: int, adjusted: bool, control_share: float
) -> tuple[Float64, float]:
    """|effect| in standard errors after each block, and the p-value at the end."""
    trial = population.permuted(run)
    n = len(trial.values)
    shares = (control_share, 1.0 - control_share)
    treated = experiments.arms(np.arange(n), f"a/a {run}", shares) == 1
    whole: Arms | None = None
    z = np.empty(BLOCKS)
    for i, rows in enumerate(np.array_split(np.arange(n), BLOCKS)):
        covariate = trial.covariate[rows] if adjusted else None
        block = Arms.of(trial.values[rows], treated[rows], covariate=covariate)
        whole = block if whole is None else whole.merge(block)
        found = whole.contrast("lin")
        z[i] = abs(found.treated - found.control) / np.sqrt(found.variance)
    if whole is None:
        raise ValueError("an experiment has blocks")
    return z, experiments.conclude(whole, adjustment="lin").p_value


class Power(NamedTuple):
    """Share of experiments that found an effect of the size promised to be found in 80 %."""

    name: str
    n: int
    effect: float
    found: float


def power(population: Population, runs: int, n: int) -> list[Power]:
    mean, sd = float(population.spend.mean()), float(population.spend.std())
    whole = Plan(mean=mean, sd=sd)
    tenth, covariate = replace(whole, control_share=0.2), replace(whole, rho=0.8)
    planned = replace(whole, looks=experiments.inflation(PLANNED))
    home, icc = _households(population)
    clustered = Plan(mean=0.0, sd=home, icc=icc, cluster_size=float(HOUSEHOLD))
    rate = Plan(mean=0.1, sd=0.3)
    return [
        _power("spend, once", whole, population.sample, runs, n),
        _power("spend, 20 % control", tenth, population.sample, runs, n),
        _power("spend, covariate with ρ 0.8", covariate, population.sample, runs, n),
        _power("spend, five planned looks", planned, population.sample, runs, n),
        _power(f"households of four, ICC {icc:.2f}", clustered, population.households, runs, n),
        _power("a rate of 10 %", rate, rates, runs, n),
    ]


def _power(name: str, plan: Plan, draw: Callable[[int, int], Trial], runs: int, n: int) -> Power:
    effect, found = plan.detectable(n), 0
    shares = (plan.control_share, 1.0 - plan.control_share)
    times = PLANNED if plan.looks > 1.0 else (1.0,)
    limits = experiments.boundaries(times)
    for run in range(runs):
        trial = draw(n, run)
        treated = experiments.arms(trial.clusters, f"planted {run}", shares) == 1
        values = trial.treated_by(treated, effect)
        covariate = trial.covariate if plan.rho else None
        clusters = trial.clusters if plan.icc else None
        for time, limit in zip(times, limits, strict=True):
            seen = slice(0, round(time * n))
            look = experiments.compare(
                values[seen],
                treated[seen],
                covariate=None if covariate is None else covariate[seen],
                clusters=None if clusters is None else clusters[seen],
            )
            if look.passes(limit):
                found += 1
                break
    return Power(name, n, effect, found / runs)


def _households(population: Population) -> tuple[float, float]:
    """Spread of the customers in households, and the share that a household has in common."""
    values = np.concatenate([population.households(64_000, 10**6 + i).values for i in range(20)])
    groups = values.reshape(-1, HOUSEHOLD)
    between = HOUSEHOLD * groups.mean(axis=1).var(ddof=1)
    within = groups.var(axis=1, ddof=1).mean()
    icc = (between - within) / (between + (HOUSEHOLD - 1) * within)
    return float(values.std()), float(icc)
