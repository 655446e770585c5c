"""Does `bandit experiment read` find as often as `design` promises what `design` says it can find?

Customers buy seldom. Of so many of them a plan as `design` makes it says which lift they show in
80 %; the treated buy so much likelier, and the reading is the workflow's own, with its looks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.config.experiment import GROUP_SEQUENTIAL, Experiment
from bandit.core.types import Float64
from bandit.experiments import Plan, Tails
from bandit.workflows.experiment import design, effects
from simulations.experiments.small_arms import AMOUNT, COST, Case, asked, members

PROMISED = 0.8
PAST = 400_000


class Lift(NamedTuple):
    """``share`` of ``customers`` is treated; ``chance`` to buy over all ``waves``.

    ``value`` net or responded; ``spread`` is that of ln(amount).
    """

    customers: int
    share: float
    chance: float
    value: str
    spread: float
    waves: int


CASES = tuple(
    Lift(customers, share, chance, value, spread, waves)
    for chance in (0.01, 0.05)
    for share in (0.5, 0.05, 0.95)
    for value, spread, waves in (
        ("responded", 0.0, 1),
        ("net", 0.0, 1),
        ("net", 1.0, 1),
        ("net", 1.0, 5),
    )
    for customers in (5_000, 20_000)
)


class Found(NamedTuple):
    """The ``effect`` a customer that was promised to be found, and the share of runs that did."""

    effect: float
    found: float


def promised(case: Lift) -> Plan:
    """The plan that `design` makes of a long past in which all did as the control's people do."""
    rng = np.random.default_rng([7, round(1e4 * case.chance)])
    past = _waves(rng, case, np.full(PAST, case.chance))[-1][1]
    values = past[case.value]
    bought = past["reward"] if case.value == "net" else values
    return Plan(
        mean=float(values.mean()),
        sd=float(values.std()),
        power=PROMISED,
        control_share=1.0 - case.share,
        looks=design.looks_cost(_asked(case)),
        tails=Tails.of(values, bought),
    )


def power(case: Lift, runs: int) -> Found | None:
    """None where nothing that is possible would be found."""
    effect = promised(case).detectable(case.customers)
    rise = effect if case.value == "responded" else effect / AMOUNT
    if not case.chance + rise < 0.9:
        return None
    asked, found = _asked(case), 0
    for run in range(runs):
        rng = np.random.default_rng([8, run])
        people = members(rng, Case(case.customers, case.share, case.spread, case.waves))
        chance = case.chance + rise * (people.arm == 1)
        first = effects.passed_at(effects.path(asked, people, _waves(rng, case, chance))).get("a1")
        found += first is not None and first.interval.value > 0.0
    return Found(effect, found / runs)


def _waves(
    rng: np.random.Generator, case: Lift, chance: Float64
) -> list[tuple[str, dict[str, Float64]]]:
    """Totals by wave of customers who buy so likely over all waves together."""
    n = len(chance)
    spent, bought = np.zeros(n), np.zeros(n)
    found: list[tuple[str, dict[str, Float64]]] = []
    for wave in range(case.waves):
        buyers = np.flatnonzero(rng.random(n) < chance / case.waves)
        amounts = np.exp(case.spread * rng.standard_normal(len(buyers)) - 0.5 * case.spread**2)
        bought[buyers] += AMOUNT * amounts
        spent += np.where(rng.random(n) < 0.7, COST, 0.0)
        totals = {
            "net": bought - spent, "reward": bought.copy(),
            "responded": (bought > 0.0).astype(np.float64),
        }  # fmt: skip
        found.append((f"w{wave}", totals))
    return found


def _asked(case: Lift) -> Experiment:
    method = GROUP_SEQUENTIAL if case.waves > 1 else "fixed"
    whole = Case(case.customers, case.share, case.spread, case.waves)
    one = asked(method, whole)
    metric = one.primary.model_copy(update={"value": case.value})
    return one.model_copy(update={"metric": (metric,)})


def report(runs: int) -> str:
    lines = [
        f"{runs} experiments a row with the lift that `design` promises to be found in {PROMISED:.0%}, of a control that "
        "buys so likely over all waves; the treated buy so much likelier. To be found in at least 76 %.",
        "",
        "| customers | in the treatment | control buys | value | spread of ln(amount) | looks | lift of the chance | found |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        one = power(case, runs)
        rise, found = "none can be shown", ""
        if one is not None:
            per = 1.0 if case.value == "responded" else AMOUNT
            rise, found = f"{one.effect / per / case.chance:+.0%}", f"{one.found:.1%}"
        lines.append(
            f"| {case.customers:,} | {case.share:.0%} | {case.chance:.0%} | {case.value} | {case.spread:g} | "
            f"{case.waves} | {rise} | {found} |"
        )
    return "\n".join(lines) + "\n"
