"""Demos served, learned from and judged through the workflows: is the default verdict right?

`python -m simulations.coverage demos` writes the table into the README. Each demo is a generated
operator of 5,000 customers and four waves; `simulate` is asked as it comes, about the campaign's
own learning share. The world knows what every decision is worth: the truth is what the share's
decisions are worth over those of the rules for the same customers, and over no contact.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.record import waves as record
from bandit.results.start import LEARNED
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.start import demo, demo_score
from bandit.worlds.operator import World

CUSTOMERS, WAVES, DEMOS = 5_000, 4, 50


class Told(NamedTuple):
    """``decision`` of the gate, and the true gain a decision over rules and over no contact."""

    decision: str
    over_rules: float
    over_nothing: float

    @property
    def right(self) -> bool | None:
        """None where nothing was decided."""
        gains = min(self.over_rules, self.over_nothing) > 0.0
        return {"ship": gains, "hold": not gains}.get(self.decision)


def told(demos: int) -> Iterator[Told]:
    for seed in range(1, demos + 1):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "operator"
            demo.demo(folder=folder, customers=CUSTOMERS, waves=WAVES, seed=seed)
            world = World(CUSTOMERS, offers=20, channels=5, seed=seed)
            found = simulate(folder, at=dt.datetime(2035, 1, 1, tzinfo=dt.UTC))
            yield Told(found.gate.decision, *_truth(world, folder))


def _truth(world: World, folder: Path) -> tuple[float, float]:
    """Mean true gains of the learned group's decisions, over all waves."""
    contacted = np.zeros((demo.RECENT_WAVES, world.customers), dtype=np.int64)
    gains = []
    for number, wave in enumerate(record.waves(folder), start=1):
        decided = demo_score.read(world, folder, wave)
        mine = decided.group == LEARNED
        recent = contacted.sum(axis=0)[decided.ids - 1][mine]
        net = world.net_values(decided.ids[mine], wave.at, recent=recent)
        row, usual = np.arange(len(net)), world.rules_choice(decided.eligible[mine])
        earned = net[row, decided.action[mine]]
        gains.append(np.stack([earned - net[row, usual], earned - net[:, 0]], axis=1))
        contacted[number % demo.RECENT_WAVES] = 0
        contacted[number % demo.RECENT_WAVES, decided.ids[decided.action > 0] - 1] = 1
    over_rules, over_nothing = np.concatenate(gains).mean(axis=0)
    return float(over_rules), float(over_nothing)


def report(demos: int = DEMOS) -> str:
    found = list(told(demos))
    said = Counter(one.decision for one in found)
    right = sum(one.right is True for one in found) / demos
    wrong = sum(one.right is False for one in found) / demos
    gains = np.array([one.over_rules for one in found])
    return (
        f"{demos} demos of {CUSTOMERS:,} customers and {WAVES} waves, judged as they come; decisive"
        " and right in at least 80 %, wrong in at most 2.5 %:\n\n"
        "| decisive and right | wrong | said | true gain over rules, a decision |\n|---|---|---|---|\n"
        f"| {right:.0%} | {wrong:.1%} | {', '.join(f'{n} {what}' for what, n in said.items())} |"
        f" {gains.min():.2f} to {gains.max():.2f} EUR |\n"
    )
