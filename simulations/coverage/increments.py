"""Two groups to whom nothing was done: does the increment of one over the other hold nothing?

`python -m simulations.coverage increments` writes the table into the README. People buy seldom,
amounts are lognormal, and a contact costs a little. What `roi` and `report` tell of one group over
the other is taken through their own functions, with the rule that fewer than ten purchases say
nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float64
from bandit.stats.crowds import crowd_of
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.against import Against, Side

AMOUNT, COST, CONTACTED = 20.0, 0.05, 0.7
CASES = tuple(
    (people, share, chance, spread)
    for people, chance in ((2_000, 0.01), (2_000, 0.05), (20_000, 0.003), (20_000, 0.01))
    for share in (0.05, 0.5, 0.95)
    for spread in (0.0, 1.0)
)
"""Customers, the share of those whose increment is told, chance to buy, spread of ln(amount)."""


class Held(NamedTuple):
    """Shares of draws: something was told, and of those the interval held 0 or lay beside it.

    ``width`` is the mean standard error told, over the true one of the difference.
    """

    told: float
    covered: float
    above: float
    below: float
    width: float


def held(people: int, share: float, chance: float, spread: float, runs: int) -> Held:
    rng = np.random.default_rng([people, round(100 * share), round(1e4 * chance), round(spread)])
    found, widths = np.zeros(4), 0.0
    for _ in range(runs):
        mine = rng.random(people) < share
        bought = _bought(rng, people, chance, spread)
        spent = np.where(rng.random(people) < CONTACTED, COST, 0.0)
        against = Against()
        against.add(_side(bought, spent, mine), _side(bought, spent, ~mine))
        told = against.told("one", "other", 1.0)
        if told is None or told.value is None:
            continue
        low, high = told.value.lower, told.value.upper
        found += (1.0, low <= 0.0 <= high, low > 0.0, high < 0.0)
        widths += (high - low) / (2.0 * 1.959964) / told.people
    variance = AMOUNT**2 * chance * (np.exp(spread**2) - chance)
    true = np.sqrt(variance / people * (1.0 / share + 1.0 / (1.0 - share)))
    count = max(float(found[0]), 1.0)
    covered, above, below = (found[1:] / count).tolist()
    return Held(float(found[0]) / runs, covered, above, below, widths / count / float(true))


def _bought(rng: np.random.Generator, people: int, chance: float, spread: float) -> Float64:
    amounts = AMOUNT * np.exp(spread * rng.standard_normal(people) - 0.5 * spread**2)
    return np.where(rng.random(people) < chance, amounts, 0.0)


def _side(bought: Float64, spent: Float64, mine: Bool) -> Side:
    side, crowd = Side(), crowd_of(np.flatnonzero(mine).astype(np.uint64))
    one = np.ones(int(mine.sum()))
    side.net.add(crowd, bought[mine] - spent[mine], one)
    side.cost.add(crowd, spent[mine], one)
    side.rewards = Rewards.of(bought[mine])
    side.contacts, side.attributed = int((spent[mine] > 0.0).sum()), float(bought[mine].sum())
    return side


def report(runs: int = 400) -> str:
    lines = [
        f"{runs:,} draws a row in which nothing is done to anybody; of those told the interval is to hold 0 in 95 %. "
        "Errors are told over true.",
        "",
        "| customers | in the group | buy | spread of ln(amount) | told | covered | above 0 | below 0 | error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for people, share, chance, spread in CASES:
        one = held(people, share, chance, spread, runs)
        lines.append(
            f"| {people:,} | {share:.0%} | {chance:.1%} | {spread:g} | {one.told:.1%} |"
            f" {one.covered:.1%} | {one.above:.1%} | {one.below:.1%} | {one.width:.2f} |"
        )
    return "\n".join(lines) + "\n"
