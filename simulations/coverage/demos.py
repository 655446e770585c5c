"""Demos served, learned from and judged through the workflows: is the default verdict right?

`python -m simulations.coverage demos` writes the table into the README. Each demo is a generated
operator of 5,000 customers and four waves. The gate is asked about the campaign's own learning
share, as `simulate` asks by default: its verdict is that of the share's group at the fourth look.
The candidates that never ran cost most of the time and change nothing in it; they are left out here.
The world knows what every decision is worth: the truth is what the share's decisions are worth over
those of the rules for the same customers, and over no contact. The newest wave's printed expected
value is the sum of many largest means; it is held against what its contacts are truly worth.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.core.types import SILENT
from bandit.record import waves as record
from bandit.results.figures import Interval
from bandit.results.judge import Judged
from bandit.results.start import LEARNED, RULES
from bandit.workflows.judge import job as job_of
from bandit.workflows.judge import simulate
from bandit.workflows.judge.group_lifts import by_groups
from bandit.workflows.judge.looks import at_this_look
from bandit.workflows.start import demo, demo_score
from bandit.worlds.operator import World

CUSTOMERS, WAVES, DEMOS = 5_000, 4, 50
LATER = dt.datetime(2035, 1, 1, tzinfo=dt.UTC)


class Told(NamedTuple):
    """``decision`` of the gate, and the true gain a decision over rules and over no contact.

    ``printed`` is the newest wave's expected value over what its contacts are worth.
    """

    decision: str
    over_rules: float
    over_nothing: float
    printed: float

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
            yield Told(verdict(folder), *_truth(world, folder))


def verdict(folder: Path) -> str:
    """What `simulate` says of the learned share, without the candidates beside it."""
    job = job_of.load(folder)
    logged = simulate.read(job, log=False, at=LATER, progress=SILENT)
    confidence, _ = at_this_look(logged, job.settings)
    settings = job.settings.model_copy(update={"confidence": confidence})
    candidates = {c.label: c for c in simulate.own_shares(job)}
    unknown = Interval(np.nan, np.nan, np.nan)
    nothing = dict.fromkeys(
        ("effective_sample_size", "mean_weight", "mean_weight_error", "max_weight"), np.nan
    )
    row = Judged(
        name=LEARNED, policy=LEARNED, rows=logged.n, value=unknown, lift=None, over_logged=None,
        max_weight_share=np.nan, unsupported_share=0.0, decision="not enough data", reason="",
        needed_n=None, estimates={}, shares={}, **nothing,
    )  # fmt: skip
    rows, _ = by_groups(logged, [row], candidates, RULES, settings, job.campaign.seed)
    return rows[0].decision


def _truth(world: World, folder: Path) -> tuple[float, float, float]:
    """Mean true gains of the learned group's decisions, over all waves; what was printed of them.

    The last is of the newest wave and all of its contacts.
    """
    contacted = np.zeros((demo.RECENT_WAVES, world.customers), dtype=np.int64)
    gains, printed = [], np.nan
    for number, wave in enumerate(record.waves(folder), start=1):
        decided = demo_score.read(world, folder, wave)
        recent = contacted.sum(axis=0)[decided.ids - 1]
        net = world.net_values(decided.ids, wave.at, recent=recent)
        row, usual = np.arange(len(net)), world.rules_choice(decided.eligible)
        earned = net[row, decided.action]
        both = np.stack([earned - net[row, usual], earned - net[:, 0]], axis=1)
        gains.append(both[decided.group == LEARNED])
        printed = float(wave.manifest.summary["expected_value"]) / float(both[:, 1].sum())
        contacted[number % demo.RECENT_WAVES] = 0
        contacted[number % demo.RECENT_WAVES, decided.ids[decided.action > 0] - 1] = 1
    over_rules, over_nothing = np.concatenate(gains).mean(axis=0)
    return float(over_rules), float(over_nothing), printed


def report(demos: int = DEMOS) -> str:
    found = list(told(demos))
    said = Counter(one.decision for one in found)
    right = sum(one.right is True for one in found) / demos
    wrong = sum(one.right is False for one in found) / demos
    gains = np.array([one.over_rules for one in found])
    low, middle, high = np.quantile([one.printed for one in found], (0.05, 0.5, 0.95))
    return (
        f"{demos} demos of {CUSTOMERS:,} customers and {WAVES} waves, judged as they come; decisive"
        " and right in at least 80 %, wrong in at most 2.5 %:\n\n"
        "| decisive and right | wrong | said | true gain over rules, a decision |"
        " expected value printed in the last wave, of the true one (5, 50, 95 %) |\n"
        "|---|---|---|---|---|\n"
        f"| {right:.0%} | {wrong:.1%} | {', '.join(f'{n} {what}' for what, n in said.items())} |"
        f" {gains.min():.2f} to {gains.max():.2f} EUR |"
        f" {low:.2f}, {middle:.2f}, {high:.2f} |\n"
    )
