"""What a report says came of few people: do its intervals hold it, is an offer rightly called odd?

`python -m simulations.coverage realised` writes the tables into the README. Groups: a small one
beside two large ones of a wave. Offers: contacts of ten or forty, each with exactly what was
expected of it, so that "less than expected" or "more" of any of them is false.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Float64
from bandit.stats.crowds import Crowds, crowd_of
from bandit.stats.means import Sums
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.drift import LESS, MORE
from bandit.workflows.inspect.realised import Made
from bandit.workflows.inspect.report_earned import offers_told

AMOUNT, COST, BESIDE = 20.0, 0.05, 1_800
GROUPS = tuple(
    (people, chance, spread)
    for people, chance in ((200, 0.005), (200, 0.01), (1_000, 0.01), (2_000, 0.02), (1_000, 0.3))
    for spread in (0.0, 1.0)
)
OFFERS = (
    (10, 30, 300, 0.03, 0.0),
    (10, 500, 5_000, 0.005, 0.0),
    (40, 30, 3_000, 0.005, 1.0),
    (40, 30, 3_000, 0.03, 0.0),
    (40, 30, 3_000, 0.2, 0.0),
)


class Held(NamedTuple):
    """Shares: the interval held the truth, the truth lay above and below it; the normal's held."""

    covered: float
    above: float
    below: float
    normal: float


def groups(people: int, chance: float, spread: float, runs: int) -> Held:
    rng = np.random.default_rng([people, round(1e4 * chance), round(spread)])
    truth, found = chance * AMOUNT, np.zeros(4)
    crowd = crowd_of(np.arange(people, dtype=np.uint64))
    for _ in range(runs):
        mine = _bought(rng, people, chance, spread)
        others = [_bought(rng, BESIDE, 2.0 * chance, spread) for _ in range(2)]
        group = Crowds.none()
        group.add(crowd, mine, np.ones(people))
        own = Rewards.of(mine)
        every = own.plus(Rewards.of(np.concatenate(others)))
        _, low, high = group.interval(own, every)
        far = abs(mine.mean() - truth) <= 1.959964 * mine.std() / people**0.5
        found += (low <= truth <= high, truth > high, truth < low, far)
    return Held(*(found / runs))


def odd(
    offers: int, least: int, most: int, chance: float, spread: float, runs: int
) -> tuple[float, float]:
    """Shares of reports in which some offer is called less, or more, than expected."""
    rng = np.random.default_rng([offers, least, round(1e4 * chance)])
    found = np.zeros(2)
    for _ in range(runs):
        counts = np.exp(rng.uniform(np.log(least), np.log(most), offers)).astype(int)
        made = {
            f"{i}/c": _made(_bought(rng, n, chance, spread), n * chance * AMOUNT)
            for i, n in enumerate(counts.tolist())
        }
        said = {one.health for one in offers_told(made, made)}
        found += (LESS in said, MORE in said)
    less, more = found / runs
    return float(less), float(more)


def _bought(rng: np.random.Generator, people: int, chance: float, spread: float) -> Float64:
    some = rng.random(people) < chance
    amounts = AMOUNT * rng.lognormal(-0.5 * spread**2, spread, people) if spread else AMOUNT
    return np.asarray(some * amounts, np.float64)


def _made(came: Float64, expected: float) -> Made:
    made, n = Made(), len(came)
    made.count, made.cost = n, n * COST
    made.gross, made.expected = expected, expected - n * COST
    made.sums, made.rewards = Sums.of(came - COST), Rewards.of(came)
    return made


def report(runs: int = 1_000) -> str:
    lines = [
        f"{runs:,} groups a row beside two of {BESIDE:,} people, who buy twice as often; 95 % promised.",
        "",
        "| people | buy | spread of ln(amount) | covered | truth above | truth below |"
        " normal interval, as a warning |",
        "|---|---|---|---|---|---|---|",
    ]
    for people, chance, spread in GROUPS:
        one = groups(people, chance, spread, runs)
        lines.append(
            f"| {people:,} | {chance:.1%} | {spread:g} | {one.covered:.1%} | {one.above:.1%} |"
            f" {one.below:.1%} | {one.normal:.1%} |"
        )
    lines += [
        "",
        f"{runs // 2:,} reports a row in which all offers bring what was expected; some may be called odd in 5 %.",
        "",
        "| offers | contacts of each | buy | spread of ln(amount) | less than expected | more |",
        "|---|---|---|---|---|---|",
    ]
    for offers, least, most, chance, spread in OFFERS:
        less, more = odd(offers, least, most, chance, spread, runs // 2)
        lines.append(
            f"| {offers} | {least:,} to {most:,} | {chance:.1%} | {spread:g} | {less:.1%} |"
            f" {more:.1%} |"
        )
    return "\n".join(lines) + "\n"
