"""Kinds of events: which of them have a worth, and which waves can tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from bandit.config.campaign import Campaign
from bandit.core.errors import ConfigError, DataError
from bandit.core.folding import folded
from bandit.core.problems import shown
from bandit.core.wording import counted
from bandit.record.decision_ids import wave_of
from bandit.record.waves import LOGGED, Wave
from bandit.workflows.learn.statistics import Statistics

_SHOWN = 5
"""Kinds without a worth that are named; of the others only how many."""


def hold_no_log(campaign: Campaign) -> None:
    """ConfigError for a log that would be taken in with [reward.events]."""
    if campaign.reward.events:
        raise _no_log()


def _no_log() -> ConfigError:
    return ConfigError(
        "[log] says rewards and not what happened, and [reward.events] gives each kind of event a"
        " worth: leave [reward.events] out to learn from the log, or leave the log out"
    )


def unnamed(
    campaign: Campaign, connection: duckdb.DuckDBPyConnection, waves: Sequence[Wave]
) -> list[str]:
    """A sentence on the kinds in the table `events` that [reward.events] gives no worth."""
    if not campaign.reward.events:
        return []
    found = connection.execute(
        "SELECT min(event), count(*) FROM events"
        f" WHERE NOT coalesce(list_contains($logged::VARCHAR[], {wave_of('decision_id')}), false)"
        f" AND NOT list_contains($kinds::VARCHAR[], {folded('event')})"
        f" GROUP BY {folded('event')} ORDER BY count(*) DESC, min(event)",
        {
            "kinds": [*campaign.reward.kinds],
            "logged": [w.name for w in waves if w.manifest.kind == LOGGED],
        },
    ).fetchall()
    if not found:
        return []
    there = ", ".join(f"{shown(kind)} ({count:,})" for kind, count in found[:_SHOWN])
    more = f" and {counted(len(found) - _SHOWN, 'kind')} more" if len(found) > _SHOWN else ""
    return [
        f"events of a kind without a worth in [reward.events] count for nothing: {there}{more};"
        " name them there, with 0 where that is meant"
    ]


def told_apart(
    campaign: Campaign, learned: Sequence[Statistics]
) -> tuple[list[Statistics], list[str]]:
    """The waves that can teach kinds, and a sentence on the others.

    A log says rewards and not what happened. A wave whose events are all of other kinds would teach
    that none of ours ever happens; one without any event is silent, which is another matter.
    DataError if no wave is left.
    """
    if not campaign.reward.events:
        return list(learned), []
    dumb = [s for s in learned if s.wave.manifest.kind == LOGGED or (s.events and not s.known)]
    if not dumb:
        return list(learned), []
    names = ", ".join(s.wave.name for s in dumb)
    if all(s.wave.manifest.kind == LOGGED for s in learned):
        raise _no_log()
    if len(dumb) == len(learned):
        raise DataError(
            f"no event in the window of any closed wave ({names}) is of a kind that [reward.events]"
            f" names ({', '.join(map(repr, campaign.reward.events))}): name the kinds as they are"
            " delivered, 'outcome' for events without one; nothing was learned"
        )
    told = f"waves none of whose events has a worth in [reward.events] are left out: {names}"
    left = {s.wave.name for s in dumb}
    return [s for s in learned if s.wave.name not in left], [told]
