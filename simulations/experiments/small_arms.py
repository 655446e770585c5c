"""Experiments with a small arm and rare purchases, in which nothing is done to anybody.

What `bandit experiment read` says of them over all its looks, through the workflow's own functions:
customers buy three in a thousand a wave, each contact costs a little, and one arm in twenty (the
treatment's, or the control's) is as likely to buy as the other.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import NamedTuple

import numpy as np

from bandit.config.campaign_file import tuples
from bandit.config.experiment import Experiment
from bandit.core.types import Float64
from bandit.features.spec import FeatureSpec
from bandit.workflows.experiment import effects
from bandit.workflows.experiment.enrolled import Enrolled

METHODS = ("group_sequential", "confidence_sequence", "fixed")
CHANCE, AMOUNT, COST = 0.003, 20.0, 0.05


class Case(NamedTuple):
    """``share`` of ``customers`` is in the treatment; ``spread`` is that of ln(amount)."""

    customers: int
    share: float
    spread: float
    waves: int


CASES = (
    Case(2_000, 0.05, 0.0, 20),
    Case(2_000, 0.95, 0.0, 20),
    Case(2_000, 0.05, 1.0, 20),
    Case(2_000, 0.2, 1.0, 20),
    Case(2_000, 0.5, 0.0, 20),
    Case(20_000, 0.05, 1.0, 3),
)


def said(case: Case, method: str, runs: int) -> Counter[str]:
    """How often the primary effect was said to be better or worse, and a secondary one to differ."""
    found: Counter[str] = Counter()
    for run in range(runs):
        rng = np.random.default_rng([run, METHODS.index(method)])
        people = members(rng, case)
        by_wave = _waves(rng, case)
        path = effects.path(asked(method, case), people, by_wave)
        first = effects.passed_at(path).get("a1")
        if first is not None:
            found["better" if first.interval.value > 0.0 else "worse"] += 1
        read = effects.effects(asked(method, case), people, by_wave[-1][1], case.waves)
        found["secondary"] += any(
            one.role == "secondary" and one.said != "not shown" for one in read
        )
    return found


def asked(method: str, case: Case) -> Experiment:
    shares = (1.0 - case.share, case.share)
    return Experiment.model_validate(
        tuples({
            "hypothesis": "nothing is done", "layer": "l", "share": 1.0, "waves": case.waves,
            "cooldown_days": 0, "start": dt.date(2026, 11, 9), "looks": {"method": method},
            "arm": [
                {"name": f"a{i}", "share": share, "policy": "rules"}
                for i, share in enumerate(shares)
            ],
            "metric": [
                {"name": "net", "role": "primary", "value": "net", "minimum_effect": 1.0},
                {"name": "bought", "role": "secondary", "value": "responded"},
            ],
        })
    )  # fmt: skip


def members(rng: np.random.Generator, case: Case) -> Enrolled:
    n, none = case.customers, np.zeros((2, 1))
    arm = (rng.random(n) < case.share).astype(np.int64)
    spec, keys = FeatureSpec(True, ()), np.arange(n, dtype=np.uint64)
    return Enrolled(keys, arm, {}, [], none, none, spec, {}, np.bincount(arm), 0, None, None)


def _waves(rng: np.random.Generator, case: Case) -> list[tuple[str, dict[str, Float64]]]:
    """Totals by wave: what was bought, what contacts cost."""
    n, spread = case.customers, case.spread
    bought, contacts, found = np.zeros(n), np.zeros(n), []
    for wave in range(case.waves):
        buyers = np.flatnonzero(rng.random(n) < CHANCE)
        amounts = rng.lognormal(-0.5 * spread**2, spread, len(buyers)) if spread else 1.0
        bought[buyers] += AMOUNT * amounts
        contacts += rng.random(n) < 0.7
        totals = {
            "net": bought - COST * contacts, "reward": bought.copy(),
            "responded": (bought > 0.0).astype(float), "contacts": contacts.copy(),
        }  # fmt: skip
        found.append((f"w{wave}", totals))
    return found


def report(runs: int) -> str:
    lines = [
        f"{runs} experiments a row in which nothing is done; each customer buys {CHANCE:.1%} a wave. At "
        "most 5 % may ever be said to be better or worse, and 5 % of the secondary metric.",
        "",
        "| customers | in the treatment | spread of ln(amount) | waves | looks | better | worse | secondary |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        for method in METHODS:
            one = said(case, method, runs)
            lines.append(
                f"| {case.customers:,} | {case.share:.0%} | {case.spread:g} | {case.waves} | "
                f"{method.replace('_', ' ')} | {one['better'] / runs:.1%} | "
                f"{one['worse'] / runs:.1%} | {one['secondary'] / runs:.1%} |"
            )
    return "\n".join(lines) + "\n"
