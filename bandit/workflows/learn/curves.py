"""`[model] link = "logit"`: the rows of all waves are read again until the modes are found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.models.kinds import stacked
from bandit.models.odds import Found, Seen
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior
from bandit.record.decisions import Decisions
from bandit.workflows.learn.statistics import Statistics, teaching
from bandit.workflows.serve.curves import Counted, fitted, record_of
from bandit.workflows.serve.moments import Known, Pooled, rises
from bandit.workflows.serve.serving_model import LOGIT

MOST = 4_000_000
"""Decisions of the newest waves that are read again; older ones teach the linear model alone."""


class Model(NamedTuple):
    """What a manifest says of the model, None where each pair learns alone; and its expansions.

    ``notes`` are sentences on what does not go through the link.
    """

    record: dict[str, Any] | None
    odds: Posterior | None
    notes: tuple[str, ...] = ()


class Again:
    """Rows that are wanted several times: from memory where they fit, else read again."""

    def __init__(self, read: Callable[[], Iterator[Seen]], memory_mb: int) -> None:
        self._read = read
        self._room = memory_mb << 20
        self._kept: list[Seen] = []
        self._whole = False

    def read(self) -> Iterator[Seen]:
        """All rows, each time in the same batches."""
        if self._whole:
            yield from self._kept
            return
        self._kept, left = [], self._room
        for seen in self._read():
            left -= sum(part.nbytes for part in seen)
            if left >= 0:
                self._kept.append(seen)
            yield seen
        self._whole = left >= 0


def through(
    campaign: Campaign,
    learned: Sequence[Statistics],
    models: Mapping[str, Pooled | None],
    known: Known,
    record: dict[str, Any],
) -> Model:
    """The linear model's ``record`` with the kinds whose counts go through the link.

    ``models`` are the linear ones of each kind over all waves, each of which is ``learned``.
    """
    worths = campaign.reward.kinds
    counted = [
        Counted(kind, place, line, rises(worths.get(kind, 1.0)))
        for place, (kind, line) in enumerate(models.items())
        if isinstance(line, RelativePosterior)
    ]
    newest = list(_newest(learned))
    rows = Again(lambda: _rows(campaign, newest, known), campaign.limits.memory_mb)
    found = fitted(counted, known, rows.read)
    notes = _notes(campaign, models, found, learned[: len(learned) - len(newest)])
    if not found:
        return Model(record, None, notes)
    names = sorted(found)
    odds = stacked([found[name].sums for name in names])
    return Model({**record, LOGIT: {n: record_of(found[n], known) for n in names}}, odds, notes)


def _notes(
    campaign: Campaign,
    models: Mapping[str, Pooled | None],
    found: Mapping[str, Found],
    older: Sequence[Statistics],
) -> tuple[str, ...]:
    amounts = dict(zip(campaign.reward.kinds, campaign.reward.amounts, strict=True))
    lines = [k for k, one in models.items() if one and k not in found and not amounts.get(k)]
    notes = []
    if lines:
        notes.append(
            f"[model] link: {', '.join(lines)} stays a straight line: it is no count of at most one"
            " a decision, or too little is known of it"
        )
    if older:
        names = ", ".join(part.wave.name for part in older)
        notes.append(
            f"[model] link: the curve is of the newest {MOST:,} decisions; older waves teach the"
            f" straight line alone: {names}"
        )
    return tuple(notes)


def _newest(learned: Sequence[Statistics]) -> Iterator[Statistics]:
    """The newest waves of at most `MOST` decisions, one at least, the oldest first."""
    last, decisions = len(learned), 0
    while last > 0 and (last == len(learned) or decisions + learned[last - 1].decisions <= MOST):
        last -= 1
        decisions += learned[last].decisions
    yield from learned[last:]


def _rows(campaign: Campaign, waves: Sequence[Statistics], known: Known) -> Iterator[Seen]:
    """All rows that teach; each weighs as much as its wave does in the sums.

    A batch's rows lie action by action, each in stored order: sums are the same and read memory as
    it comes.
    """
    half_life = campaign.reward.half_life_days
    for part in waves:
        age = (waves[-1].wave.at - part.wave.at) / dt.timedelta(days=1)
        weight = 1.0 if half_life is None else 0.5 ** (age / half_life)
        places = part.actions.positions_in(known.space)
        for rows in Decisions(campaign.folder, part.wave).rows("action", "features"):
            use = np.flatnonzero(teaching(rows))
            use = use[np.argsort(rows.action[use], kind="stable")]
            counts = np.stack([kind.within(rows.place)[use] for kind in part.happened])
            weights = np.full(len(use), weight)
            yield Seen(rows.contexts[use], places[rows.action[use]], counts, weights)
