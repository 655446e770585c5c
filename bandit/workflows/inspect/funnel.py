"""From a contact to a purchase: how many contacts of a wave had which kind of event, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from duckdb import DuckDBPyConnection

from bandit.config.campaign import Campaign
from bandit.core.folding import fold
from bandit.core.types import Array
from bandit.record import attribution
from bandit.record.attribution import Reached
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.inspect import Stage

MOST_KINDS = 8
"""Kinds that are shown where campaign.toml orders none."""
_NOBODY = np.zeros(0, np.int64)


class Funnel:
    """The stages of one wave: those that campaign.toml orders, else the kinds that were heard."""

    def __init__(self, campaign: Campaign) -> None:
        self._window = campaign.window
        self._ordered = {fold(stage): stage for stage in campaign.funnel}
        self.stages: list[Stage] = []
        self.notes: list[str] = []

    def of(
        self, connection: DuckDBPyConnection, decisions: Decisions, later: Sequence[Wave]
    ) -> None:
        """Count a wave's contacts by channel and stage; the table `events` is there."""
        heard = attribution.kinds_heard(connection, decisions.wave, self._window)
        kinds = list(self._ordered) or heard
        if not kinds:
            return
        channel, names = _channels(decisions)
        found = attribution.reached(connection, decisions, later, self._window, kinds)
        on = channel[found.place] >= 0
        found = Reached(found.place[on], found.kind[on], np.maximum(found.days[on], 0.0))
        order = list(range(len(kinds))) if self._ordered else _by_time(found)
        self.notes += self._left_out(kinds, heard, found, len(order))
        contacts = np.bincount(channel[channel >= 0], minlength=len(names))
        for number in np.flatnonzero(contacts).tolist():
            mine = channel[found.place] == number
            some = Reached(found.place[mine], found.kind[mine], found.days[mine])
            self.stages += self._stages(names[number], int(contacts[number]), kinds, some, order)

    def _stages(
        self, channel: str, contacts: int, kinds: Sequence[str], found: Reached, order: list[int]
    ) -> Iterator[Stage]:
        before = _NOBODY
        for k in order:
            mine = found.kind == k
            places, took = found.place[mine], found.days[mine]
            both = len(np.intersect1d(before, places, assume_unique=True))
            yield Stage(
                channel,
                self._ordered.get(kinds[k], kinds[k]),
                contacts,
                len(places),
                both / len(before) if len(before) else None,
                float(np.median(took)) if len(took) else None,
                np.bincount(took.astype(np.int64)).tolist(),
            )
            before = places if self._ordered else _NOBODY

    def _left_out(
        self, kinds: Sequence[str], heard: Sequence[str], found: Reached, shown: int
    ) -> Iterator[str]:
        if not self._ordered:
            more = len(np.unique(found.kind)) - shown
            if more > 0:
                yield f"{more} rarer kinds of events are left out; name those of interest in funnel"
            return
        others = [kind for kind in heard if kind not in kinds]
        if others:
            yield f"funnel leaves out other kinds of events: {', '.join(others[:MOST_KINDS])}"
        silent = [self._ordered[kind] for kind in kinds if kind not in heard]
        if silent:
            yield f"no event of this wave is of the kinds {', '.join(silent)} that funnel names"


def _by_time(found: Reached) -> list[int]:
    """The most frequent kinds, the one that comes sooner before others."""
    kinds, counts = np.unique(found.kind, return_counts=True)
    frequent = kinds[np.argsort(-counts, kind="stable")[:MOST_KINDS]].tolist()
    return sorted(frequent, key=lambda k: (float(np.median(found.days[found.kind == k])), k))


def _channels(decisions: Decisions) -> tuple[Array, list[str]]:
    """Of each decision the channel of the contact that was made, int16[n], -1 for none; the names.

    Shown offers are contacts of their inbound channel here.
    """
    pairs = decisions.wave.actions.pairs
    names = list(dict.fromkeys(channel for _, channel in pairs))
    of = np.array([-1, *(names.index(channel) for _, channel in pairs)], np.int16)
    parts = [np.where(rows.withheld, -1, of[rows.action]) for rows in decisions.rows("action")]
    return np.concatenate([np.zeros(0, np.int16), *parts]), names
