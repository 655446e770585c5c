"""Whether the arms' contacts were heard of alike, at the one event that no effect can move.

Purchases hang on the arm, so that their rows may not be counted against each other. Whether a
contact was delivered does not: where far fewer of one arm, or of one wave, were, outcomes may have
been lost on the way. An arm that chooses may reach other people, so it is told and blocks nothing.
docs/adr/0226.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb
import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.experiment import Experiment
from bandit.core.folding import fold
from bandit.core.types import Array
from bandit.experiments.sample_ratios import ALARM, alike
from bandit.record import attribution
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.experiment import DeliveryCheck
from bandit.workflows.experiment.enrolled import arms_of
from bandit.workflows.experiment.totals import contacts

MOST, FEW = 0.8, 50
"""A stage is one of deliveries where in some wave and arm so many of at least so many have it."""
DROP = 0.5
"""A wave that has less than this part of the channel's best one has lost some."""


class _Cell(NamedTuple):
    """Of a wave and channel, by arm int64[arms]: contacts that were made, and those delivered."""

    wave: str
    channel: str
    made: Array
    heard: Array

    @property
    def share(self) -> float:
        """Delivered of all, whatever the arm."""
        return float(self.heard.sum() / max(int(self.made.sum()), 1))


class Delivered:
    """Counts of the experiment's contacts, wave by wave; of the first stage of ``funnel``."""

    def __init__(self, campaign: Campaign, name: str, asked: Experiment) -> None:
        self._window, self._folder = campaign.window, campaign.folder
        self._stage = campaign.funnel[0] if campaign.funnel else None
        self._arms = [arm.name for arm in asked.arm]
        self._groups = {f"{name}:{arm}": number for number, arm in enumerate(self._arms)}
        self._cells: list[_Cell] = []

    def add(self, connection: duckdb.DuckDBPyConnection, wave: Wave) -> None:
        """Count a wave's; the table `events` is there."""
        if self._stage is None:
            return
        decisions = Decisions(self._folder, wave)
        later = record.after(record.waves(self._folder), wave, self._window)
        kinds = [fold(self._stage)]
        found = attribution.reached(connection, decisions, later, self._window, kinds)
        names = list(dict.fromkeys(channel for _, channel in wave.actions.pairs))
        of = np.array([-1, *(names.index(channel) for _, channel in wave.actions.pairs)])
        counts = np.zeros((2, len(names), len(self._arms)), np.int64)
        for rows in decisions.rows("group", "action", "decision_id", "placement"):
            arm = arms_of(rows, self._groups)
            mine = np.flatnonzero((arm >= 0) & contacts(rows))
            heard = np.isin(mine + rows.place.start, found.place)
            for stage, some in enumerate((mine, mine[heard])):
                np.add.at(counts[stage], (of[rows.action[some]], arm[some]), 1)
        self._cells += [
            _Cell(wave.name, channel, made, heard)
            for channel, made, heard in zip(names, *counts, strict=True)
            if made.sum()
        ]

    def checks(self) -> list[DeliveryCheck]:
        """A check a wave and channel of which deliveries are heard at all, p-values raised."""
        known = [cell for cell in self._cells if self._best(cell.channel) >= MOST]
        return [
            DeliveryCheck(
                stage=self._stage or "",
                wave=cell.wave,
                channel=cell.channel,
                contacts=dict(zip(self._arms, cell.made.tolist(), strict=True)),
                delivered=dict(zip(self._arms, cell.heard.tolist(), strict=True)),
                p_value=(p := min(1.0, alike(cell.heard, cell.made) * len(known))),
                alarm=p < ALARM,
                dropped=int(cell.made.sum()) >= FEW
                and cell.share < DROP * self._best(cell.channel),
            )
            for cell in known
        ]

    def _best(self, channel: str) -> float:
        """The largest share of a wave and arm that was delivered."""
        shares = [
            heard / made
            for cell in self._cells
            if cell.channel == channel
            for made, heard in zip(cell.made.tolist(), cell.heard.tolist(), strict=True)
            if made >= FEW
        ]
        return max(shares, default=0.0)


def told(checks: Sequence[DeliveryCheck]) -> Iterator[str]:
    """Sentences on deliveries that are not as they should be."""
    for one in checks:
        if one.dropped:
            heard, made = sum(one.delivered.values()), sum(one.contacts.values())
            yield (
                f"wave {one.wave}: of {made:,} contacts by {one.channel} {heard:,} have an event"
                f" {one.stage!r}, far fewer than in other waves or arms: was a file of outcomes"
                " lost? What came of them counts as nothing until it is delivered"
            )
        elif one.alarm:
            shares = ", ".join(
                f"{arm} {one.delivered[arm] / made:.1%}"
                for arm, made in one.contacts.items()
                if made
            )
            yield (
                f"wave {one.wave}: contacts by {one.channel} with an event {one.stage!r} differ by"
                f" arm ({shares}; p = {one.p_value:.2g}): outcomes of an arm were lost, or it"
                " chooses people who are reached more easily; find which before believing an effect"
            )
