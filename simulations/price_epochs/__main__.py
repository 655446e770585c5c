"""`python -m simulations.price_epochs [--days N]` writes what days came to into the README.

Values are drawn, the steps are those that are served. Each day begins with the mean price of the
last one; the first has none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from bandit.core.types import Float64
from bandit.workflows.live import pace
from bandit.workflows.live.frames import Paced, Priced

MARK = "<!-- generated below -->\n"
MINUTES = 1440
MINUTE = 60_000_000
Draw = Callable[[np.random.Generator, int], Float64]
DRAWS: dict[str, Draw] = {
    "exponential": lambda rng, n: rng.exponential(1.0, n),
    "uniform": lambda rng, n: rng.random(n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 1.0, n),
}
CASES = ((100, 3_000), (1_000, 30_000), (1_000, 3_000), (20_000, 100_000), (50, 30_000))
HOURS = [1, 1, 0, 0, 0, 1, 2, 4, 6, 7, 7, 8, 7, 6, 6, 6, 7, 8, 9, 9, 7, 4, 2, 1]


class Came(NamedTuple):
    """Of a day: the mean value over the fluid optimum, contacts, the last one's minute, a price."""

    value: float
    used: int
    last: int
    price: float


def day(
    capacity: int, asks: Float64, plan: Float64, draw: Draw, spread: float, price: float,
    rng: np.random.Generator,
) -> Came:  # fmt: skip
    """``asks`` float64[24] is how many ask in each hour, on average."""
    paced = Paced(
        ["capacity"], ["everybody"], [[capacity]], [1.0], [[0.0]], [np.inf], [spread], [1.0], [],
        (plan / plan.sum()).tolist(), 0, MINUTES * MINUTE, 60.0, Priced(0, 0, [[price]], [[0.0]]),
    )  # fmt: skip
    used, value, last, paid = 0, 0.0, 0, 0.0
    for minute in range(MINUTES):
        now = paced.priced.prices[0][0]
        values = draw(rng, rng.poisson(asks[minute // 60] / 60.0))
        taken = values[values > now][: capacity - used]
        here = len(taken)
        used, value, paid = used + here, value + float(taken.sum()), paid + now * here
        last = minute if here else last
        use = pace.Use(np.array([[used]]), np.array([[here]]), np.zeros((1, 1)))
        priced = pace.step(paced, (minute + 1) * MINUTE, use)
        paced = msgspec.structs.replace(paced, priced=priced)
    return Came(value, used, last, paid / max(used, 1))


def lines(days: int, seed: int) -> list[str]:
    """A row of the table each."""
    found = []
    for name, draw in DRAWS.items():
        cases = [(c, n, np.ones(24), np.ones(24), "even") for c, n in CASES]
        hours = np.array(HOURS, np.float64) + 0.3
        cases += [(1_000, 30_000, hours, np.ones(24), "by day, plan even")]
        cases += [(1_000, 30_000, hours, hours, "by day, plan too")]
        for capacity, n, asked, plan, told in cases:
            rng = np.random.default_rng(seed)
            drawn = np.sort(draw(rng, 1_000_000))
            best = float(drawn[-int(len(drawn) * capacity / n) :].mean()) * capacity
            price, came = 0.0, []
            for _ in range(days):
                asks, spread = n * asked / asked.sum(), float(drawn.std())
                came.append(day(capacity, asks, plan, draw, spread, price, rng))
                price = came[-1].price
            shares = " | ".join(f"{100 * one.value / best:.0f}" for one in came)
            last = min(one.last for one in came[1:]) / MINUTES
            fewest, first = min(one.used for one in came), 100 * drawn.mean() * capacity / best
            row = f"| {name} | {capacity:,} of {n:,} | {told} | {first:.0f} | {shares} |"
            found.append(f"{row} {fewest:,} | {100 * last:.1f} |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    each = [f"day {d + 1}" for d in range(wanted.days)]
    head = ["values", "contacts", "who asks", "first come", *each, "fewest used", "last at"]
    table = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines(wanted.days, wanted.seed)]
    path = Path(__file__).with_name("README.md")
    text = path.read_text()
    path.write_text(text[: text.index(MARK) + len(MARK)] + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
